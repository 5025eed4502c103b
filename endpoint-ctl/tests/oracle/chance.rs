//! Rule sets and packets by chance, such that the packets fall on and beside the edges of rules.
//!
//! May import: endpoint-ctl (model), ipnet, fastrand, subject, judges.

use std::net::Ipv4Addr;

use endpoint_ctl::model::{
    Direction, Policy, PolicyCondition, PolicyStatement, PortRange, ProtocolMatch,
    SecurityGroupType,
};
use fastrand::Rng;
use ipnet::{IpNet, Ipv4Net};

use super::judges::{Layer, Probe};
use super::subject::{Group, Managed, Named, Rule, Subject};

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
    let count = rng.usize(1..4);
    let vswitch = network(rng.u8(16..30), rng);
    let lists: Vec<Vec<_>> = (0..rng.usize(..3)).map(|_| networks(6, rng)).collect();
    let scene = Scene {
        eni: vswitch.addr(),
        lists: lists.len(),
        // One beyond those that are attached.
        groups: count + 1,
    };
    let groups = (0..=count).map(|place| group(place < count, most / count, scene, rng));
    let groups = groups.collect();
    Subject {
        vswitch,
        acl: (rng.u8(..8) > 0).then(|| acl_rules(acl_most, scene, rng)),
        lists,
        groups,
        managed: choose(&MANAGED, rng),
        policy: match rng.u8(..3) {
            0 => Vec::new(),
            _ => (0..rng.usize(1..6)).map(|_| statement(rng)).collect(),
        },
    }
}

/// What rules can be about beside networks.
#[derive(Debug, Clone, Copy)]
struct Scene {
    eni: Ipv4Addr,
    lists: usize,
    groups: usize,
}

fn group(attached: bool, most: usize, scene: Scene, rng: &mut Rng) -> Group {
    let kinds = [SecurityGroupType::Normal, SecurityGroupType::Enterprise];
    let enis = (0..rng.usize(..3)).map(|_| address(rng)).collect();
    let group = Group {
        members: networks(4, rng),
        enis,
        attached,
        ..Group::new(choose(&kinds, rng), rules(most, scene, rng))
    };
    let inner_access = match group.kind {
        SecurityGroupType::Normal => choose(&[Policy::Accept, Policy::Drop], rng),
        SecurityGroupType::Enterprise => Policy::Drop,
    };
    Group {
        inner_access,
        ..group
    }
}

fn networks(most: usize, rng: &mut Rng) -> Vec<Ipv4Net> {
    let count = rng.usize(..most);
    (0..count).map(|_| network(rng.u8(12..=32), rng)).collect()
}

fn statement(rng: &mut Rng) -> PolicyStatement {
    let conditions = (0..rng.usize(..3)).map(|_| {
        let within = rng.u8(..3) > 0;
        if rng.u8(..4) == 0 {
            let vpcs = choose(&[&["vpc"][..], &["vpc-x"], &["vpc-x", "vpc"]], rng);
            let vpcs = vpcs.iter().map(|vpc| (*vpc).to_owned()).collect();
            return PolicyCondition::SourceVpc { within, vpcs };
        }
        let networks = (0..rng.usize(1..5)).map(|_| {
            let length = rng.u8(0..=32);
            network(length, rng).into()
        });
        let networks = networks.collect();
        PolicyCondition::SourceIp { within, networks }
    });
    PolicyStatement {
        conditions: conditions.collect(),
        effect: choose(&[Policy::Accept, Policy::Accept, Policy::Drop], rng),
        undecided: match rng.u8(..5) {
            0 => vec!["Action".to_owned()],
            _ => Vec::new(),
        },
    }
}

fn rules(most: usize, scene: Scene, rng: &mut Rng) -> Vec<Rule> {
    (0..rng.usize(0..=most)).map(|_| rule(scene, rng)).collect()
}

