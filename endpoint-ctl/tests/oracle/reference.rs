//! Rows F31 to F39 and sections 3.1 and 3.2 of the reference, sentence by sentence, as far as a verdict
//! shows them; `sentences` has what is finer. Each is held against both judges.
//!
//! May import: endpoint-ctl (model), chance, subject, judges, sentences.

use endpoint_ctl::model::{
    Direction::{Egress, Ingress},
    Policy::{Accept, Drop},
    PolicyCondition, PolicyStatement, PortRange, ProtocolMatch, SecurityGroupType,
};

use super::judges::{
    Judges,
    Layer::{EndpointPolicy, NetworkAcl, SecurityGroups},
    Probe,
};
use super::sentences::{ICMP, TCP, UDP, assert_judged, from, ports, probe};
use super::subject::{Group, Managed, Named, Rule, Subject, rule};

/// A client outside the vSwitch.
const CLIENT: &str = "10.0.2.10";

fn allow_from(networks: &[&str]) -> PolicyStatement {
    let networks = networks.iter().map(|net| net.parse().expect("a network"));
    PolicyStatement {
        effect: Accept,
        conditions: vec![PolicyCondition::SourceIp {
            within: true,
            networks: networks.collect(),
        }],
        undecided: Vec::new(),
    }
}

fn named(name: Named, rule: Rule) -> Rule {
    Rule {
        named: Some(name),
        ..rule
    }
}

fn group_in(peer: &str) -> Probe {
    probe(SecurityGroups, Ingress, peer, TCP, 80)
}

/// Security groups, network ACL and endpoint policy, each alone or together.
#[test]
fn f31_a_packet_passes_only_if_every_configured_layer_allows() {
    for mask in 0..8_u8 {
        let [acl, groups, policy] = [1, 2, 4].map(|bit| mask & bit != 0);
        let mut subject =
            Subject::with_acl(vec![rule(Ingress, if acl { Accept } else { Drop }, 1)]);
        let of_groups = if groups { Accept } else { Drop };
        subject.groups[0].rules.push(rule(Ingress, of_groups, 1));
        let reach = if policy { "10.0.0.0/16" } else { "10.9.0.0/16" };
        subject.policy.push(allow_from(&[reach]));
        let judges = Judges::new(&subject);
        let passes = [NetworkAcl, SecurityGroups, EndpointPolicy].map(|layer| {
            let probe = probe(layer, Ingress, CLIENT, TCP, 80);
            judges
                .judge(&probe)
                .unwrap_or_else(|error| panic!("{error}"))
        });
        assert_eq!(passes, [acl, groups, policy], "each layer for itself");
    }
}

#[test]
fn f35_outbound_rules_of_custom_groups_and_the_managed_one_are_sorted_together() {
    let out = probe(SecurityGroups, Egress, "10.9.9.9", TCP, 8080);
    let one = |priority| Subject::with_group(vec![rule(Egress, Drop, priority)]);
    assert_judged(&one(1), &out, Drop, "group0-0");
    assert_judged(&one(2), &out, Accept, "sgr-managed-ep-egress");
    // A narrow accept of the same priority changes nothing about it.
    let both = vec![
        rule(Egress, Drop, 1),
        from("10.9.9.9/32", rule(Egress, Accept, 1)),
    ];
    assert_judged(&Subject::with_group(both), &out, Drop, "group0-0");
}

#[test]
fn f36_only_listed_addresses_reach_the_service_and_outbound_is_all_allowed() {
    let listed = ["10.0.1.10/32", "10.0.2.0/30"].map(|net| from(net, rule(Ingress, Accept, 1)));
    let subject = Subject::with_group(listed.into());
    assert_judged(&subject, &group_in("10.0.1.10"), Accept, "group0-0");
    assert_judged(&subject, &group_in("10.0.2.3"), Accept, "group0-1");
    assert_judged(&subject, &group_in("10.0.2.4"), Drop, "default-ingress");
    let out = probe(SecurityGroups, Egress, "10.9.9.9", UDP, 53);
    assert_judged(&subject, &out, Accept, "sgr-managed-ep-egress");
}

#[test]
fn f37_an_acl_matches_protocol_address_and_ports() {
    let web = from("10.0.2.0/24", ports(TCP, 80, 81, rule(Ingress, Accept, 1)));
    let subject = Subject::with_acl(vec![web]);
    let at = |peer, protocol, port| probe(NetworkAcl, Ingress, peer, protocol, port);
    assert_judged(&subject, &at(CLIENT, TCP, 81), Accept, "acl-0");
    for other in [
        at(CLIENT, TCP, 82),
        at(CLIENT, UDP, 80),
        at("10.0.3.10", TCP, 80),
    ] {
        assert_judged(&subject, &other, Drop, "default-nacl-ingress");
    }
}

#[test]
fn f38_the_default_policy_allows_everything() {
    let any = probe(EndpointPolicy, Ingress, CLIENT, TCP, 80);
    assert_judged(&Subject::default(), &any, Accept, "policy-ep-1");
}

