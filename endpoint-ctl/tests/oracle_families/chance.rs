//! Rules of both families by chance: addresses that lie near each other, ports at the edges of tries.
//!
//! May import: endpoint-ctl (model), ipnet, fastrand.

use std::net::IpAddr;

use endpoint_ctl::model::{
    AddressFamily, Direction, NetworkAclEntry, Peer, Policy, PortRange, PrefixList, PrefixListId,
    ProtocolMatch, SecurityGroup, SecurityGroupId, SecurityGroupRule, SecurityGroupType, VpcId,
};
use fastrand::Rng;
use ipnet::IpNet;

/// ICMP, TCP, UDP, GRE, ICMPv6, SCTP.
pub(crate) const PROTOCOLS: [u8; 6] = [1, 6, 17, 47, 58, 132];
const V4_LENGTHS: [u8; 6] = [0, 1, 8, 15, 31, 32];
const V6_LENGTHS: [u8; 7] = [0, 1, 48, 63, 64, 127, 128];
const EDGE_PORTS: [u16; 12] = [
    0, 1, 15, 16, 255, 256, 4_095, 4_096, 32_767, 32_768, 65_534, 65_535,
];
/// Addresses are drawn near these, so that rules and packets meet.
const BASES: [&str; 6] = [
    "10.0.1.0",
    "10.0.2.128",
    "203.0.113.7",
    "fd00:0:0:1::",
    "fd00:0:0:1:8000::",
    "2001:db8::7",
];

pub(crate) fn choose<T: Copy>(from: &[T], rng: &mut Rng) -> T {
    from[rng.usize(..from.len())]
}

pub(crate) fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_bits().into(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// An address of the family of `like` with these bits, the uppermost of which may not count.
pub(crate) fn address(like: IpAddr, bits: u128) -> IpAddr {
    match like {
        IpAddr::V4(_) => IpAddr::V4((bits as u32).into()),
        IpAddr::V6(_) => IpAddr::V6(bits.into()),
    }
}

pub(crate) fn near(rng: &mut Rng) -> IpAddr {
    let base: IpAddr = choose(&BASES, rng).parse().expect("an address");
    match rng.u8(..4) {
        0 => address(base, bits(base) ^ (1 << rng.u32(..128))),
        1 => address(base, rng.u128(..)),
        2 => address(base, bits(base) ^ u128::from(rng.u16(..))),
        _ => base,
    }
}

/// One of the first or last address of a network, their neighbours outside, and what is inside.
pub(crate) fn edge(net: IpNet, rng: &mut Rng) -> IpAddr {
    let (first, last) = (net.network(), net.broadcast());
    match rng.u8(..5) {
        0 => first,
        1 => last,
        2 => address(first, bits(first).wrapping_sub(1)),
        3 => address(last, bits(last).wrapping_add(1)),
        _ => address(
            first,
            bits(first) | rng.u128(..) & (bits(first) ^ bits(last)),
        ),
    }
}

pub(crate) fn network(rng: &mut Rng) -> IpNet {
    let ip = near(rng);
    let length = match ip {
        IpAddr::V4(_) if rng.bool() => rng.u8(0..=32),
        IpAddr::V4(_) => choose(&V4_LENGTHS, rng),
        IpAddr::V6(_) if rng.bool() => rng.u8(0..=128),
        IpAddr::V6(_) => choose(&V6_LENGTHS, rng),
    };
    IpNet::new(ip, length).expect("a length").trunc()
}

/// At an edge of a trie's slots, or anywhere.
pub(crate) fn port(rng: &mut Rng) -> u16 {
    match rng.u8(..3) {
        0 => choose(&EDGE_PORTS, rng),
        1 => choose(&[53, 80, 443, 1024, 8080], rng) + rng.u16(..3),
        _ => rng.u16(..),
    }
}

/// The first port of a range, the last one, their neighbours outside, or one inside.
pub(crate) fn beside(range: PortRange, rng: &mut Rng) -> u16 {
    let PortRange { first, last } = range;
    match rng.u8(..5) {
        0 => first,
        1 => last,
        2 => first.wrapping_sub(1),
        3 => last.wrapping_add(1),
        _ => rng.u16(first..=last),
    }
}

fn ports(rng: &mut Rng) -> PortRange {
    let (a, b) = (port(rng).max(1), port(rng).max(1));
    let last = if rng.u8(..3) == 0 { a } else { a.max(b) };
    PortRange {
        first: a.min(b).min(last),
        last,
    }
}

/// Only TCP and UDP can name ports. Protocol, destination ports, source ports.
fn traffic(rng: &mut Rng) -> (ProtocolMatch, PortRange, PortRange) {
    let number = match rng.u8(..10) {
        0..3 => return (ProtocolMatch::All, PortRange::ANY, PortRange::ANY),
        3..8 => choose(&[6, 17], rng),
        _ => choose(&PROTOCOLS, rng),
    };
    let has_ports = matches!(number, 6 | 17);
    let mut range = |odds: u8| {
        if has_ports && rng.u8(..6) < odds {
            ports(rng)
        } else {
            PortRange::ANY
        }
    };
    (ProtocolMatch::Number(number), range(5), range(2))
}

pub(crate) fn policy(rng: &mut Rng) -> Policy {
    choose(&[Policy::Accept, Policy::Drop], rng)
}

fn direction(rng: &mut Rng) -> Direction {
    choose(&[Direction::Ingress, Direction::Egress], rng)
}

pub(crate) const LISTS: usize = 3;

pub(crate) fn list_id(number: usize) -> PrefixListId {
    PrefixListId::new(format!("pl-{number}"))
}

/// Networks of one family each.
pub(crate) fn lists(rng: &mut Rng) -> Vec<PrefixList> {
    let list = |number| {
        let family = [AddressFamily::Ipv4, AddressFamily::Ipv6][number % 2];
        let networks = std::iter::repeat_with(|| network(rng)).take(12);
        let is_v4 = |net: &IpNet| matches!(net, IpNet::V4(_));
        PrefixList {
            id: list_id(number),
            family,
            max_entries: 12,
            entries: networks
                .filter(|net| is_v4(net) == (family == AddressFamily::Ipv4))
                .collect(),
        }
    };
    (0..LISTS).map(list).collect()
}

/// A network around one of these addresses.
fn around(ips: &[IpAddr], rng: &mut Rng) -> IpNet {
    let ip = choose(ips, rng);
    let most = if ip.is_ipv4() { 32 } else { 128 };
    IpNet::new(ip, rng.u8(..=most)).expect("a length").trunc()
}

/// What the groups of a VPC are about.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'s> {
    pub(crate) vpc: &'s VpcId,
    /// All groups there are.
    pub(crate) groups: &'s [SecurityGroupId],
    /// Addresses of ENIs.
    pub(crate) enis: &'s [IpAddr],
    /// The most rules of a group.
    pub(crate) most: usize,
}

