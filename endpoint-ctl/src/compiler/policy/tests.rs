//! What rules of security groups become, before they are in tries.
//!
//! May import: model, the compiler's own.

use super::super::tests::dual_stack;
use super::*;
use crate::model::{
    AddressFamily, EndpointId, EndpointType, PolicyCondition, PolicyStatement, PrefixList,
    PrefixListId, managed_group,
};

fn net(text: &str) -> IpNet {
    text.parse().expect("a network")
}

fn rule(peer: impl Into<Peer>) -> SecurityGroupRule {
    SecurityGroupRule {
        id: "it".to_owned(),
        direction: Direction::Ingress,
        policy: Policy::Accept,
        priority: 7,
        protocol: ProtocolMatch::Number(6),
        ports: PortRange {
            first: 80,
            last: 81,
        },
        source_ports: PortRange::ANY,
        peer: peer.into(),
        local: None,
    }
}

/// A dual-stack endpoint `ep` whose only group has this rule.
fn with(rule: SecurityGroupRule) -> Model {
    let mut model = dual_stack();
    let group = model.security_groups.get_mut(&SecurityGroupId::new("sg"));
    group.expect("sg").rules.push(rule);
    model
}

fn endpoint(model: &Model) -> &Endpoint {
    &model.endpoints[&EndpointId::new("ep")]
}

fn eni(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn made(model: &Model, ip: &str) -> Vec<TrieRule> {
    let mut numbers = Numbers::default();
    numbers.assign(model);
    let compiler = PolicyCompiler::new(model, &numbers);
    let groups: Vec<_> = model.security_groups.values().collect();
    let rules = compiler.group_rules(eni(ip), &groups, Direction::Ingress);
    rules.collect()
}

#[test]
fn a_rule_brings_its_source_ports() {
    let high = SecurityGroupRule {
        source_ports: PortRange {
            first: 1024,
            last: 65_535,
        },
        ..rule(net("10.0.0.0/8"))
    };
    let rules = made(&with(high), "10.0.1.100");
    assert_eq!(rules.len(), 1, "{rules:?}");
    assert_eq!(rules[0].sources, 1024..=65_535);
    let any = made(&with(rule(net("10.0.0.0/8"))), "10.0.1.100");
    assert_eq!(any[0].sources, ANY_SOURCE);
}

#[test]
fn all_entries_of_a_list_are_one_rule_of_one_family() {
    let id = PrefixListId::new("pl");
    let mut model = with(rule(net("0.0.0.0/0")));
    let group = model.security_groups.get_mut(&SecurityGroupId::new("sg"));
    group.expect("sg").rules[0].peer = Peer::PrefixList(id.clone());
    let list = PrefixList {
        id: id.clone(),
        family: AddressFamily::Ipv6,
        max_entries: 9,
        entries: vec![net("fd00::/64"), net("fd01::/64")],
    };
    model.prefix_lists.insert(id, list);
    assert!(made(&model, "10.0.1.100").is_empty());
    let rules = made(&model, "fd00:0:0:1::100");
    assert_eq!(rules.len(), 2);
    assert_eq!(rules[0].word, rules[1].word);
    assert_eq!(rules[0].peer, net("fd00::/64").into());
}

#[test]
fn enis_share_a_rule_set_unless_rules_tell_them_apart() {
    let roots = |local: Option<&str>| {
        let model = with(SecurityGroupRule {
            local: local.map(net),
            ..rule(net("10.0.0.0/8"))
        });
        let mut numbers = Numbers::default();
        numbers.assign(&model);
        let mut compiler = PolicyCompiler::new(&model, &numbers);
        let mut of = |ip| compiler.security_groups(eni(ip), endpoint(&model));
        let roots = [of("10.0.1.100"), of("10.0.1.101")];
        (roots, compiler.groups.len())
    };
    let is_shared = |local| {
        let ([a, b], sets) = roots(local);
        // One for each direction; what is said of one alone does not part the other.
        assert_eq!(sets, if a == b { 2 } else { 3 }, "{local:?}");
        assert_eq!(a.1, b.1, "{local:?}");
        a == b
    };
    assert!(is_shared(None));
    assert!(is_shared(Some("10.0.1.0/24")));
    assert!(is_shared(Some("10.0.2.0/24")));
    assert!(!is_shared(Some("10.0.1.100/32")));
}

#[test]
fn endpoints_share_what_their_managed_groups_say_nothing_of() {
    let mut model = with(rule(net("10.0.0.0/8")));
    let first = endpoint(&model).clone();
    let id = EndpointId::new("ep-2");
    let managed = managed_group(&id, EndpointType::Interface, &first.vpc);
    let second = Endpoint {
        id: id.clone(),
        managed_group: managed.id.clone(),
        ..first.clone()
    };
    model.security_groups.insert(managed.id.clone(), managed);
    model.endpoints.insert(id, second.clone());
    let mut numbers = Numbers::default();
    numbers.assign(&model);
    let mut compiler = PolicyCompiler::new(&model, &numbers);
    let [a, b] = [&first, &second].map(|one| compiler.security_groups(eni("10.0.1.100"), one));
    assert_eq!(a.0, b.0, "inbound, neither says anything");
    assert_ne!(a.1, b.1, "outbound, each has a rule of its own");
}

#[test]
fn the_networks_of_a_policy_are_as_few_as_can_be() {
    let mut model = dual_stack();
    let mut numbers = Numbers::default();
    let mut rules = |statements: Vec<PolicyStatement>, family| {
        let id = EndpointId::new("ep");
        let changed = model.endpoints.get_mut(&id).expect("ep");
        changed.policy.statements = statements;
        numbers.assign(&model);
        endpoint_policy::rules(family, endpoint(&model), &numbers)
    };
    let statement = |effect, networks: &[&str], within| PolicyStatement {
        effect,
        conditions: vec![PolicyCondition::SourceIp {
            within,
            networks: networks.iter().map(|text| net(text)).collect(),
        }],
        undecided: Vec::new(),
    };
    // All of IPv4 in two halves, which is none of IPv6.
    let halves = vec![statement(
        Policy::Accept,
        &["0.0.0.0/1", "128.0.0.0/1"],
        true,
    )];
    let all = rules(halves.clone(), Family::V4);
    assert_eq!(all.len(), 2, "one network and the default: {all:?}");
    let denied = rules(halves, Family::V6);
    assert_eq!(denied.len(), 1, "the default alone: {denied:?}");
    // All but one address: a network for each bit of it, and the default.
    let but = vec![statement(Policy::Accept, &["10.0.1.10/32"], false)];
    assert_eq!(rules(but.clone(), Family::V4).len(), 33);
    assert_eq!(rules(but, Family::V6).len(), 2);
}