#[test]
fn f39_a_policy_with_a_source_address_denies_one_client_and_lets_the_other_in() {
    let denied = PolicyStatement {
        effect: Drop,
        ..allow_from(&["10.0.2.10/32"])
    };
    let subject = Subject {
        policy: vec![allow_from(&["0.0.0.0/0"]), denied],
        ..Subject::default()
    };
    let client = |peer| probe(EndpointPolicy, Ingress, peer, TCP, 80);
    assert_judged(&subject, &client("10.0.2.10"), Drop, "policy-ep-2");
    assert_judged(&subject, &client("10.0.2.11"), Accept, "policy-ep-1");
}

#[test]
fn f39_what_no_statement_allows_is_denied_by_a_rule_of_its_own() {
    let subject = Subject {
        policy: vec![allow_from(&["10.0.2.0/31", "10.0.2.2/32"])],
        ..Subject::default()
    };
    let client = |peer| probe(EndpointPolicy, Ingress, peer, TCP, 80);
    assert_judged(&subject, &client("10.0.2.2"), Accept, "policy-ep-1");
    assert_judged(&subject, &client("10.0.2.3"), Drop, "policy-ep-default");
}

#[test]
fn s31_priorities_run_from_1_first_to_100_last() {
    let rules: Vec<_> = (1..=100)
        .rev()
        .map(|n| {
            let reach = format!("10.0.{n}.0/24");
            [
                from(&reach, rule(Ingress, Accept, n)),
                from("10.0.0.0/16", rule(Ingress, Drop, 100)),
            ]
        })
        .collect();
    let subject = Subject::with_group(rules.concat());
    assert_judged(&subject, &group_in("10.0.1.10"), Accept, "group0-198");
    assert_judged(&subject, &group_in("10.0.99.10"), Accept, "group0-2");
    let judges = Judges::new(&subject);
    assert_eq!(
        judges.judge(&group_in("10.0.100.10")),
        Ok(false),
        "drop first at 100 as well"
    );
}

#[test]
fn s31_defaults_of_a_basic_group_are_its_members_in_and_all_out() {
    let mut group = Group::new(SecurityGroupType::Normal, Vec::new());
    group.members = vec!["10.0.2.0/28".parse().expect("a network")];
    group.enis = vec![[10, 0, 3, 3].into()];
    let mut subject = Subject {
        groups: vec![group],
        managed: Managed::WithoutRules,
        ..Subject::default()
    };
    for member in ["10.0.2.15", "10.0.3.3"] {
        assert_judged(&subject, &group_in(member), Accept, "inner-group0");
    }
    assert_judged(&subject, &group_in("10.0.2.16"), Drop, "default-ingress");
    let out = probe(SecurityGroups, Egress, "10.0.2.15", TCP, 80);
    assert_judged(&subject, &out, Accept, "default-egress");
    subject.groups[0].inner_access = Drop;
    assert_judged(&subject, &group_in("10.0.2.15"), Drop, "default-ingress");
}

#[test]
fn s31_inner_access_comes_behind_every_written_rule() {
    let mut subject = Subject::with_group(vec![ports(TCP, 80, 80, rule(Ingress, Drop, 100))]);
    subject.groups[0].members = vec!["10.0.2.10/32".parse().expect("a network")];
    assert_judged(&subject, &group_in("10.0.2.10"), Drop, "group0-0");
    let other = probe(SecurityGroups, Ingress, "10.0.2.10", TCP, 81);
    assert_judged(&subject, &other, Accept, "inner-group0");
}

#[test]
fn s31_defaults_of_an_enterprise_group_deny_both_directions() {
    let mut group = Group::new(SecurityGroupType::Enterprise, Vec::new());
    group.members = vec!["10.0.2.10/32".parse().expect("a network")];
    let subject = Subject {
        groups: vec![group],
        managed: Managed::WithoutRules,
        ..Subject::default()
    };
    assert_judged(&subject, &group_in("10.0.2.10"), Drop, "default-ingress");
    let out = probe(SecurityGroups, Egress, "10.0.2.10", TCP, 80);
    assert_judged(&subject, &out, Drop, "default-egress");
}

#[test]
fn s31_a_verdict_changes_with_the_rules() {
    let into = group_in(CLIENT);
    let with = |rules| Subject::with_group(rules);
    assert_judged(
        &with(vec![rule(Ingress, Accept, 2)]),
        &into,
        Accept,
        "group0-0",
    );
    let revoked = vec![rule(Ingress, Drop, 1), rule(Ingress, Accept, 2)];
    assert_judged(&with(revoked), &into, Drop, "group0-0");
    assert_judged(&with(vec![]), &into, Drop, "default-ingress");
}

