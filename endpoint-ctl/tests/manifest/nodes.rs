//! Several nodes that share what is declared: what each has of it, and what may not be said of them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use endpoint_common::abi::flow::Family;
use endpoint_common::abi::mapped;
use endpoint_common::abi::service::{Address, KIND_ENI};
use endpoint_common::path::{self, PolicyKey};
use endpoint_ctl::compiler::{Capacity, Numbers, Tables, compile};
use endpoint_ctl::hostpath::HostWorld;
use endpoint_ctl::model::{Direction, EndpointId, Model, NodeId, Peer, SecurityGroupId, VSwitchId};
use endpoint_ctl::oracle::{Packet, judge_security_groups};

use super::{example, lab, loaded, refused};

fn two_nodes() -> String {
    example("two-nodes.yaml")
}

fn part(model: &Model, node: &str) -> Model {
    model.at(&NodeId::new(node))
}

fn tables(model: &Model) -> Tables {
    let mut numbers = Numbers::default();
    numbers.assign(model);
    compile(model, &numbers, 1, &Capacity::default()).expect("fits")
}

#[test]
fn each_node_has_what_is_bound_to_it() {
    let model = loaded(&two_nodes());
    for (node, vswitch, eni, nat) in [
        ("node-1", "vsw-a", "10.0.1.100", "10.0.50.200"),
        ("node-2", "vsw-b", "10.0.2.100", "10.0.50.210"),
    ] {
        let part = part(&model, node);
        let vswitches: Vec<_> = part.vswitches.keys().map(VSwitchId::as_str).collect();
        assert_eq!(vswitches, [vswitch]);
        let zones = &part.endpoints[&EndpointId::new("ep-web")].zones;
        let ips: Vec<_> = zones.iter().map(|zone| zone.ip.to_string()).collect();
        assert_eq!(ips, [eni]);
        let network = part.provider_networks.values().next().expect("reaches it");
        let addresses: Vec<_> = network.nat_addresses().collect();
        assert_eq!(addresses.len(), 2);
        assert_eq!(addresses[0].to_string(), nat);
        // The ENI and the NAT addresses of this node alone.
        let tables = tables(&part);
        assert_eq!(tables.addresses.len(), 3);
        assert_eq!(tables.nat_addresses.len(), 2);
        assert_eq!(tables.backends.len(), 2);
    }
}

#[test]
fn a_node_that_nothing_is_bound_to_has_nothing() {
    let part = part(&loaded(&two_nodes()), "node-3");
    assert!(part.vswitches.is_empty() && part.endpoints.is_empty());
    assert!(part.security_groups.is_empty() && part.load_balancers.is_empty());
    let tables = tables(&part);
    assert!(tables.addresses.is_empty() && tables.listeners.is_empty());
    assert_eq!(tables.policy.nodes.len(), 1);
}

#[test]
fn where_no_node_is_named_all_of_it_is_here() {
    let model = loaded(&lab());
    assert_eq!(part(&model, "any"), model);
}

#[test]
fn what_is_bound_to_no_interface_is_nobodys() {
    let unbound = lab().replace("Interface: vsw-a\n", "");
    let part = part(&loaded(&unbound), "any");
    assert!(part.vswitches.is_empty() && part.endpoints.is_empty());
}

/// Groups that know each other by who is in them, over two nodes.
fn peers() -> String {
    let groups = "\
---
kind: SecurityGroup
SecurityGroupId: sg-hosts
VpcId: vpc-a
Members: [10.0.9.9/32]
Permissions: []
---
kind: SecurityGroup
SecurityGroupId: sg-peers
VpcId: vpc-a
InnerAccessPolicy: Accept
Permissions:
  - { SecurityGroupRuleId: sgr-web-peers, Direction: ingress, IpProtocol: ALL, PortRange: -1/-1, SourceGroupId: sg-web }
  - { SecurityGroupRuleId: sgr-hosts, Direction: ingress, IpProtocol: ALL, PortRange: -1/-1, SourceGroupId: sg-hosts }
---
kind: VpcEndpoint
EndpointId: ep-peers
VpcId: vpc-a
ServiceId: epsrv-web
SecurityGroupIds: [sg-peers]
Zones:
  - { ZoneId: lab-a, VSwitchId: vsw-a, ip: 10.0.1.101 }
  - { ZoneId: lab-b, VSwitchId: vsw-b, ip: 10.0.2.101 }
---
kind: VpcEndpoint
EndpointId: ep-far
VpcId: vpc-a
ServiceId: epsrv-web
SecurityGroupIds: [sg-peers]
Zones:
  - { ZoneId: lab-b, VSwitchId: vsw-b, ip: 10.0.2.102 }
";
    two_nodes() + groups
}