/// At most 100 entries in a direction, as the manifest has it.
fn acl_rules(most: usize, scene: Scene, rng: &mut Rng) -> Vec<Rule> {
    let mut rules = rules(most, scene, rng);
    for direction in [Direction::Ingress, Direction::Egress] {
        let mut count = 0;
        rules.retain(|rule| {
            count += usize::from(rule.direction == direction);
            rule.direction != direction || count <= 100
        });
    }
    rules
}

fn rule(scene: Scene, rng: &mut Rng) -> Rule {
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
        named: match rng.u8(..8) {
            0 if scene.lists > 0 => Some(Named::List(rng.usize(..scene.lists))),
            1 => Some(Named::Group(rng.usize(..scene.groups))),
            _ => None,
        },
        local: match rng.u8(..8) {
            0 => Some(around(scene.eni, rng)),
            1 => Some(network(rng.u8(8..=32), rng)),
            _ => None,
        },
        source_ports: source_ports(protocol, rng),
    }
}

fn around(ip: Ipv4Addr, rng: &mut Rng) -> Ipv4Net {
    let length = rng.u8(..=32);
    Ipv4Net::new(ip, length).expect("a length").trunc()
}

fn source_ports(protocol: ProtocolMatch, rng: &mut Rng) -> PortRange {
    let has_ports = matches!(protocol, ProtocolMatch::Number(6 | 17));
    if !has_ports || rng.u8(..3) > 0 {
        return PortRange::ANY;
    }
    let (a, b) = (port(rng).max(1), port(rng).max(1));
    PortRange {
        first: a.min(b),
        last: a.max(b),
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
    let layers = [
        Layer::NetworkAcl,
        Layer::SecurityGroups,
        Layer::EndpointPolicy,
    ];
    let layer = choose(&layers, rng);
    let protocol = match (beside.map(|rule| rule.protocol), rng.u8(..4)) {
        (Some(ProtocolMatch::Number(number)), 0..3) => number,
        _ => choose(&[1, 6, 6, 17, 47, 0, 255], rng),
    };
    let mut beside_port = |range: fn(&Rule) -> PortRange| match (protocol, beside) {
        (6 | 17, Some(rule)) if rng.u8(..4) > 0 => {
            let PortRange { first, last } = range(&rule);
            let edges = [first, last, first.wrapping_sub(1), last.wrapping_add(1)];
            choose(&edges, rng)
        }
        (6 | 17, _) => port(rng),
        _ => 0,
    };
    let (port, source_port) = (
        beside_port(|rule| rule.ports),
        beside_port(|rule| rule.source_ports),
    );
    Probe {
        layer,
        direction: choose(&[Direction::Ingress, Direction::Egress], rng),
        peer: peer(subject, layer, beside, rng),
        protocol,
        source_port,
        port,
    }
}

/// At an edge of what the layer is about, or anywhere.
fn peer(subject: &Subject, layer: Layer, beside: Option<Rule>, rng: &mut Rng) -> Ipv4Addr {
    let named: Vec<_> = match (layer, beside) {
        (Layer::EndpointPolicy, _) => sources(subject),
        (_, Some(rule)) => subject.peers(&rule),
        (_, None) => Vec::new(),
    };
    match rng.u8(..6) {
        1 => edge(subject.vswitch, rng),
        2.. if !named.is_empty() => edge(choose(&named, rng), rng),
        _ => address(rng),
    }
}

/// The networks that the endpoint's policy names.
fn sources(subject: &Subject) -> Vec<Ipv4Net> {
    let conditions = subject.policy.iter().flat_map(|one| &one.conditions);
    let networks = conditions.flat_map(|condition| match condition {
        PolicyCondition::SourceIp { networks, .. } => networks.as_slice(),
        PolicyCondition::SourceVpc { .. } => &[],
    });
    let networks = networks.filter_map(|net| match net {
        IpNet::V4(net) => Some(*net),
        IpNet::V6(_) => None,
    });
    networks.collect()
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
