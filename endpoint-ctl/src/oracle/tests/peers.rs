//! Who is meant by a rule, and which ENI: prefix lists, groups, both sides, source ports.

use super::*;
use crate::model::{AddressFamily, PrefixList, PrefixListId};

fn accept(peer: impl Into<Peer>) -> SecurityGroupRule {
    SecurityGroupRule {
        peer: peer.into(),
        ..rule("it", Direction::Ingress, Policy::Accept, 1)
    }
}

fn closed(rules: Vec<SecurityGroupRule>) -> SecurityGroup {
    SecurityGroup {
        inner_access: Policy::Drop,
        ..normal("sg", rules)
    }
}

fn from(model: &Model, peer: &str) -> String {
    judge(model, &packet(Direction::Ingress, peer, TCP, 80)).rule
}

#[test]
fn a_source_port_range_holds_the_clients_port_in_both_directions() {
    for direction in [Direction::Ingress, Direction::Egress] {
        let high = SecurityGroupRule {
            protocol: ProtocolMatch::Number(TCP),
            source_ports: PortRange {
                first: 1024,
                last: 65_534,
            },
            ..rule("high", direction, Policy::Drop, 1)
        };
        let model = endpoint_with(vec![closed(vec![high])]);
        let at = |source_port| {
            let packet = Packet {
                source_port,
                ..packet(direction, "10.0.1.10", TCP, 80)
            };
            judge(&model, &packet).rule == "high"
        };
        assert_eq!(
            [1023, 1024, 65_534, 65_535].map(at),
            [false, true, true, false],
            "{direction:?}"
        );
        // What has no ports is not about any.
        let ping = packet(direction, "10.0.1.10", ICMP, 0);
        assert_ne!(judge(&model, &ping).rule, "high");
    }
}

#[test]
fn a_rule_may_be_for_some_enis_alone() {
    let local = |net_: &str| SecurityGroupRule {
        local: Some(net(net_)),
        ..accept(net("0.0.0.0/0"))
    };
    let of = |rule| from(&endpoint_with(vec![closed(vec![rule])]), "10.0.1.10");
    assert_eq!(of(local("10.0.1.100/32")), "it");
    assert_eq!(of(local("10.0.1.0/25")), "it");
    assert_eq!(of(local("10.0.1.101/32")), "default-ingress");
}

#[test]
fn a_rule_with_a_prefix_list_is_about_each_entry_under_one_id() {
    let id = PrefixListId::new("pl");
    let mut model = endpoint_with(vec![closed(vec![accept(net("0.0.0.0/0"))])]);
    let group = model.security_groups.get_mut(&SecurityGroupId::new("sg"));
    group.expect("sg").rules[0].peer = Peer::PrefixList(id.clone());
    assert_eq!(from(&model, "10.0.1.10"), "default-ingress");
    let list = PrefixList {
        id: id.clone(),
        family: AddressFamily::Ipv4,
        max_entries: 2,
        entries: vec![net("10.0.1.0/28"), net("10.0.7.0/24")],
    };
    model.prefix_lists.insert(id, list);
    assert_eq!(from(&model, "10.0.1.15"), "it");
    assert_eq!(from(&model, "10.0.7.255"), "it");
    assert_eq!(from(&model, "10.0.1.16"), "default-ingress");
}

#[test]
fn a_group_stands_for_its_members_whoever_they_are_now() {
    let other = SecurityGroupId::new("sg-clients");
    let rule = SecurityGroupRule {
        peer: Peer::Group(other.clone()),
        ..accept(net("0.0.0.0/0"))
    };
    let mut model = endpoint_with(vec![closed(vec![rule])]);
    let clients = SecurityGroup {
        members: vec![net("10.0.1.10/32"), net("fd00::/64")],
        ..normal(other.as_str(), vec![])
    };
    model.security_groups.insert(other.clone(), clients);
    assert_eq!(from(&model, "10.0.1.10"), "it");
    assert_eq!(from(&model, "fd00::10"), "it");
    assert_eq!(from(&model, "10.0.1.11"), "default-ingress");

    // An ENI of another endpoint joins it, and leaves it.
    let mut peer = model.endpoints[&EndpointId::new("ep")].clone();
    peer.id = EndpointId::new("ep-2");
    peer.zones[0].ip = [10, 0, 1, 101].into();
    peer.security_groups = vec![other];
    model.endpoints.insert(peer.id.clone(), peer.clone());
    assert_eq!(from(&model, "10.0.1.101"), "it");
    peer.security_groups.clear();
    model.endpoints.insert(peer.id.clone(), peer);
    assert_eq!(from(&model, "10.0.1.101"), "default-ingress");
}

#[test]
fn members_of_a_normal_group_are_let_in_behind_all_written_rules() {
    let with = |inner_access, rules| {
        let group = SecurityGroup {
            inner_access,
            members: vec![net("10.0.1.10/32")],
            ..normal("sg", rules)
        };
        let model = endpoint_with(vec![group]);
        [Direction::Ingress, Direction::Egress]
            .map(|direction| groups(&model, direction, TCP, 80).rule)
    };
    let out = "sgr-managed-ep-egress";
    assert_eq!(with(Policy::Accept, vec![]), ["inner-sg", out]);
    assert_eq!(with(Policy::Drop, vec![]), ["default-ingress", out]);
    let last = rule("last", Direction::Ingress, Policy::Drop, 100);
    assert_eq!(with(Policy::Accept, vec![last]), ["last", out]);
}
