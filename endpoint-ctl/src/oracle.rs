//! An independent judge: reads the model rule by rule, exactly as the reference reads.
//!
//! Tests hold the compiled tables against it, so it shares no code with the compiler and trades
//! all speed for being obvious. May import: std, `model`.

use std::cmp::Reverse;
use std::net::IpAddr;

use crate::model::{
    Direction, Endpoint, EndpointId, Model, NetworkAclEntry, Peer, Policy, PolicyCondition,
    PolicyStatement, PortRange, ProtocolMatch, SecurityGroup, SecurityGroupId, SecurityGroupRule,
    SecurityGroupType, VSwitchId, statement_name,
};

#[cfg(test)]
mod tests;

/// A verdict and the rule that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What happens to the packet.
    pub policy: Policy,
    /// Id of the rule that decided, or the name of the default that did.
    pub rule: String,
}

impl Verdict {
    fn new(policy: Policy, rule: &str) -> Self {
        Self {
            policy,
            rule: rule.to_owned(),
        }
    }
}

/// What is asked about. Ports are 0 where the protocol has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    /// Toward the ENI, or from it onward.
    pub direction: Direction,
    /// The ENI's own address, of the peer's family. Network ACLs do not look at it.
    pub eni: IpAddr,
    /// The other side: the source for ingress, the destination for egress.
    pub peer: IpAddr,
    /// IANA protocol number.
    pub protocol: u8,
    /// The source port; for egress the client's own, whatever NAT makes of it. Network ACLs do not
    /// look at it.
    pub source_port: u16,
    /// The destination port.
    pub port: u16,
}

/// What the security groups of an endpoint decide (sections 1.6 and 3.1 of the reference). An endpoint
/// the model does not have gets nothing through.
pub fn judge_security_groups(model: &Model, endpoint: &EndpointId, packet: &Packet) -> Verdict {
    let Some(endpoint) = model.endpoints.get(endpoint) else {
        return Verdict::new(Policy::Drop, "unknown-endpoint");
    };
    let mut rules: Vec<&SecurityGroupRule> = attached_groups(model, endpoint)
        .flat_map(|group| &group.rules)
        .filter(|rule| rule.direction == packet.direction)
        .collect();
    // Drop before accept; the sort is stable, so what is left in a tie keeps the order of groups
    // and of rules in them.
    rules.sort_by_key(|rule| (rule.priority, Reverse(rule.policy == Policy::Drop)));
    let hit = rules
        .into_iter()
        .find(|rule| rule_matches(model, rule, packet));
    if let Some(rule) = hit {
        return Verdict::new(rule.policy, &rule.id);
    }
    let inner = attached_groups(model, endpoint).find(|group| {
        packet.direction == Direction::Ingress
            && group.inner_access == Policy::Accept
            && is_member(model, &group.id, packet.peer)
    });
    match inner {
        Some(group) => Verdict::new(Policy::Accept, &format!("inner-{}", group.id)),
        None => default_of_groups(model, endpoint, packet.direction),
    }
}

fn rule_matches(model: &Model, rule: &SecurityGroupRule, packet: &Packet) -> bool {
    let peer = match &rule.peer {
        Peer::Cidr(net) => net.contains(&packet.peer),
        Peer::PrefixList(id) => model
            .prefix_lists
            .get(id)
            .is_some_and(|list| list.entries.iter().any(|net| net.contains(&packet.peer))),
        Peer::Group(id) => is_member(model, id, packet.peer),
    };
    let has_ports = packet.protocol == 6 || packet.protocol == 17;
    peer && rule.local.is_none_or(|net| net.contains(&packet.eni))
        && traffic_matches(rule.protocol, rule.ports, packet)
        && (!has_ports || rule.source_ports.covers(packet.source_port))
}

/// Whether the address is one of the group's listed hosts, or of an ENI that the group is attached to.
fn is_member(model: &Model, group: &SecurityGroupId, ip: IpAddr) -> bool {
    let listed = model
        .security_groups
        .get(group)
        .is_some_and(|group| group.members.iter().any(|net| net.contains(&ip)));
    let elsewhere = model
        .members_elsewhere
        .get(group)
        .is_some_and(|members| members.iter().any(|net| net.contains(&ip)));
    let has_group = |endpoint: &&Endpoint| {
        endpoint.managed_group == *group || endpoint.security_groups.contains(group)
    };
    let mut endpoints = model.endpoints.values().filter(has_group);
    listed
        || elsewhere
        || endpoints.any(|endpoint| {
            endpoint
                .zones
                .iter()
                .any(|zone| zone.addresses().any(|own| own == ip))
        })
}