pub(crate) fn group(id: &SecurityGroupId, scene: Scene<'_>, rng: &mut Rng) -> SecurityGroup {
    let rules = (0..rng.usize(..=scene.most)).map(|place| {
        let (protocol, ports, source_ports) = traffic(rng);
        SecurityGroupRule {
            id: format!("{id}-{place}"),
            direction: direction(rng),
            policy: policy(rng),
            priority: match rng.u8(..4) {
                0 => choose(&[1, 100], rng),
                _ => rng.u8(1..=4),
            },
            protocol,
            ports,
            source_ports,
            peer: match rng.u8(..8) {
                0 => Peer::PrefixList(list_id(rng.usize(..LISTS))),
                1 => Peer::Group(scene.groups[rng.usize(..scene.groups.len())].clone()),
                2 => around(scene.enis, rng).into(),
                _ => network(rng).into(),
            },
            local: match rng.u8(..6) {
                0 => Some(network(rng)),
                1 => Some(around(scene.enis, rng)),
                _ => None,
            },
        }
    });
    let rules = rules.collect();
    let group_type = choose(
        &[SecurityGroupType::Normal, SecurityGroupType::Enterprise],
        rng,
    );
    SecurityGroup {
        id: id.clone(),
        vpc: scene.vpc.clone(),
        group_type,
        service_managed: false,
        inner_access: policy(rng),
        members: (0..rng.usize(..4)).map(|_| network(rng)).collect(),
        rules,
    }
}

/// At most 100 entries, as the manifest has it.
pub(crate) fn entries(name: &str, rng: &mut Rng) -> Vec<NetworkAclEntry> {
    let most = choose(&[4, 20, 100], rng);
    let count = rng.usize(..=most);
    let entry = |place| {
        let (protocol, ports, _) = traffic(rng);
        NetworkAclEntry {
            id: format!("{name}-{place}"),
            policy: policy(rng),
            protocol,
            ports,
            peer: network(rng),
        }
    };
    (0..count).map(entry).collect()
}