#[test]
fn rules_for_groups_mean_their_members_at_other_nodes_too() {
    let model = loaded(&peers());
    let asks_of = |endpoint: &str| {
        let endpoint = &model.endpoints[&EndpointId::new(endpoint)];
        let group = &model.security_groups[&endpoint.security_groups[0]];
        group
            .rules
            .iter()
            .any(|rule| matches!(rule.peer, Peer::Group(_)))
    };
    assert!(asks_of("ep-peers") && asks_of("ep-far"));
    let members = &part(&model, "node-1").members_elsewhere;
    assert!(members.contains_key(&SecurityGroupId::new("sg-hosts")));
    let peers = [
        "10.0.1.100",
        "10.0.2.100",
        "10.0.1.101",
        "10.0.2.101",
        "10.0.2.102",
        "10.0.9.9",
        "10.0.9.8",
    ];
    let mut accepted = 0;
    for node in ["node-1", "node-2"] {
        let part = part(&model, node);
        let judge = Judge::of(&part);
        for endpoint in part.endpoints.values() {
            for (zone, peer) in endpoint
                .zones
                .iter()
                .flat_map(|zone| peers.map(|peer| (zone, peer)))
            {
                let packet = Packet {
                    direction: Direction::Ingress,
                    eni: IpAddr::V4(zone.ip),
                    peer: peer.parse().expect("an address"),
                    protocol: 6,
                    source_port: 1_000,
                    port: 443,
                };
                let whole = judge_security_groups(&model, &endpoint.id, &packet);
                let here = judge_security_groups(&part, &endpoint.id, &packet);
                assert_eq!(here, whole, "{node}: {} from {peer}", endpoint.id);
                assert_eq!(
                    judge.rule(&packet),
                    whole.rule,
                    "{node}: {} from {peer}",
                    endpoint.id
                );
                accepted += usize::from(whole.rule != "default-ingress");
            }
        }
    }
    assert!(accepted > 12, "{accepted}");
}

/// A model's tables, and the names of its rules.
struct Judge {
    world: HostWorld,
    numbers: Numbers,
    enis: BTreeMap<IpAddr, Address>,
}

impl Judge {
    fn of(model: &Model) -> Self {
        let mut numbers = Numbers::default();
        numbers.assign(model);
        let tables = compile(model, &numbers, 1, &Capacity::default()).expect("fits");
        let enis = tables.addresses.iter();
        let enis = enis.filter(|(_, row)| row.kind == KIND_ENI);
        let enis = enis.map(|((_, address), row)| (IpAddr::from(*address).to_canonical(), *row));
        let enis = enis.collect();
        let mut world = HostWorld::new([0; 2], 0);
        world.apply(tables);
        Self {
            world,
            numbers,
            enis,
        }
    }

    /// The rule by which the security groups of an ENI judge a packet to it.
    fn rule(&self, packet: &Packet) -> &str {
        let IpAddr::V4(peer) = packet.peer else {
            panic!("IPv4 is asked for");
        };
        let root = self.enis[&packet.eni].group_in;
        let [port, source] = [packet.port, packet.source_port].map(u16::to_be_bytes);
        let key = PolicyKey::new(Family::V4 as u8, packet.protocol, port, source);
        let peer = path::Peer::new(&mapped(peer.octets()), key);
        let word = path::classify(&&self.world, 0, root, peer, key);
        let mut rules = self.numbers.rules();
        let found = rules.find(|(_, number)| *number == word.number());
        found.expect("has a name").0
    }
}

#[test]
fn what_nothing_gets_through_is_told() {
    assert_eq!(loaded(&two_nodes()).notices(), [""; 0]);
    let uplink =
        "  - { NodeId: node-2, Interface: provider, NatAddresses: [10.0.50.210, 10.0.50.211] }\n";
    let lost = loaded(&two_nodes().replace(uplink, "")).notices();
    assert_eq!(lost.len(), 1, "{lost:?}");
    assert!(
        lost[0].starts_with("ep-web: Zones: lab-b is at node node-2"),
        "{lost:?}"
    );
    let unbound = loaded(&lab().replace("Interface: vsw-a\n", "")).notices();
    assert_eq!(unbound.len(), 1, "{unbound:?}");
    assert!(
        unbound[0].starts_with("vsw-a: Interface is missing"),
        "{unbound:?}"
    );
}

#[test]
fn what_may_not_be_said_of_nodes_is_refused() {
    let uplink =
        "  - { NodeId: node-2, Interface: provider, NatAddresses: [10.0.50.210, 10.0.50.211] }\n";
    for (wrong, right, says) in [
        (
            uplink.replace("node-2", "node-1"),
            uplink,
            "node-1 is given twice",
        ),
        (
            uplink.replace("NodeId: node-2, ", ""),
            uplink,
            "NodeId is missing",
        ),
        (
            uplink.replace("10.0.50.210", "10.0.50.200"),
            uplink,
            "10.0.50.200 is given twice",
        ),
        (
            uplink.replace("provider", "vsw-b"),
            uplink,
            "interface \"vsw-b\" is used by VSwitch",
        ),
        (uplink.replace("node-2", "node 2"), uplink, "NodeId"),
        (
            format!("{uplink}Interface: provider\n"),
            uplink,
            "stands beside Uplinks",
        ),
        (
            "NodeId: node-1\nInterface: vsw-b".into(),
            "NodeId: node-2\nInterface: vsw-b",
            "",
        ),
        (
            "Interface: provider".into(),
            "NodeId: node-2\nInterface: vsw-b",
            "is used by",
        ),
    ] {
        let text = two_nodes();
        assert!(text.contains(right), "{right}");
        let text = text.replace(right, &wrong);
        if says.is_empty() {
            loaded(&text);
        } else {
            let errors = refused(&text).to_string();
            assert!(errors.contains(says), "{says}: {errors}");
        }
    }
    let none = two_nodes();
    let (before, rest) = none.split_once("Uplinks:\n").expect("has them");
    let (_, after) = rest.split_once("---").expect("goes on");
    let errors = refused(&format!("{before}Uplinks: []\n---{after}")).to_string();
    assert!(errors.contains("0 uplinks"), "{errors}");
}
