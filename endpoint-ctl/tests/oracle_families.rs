//! Compiled rule sets of both families against the oracle, on random rules and packets, edges of
//! prefixes and ports first.

use std::net::IpAddr;

use endpoint_common::abi::flow::Family;
use endpoint_common::abi::{Addr, mapped};
use endpoint_common::path::{PolicyKey, classify};
use endpoint_ctl::compiler::{Capacity, Numbers, Tables, compile};
use endpoint_ctl::hostpath::HostWorld;
use endpoint_ctl::model::{
    AddressIpVersion, Direction, Endpoint, EndpointId, EndpointLimits, EndpointType, EndpointZone,
    EniId, Hook, Model, NetworkAcl, NetworkAclEntry, NetworkAclId, Policy, PortRange,
    ProtocolMatch, SecurityGroup, SecurityGroupId, SecurityGroupRule, SecurityGroupType, ServiceId,
    VSwitch, VSwitchId, VpcId, ZoneId, managed_group,
};
use endpoint_ctl::oracle::{Verdict, judge_network_acl, judge_security_groups};
use fastrand::Rng;
use ipnet::IpNet;

const PROTOCOLS: [u8; 6] = [1, 6, 17, 47, 58, 132];
const V4_LENGTHS: [u8; 6] = [0, 1, 8, 15, 31, 32];
const V6_LENGTHS: [u8; 7] = [0, 1, 48, 63, 64, 127, 128];
/// Addresses are drawn near these, so that rules and packets meet.
const BASES: [&str; 6] = [
    "10.0.1.0",
    "10.0.2.128",
    "203.0.113.7",
    "fd00:0:0:1::",
    "fd00:0:0:1:8000::",
    "2001:db8::7",
];

fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_bits().into(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// An address of the family of `like` with these bits, the uppermost of which may not count.
fn address(like: IpAddr, bits: u128) -> IpAddr {
    match like {
        IpAddr::V4(_) => IpAddr::V4((bits as u32).into()),
        IpAddr::V6(_) => IpAddr::V6(bits.into()),
    }
}

fn near(rng: &mut Rng) -> IpAddr {
    let base: IpAddr = BASES[rng.usize(..BASES.len())].parse().expect("an address");
    match rng.u8(..4) {
        0 => address(base, bits(base) ^ (1 << rng.u32(..128))),
        1 => address(base, rng.u128(..)),
        _ => base,
    }
}

fn network(rng: &mut Rng) -> IpNet {
    let ip = near(rng);
    let length = match ip {
        IpAddr::V4(_) => V4_LENGTHS[rng.usize(..V4_LENGTHS.len())],
        IpAddr::V6(_) if rng.bool() => rng.u8(0..=128),
        IpAddr::V6(_) => V6_LENGTHS[rng.usize(..V6_LENGTHS.len())],
    };
    IpNet::new(ip, length).expect("a length").trunc()
}

fn traffic(rng: &mut Rng) -> (ProtocolMatch, PortRange) {
    let protocol = PROTOCOLS[rng.usize(..PROTOCOLS.len())];
    let (a, b) = (rng.u16(..), rng.u16(..));
    let ports = match rng.u8(..3) {
        0 if protocol == 6 || protocol == 17 => PortRange {
            first: a.min(b),
            last: a.max(b),
        },
        1 if protocol == 6 || protocol == 17 => PortRange {
            first: 80,
            last: 80,
        },
        _ => PortRange::ANY,
    };
    if rng.u8(..3) == 0 {
        return (ProtocolMatch::All, PortRange::ANY);
    }
    (ProtocolMatch::Number(protocol), ports)
}

fn policy(rng: &mut Rng) -> Policy {
    if rng.bool() {
        Policy::Accept
    } else {
        Policy::Drop
    }
}

fn group(rng: &mut Rng, number: usize) -> SecurityGroup {
    let rules = (0..rng.usize(..30)).map(|place| {
        let (protocol, ports) = traffic(rng);
        SecurityGroupRule {
            id: format!("sgr-{number}-{place}"),
            direction: if rng.bool() {
                Direction::Ingress
            } else {
                Direction::Egress
            },
            policy: policy(rng),
            priority: rng.u8(1..=4),
            protocol,
            ports,
            peer: network(rng),
        }
    });
    let rules = rules.collect();
    SecurityGroup {
        id: SecurityGroupId::new(format!("sg-{number}")),
        vpc: VpcId::new("vpc"),
        group_type: if rng.bool() {
            SecurityGroupType::Normal
        } else {
            SecurityGroupType::Enterprise
        },
        service_managed: false,
        rules,
    }
}

fn entries(rng: &mut Rng, direction: &str) -> Vec<NetworkAclEntry> {
    let entry = |place| {
        let (protocol, ports) = traffic(rng);
        NetworkAclEntry {
            id: format!("nacl-{direction}-{place}"),
            policy: policy(rng),
            protocol,
            ports,
            peer: network(rng),
        }
    };
    (0..20).map(entry).collect()
}

/// One dual-stack ENI behind a network ACL and up to three security groups.
fn model(rng: &mut Rng) -> Model {
    let mut model = Model::default();
    let (vpc, acl) = (VpcId::new("vpc"), NetworkAclId::new("nacl"));
    let vswitch = VSwitch {
        id: VSwitchId::new("vsw"),
        vpc: vpc.clone(),
        zone: ZoneId::new("z"),
        cidr_block: "10.0.1.0/24".parse().expect("a network"),
        ipv6_cidr_block: "fd00:0:0:1::/64".parse().ok(),
        interface: "vsw".to_owned(),
        hook: Hook::default(),
        network_acl: Some(acl.clone()),
    };
    let acl = NetworkAcl {
        id: acl,
        vpc: vpc.clone(),
        ingress: entries(rng, "in"),
        egress: entries(rng, "out"),
    };
    let groups: Vec<_> = (0..rng.usize(1..=3)).map(|n| group(rng, n)).collect();
    let id = EndpointId::new("ep");
    let managed = managed_group(&id, EndpointType::Interface, &vpc);
    let endpoint = Endpoint {
        id: id.clone(),
        name: None,
        vpc,
        service: ServiceId::new("epsrv"),
        endpoint_type: EndpointType::Interface,
        resources: Vec::new(),
        address_ip_version: AddressIpVersion::DualStack,
        security_groups: groups.iter().map(|group| group.id.clone()).collect(),
        managed_group: managed.id.clone(),
        audit_mode: false,
        limits: EndpointLimits::default(),
        zones: vec![EndpointZone {
            zone: ZoneId::new("z"),
            vswitch: vswitch.id.clone(),
            eni: EniId::new("eni"),
            ip: [10, 0, 1, 100].into(),
            ipv6: "fd00:0:0:1::100".parse().ok(),
        }],
    };
    model.vswitches.insert(vswitch.id.clone(), vswitch);
    model.network_acls.insert(acl.id.clone(), acl);
    model.endpoints.insert(id, endpoint);
    for group in groups.into_iter().chain([managed]) {
        model.security_groups.insert(group.id.clone(), group);
    }
    model
}

/// A model in force, and what it was made of.
struct Node {
    model: Model,
    numbers: Numbers,
    tables: Tables,
    world: HostWorld,
}

impl Node {
    fn new(model: Model) -> Self {
        let mut numbers = Numbers::default();
        numbers.assign(&model);
        let tables = compile(&model, &numbers, 1, &Capacity::default()).expect("a model that fits");
        let mut world = HostWorld::new([1; 2], 0);
        world.apply(tables.clone());
        Self {
            model,
            numbers,
            tables,
            world,
        }
    }

    /// What the tables say under one of the four rule sets for the peer's family.
    fn compiled(&self, acl: bool, direction: Direction, packet: Packet) -> Verdict {
        let Packet {
            peer,
            protocol,
            port,
        } = packet;
        let (family, peer, eni) = match peer {
            IpAddr::V4(ip) => (Family::V4, mapped(ip.octets()), mapped([10, 0, 1, 100])),
            IpAddr::V6(ip) => (Family::V6, ip.octets(), eni_ipv6()),
        };
        let scope = self.numbers.vswitch_scope(&VSwitchId::new("vsw"));
        let row = self.tables.addresses[&(scope, eni)];
        let root = match (acl, direction) {
            (true, Direction::Ingress) => row.acl_in,
            (true, Direction::Egress) => row.acl_out,
            (false, Direction::Ingress) => row.group_in,
            (false, Direction::Egress) => row.group_out,
        };
        let key = PolicyKey::new(family as u8, protocol, port.to_be_bytes());
        let word = classify(&&self.world, 0, root, &peer, key);
        let mut rules = self.numbers.rules();
        let rule = rules.find(|(_, number)| *number == word.number());
        let policy = if word.accepts() {
            Policy::Accept
        } else {
            Policy::Drop
        };
        let rule = rule.map_or(String::new(), |(name, _)| name.to_owned());
        Verdict { policy, rule }
    }

    fn judged(&self, acl: bool, direction: Direction, packet: Packet) -> Verdict {
        let Packet {
            peer,
            protocol,
            port,
        } = packet;
        if acl {
            let vswitch = VSwitchId::new("vsw");
            judge_network_acl(&self.model, &vswitch, direction, peer, protocol, port)
        } else {
            let endpoint = EndpointId::new("ep");
            judge_security_groups(&self.model, &endpoint, direction, peer, protocol, port)
        }
    }

    /// The rule, but for which of several that say the same at the same priority.
    fn named(&self, verdict: &Verdict) -> String {
        let groups = self.model.security_groups.values();
        let mut rules = groups.flat_map(|group| &group.rules);
        let rule = rules.find(|rule| rule.id == verdict.rule);
        rule.map_or(verdict.rule.clone(), |rule| {
            format!("{:?} at {}", rule.policy, rule.priority)
        })
    }

    fn networks(&self) -> Vec<IpNet> {
        let groups = self.model.security_groups.values();
        let rules = groups.flat_map(|group| &group.rules).map(|rule| rule.peer);
        let acls = self.model.network_acls.values();
        let entries = acls.flat_map(|acl| acl.ingress.iter().chain(&acl.egress));
        let vswitches = self.model.vswitches.values();
        let own = vswitches.flat_map(VSwitch::cidr_blocks);
        rules
            .chain(entries.map(|entry| entry.peer))
            .chain(own)
            .collect()
    }
}

fn eni_ipv6() -> Addr {
    let ip: std::net::Ipv6Addr = "fd00:0:0:1::100".parse().expect("an address");
    ip.octets()
}

#[derive(Debug, Clone, Copy)]
struct Packet {
    peer: IpAddr,
    protocol: u8,
    port: u16,
}

/// The first and last address of a network and their neighbours outside.
fn edges(net: IpNet) -> [IpAddr; 4] {
    let (first, last) = (net.network(), net.broadcast());
    [
        first,
        last,
        address(first, bits(first).wrapping_sub(1)),
        address(last, bits(last).wrapping_add(1)),
    ]
}

fn check(node: &Node, packet: Packet, seed: u64) {
    for acl in [true, false] {
        for direction in [Direction::Ingress, Direction::Egress] {
            let compiled = node.compiled(acl, direction, packet);
            let judged = node.judged(acl, direction, packet);
            assert_eq!(
                (compiled.policy, node.named(&compiled)),
                (judged.policy, node.named(&judged)),
                "seed {seed}, {packet:?}, ACL {acl}, {direction:?}: {compiled:?} {judged:?}"
            );
        }
    }
}

#[test]
fn compiled_rules_of_both_families_say_what_the_oracle_says() {
    let (mut four, mut six) = (0, 0);
    for seed in 0..100 {
        let mut rng = Rng::with_seed(seed);
        let node = Node::new(model(&mut rng));
        let mut peers: Vec<_> = node.networks().into_iter().flat_map(edges).collect();
        peers.extend((0..50).map(|_| near(&mut rng)));
        for peer in peers {
            let protocol = PROTOCOLS[rng.usize(..PROTOCOLS.len())];
            let has_ports = protocol == 6 || protocol == 17;
            let port = match rng.u8(..4) {
                _ if !has_ports => 0,
                0 => rng.u16(79..=81),
                _ => rng.u16(..),
            };
            let packet = Packet {
                peer,
                protocol,
                port,
            };
            check(&node, packet, seed);
            if peer.is_ipv4() {
                four += 1;
            } else {
                six += 1;
            }
        }
    }
    assert!(four > 1_000 && six > 1_000, "{four} and {six}");
}

/// One accepting rule for one prefix, judged at the edges of the prefix.
#[test]
fn a_prefix_of_every_length_ends_where_it_says() {
    let of = |ip: &str, longest| {
        let ip: IpAddr = ip.parse().expect("an address");
        (0..=longest).map(move |length| IpNet::new(ip, length).expect("a length").trunc())
    };
    for net in of("fd5a:a5c3:96:69f0:1234:5678:9abc:def5", 128).chain(of("172.29.90.165", 32)) {
        let mut rng = Rng::with_seed(0);
        let mut model = model(&mut rng);
        for group in model.security_groups.values_mut() {
            group.rules.clear();
        }
        let group = model.security_groups.values_mut().next().expect("a group");
        group.rules.push(SecurityGroupRule {
            id: "only".to_owned(),
            direction: Direction::Ingress,
            policy: Policy::Accept,
            priority: 1,
            protocol: ProtocolMatch::All,
            ports: PortRange::ANY,
            peer: net,
        });
        let node = Node::new(model);
        for peer in edges(net) {
            let packet = Packet {
                peer,
                protocol: 6,
                port: 80,
            };
            let policy = node.compiled(false, Direction::Ingress, packet).policy;
            let expected = net.contains(&peer);
            assert_eq!(policy == Policy::Accept, expected, "{net} {peer}");
            check(&node, packet, 0);
        }
    }
}
