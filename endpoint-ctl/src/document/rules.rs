//! Security groups, network ACLs, prefix lists.
//!
//! May import: model, ipnet, the module's own.

use ipnet::IpNet;
use serde_json::{Value, json};

use super::{Document, object, text};
use crate::model::{
    About, AddressFamily, Direction, Kind, Model, NetworkAcl, NetworkAclEntry, Peer, Policy,
    PortRange, PrefixList, ProtocolMatch, SecurityGroup, SecurityGroupRule, SecurityGroupType,
};

pub(super) fn prefix_list(list: &PrefixList, about: Option<&About>, document: &mut Document) {
    let family = match list.family {
        AddressFamily::Ipv4 => "IPv4",
        AddressFamily::Ipv6 => "IPv6",
    };
    document.set("AddressFamily", family);
    document.set("MaxEntries", list.max_entries);
    let entries = list.entries.iter();
    let entries = entries.map(|net| {
        let mut fields = json!({ "Cidr": net.to_string() });
        describe(&mut fields, about, &net.to_string());
        fields
    });
    document.set("Entries", entries.collect::<Vec<_>>());
}

pub(super) fn security_group(
    group: &SecurityGroup,
    about: Option<&About>,
    document: &mut Document,
) {
    document.set("VpcId", group.vpc.as_str());
    let (group_type, open) = match group.group_type {
        SecurityGroupType::Normal => ("normal", Policy::Accept),
        SecurityGroupType::Enterprise => ("enterprise", Policy::Drop),
    };
    document.set("SecurityGroupType", group_type);
    if group.inner_access != open {
        let access = match group.inner_access {
            Policy::Accept => "Accept",
            Policy::Drop => "Drop",
        };
        document.set("InnerAccessPolicy", access);
    }
    if !group.members.is_empty() {
        let members = group.members.iter().map(|net| member(*net));
        document.set("Members", members.collect::<Vec<_>>());
    }
    let rules = group.rules.iter().map(|rule| {
        let mut fields = permission(rule);
        describe(&mut fields, about, &rule.id);
        fields
    });
    document.set("Permissions", rules.collect::<Vec<_>>());
}

/// Adds what is said of a rule, or of an entry: that of a prefix list is known by its network.
fn describe(fields: &mut Value, about: Option<&About>, id: &str) {
    let Some(part) = about.and_then(|about| about.parts.get(id)) else {
        return;
    };
    if let Value::Object(fields) = fields {
        let said = [
            ("NetworkAclEntryName", &part.name),
            ("Description", &part.description),
            ("CreateTime", &part.created),
        ];
        for (name, value) in said {
            if let Some(value) = value {
                fields.insert(name.to_owned(), value.as_str().into());
            }
        }
    }
}

/// A host by its address, a network with its length.
fn member(net: IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() {
        net.addr().to_string()
    } else {
        net.to_string()
    }
}

fn permission(rule: &SecurityGroupRule) -> Value {
    let (direction, peer_side, own_side) = match rule.direction {
        Direction::Ingress => ("ingress", "Source", "Dest"),
        Direction::Egress => ("egress", "Dest", "Source"),
    };
    let (peer, is_of) = match &rule.peer {
        Peer::Cidr(net) => (cidr(peer_side, *net), net.to_string()),
        Peer::PrefixList(id) => (format!("{peer_side}PrefixListId"), id.to_string()),
        Peer::Group(id) => (format!("{peer_side}GroupId"), id.to_string()),
    };
    let own = rule.local.map(|net| (cidr(own_side, net), net.to_string()));
    let source_ports = (rule.source_ports != PortRange::ANY).then_some(rule.source_ports);
    let mut fields = object([
        ("SecurityGroupRuleId", Some(text(&rule.id))),
        ("Direction", Some(direction.into())),
        ("Policy", Some(policy(rule.policy).into())),
        ("Priority", Some(rule.priority.into())),
        ("IpProtocol", Some(text(&protocol(rule.protocol)))),
        ("PortRange", Some(text(&rule.ports))),
        ("SourcePortRange", source_ports.map(|one| text(&one))),
    ]);
    if let Value::Object(fields) = &mut fields {
        let sides = [(peer, is_of)].into_iter().chain(own);
        fields.extend(sides.map(|(name, value)| (name, Value::from(value))));
    }
    fields
}

fn cidr(side: &str, net: IpNet) -> String {
    match net {
        IpNet::V4(_) => format!("{side}CidrIp"),
        IpNet::V6(_) => format!("Ipv6{side}CidrIp"),
    }
}

pub(super) fn network_acl(acl: &NetworkAcl, model: &Model, document: &mut Document) {
    document.set("VpcId", acl.vpc.as_str());
    let bound = model.vswitches.values();
    let bound = bound.filter(|vswitch| vswitch.network_acl.as_ref() == Some(&acl.id));
    let bound: Vec<_> = bound
        .map(|vswitch| json!({ "ResourceId": vswitch.id.as_str(), "ResourceType": "VSwitch" }))
        .collect();
    document.set("Resources", bound);
    let about = model.about(Kind::NetworkAcl, acl.id.as_str());
    let entries = |entries: &[NetworkAclEntry], peer| -> Vec<_> {
        let entries = entries.iter().map(|one| {
            let mut fields = entry(one, peer);
            describe(&mut fields, about, &one.id);
            fields
        });
        entries.collect()
    };
    document.set("IngressAclEntries", entries(&acl.ingress, "SourceCidrIp"));
    document.set(
        "EgressAclEntries",
        entries(&acl.egress, "DestinationCidrIp"),
    );
}

fn entry(entry: &NetworkAclEntry, peer: &'static str) -> Value {
    let is_ipv6 = matches!(entry.peer, IpNet::V6(_));
    object([
        ("NetworkAclEntryId", Some(text(&entry.id))),
        ("Policy", Some(policy(entry.policy).into())),
        ("Protocol", Some(text(&protocol(entry.protocol)))),
        ("Port", Some(text(&entry.ports))),
        ("IpVersion", is_ipv6.then(|| "IPv6".into())),
        (peer, Some(text(&entry.peer))),
    ])
}

fn policy(policy: Policy) -> &'static str {
    match policy {
        Policy::Accept => "accept",
        Policy::Drop => "drop",
    }
}

/// `IpProtocol`: a protocol's name, or its number if it has none here.
pub fn protocol(protocol: ProtocolMatch) -> String {
    match protocol {
        ProtocolMatch::All => "ALL".to_owned(),
        ProtocolMatch::Number(1) => "ICMP".to_owned(),
        ProtocolMatch::Number(6) => "TCP".to_owned(),
        ProtocolMatch::Number(17) => "UDP".to_owned(),
        ProtocolMatch::Number(47) => "GRE".to_owned(),
        ProtocolMatch::Number(58) => "ICMPv6".to_owned(),
        ProtocolMatch::Number(number) => number.to_string(),
    }
}
