//! The desired state, whole, validated and immutable: the only thing the compiler accepts.
//!
//! May import: std, ipnet, thiserror. Never: serde formats, tokio, aya, any sibling module.
//! Field names follow the API (`VpcId`, `CidrBlock`, ...) in snake case.

mod about;
mod connection;
mod endpoint;
mod endpoint_policy;
mod flow_log;
mod health_check;
mod hook;
mod id;
mod ipam;
mod kind;
mod limits;
mod network;
mod network_acl;
mod node;
mod notice;
mod prefix_list;
mod provider;
mod resources;
mod rule;
mod security_group;
mod server_group;

use std::collections::BTreeMap;

use ipnet::IpNet;

pub use about::{About, PartAbout, ResourceId};
pub use connection::{Connection, Payer, ServiceDomain, ServiceResource, TrafficControlMode};
pub use endpoint::{AddressIpVersion, Endpoint, EndpointType, EndpointZone, ReverseResource};
pub use endpoint_policy::{
    EndpointPolicy, PolicyCondition, PolicyStatement, default_statement_name, statement_name,
};
pub use flow_log::{FlowLog, FlowLogIpVersion, FlowLogResource, TrafficType};
pub use health_check::{HealthCheck, HealthCheckKind, HttpCheck, HttpMethod, TargetId};
pub use hook::Hook;
pub use id::{
    AccountId, EndpointId, EniId, FlowLogId, LoadBalancerId, NetworkAclId, NodeId, PrefixListId,
    ProviderNetworkId, SecurityGroupId, ServerGroupId, ServiceId, VSwitchId, VpcId, ZoneId,
};
pub use ipam::{Ipam, IpamError};
pub use kind::Kind;
pub use limits::{EndpointLimits, IdleTimeouts};
pub use network::{VSwitch, Vpc};
pub use network_acl::{NetworkAcl, NetworkAclEntry};
pub use prefix_list::{AddressFamily, PrefixList};
use provider::DEFAULT_BANDWIDTH;
pub use provider::{
    EndpointService, Listener, LoadBalancer, OnNoBackend, ProviderNetwork, Server, Uplink,
    ZoneMapping,
};
pub use resources::{Difference, Resources};
pub use rule::{Policy, PortRange, ProtocolMatch, Transport};
pub use security_group::{
    Direction, Peer, SecurityGroup, SecurityGroupRule, SecurityGroupType, managed_group,
};
pub use server_group::ServerGroup;

/// One complete, consistent desired state. Every reference in it resolves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Model {
    /// VPCs.
    pub vpcs: Resources<VpcId, Vpc>,
    /// vSwitches, each bound to one interface.
    pub vswitches: Resources<VSwitchId, VSwitch>,
    /// Prefix lists.
    pub prefix_lists: Resources<PrefixListId, PrefixList>,
    /// Security groups, the managed ones (one per endpoint) included.
    pub security_groups: Resources<SecurityGroupId, SecurityGroup>,
    /// Network ACLs.
    pub network_acls: Resources<NetworkAclId, NetworkAcl>,
    /// Provider networks, each bound to one interface of each node that reaches it.
    pub provider_networks: Resources<ProviderNetworkId, ProviderNetwork>,
    /// Server groups.
    pub server_groups: Resources<ServerGroupId, ServerGroup>,
    /// Load balancers.
    pub load_balancers: Resources<LoadBalancerId, LoadBalancer>,
    /// Endpoint services.
    pub services: Resources<ServiceId, EndpointService>,
    /// Endpoints.
    pub endpoints: Resources<EndpointId, Endpoint>,
    /// Flow logs.
    pub flow_logs: Resources<FlowLogId, FlowLog>,
    /// What people say of resources, of those of which they say anything.
    pub abouts: Resources<ResourceId, About>,
    /// Of a [node's part](Self::at): members of security groups that are not in it, beside those that
    /// are. Empty in what is declared.
    pub members_elsewhere: BTreeMap<SecurityGroupId, Vec<IpNet>>,
}

impl Model {
    /// What people say of a resource.
    pub fn about(&self, kind: Kind, id: &str) -> Option<&About> {
        self.abouts.get(&ResourceId::new(kind, id))
    }

    /// The load balancer that what arrives in an endpoint's zone goes to.
    pub fn load_balancer(&self, endpoint: &Endpoint, zone: &EndpointZone) -> Option<&LoadBalancer> {
        let service = self.services.get(&endpoint.service)?;
        let resource = service.resource(zone)?;
        self.load_balancers.get(&resource.load_balancer)
    }

    /// The load balancer whose flows may go on at an endpoint's zone though it was replaced there: it is
    /// in the same network as the one that took its place.
    pub fn replaced(&self, endpoint: &Endpoint, zone: &EndpointZone) -> Option<&LoadBalancer> {
        let replaced = self.load_balancers.get(zone.replaced.as_ref()?)?;
        let now = self.load_balancer(endpoint, zone)?;
        Some(replaced).filter(|one| one.provider_network == now.provider_network)
    }

    /// `Bandwidth` of an endpoint's connection in Mbit/s, be it a limit or not.
    pub fn bandwidth(&self, endpoint: &Endpoint) -> u32 {
        let service = self.services.get(&endpoint.service);
        let of_service = || service.map_or(DEFAULT_BANDWIDTH, EndpointService::bandwidth);
        endpoint.limits.bandwidth.unwrap_or_else(of_service)
    }

    /// The same if it is a limit.
    pub fn bandwidth_limit(&self, endpoint: &Endpoint) -> Option<u32> {
        match endpoint.connection.traffic_control {
            TrafficControlMode::Scalability => None,
            TrafficControlMode::BandwidthLimit => Some(self.bandwidth(endpoint)),
        }
    }

    /// The provider network that an endpoint's service is in, if it has resources: all of them are in one.
    pub fn provider_network(&self, endpoint: &Endpoint) -> Option<&ProviderNetworkId> {
        let service = self.services.get(&endpoint.service)?;
        let resource = service.resources.first()?;
        let balancer = self.load_balancers.get(&resource.load_balancer)?;
        Some(&balancer.provider_network)
    }

    /// Every server behind every listener, by name.
    pub fn targets(&self) -> impl Iterator<Item = (TargetId, &Listener, &Server)> {
        let balancers = self.load_balancers.values();
        let listeners = balancers
            .flat_map(|balancer| balancer.listeners.iter().map(move |one| (balancer, one)));
        listeners.flat_map(|(balancer, listener)| {
            let servers = listener.servers.iter();
            servers.map(move |server| {
                let target = TargetId::new(&balancer.id, listener, server);
                (target, listener, server)
            })
        })
    }
}
