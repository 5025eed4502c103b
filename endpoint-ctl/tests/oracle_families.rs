//! Compiled rule sets of both families against the oracle, on random rules and packets, edges of
//! prefixes and ports first: the verdict is the same, and so is the rank of the rule that gave it.
//!
//! A run by chance can be repeated: `ORACLE_SEED=7 ORACLE_PAIRS=1000 cargo test --test oracle_families`.

#[path = "oracle_families/chance.rs"]
mod chance;
#[path = "oracle_families/judges.rs"]
mod judges;
#[path = "oracle_families/packets.rs"]
mod packets;
#[path = "oracle_families/statements.rs"]
mod statements;
#[path = "oracle_families/universe.rs"]
mod universe;

use std::collections::BTreeMap;
use std::net::IpAddr;

use endpoint_common::abi::Addr;
use endpoint_common::abi::flow::Family;
use endpoint_common::abi::mapped;
use endpoint_common::path::{Peer, PolicyKey, classify};
use endpoint_ctl::compiler::{Capacity, Numbers, Tables, compile};
use endpoint_ctl::hostpath::HostWorld;
use endpoint_ctl::model::{
    Direction, Endpoint, EndpointId, Model, Policy, PortRange, ProtocolMatch, SecurityGroupRule,
    VSwitchId,
};
use endpoint_ctl::oracle::{
    self, Verdict, judge_endpoint_policy, judge_network_acl, judge_security_groups,
};
use fastrand::Rng;
use ipnet::IpNet;

use chance::{address, bits, choose};
use packets::Packet;
use universe::Size;

const SEED: u64 = 20_261_124;
const PAIRS: usize = 1_000_000;
/// Packets for each address of an ENI.
const PACKETS: usize = 100;

fn setting<T: std::str::FromStr>(name: &str, default: T) -> T {
    std::env::var(name).map_or(default, |text| {
        let number = text.parse().ok();
        number.unwrap_or_else(|| panic!("{name}={text} is not a number"))
    })
}

/// A model in force, and what it was made of.
struct Node {
    model: Model,
    numbers: Numbers,
    tables: Tables,
    world: HostWorld,
    names: BTreeMap<u32, String>,
}

/// A rule set of those that an ENI has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    Acl,
    Groups,
    EndpointPolicy,
}

/// One rule set, asked from one ENI.
#[derive(Debug, Clone, Copy)]
struct Asked<'e> {
    endpoint: &'e EndpointId,
    vswitch: &'e VSwitchId,
    eni: IpAddr,
    layer: Layer,
    direction: Direction,
    packet: Packet,
}

impl Node {
    fn new(model: Model) -> Self {
        let mut numbers = Numbers::default();
        numbers.assign(&model);
        let capacity = Capacity {
            policy_rows: 1 << 20,
            ..Capacity::default()
        };
        let tables = compile(&model, &numbers, 1, &capacity).expect("a model that fits");
        let mut world = HostWorld::new([1; 2], 0);
        world.apply(tables.clone());
        let names = numbers.rules();
        Self {
            names: names.map(|(name, at)| (at, name.to_owned())).collect(),
            model,
            numbers,
            tables,
            world,
        }
    }

    /// What the tables say.
    fn compiled(&self, asked: &Asked<'_>) -> Verdict {
        let row = |ip: IpAddr| -> (Family, Addr) {
            match ip {
                IpAddr::V4(ip) => (Family::V4, mapped(ip.octets())),
                IpAddr::V6(ip) => (Family::V6, ip.octets()),
            }
        };
        let at = (self.numbers.vswitch_scope(asked.vswitch), row(asked.eni).1);
        let eni = self.tables.addresses[&at];
        let root = match (asked.layer, asked.direction) {
            (Layer::Acl, Direction::Ingress) => eni.acl_in,
            (Layer::Acl, Direction::Egress) => eni.acl_out,
            (Layer::Groups, Direction::Ingress) => eni.group_in,
            (Layer::Groups, Direction::Egress) => eni.group_out,
            (Layer::EndpointPolicy, _) => eni.policy_in,
        };
        if root == 0 && asked.layer != Layer::Groups {
            // Neither a vSwitch without an ACL nor an endpoint that was given no policy is asked.
            let verdict = self.judged(asked);
            let policy = Policy::Accept;
            return Verdict { policy, ..verdict };
        }
        let Packet {
            peer,
            protocol,
            source_port,
            port,
        } = asked.packet;
        let (family, peer) = row(peer);
        let ports = (port.to_be_bytes(), source_port.to_be_bytes());
        let key = PolicyKey::new(family as u8, protocol, ports.0, ports.1);
        let word = classify(&&self.world, 0, root, Peer::new(&peer, key), key);
        let rule = self.names.get(&word.number()).cloned().unwrap_or_default();
        let policy = if word.accepts() {
            Policy::Accept
        } else {
            Policy::Drop
        };
        Verdict { policy, rule }
    }

    fn judged(&self, asked: &Asked<'_>) -> Verdict {
        let packet = asked.of_oracle();
        match asked.layer {
            Layer::Acl => judge_network_acl(&self.model, asked.vswitch, &packet),
            Layer::Groups => judge_security_groups(&self.model, asked.endpoint, &packet),
            Layer::EndpointPolicy => {
                judge_endpoint_policy(&self.model, asked.endpoint, packet.peer)
            }
        }
    }