#[test]
fn s28_a_rule_with_a_prefix_list_is_about_every_entry_and_has_one_id() {
    let listed = named(Named::List(0), ports(TCP, 80, 80, rule(Ingress, Accept, 1)));
    let mut subject = Subject::with_group(vec![listed]);
    let entries = ["10.0.2.0/31", "10.0.3.0/24"].map(|net| net.parse().expect("a network"));
    subject.lists = vec![entries.into()];
    for peer in ["10.0.2.0", "10.0.2.1", "10.0.3.255"] {
        assert_judged(&subject, &group_in(peer), Accept, "group0-0");
    }
    for peer in ["10.0.2.2", "10.0.4.0"] {
        assert_judged(&subject, &group_in(peer), Drop, "default-ingress");
    }
}

#[test]
fn s28_a_rule_with_a_group_is_about_whoever_is_in_it_now() {
    let mut subject = Subject::with_group(vec![
        named(Named::Group(1), rule(Ingress, Accept, 2)),
        named(
            Named::Group(0),
            ports(TCP, 443, 443, rule(Ingress, Drop, 1)),
        ),
    ]);
    let mut clients = Group::new(SecurityGroupType::Normal, Vec::new());
    clients.attached = false;
    clients.members = vec!["10.0.2.10/32".parse().expect("a network")];
    subject.groups.push(clients);
    assert_judged(&subject, &group_in("10.0.2.10"), Accept, "group0-0");
    assert_judged(&subject, &group_in("10.0.2.11"), Drop, "default-ingress");
    // An ENI of another endpoint joins both groups.
    for group in &mut subject.groups {
        group.enis = vec![[10, 0, 2, 11].into()];
    }
    assert_judged(&subject, &group_in("10.0.2.11"), Accept, "group0-0");
    let secure = probe(SecurityGroups, Ingress, "10.0.2.11", TCP, 443);
    assert_judged(&subject, &secure, Drop, "group0-1");
}

#[test]
fn s28_a_rule_with_both_sides_is_for_the_enis_in_its_network() {
    let mut subject = Subject::with_group(vec![rule(Ingress, Accept, 1)]);
    for (local, applies) in [
        ("10.0.1.0/32", true),
        ("10.0.0.0/15", true),
        ("10.0.1.1/32", false),
    ] {
        subject.groups[0].rules[0].local = Some(local.parse().expect("a network"));
        let (policy, name) = if applies {
            (Accept, "group0-0")
        } else {
            (Drop, "default-ingress")
        };
        assert_judged(&subject, &group_in(CLIENT), policy, name);
    }
}

#[test]
fn s28_a_rule_may_name_the_source_port() {
    let high = Rule {
        source_ports: PortRange {
            first: 1024,
            last: 65_534,
        },
        protocol: ProtocolMatch::Number(TCP),
        ..rule(Ingress, Accept, 1)
    };
    let subject = Subject::with_group(vec![high]);
    let judges = Judges::new(&subject);
    for (source_port, accepts) in [(1023, false), (1024, true), (65_534, true), (65_535, false)] {
        let probe = Probe {
            source_port,
            ..group_in(CLIENT)
        };
        assert_eq!(
            judges.by_oracle(&probe).policy == Accept,
            accepts,
            "{source_port}"
        );
        assert_eq!(judges.judge(&probe), Ok(accepts), "{source_port}");
    }
}

#[test]
fn s32_an_acl_is_stateless_so_answers_need_an_entry_for_high_ports() {
    let inward = vec![ports(TCP, 80, 80, rule(Ingress, Accept, 1))];
    let answer = probe(NetworkAcl, Egress, CLIENT, TCP, 40_000);
    let alone = Subject::with_acl(inward.clone());
    assert_judged(
        &alone,
        &probe(NetworkAcl, Ingress, CLIENT, TCP, 80),
        Accept,
        "acl-0",
    );
    assert_judged(&alone, &answer, Drop, "default-nacl-egress");
    let high = ports(TCP, 1024, 65_535, rule(Egress, Accept, 1));
    let both = Subject::with_acl([inward, vec![high]].concat());
    assert_judged(&both, &answer, Accept, "acl-1");
}

#[test]
fn s32_an_acl_knows_one_address_and_the_destination_port_alone() {
    // Priorities, lists, local sides and source ports of groups mean nothing here.
    let entry = Rule {
        local: Some("10.9.0.0/16".parse().expect("a network")),
        source_ports: PortRange { first: 1, last: 1 },
        ..ports(TCP, 80, 80, rule(Ingress, Accept, 100))
    };
    let subject = Subject::with_acl(vec![entry, rule(Ingress, Drop, 1)]);
    let at = |port| probe(NetworkAcl, Ingress, CLIENT, TCP, port);
    assert_judged(&subject, &at(80), Accept, "acl-0");
    assert_judged(&subject, &at(40_000), Drop, "acl-1");
    let ping = probe(NetworkAcl, Ingress, CLIENT, ICMP, 0);
    assert_judged(&subject, &ping, Drop, "acl-1");
}
