//! Sentences of the reference, each held against both judges.
//!
//! May import: endpoint-ctl (model), subject, judges.

use endpoint_ctl::model::{
    Direction::{self, Egress, Ingress},
    Policy::{self, Accept, Drop},
    PortRange, ProtocolMatch, SecurityGroupType,
};

use super::judges::{
    Judges,
    Layer::{self, NetworkAcl, SecurityGroups},
    Probe,
};
use super::subject::{Group, Managed, Rule, Subject, rule};

pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const ICMP: u8 = 1;

pub(crate) fn probe(
    layer: Layer,
    direction: Direction,
    peer: &str,
    protocol: u8,
    port: u16,
) -> Probe {
    Probe {
        layer,
        direction,
        peer: peer.parse().expect(peer),
        protocol,
        source_port: if matches!(protocol, TCP | UDP) {
            40_000
        } else {
            0
        },
        port,
    }
}

/// Both judges say `policy`, by the rule of this name.
pub(crate) fn assert_judged(subject: &Subject, probe: &Probe, policy: Policy, name: &str) {
    let judges = Judges::new(subject);
    let verdict = judges.by_oracle(probe);
    assert_eq!(
        (verdict.policy, verdict.rule.as_str()),
        (policy, name),
        "{probe:?}"
    );
    let agreed = judges
        .judge(probe)
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(agreed, policy == Accept, "{probe:?}");
}

pub(crate) fn from(peer: &str, rule: Rule) -> Rule {
    Rule {
        peer: peer.parse().expect(peer),
        ..rule
    }
}

pub(crate) fn ports(protocol: u8, first: u16, last: u16, rule: Rule) -> Rule {
    Rule {
        protocol: ProtocolMatch::Number(protocol),
        ports: PortRange { first, last },
        ..rule
    }
}

#[test]
fn f35_a_custom_egress_drop_at_priority_1_beats_the_managed_accept() {
    let subject = Subject::with_group(vec![rule(Egress, Drop, 1)]);
    let out = probe(SecurityGroups, Egress, "10.9.9.9", TCP, 8080);
    assert_judged(&subject, &out, Drop, "group0-0");
}

#[test]
fn f35_a_custom_egress_drop_at_priority_2_does_not() {
    let subject = Subject::with_group(vec![rule(Egress, Drop, 2)]);
    let out = probe(SecurityGroups, Egress, "10.9.9.9", TCP, 8080);
    assert_judged(&subject, &out, Accept, "sgr-managed-ep-egress");
}

#[test]
fn inbound_is_denied_by_default_and_the_managed_group_says_nothing_of_it() {
    let into = probe(SecurityGroups, Ingress, "10.0.1.10", TCP, 80);
    assert_judged(&Subject::default(), &into, Drop, "default-ingress");
}

#[test]
fn the_type_of_the_custom_groups_decides_outbound_by_default() {
    let out = probe(SecurityGroups, Egress, "10.0.1.10", TCP, 80);
    let (normal, enterprise) = (SecurityGroupType::Normal, SecurityGroupType::Enterprise);
    for managed in [Managed::WithoutRules, Managed::Missing] {
        let of = |kinds: &[SecurityGroupType]| Subject {
            groups: kinds
                .iter()
                .map(|kind| Group::new(*kind, Vec::new()))
                .collect(),
            managed,
            ..Subject::default()
        };
        assert_judged(&of(&[normal]), &out, Accept, "default-egress");
        assert_judged(&of(&[enterprise]), &out, Drop, "default-egress");
        assert_judged(&of(&[enterprise, normal]), &out, Accept, "default-egress");
    }
}

#[test]
fn drop_comes_first_at_equal_priority_however_narrow_the_accept() {
    let accept = from("10.0.1.10/32", ports(TCP, 80, 80, rule(Ingress, Accept, 5)));
    let subject = Subject::with_group(vec![accept, rule(Ingress, Drop, 5)]);
    let into = probe(SecurityGroups, Ingress, "10.0.1.10", TCP, 80);
    assert_judged(&subject, &into, Drop, "group0-1");
}

#[test]
fn priority_counts_and_not_how_narrow_a_rule_is() {
    let wide = from("0.0.0.0/0", rule(Ingress, Accept, 1));
    let narrow = from("10.0.1.10/32", ports(TCP, 80, 80, rule(Ingress, Drop, 2)));
    let subject = Subject::with_group(vec![narrow, wide]);
    let into = probe(SecurityGroups, Ingress, "10.0.1.10", TCP, 80);
    assert_judged(&subject, &into, Accept, "group0-1");
}