    /// Whether both accept.
    fn check(&mut self, asked: &Asked<'_>, context: &str) -> bool {
        let (compiled, judged) = (self.compiled(asked), self.judged(asked));
        let agree = match asked.layer {
            Layer::Groups => {
                let packet = asked.of_oracle();
                judges::is_as_good(&mut self.model, asked.endpoint, &packet, &judged, &compiled)
            }
            Layer::Acl | Layer::EndpointPolicy => compiled == judged,
        };
        assert!(
            agree,
            "{context}: {asked:?}\n  oracle {judged:?}\n  tables {compiled:?}"
        );
        judged.policy == Policy::Accept
    }
}

impl Asked<'_> {
    fn of_oracle(&self) -> oracle::Packet {
        oracle::Packet {
            direction: self.direction,
            eni: self.eni,
            peer: self.packet.peer,
            protocol: self.packet.protocol,
            source_port: self.packet.source_port,
            port: self.packet.port,
        }
    }
}

#[derive(Default)]
struct Tally {
    pairs: usize,
    of_ipv6: usize,
    accepted: usize,
    /// Rule sets: an ENI's address and one of its layers, one way.
    sets: usize,
}

#[test]
fn compiled_rules_of_both_families_say_what_the_oracle_says() {
    let (seed, pairs) = (setting("ORACLE_SEED", SEED), setting("ORACLE_PAIRS", PAIRS));
    println!("ORACLE_SEED={seed} ORACLE_PAIRS={pairs}");
    let mut rng = Rng::with_seed(seed);
    let mut tally = Tally::default();
    for number in 0.. {
        // Now and then as many rules as an endpoint may have.
        let rules = if number % 100 == 99 { 1_000 } else { 24 };
        let size = Size {
            vpcs: 2,
            endpoints: 4,
            rules,
        };
        let mut model = universe::model(size, &mut rng);
        for endpoint in model.endpoints.values_mut() {
            endpoint.policy.statements = statements::statements(&mut rng);
        }
        let endpoints: Vec<_> = model.endpoints.values().cloned().collect();
        let mut node = Node::new(model);
        for endpoint in &endpoints {
            let context = format!("ORACLE_SEED={seed}, model {number}");
            ask(&mut node, endpoint, &context, &mut tally, &mut rng);
        }
        if tally.pairs >= pairs {
            break;
        }
    }
    let Tally {
        pairs,
        of_ipv6,
        accepted,
        sets,
    } = tally;
    println!("{pairs} pairs, {of_ipv6} of IPv6, {accepted} accepted, of {sets} rule sets");
    assert!(of_ipv6 * 3 > pairs && of_ipv6 * 3 < pairs * 2, "{of_ipv6}");
    assert!(
        accepted * 5 > pairs && accepted * 5 < pairs * 4,
        "{accepted}"
    );
}

fn ask(node: &mut Node, endpoint: &Endpoint, context: &str, tally: &mut Tally, rng: &mut Rng) {
    let edges = packets::edges(&node.model, endpoint);
    let zone = &endpoint.zones[0];
    for eni in zone.addresses() {
        tally.sets += 5;
        for _ in 0..PACKETS {
            let layers = [Layer::Acl, Layer::Groups, Layer::EndpointPolicy];
            let asked = Asked {
                endpoint: &endpoint.id,
                vswitch: &zone.vswitch,
                eni,
                layer: choose(&layers, rng),
                direction: choose(&[Direction::Ingress, Direction::Egress], rng),
                packet: packets::packet(&edges, eni, rng),
            };
            tally.accepted += usize::from(node.check(&asked, context));
            tally.pairs += 1;
            tally.of_ipv6 += usize::from(eni.is_ipv6());
        }
    }
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

/// One accepting rule for one prefix, judged at the edges of the prefix.
#[test]
fn a_prefix_of_every_length_ends_where_it_says() {
    let of = |ip: &str, longest| {
        let ip: IpAddr = ip.parse().expect("an address");
        (0..=longest).map(move |length| IpNet::new(ip, length).expect("a length").trunc())
    };
    let size = Size {
        vpcs: 1,
        endpoints: 1,
        rules: 0,
    };
    for net in of("fd5a:a5c3:96:69f0:1234:5678:9abc:def5", 128).chain(of("172.29.90.165", 32)) {
        let mut model = universe::model(size, &mut Rng::with_seed(0));
        let endpoint = model
            .endpoints
            .values()
            .next()
            .cloned()
            .expect("an endpoint");
        for id in &endpoint.security_groups {
            let group = model.security_groups.get_mut(id).expect("a group");
            group.members.clear();
            group.inner_access = Policy::Drop;
            group.rules = vec![SecurityGroupRule {
                id: format!("only-{id}"),
                direction: Direction::Ingress,
                policy: Policy::Accept,
                priority: 1,
                protocol: ProtocolMatch::All,
                ports: PortRange::ANY,
                source_ports: PortRange::ANY,
                peer: net.into(),
                local: None,
            }];
        }
        let mut node = Node::new(model);
        let zone = &endpoint.zones[0];
        for peer in edges(net) {
            let is_of = |ip: &IpAddr| ip.is_ipv4() == peer.is_ipv4();
            let asked = Asked {
                endpoint: &endpoint.id,
                vswitch: &zone.vswitch,
                eni: zone.addresses().find(is_of).expect("one of each family"),
                layer: Layer::Groups,
                direction: Direction::Ingress,
                packet: Packet {
                    peer,
                    protocol: 6,
                    source_port: 40_000,
                    port: 80,
                },
            };
            let accepts = node.check(&asked, "an edge");
            assert_eq!(accepts, net.contains(&peer), "{net} {peer}");
        }
    }
}