/// Custom groups as they are attached, then the managed one.
fn attached_groups<'m>(
    model: &'m Model,
    endpoint: &'m Endpoint,
) -> impl Iterator<Item = &'m SecurityGroup> {
    endpoint
        .security_groups
        .iter()
        .chain([&endpoint.managed_group])
        .filter_map(|id| model.security_groups.get(id))
}

fn default_of_groups(model: &Model, endpoint: &Endpoint, direction: Direction) -> Verdict {
    let normal = endpoint
        .security_groups
        .iter()
        .filter_map(|id| model.security_groups.get(id))
        .any(|group| group.group_type == SecurityGroupType::Normal);
    match direction {
        Direction::Ingress => Verdict::new(Policy::Drop, "default-ingress"),
        Direction::Egress if normal => Verdict::new(Policy::Accept, "default-egress"),
        Direction::Egress => Verdict::new(Policy::Drop, "default-egress"),
    }
}

/// What the network ACL of a vSwitch decides (section 3.2 of the reference). A vSwitch or ACL the
/// model does not have gets nothing through.
pub fn judge_network_acl(model: &Model, vswitch: &VSwitchId, packet: &Packet) -> Verdict {
    let Some(vswitch) = model.vswitches.get(vswitch) else {
        return Verdict::new(Policy::Drop, "unknown-vswitch");
    };
    let Some(acl_id) = &vswitch.network_acl else {
        return Verdict::new(Policy::Accept, "no-acl");
    };
    let is_inside = match packet.peer {
        IpAddr::V4(peer) => vswitch.cidr_block.contains(&peer),
        IpAddr::V6(peer) => vswitch
            .ipv6_cidr_block
            .is_some_and(|net| net.contains(&peer)),
    };
    if is_inside {
        return Verdict::new(Policy::Accept, "same-vswitch");
    }
    let Some(acl) = model.network_acls.get(acl_id) else {
        return Verdict::new(Policy::Drop, "unknown-acl");
    };
    let (entries, default) = match packet.direction {
        Direction::Ingress => (&acl.ingress, "default-nacl-ingress"),
        Direction::Egress => (&acl.egress, "default-nacl-egress"),
    };
    let matches = |entry: &&NetworkAclEntry| {
        entry.peer.contains(&packet.peer) && traffic_matches(entry.protocol, entry.ports, packet)
    };
    match entries.iter().find(matches) {
        Some(entry) => Verdict::new(entry.policy, &entry.id),
        None => Verdict::new(Policy::Drop, default),
    }
}

/// Whether protocol and destination port match; only TCP and UDP have ports to compare.
fn traffic_matches(wanted: ProtocolMatch, ports: PortRange, packet: &Packet) -> bool {
    let has_ports = packet.protocol == 6 || packet.protocol == 17;
    wanted.covers(packet.protocol) && (!has_ports || ports.covers(packet.port))
}

/// What an endpoint's policy decides about a client, as far as addresses say (rows F38 and F39 of the
/// reference): any denial first, then anything that allows, else denied. An endpoint the model does not
/// have gets nothing through.
pub fn judge_endpoint_policy(model: &Model, endpoint: &EndpointId, client: IpAddr) -> Verdict {
    let Some(endpoint) = model.endpoints.get(endpoint) else {
        return Verdict::new(Policy::Drop, "unknown-endpoint");
    };
    let statements = &endpoint.policy.statements;
    for effect in [Policy::Drop, Policy::Accept] {
        for (place, statement) in statements.iter().enumerate() {
            // A denial that packets do not show must not drop what it may not be about.
            let is_left = effect == Policy::Drop && !statement.undecided.is_empty();
            if statement.effect == effect && !is_left && applies(statement, endpoint, client) {
                return Verdict::new(effect, &statement_name(&endpoint.id, place + 1));
            }
        }
    }
    Verdict::new(Policy::Drop, &format!("policy-{}-default", endpoint.id))
}

fn applies(statement: &PolicyStatement, endpoint: &Endpoint, client: IpAddr) -> bool {
    statement
        .conditions
        .iter()
        .all(|condition| match condition {
            PolicyCondition::SourceIp { within, networks } => {
                networks.iter().any(|net| net.contains(&client)) == *within
            }
            PolicyCondition::SourceVpc { within, vpcs } => {
                vpcs.iter().any(|vpc| vpc == endpoint.vpc.as_str()) == *within
            }
        })
}