#[test]
fn rules_of_all_groups_are_merged() {
    let normal = SecurityGroupType::Normal;
    let subject = Subject {
        groups: vec![
            Group::new(normal, vec![rule(Ingress, Accept, 2)]),
            Group::new(normal, vec![from("10.0.1.0/24", rule(Ingress, Drop, 1))]),
        ],
        ..Subject::default()
    };
    let into = |peer| probe(SecurityGroups, Ingress, peer, UDP, 53);
    assert_judged(&subject, &into("10.0.1.10"), Drop, "group1-0");
    assert_judged(&subject, &into("10.0.2.10"), Accept, "group0-0");
}

#[test]
fn the_first_matching_acl_entry_wins() {
    let subject = Subject::with_acl(vec![
        from("10.0.2.0/24", rule(Ingress, Accept, 1)),
        from("10.0.2.1/32", rule(Ingress, Drop, 1)),
        rule(Egress, Drop, 1),
        from("10.0.0.0/16", rule(Ingress, Drop, 1)),
    ]);
    let into = |peer| probe(NetworkAcl, Ingress, peer, TCP, 80);
    assert_judged(&subject, &into("10.0.2.1"), Accept, "acl-0");
    assert_judged(&subject, &into("10.0.3.1"), Drop, "acl-3");
    assert_judged(&subject, &into("10.1.0.1"), Drop, "default-nacl-ingress");
}

#[test]
fn the_hundredth_acl_entry_still_comes_before_the_default() {
    let mut rules = vec![from("10.9.0.0/16", rule(Ingress, Drop, 1)); 99];
    rules.push(rule(Ingress, Accept, 1));
    let into = probe(NetworkAcl, Ingress, "10.2.0.1", TCP, 80);
    assert_judged(&Subject::with_acl(rules), &into, Accept, "acl-99");
}

#[test]
fn an_empty_acl_denies_all_but_what_stays_inside_the_vswitch() {
    let subject = Subject::with_acl(Vec::new());
    for (direction, default) in [
        (Ingress, "default-nacl-ingress"),
        (Egress, "default-nacl-egress"),
    ] {
        let with = |peer| probe(NetworkAcl, direction, peer, TCP, 80);
        for inside in ["10.0.1.0", "10.0.1.10", "10.0.1.255"] {
            assert_judged(&subject, &with(inside), Accept, "same-vswitch");
        }
        for outside in ["10.0.0.255", "10.0.2.0", "10.9.0.1"] {
            assert_judged(&subject, &with(outside), Drop, default);
        }
    }
}

#[test]
fn no_entry_of_an_acl_touches_traffic_inside_the_vswitch() {
    let subject = Subject::with_acl(vec![from("10.0.1.10/32", rule(Ingress, Drop, 1))]);
    let into = probe(NetworkAcl, Ingress, "10.0.1.10", TCP, 80);
    assert_judged(&subject, &into, Accept, "same-vswitch");
}

#[test]
fn a_vswitch_without_acl_is_not_filtered() {
    let into = probe(NetworkAcl, Ingress, "8.8.8.8", TCP, 80);
    assert_judged(&Subject::default(), &into, Accept, "no-acl");
}

/// Every port there is, on both sides of every edge.
#[test]
fn port_ranges_end_where_they_say() {
    for (first, last) in [
        (1, 1),
        (80, 81),
        (1, 65_535),
        (1024, 65_535),
        (4_095, 4_097),
        (255, 8_191),
    ] {
        let subject = Subject::with_group(vec![ports(TCP, first, last, rule(Ingress, Accept, 1))]);
        let judges = Judges::new(&subject);
        for port in 0..=u16::MAX {
            let into = probe(SecurityGroups, Ingress, "10.0.1.10", TCP, port);
            let accepted = judges
                .judge(&into)
                .unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(
                accepted,
                (first..=last).contains(&port),
                "{port} of {first}/{last}"
            );
        }
        for other in [UDP, ICMP, 5, 7, 0, 255] {
            let into = probe(SecurityGroups, Ingress, "10.0.1.10", other, first);
            assert_eq!(judges.judge(&into), Ok(false), "protocol {other}");
        }
    }
}

/// Every prefix length, on both sides of both edges.
#[test]
fn networks_end_where_they_say() {
    for length in 0..=32 {
        let network = ipnet::Ipv4Net::new([172, 21, 77, 133].into(), length).expect("a length");
        let network = network.trunc();
        let subject = Subject::with_group(vec![Rule {
            peer: network,
            ..rule(Ingress, Accept, 1)
        }]);
        let judges = Judges::new(&subject);
        let (first, last) = (u32::from(network.network()), u32::from(network.broadcast()));
        for peer in [first.wrapping_sub(1), first, last, last.wrapping_add(1)] {
            let into = Probe {
                peer: peer.into(),
                ..probe(SecurityGroups, Ingress, "0.0.0.0", ICMP, 0)
            };
            let accepted = judges
                .judge(&into)
                .unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(
                accepted,
                (first..=last).contains(&peer),
                "{} of {network}",
                into.peer
            );
        }
    }
}
