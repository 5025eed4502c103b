//! The fields of resources, by their names in the manifest.
//!
//! May import: model, std.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    Endpoint, EndpointService, FlowLog, Listener, LoadBalancer, NetworkAcl, NetworkAclEntry,
    PrefixList, ProviderNetwork, SecurityGroup, SecurityGroupRule, Server, ServerGroup, Uplink,
    VSwitch, Vpc,
};

/// A resource whose fields can be compared.
pub(super) trait Fields {
    /// The fields that differ.
    fn differ(&self, other: &Self) -> Vec<String>;

    /// Whether it comes and goes with another resource.
    fn is_implied(&self) -> bool {
        false
    }
}

/// Compares field by field. A field that is not named here is a compile error.
macro_rules! fields {
    ($($resource:ident [$($ignored:ident)*]: $($field:ident $name:literal)+;)+) => {
        $(
            impl Fields for $resource {
                fn differ(&self, other: &Self) -> Vec<String> {
                    let Self { $($field,)+ $($ignored: _,)* } = self;
                    let mut found = Vec::new();
                    $(found.extend($field.differs($name, &other.$field));)+
                    found
                }
            }
        )+
    };
}

fields! {
    Vpc [id]: cidr_block "CidrBlock" ipv6_cidr_block "Ipv6CidrBlock";
    VSwitch [id]:
        vpc "VpcId" zone "ZoneId" cidr_block "CidrBlock" ipv6_cidr_block "Ipv6CidrBlock"
        node "NodeId" interface "Interface" hook "Hook" network_acl "NetworkAclId";
    NetworkAcl [id]: vpc "VpcId" ingress "IngressAclEntries" egress "EgressAclEntries";
    Uplink [node]: interface "Interface" hook "Hook" nat_addresses "NatAddresses";
    PrefixList [id]: family "AddressFamily" max_entries "MaxEntries" entries "Entries";
    ServerGroup [id]:
        provider_network "ProviderNetworkId" transport "Protocol" health_check "HealthCheckConfig"
        connection_drain_timeout "ConnectionDrainTimeout" servers "Servers";
    LoadBalancer [id]:
        provider_network "ProviderNetworkId" listeners "Listeners" zone_mappings "ZoneMappings";
    FlowLog [id]:
        resource_type "ResourceType" resource "ResourceId" traffic "TrafficType"
        aggregation_interval "AggregationInterval" ip_version "IpVersion" log_format "LogFormat"
        project "ProjectName" log_store "LogStoreName" active "Status";
    EndpointService [id]:
        name "ServiceName" resources "Resources" address_ip_version "AddressIpVersion"
        auto_accept "AutoAcceptEnabled" payer "Payer" users "Users" zone_affinity "ZoneAffinityEnabled"
        connect_bandwidth "ConnectBandwidth" domain "PrivateServiceDomain";
    Endpoint [id managed_group]:
        vpc "VpcId" endpoint_type "EndpointType" service "ServiceId"
        address_ip_version "AddressIpVersion" security_groups "SecurityGroupIds" policy "PolicyDocument"
        audit_mode "AuditMode" limits "limits" zones "Zones" resources "Resources"
        zone_affinity "ZoneAffinityEnabled" private_dns "PrivateDnsEnabled" connection "Connected";
}

impl Fields for ProviderNetwork {
    fn differ(&self, other: &Self) -> Vec<String> {
        let Self {
            id: _,
            cidr_block,
            ipv6_cidr_block,
            uplinks,
        } = self;
        let mut found = Vec::new();
        found.extend(cidr_block.differs("CidrBlock", &other.cidr_block));
        found.extend(ipv6_cidr_block.differs("Ipv6CidrBlock", &other.ipv6_cidr_block));
        match (uplinks.as_slice(), other.uplinks.as_slice()) {
            // As they are written where there is one node.
            ([only], [now]) if only.node.is_none() && now.node.is_none() => {
                found.extend(only.differ(now));
            }
            _ => found.extend(uplinks.differs("Uplinks", &other.uplinks)),
        }
        found
    }
}

