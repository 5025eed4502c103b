//! Rule sets and packets by chance, such that the packets fall on and beside the edges of rules.
//!
//! May import: endpoint-ctl (model), ipnet, fastrand, subject, judges.

use std::net::Ipv4Addr;

use endpoint_ctl::model::{Direction, Policy, PortRange, ProtocolMatch, SecurityGroupType};
use fastrand::Rng;
use ipnet::Ipv4Net;

use super::judges::{Layer, Probe};
use super::subject::{Managed, Rule, Subject};

const EDGE_PORTS: [u16; 12] = [
    0, 1, 15, 16, 255, 256, 4_095, 4_096, 32_767, 32_768, 65_534, 65_535,
];

const MANAGED: [Managed; 4] = [
    Managed::AsMade,
    Managed::AsMade,
    Managed::WithoutRules,
    Managed::Missing,
];

fn choose<T: Copy>(from: &[T], rng: &mut Rng) -> T {
    from[rng.usize(0..from.len())]
}

/// A vSwitch and an endpoint with up to `most` rules in each set.
pub(crate) fn subject(most: usize, rng: &mut Rng) -> Subject {
    let acl_most = most.min(200);
    let groups = rng.usize(1..4);
    let kinds = [SecurityGroupType::Normal, SecurityGroupType::Enterprise];
    Subject {
        vswitch: network(rng.u8(16..30), rng),
        acl: (rng.u8(..8) > 0).then(|| acl_rules(acl_most, rng)),
        groups: (0..groups)
            .map(|_| (choose(&kinds, rng), rules(most / groups, rng)))
            .collect(),
        managed: choose(&MANAGED, rng),
    }
}

fn rules(most: usize, rng: &mut Rng) -> Vec<Rule> {
    (0..rng.usize(0..=most)).map(|_| rule(rng)).collect()
}

/// At most 100 entries in a direction, as the manifest has it.
fn acl_rules(most: usize, rng: &mut Rng) -> Vec<Rule> {
    let mut rules = rules(most, rng);
    for direction in [Direction::Ingress, Direction::Egress] {
        let mut count = 0;
        rules.retain(|rule| {
            count += usize::from(rule.direction == direction);
            rule.direction != direction || count <= 100
        });
    }
    rules
}

fn rule(rng: &mut Rng) -> Rule {
    let (protocol, ports) = traffic(rng);
    let length = match rng.u8(..4) {
        0 => choose(&[0, 1, 4, 8, 16, 24, 28, 31, 32], rng),
        1 => 0,
        _ => rng.u8(0..=32),
    };
    Rule {
        direction: choose(&[Direction::Ingress, Direction::Egress], rng),
        policy: choose(&[Policy::Accept, Policy::Drop], rng),
        priority: match rng.u8(..4) {
            0 => choose(&[1, 100], rng),
            _ => rng.u8(1..6),
        },
        protocol,
        ports,
        peer: network(length, rng),
    }
}

/// Only TCP and UDP can name ports.
fn traffic(rng: &mut Rng) -> (ProtocolMatch, PortRange) {
    let number = match rng.u8(..10) {
        0..3 => return (ProtocolMatch::All, PortRange::ANY),
        3..6 => 6,
        6..8 => 17,
        8 => 1,
        _ => rng.u8(..),
    };
    let ports = match number {
        6 | 17 if rng.u8(..5) > 0 => {
            let (a, b) = (port(rng).max(1), port(rng).max(1));
            let last = if rng.bool() { a } else { a.max(b) };
            PortRange {
                first: a.min(last),
                last,
            }
        }
        _ => PortRange::ANY,
    };
    (ProtocolMatch::Number(number), ports)
}

fn port(rng: &mut Rng) -> u16 {
    match rng.u8(..3) {
        0 => choose(&EDGE_PORTS, rng),
        1 => choose(&[53_u16, 80, 443, 1024, 8080], rng).saturating_add(rng.u16(..3)),
        _ => rng.u16(..),
    }
}

/// Few distinct first bits, so that networks contain each other.
fn network(length: u8, rng: &mut Rng) -> Ipv4Net {
    Ipv4Net::new(address(rng), length)
        .expect("a length")
        .trunc()
}

fn address(rng: &mut Rng) -> Ipv4Addr {
    match rng.u8(..6) {
        0 => rng.u32(..).into(),
        1 => choose(&[0, u32::MAX, 1 << 31, (1 << 31) - 1], rng).into(),
        _ => Ipv4Addr::new(10, rng.u8(..2), rng.u8(..4), rng.u8(..)),
    }
}

/// A packet: beside an edge of some rule, or anywhere.
pub(crate) fn probe(subject: &Subject, rng: &mut Rng) -> Probe {
    let count = subject.rule_count();
    let beside = (count > 0).then(|| *subject.rules().nth(rng.usize(0..count)).expect("a rule"));
    let peer = match (beside, rng.u8(..6)) {
        (_, 0) => address(rng),
        (_, 1) => edge(subject.vswitch, rng),
        (Some(rule), _) => edge(rule.peer, rng),
        (None, _) => address(rng),
    };
    let protocol = match (beside.map(|rule| rule.protocol), rng.u8(..4)) {
        (Some(ProtocolMatch::Number(number)), 0..3) => number,
        _ => choose(&[1, 6, 6, 17, 47, 0, 255], rng),
    };
    let port = match (protocol, beside) {
        (6 | 17, Some(rule)) if rng.u8(..4) > 0 => choose(
            &[
                rule.ports.first,
                rule.ports.last,
                rule.ports.first.wrapping_sub(1),
                rule.ports.last.wrapping_add(1),
            ],
            rng,
        ),
        (6 | 17, _) => port(rng),
        _ => 0,
    };
    Probe {
        layer: choose(&[Layer::NetworkAcl, Layer::SecurityGroups], rng),
        direction: choose(&[Direction::Ingress, Direction::Egress], rng),
        peer,
        protocol,
        port,
    }
}

/// The first or last address of a network, one before, one behind, or one inside.
fn edge(network: Ipv4Net, rng: &mut Rng) -> Ipv4Addr {
    let (first, last) = (u32::from(network.network()), u32::from(network.broadcast()));
    match rng.u8(..5) {
        0 => first,
        1 => last,
        2 => first.wrapping_sub(1),
        3 => last.wrapping_add(1),
        _ => rng.u32(first..=last),
    }
    .into()
}
