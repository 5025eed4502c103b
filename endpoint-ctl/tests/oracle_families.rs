//! Compiled rule sets of both families against the oracle, on random rules and packets, edges of
//! prefixes and ports first.

#[path = "oracle_families/chance.rs"]
mod chance;

use std::net::IpAddr;

use endpoint_common::abi::flow::Family;
use endpoint_common::abi::mapped;
use endpoint_common::path::{self, PolicyKey, classify};
use endpoint_ctl::compiler::{Capacity, Numbers, Tables, compile};
use endpoint_ctl::hostpath::HostWorld;
use endpoint_ctl::model::{
    Direction, EndpointId, Model, Peer, Policy, PolicyCondition, PortRange, ProtocolMatch,
    SecurityGroupRule, VSwitch, VSwitchId,
};
use endpoint_ctl::oracle::{
    self, Verdict, judge_endpoint_policy, judge_network_acl, judge_security_groups,
};
use fastrand::Rng;
use ipnet::IpNet;

use chance::{PROTOCOLS, address, bits, eni_ipv6, model, near};

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

    /// What the tables say under one of the five rule sets for the peer's family.
    fn compiled(&self, layer: Layer, direction: Direction, packet: Packet) -> Verdict {
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
        let root = match (layer, direction) {
            (Layer::Acl, Direction::Ingress) => row.acl_in,
            (Layer::Acl, Direction::Egress) => row.acl_out,
            (Layer::Groups, Direction::Ingress) => row.group_in,
            (Layer::Groups, Direction::Egress) => row.group_out,
            (Layer::EndpointPolicy, _) => row.policy_in,
        };
        if root == 0 && layer == Layer::EndpointPolicy {
            // The policy of an endpoint that was given none is not asked.
            let verdict = self.judged(layer, direction, packet);
            return Verdict {
                policy: Policy::Accept,
                ..verdict
            };
        }
        let key = PolicyKey::new(family as u8, protocol, port.to_be_bytes(), [0; 2]);
        let word = classify(&&self.world, 0, root, path::Peer::new(&peer, key), key);
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

    fn judged(&self, layer: Layer, direction: Direction, packet: Packet) -> Verdict {
        let endpoint = EndpointId::new("ep");
        let asked = oracle::Packet {
            direction,
            eni: match packet.peer {
                IpAddr::V4(_) => [10, 0, 1, 100].into(),
                IpAddr::V6(_) => eni_ipv6().into(),
            },
            peer: packet.peer,
            protocol: packet.protocol,
            source_port: 0,
            port: packet.port,
        };
        match layer {
            Layer::Acl => judge_network_acl(&self.model, &VSwitchId::new("vsw"), &asked),
            Layer::Groups => judge_security_groups(&self.model, &endpoint, &asked),
            Layer::EndpointPolicy => judge_endpoint_policy(&self.model, &endpoint, packet.peer),
        }
    }

    /// The rule, but for which of several that say the same at the same priority.
    fn named(&self, verdict: &Verdict) -> String {
        let groups = self.model.security_groups.values();
        let mut rules = groups.flat_map(|group| &group.rules);
        let rule = rules.find(|rule| rule.id == verdict.rule);
        match rule {
            Some(rule) => format!("{:?} at {}", rule.policy, rule.priority),
            None if verdict.rule.starts_with("inner-") => "inner".to_owned(),
            None => verdict.rule.clone(),
        }
    }

    fn networks(&self) -> Vec<IpNet> {
        let groups = || self.model.security_groups.values();
        let rules = groups().flat_map(|group| &group.rules);
        let peers = rules.filter_map(|rule| match &rule.peer {
            Peer::Cidr(net) => Some(*net),
            Peer::PrefixList(_) | Peer::Group(_) => None,
        });
        let members = groups().flat_map(|group| &group.members).copied();
        let lists = self.model.prefix_lists.values();
        let listed = lists.flat_map(|list| &list.entries).copied();
        let statements = self
            .model
            .endpoints
            .values()
            .flat_map(|one| &one.policy.statements);
        let sources = statements.flat_map(|one| &one.conditions);
        let sources = sources.flat_map(|condition| match condition {
            PolicyCondition::SourceIp { networks, .. } => networks.clone(),
            PolicyCondition::SourceVpc { .. } => Vec::new(),
        });
        let acls = self.model.network_acls.values();
        let entries = acls.flat_map(|acl| acl.ingress.iter().chain(&acl.egress));
        let vswitches = self.model.vswitches.values();
        let own = vswitches.flat_map(VSwitch::cidr_blocks);
        peers
            .chain(members)
            .chain(listed)
            .chain(sources)
            .chain(entries.map(|entry| entry.peer))
            .chain(own)
            .collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    Acl,
    Groups,
    EndpointPolicy,
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
    for layer in [Layer::Acl, Layer::Groups, Layer::EndpointPolicy] {
        for direction in [Direction::Ingress, Direction::Egress] {
            let compiled = node.compiled(layer, direction, packet);
            let judged = node.judged(layer, direction, packet);
            assert_eq!(
                (compiled.policy, node.named(&compiled)),
                (judged.policy, node.named(&judged)),
                "seed {seed}, {packet:?}, {layer:?}, {direction:?}: {compiled:?} {judged:?}"
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
            group.members.clear();
            group.inner_access = Policy::Drop;
        }
        let group = model.security_groups.values_mut().next().expect("a group");
        group.rules.push(SecurityGroupRule {
            id: "only".to_owned(),
            direction: Direction::Ingress,
            policy: Policy::Accept,
            priority: 1,
            protocol: ProtocolMatch::All,
            ports: PortRange::ANY,
            source_ports: PortRange::ANY,
            peer: net.into(),
            local: None,
        });
        let node = Node::new(model);
        for peer in edges(net) {
            let packet = Packet {
                peer,
                protocol: 6,
                port: 80,
            };
            let policy = node
                .compiled(Layer::Groups, Direction::Ingress, packet)
                .policy;
            let expected = net.contains(&peer);
            assert_eq!(policy == Policy::Accept, expected, "{net} {peer}");
            check(&node, packet, 0);
        }
    }
}