impl Fields for SecurityGroup {
    fn differ(&self, other: &Self) -> Vec<String> {
        let Self {
            id: _,
            vpc,
            group_type,
            service_managed: _,
            inner_access,
            members,
            rules,
        } = self;
        let mut found = Vec::new();
        found.extend(vpc.differs("VpcId", &other.vpc));
        found.extend(group_type.differs("SecurityGroupType", &other.group_type));
        found.extend(inner_access.differs("InnerAccessPolicy", &other.inner_access));
        found.extend(members.differs("Members", &other.members));
        found.extend(rules.differs("Permissions", &other.rules));
        found
    }

    fn is_implied(&self) -> bool {
        self.service_managed
    }
}

/// One field of a resource.
trait Field {
    /// Its name, and what of it differs, if anything.
    fn differs(&self, name: &str, other: &Self) -> Option<String>;
}

/// Fields of which no more is said than that they differ.
macro_rules! plain {
    ($($kind:ty)+) => {
        $(
            impl Field for $kind {
                fn differs(&self, name: &str, other: &Self) -> Option<String> {
                    (self != other).then(|| name.to_owned())
                }
            }
        )+
    };
}

plain! {
    String bool u8 Vec<ipnet::IpNet> crate::model::FlowLogIpVersion crate::model::FlowLogResource
    crate::model::TrafficType
    u16 crate::model::AddressFamily crate::model::EndpointPolicy crate::model::Policy
    ipnet::Ipv4Net
    Option<ipnet::Ipv6Net> Option<String> Option<crate::model::NetworkAclId>
    Option<crate::model::NodeId> Vec<std::net::IpAddr> Vec<crate::model::SecurityGroupId> Vec<crate::model::EndpointZone>
    Vec<crate::model::ReverseResource> Vec<crate::model::ServiceResource> Option<u32>
    BTreeSet<String> Option<crate::model::ServiceDomain> crate::model::Payer crate::model::Connection
    crate::model::AddressIpVersion crate::model::EndpointLimits crate::model::EndpointType
    crate::model::Hook crate::model::LoadBalancerId crate::model::ProviderNetworkId
    crate::model::SecurityGroupType crate::model::ServiceId crate::model::VpcId
    crate::model::ZoneId crate::model::Transport Option<crate::model::HealthCheck>
    Option<std::time::Duration> Vec<crate::model::ZoneMapping>
}

/// An element of a list that has a name.
trait Named {
    fn name(&self) -> String;
}

impl Named for SecurityGroupRule {
    fn name(&self) -> String {
        self.id.clone()
    }
}

impl Named for NetworkAclEntry {
    fn name(&self) -> String {
        self.id.clone()
    }
}

impl Named for Server {
    fn name(&self) -> String {
        self.name()
    }
}

impl Named for Uplink {
    fn name(&self) -> String {
        let node = self.node.as_ref();
        node.map_or_else(|| "the only node".to_owned(), ToString::to_string)
    }
}

impl Named for Listener {
    fn name(&self) -> String {
        self.name()
    }
}

/// Of a list of named elements: `Permissions: added sgr-a, removed sgr-b, changed sgr-c, order`.
impl<T: Named + PartialEq> Field for Vec<T> {
    fn differs(&self, name: &str, other: &Self) -> Option<String> {
        if self == other {
            return None;
        }
        let by_name = |list: &[T]| -> BTreeMap<String, usize> {
            let numbered = list.iter().enumerate();
            numbered.map(|(place, one)| (one.name(), place)).collect()
        };
        let (before, after) = (by_name(self), by_name(other));
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let what = |name: &&String| {
            let old = before.get(*name).and_then(|place| self.get(*place));
            let new = after.get(*name).and_then(|place| other.get(*place));
            match (old, new) {
                (None, _) => Some(format!("added {name}")),
                (_, None) => Some(format!("removed {name}")),
                (old, new) => (old != new).then(|| format!("changed {name}")),
            }
        };
        let mut parts: Vec<String> = names.iter().filter_map(what).collect();
        if parts.is_empty() {
            parts.push("another order".to_owned());
        }
        Some(format!("{name}: {}", parts.join(", ")))
    }
}
