//! An independent judge: reads the model rule by rule, exactly as the reference reads.
//!
//! Tests hold the compiled tables against it, so it shares no code with the compiler and trades
//! all speed for being obvious. May import: std, `model`.

use std::cmp::Reverse;
use std::net::IpAddr;

use crate::model::{
    Direction, Endpoint, EndpointId, Model, NetworkAclEntry, Policy, PortRange, ProtocolMatch,
    SecurityGroup, SecurityGroupRule, SecurityGroupType, VSwitchId,
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

/// What the security groups of an endpoint decide (sections 1.6 and 3.1 of the reference).
///
/// `peer` and `port` are the source and the destination port for ingress, the destination and its
/// port for egress; only rules of the peer's family can match. An endpoint the model does not have gets nothing through.
pub fn judge_security_groups(
    model: &Model,
    endpoint: &EndpointId,
    direction: Direction,
    peer: IpAddr,
    protocol: u8,
    port: u16,
) -> Verdict {
    let Some(endpoint) = model.endpoints.get(endpoint) else {
        return Verdict::new(Policy::Drop, "unknown-endpoint");
    };
    let mut rules: Vec<&SecurityGroupRule> = attached_groups(model, endpoint)
        .flat_map(|group| &group.rules)
        .filter(|rule| rule.direction == direction)
        .collect();
    // Drop before accept; the sort is stable, so what is left in a tie keeps the order of groups
    // and of rules in them.
    rules.sort_by_key(|rule| (rule.priority, Reverse(rule.policy == Policy::Drop)));
    let hit = rules.into_iter().find(|rule| {
        rule.peer.contains(&peer) && traffic_matches(rule.protocol, rule.ports, protocol, port)
    });
    match hit {
        Some(rule) => Verdict::new(rule.policy, &rule.id),
        None => default_of_groups(model, endpoint, direction),
    }
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

/// What the network ACL of a vSwitch decides (section 3.2 of the reference).
///
/// `peer` is the source for ingress and the destination for egress, `port` always the destination
/// port; only entries of the peer's family can match. A vSwitch or ACL the model does not have gets nothing through.
pub fn judge_network_acl(
    model: &Model,
    vswitch: &VSwitchId,
    direction: Direction,
    peer: IpAddr,
    protocol: u8,
    port: u16,
) -> Verdict {
    let Some(vswitch) = model.vswitches.get(vswitch) else {
        return Verdict::new(Policy::Drop, "unknown-vswitch");
    };
    let Some(acl_id) = &vswitch.network_acl else {
        return Verdict::new(Policy::Accept, "no-acl");
    };
    let is_inside = match peer {
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
    let (entries, default) = match direction {
        Direction::Ingress => (&acl.ingress, "default-nacl-ingress"),
        Direction::Egress => (&acl.egress, "default-nacl-egress"),
    };
    let matches = |entry: &&NetworkAclEntry| {
        entry.peer.contains(&peer) && traffic_matches(entry.protocol, entry.ports, protocol, port)
    };
    match entries.iter().find(matches) {
        Some(entry) => Verdict::new(entry.policy, &entry.id),
        None => Verdict::new(Policy::Drop, default),
    }
}

/// Whether protocol and port match; only TCP and UDP have ports to compare.
fn traffic_matches(wanted: ProtocolMatch, ports: PortRange, protocol: u8, port: u16) -> bool {
    let has_ports = protocol == 6 || protocol == 17;
    wanted.covers(protocol) && (!has_ports || ports.covers(port))
}
