//! The two IP families beside each other.

use super::{judge as judged, *};

#[test]
fn a_rule_covers_the_family_of_its_peer_alone() {
    let any = |id, peer| SecurityGroupRule {
        peer: net(peer).into(),
        ..rule(id, Direction::Ingress, Policy::Accept, 1)
    };
    let judge = |rule: SecurityGroupRule, peer| {
        let model = endpoint_with(vec![normal("sg", vec![rule])]);
        judged(&model, &packet(Direction::Ingress, peer, TCP, 80)).rule
    };
    assert_eq!(judge(any("six", "::/0"), "fd00::1"), "six");
    assert_eq!(judge(any("six", "::/0"), "10.0.1.10"), "default-ingress");
    assert_eq!(judge(any("four", "0.0.0.0/0"), "10.0.1.10"), "four");
    for peer in ["fd00::1", "::ffff:10.0.1.10"] {
        assert_eq!(judge(any("four", "0.0.0.0/0"), peer), "default-ingress");
    }
}

#[test]
fn the_managed_group_accepts_everything_outbound_of_both_families() {
    let model = endpoint_with(vec![group("sg", SecurityGroupType::Enterprise, vec![])]);
    let out = |peer| judged(&model, &packet(Direction::Egress, peer, TCP, 80));
    for (peer, id) in [
        ("10.0.1.10", "sgr-managed-ep-egress"),
        ("fd00::1", "sgr-managed-ep-egress-ipv6"),
    ] {
        assert_eq!(out(peer), Verdict::new(Policy::Accept, id));
    }
}

#[test]
fn an_acl_knows_both_families_and_both_networks_of_the_vswitch() {
    let entries = vec![
        entry("four", Policy::Accept, "0.0.0.0/0"),
        entry("six", Policy::Drop, "fd00::/32"),
    ];
    let model = vswitch_with(Some((entries, vec![])));
    let from = |peer| acl(&model, Direction::Ingress, peer, TCP, 80).rule;
    assert_eq!(from("10.0.2.1"), "four");
    assert_eq!(from("fd00:0:0:2::1"), "six");
    assert_eq!(from("fd00:0:0:1::1"), "same-vswitch");
    assert_eq!(from("fd01::1"), "default-nacl-ingress");
}
