//! Rules of security groups: who they mean, and what is refused.

use std::fmt::Write as _;

use endpoint_ctl::model::{Peer, Policy, PortRange, SecurityGroup, SecurityGroupId};

use super::{check_golden, lab, loaded, refused};

const WEB: &str = "\
---
kind: PrefixList
PrefixListId: pl-offices
PrefixListName: offices
AddressFamily: IPv4
MaxEntries: 10
Entries: [{ Cidr: 192.168.7.0/24, Description: seventh }, { Cidr: 192.168.9.1/32 }]
---
kind: SecurityGroup
SecurityGroupId: sg-b
VpcId: vpc-a
Members: [10.0.1.10, 10.0.2.0/24]
Permissions:
";

/// The group `sg-b` with these rules.
fn group(rules: &[&str]) -> SecurityGroup {
    let lines = rules.iter().map(|rule| format!("- {{ {rule} }}\n"));
    let text = format!("{}{WEB}{}", lab(), lines.collect::<String>());
    let mut model = loaded(&text);
    let found = model.security_groups.remove(&SecurityGroupId::new("sg-b"));
    found.expect("sg-b")
}

#[test]
fn every_fault_of_rules_is_listed_with_place_and_mend() {
    check_golden("bad-rules.yaml", "bad-rules.expected");
}

#[test]
fn a_rule_may_name_both_sides_and_both_ports() {
    let group = group(&[
        "Direction: ingress, IpProtocol: TCP, PortRange: 80/80, SourcePortRange: 1024/65535, \
         SourceCidrIp: 10.0.1.0/24, DestCidrIp: 10.0.1.100/32",
        "Direction: egress, IpProtocol: UDP, PortRange: 53/53, SourcePortRange: -1/-1, \
         Ipv6DestCidrIp: fd00::/64, Ipv6SourceCidrIp: fd00::100/128",
    ]);
    let [first, second] = &group.rules[..] else {
        panic!("{group:?}");
    };
    let high = PortRange {
        first: 1024,
        last: 65_535,
    };
    assert_eq!(
        (first.source_ports, second.source_ports),
        (high, PortRange::ANY)
    );
    let local = |text: &str| Some(text.parse().expect("a network"));
    assert_eq!(first.local, local("10.0.1.100/32"));
    assert_eq!(second.local, local("fd00::100/128"));
    assert_eq!(first.peer.to_string(), "10.0.1.0/24");
}

#[test]
fn peers_are_networks_prefix_lists_or_groups() {
    let rule = |rest: &str| format!("IpProtocol: ALL, PortRange: -1/-1, {rest}");
    let group = group(&[
        &rule("Direction: ingress, SourcePrefixListId: pl-offices"),
        &rule("Direction: egress, DestGroupId: sg-web"),
        &rule("Direction: ingress, SourceGroupId: sg-b"),
    ]);
    let peers = group.rules.iter().map(|rule| rule.peer.to_string());
    assert_eq!(peers.collect::<Vec<_>>(), ["pl-offices", "sg-web", "sg-b"]);
    assert!(matches!(group.rules[2].peer, Peer::Group(_)));
    let members = group.members.iter().map(ToString::to_string);
    assert_eq!(members.collect::<Vec<_>>(), ["10.0.1.10/32", "10.0.2.0/24"]);
}

#[test]
fn a_group_may_refer_to_one_that_comes_later() {
    let text = lab().replace(
        "SourceCidrIp: 10.0.1.10/32\n  - Sec",
        "SourceGroupId: sg-b\n  - Sec",
    );
    let model = loaded(&format!("{text}{}", WEB.replace("Permissions:\n", "")));
    let rules = &model.security_groups[&SecurityGroupId::new("sg-web")].rules;
    assert_eq!(rules[0].peer, Peer::Group(SecurityGroupId::new("sg-b")));
}

#[test]
fn inner_access_is_accept_for_normal_groups_and_drop_for_enterprise_ones() {
    let inner = |lines: &str| {
        let text = lab().replace("SecurityGroupType: normal", lines);
        loaded(&text).security_groups[&SecurityGroupId::new("sg-web")].inner_access
    };
    assert_eq!(inner("SecurityGroupType: normal"), Policy::Accept);
    assert_eq!(inner("InnerAccessPolicy: Drop"), Policy::Drop);
    assert_eq!(inner("InnerAccessPolicy: accept"), Policy::Accept);
    assert_eq!(inner("SecurityGroupType: enterprise"), Policy::Drop);
    let managed = &loaded(&lab()).security_groups[&SecurityGroupId::new("sg-managed-ep-web")];
    assert_eq!(managed.inner_access, Policy::Drop);
}

/// Row F34: outbound allow-all of both families, priority 1.
#[test]
fn the_managed_group_accepts_all_outbound_at_priority_1() {
    let model = loaded(&lab());
    let managed = &model.security_groups[&SecurityGroupId::new("sg-managed-ep-web")];
    let shown = managed.rules.iter().map(|rule| {
        let peer = rule.peer.to_string();
        format!(
            "{:?} {:?} {peer} {} {:?}",
            rule.direction, rule.protocol, rule.ports, rule.policy
        )
    });
    assert_eq!(
        shown.collect::<Vec<_>>(),
        [
            "Egress All 0.0.0.0/0 -1/-1 Accept",
            "Egress All ::/0 -1/-1 Accept"
        ]
    );
    assert!(managed.rules.iter().all(|rule| rule.priority == 1));
}

/// Row F33: the managed group does not count as one.
#[test]
fn an_endpoint_has_1_to_10_groups_of_its_own() {
    let with = |groups: &str| {
        lab().replace(
            "SecurityGroupIds: [sg-web]",
            &format!("SecurityGroupIds: [{groups}]"),
        )
    };
    for (groups, count) in [
        ("", 0),
        (
            "sg-web, sg-0, sg-1, sg-2, sg-3, sg-4, sg-5, sg-6, sg-7, sg-8, sg-9",
            11,
        ),
    ] {
        let mut text = with(groups);
        for number in 0..10 {
            writeln!(
                text,
                "---\nkind: SecurityGroup\nSecurityGroupId: sg-{number}\nVpcId: vpc-a"
            )
            .expect("a string takes it");
        }
        let errors = refused(&text).to_string();
        assert!(
            errors.contains(&format!("{count} security groups; name 1 to 10")),
            "{errors}"
        );
    }
}

#[test]
fn a_rule_with_a_prefix_list_counts_as_many_as_the_list_may_have() {
    let with = |lists: usize| {
        let mut text =
            lab() + "---\nkind: SecurityGroup\nSecurityGroupId: sg-b\nVpcId: vpc-a\nPermissions:\n";
        for list in 0..lists {
            writeln!(text, "- {{ Direction: ingress, IpProtocol: ALL, PortRange: -1/-1, SourcePrefixListId: pl-{list} }}").expect("a string takes it");
        }
        for list in 0..lists {
            writeln!(text, "---\nkind: PrefixList\nPrefixListId: pl-{list}\nAddressFamily: IPv6\nMaxEntries: 200").expect("a string takes it");
        }
        text
    };
    loaded(&with(500));
    let errors = refused(&with(501)).to_string();
    assert!(errors.contains("100200 rules"), "{errors}");
    let attached = with(500).replace(
        "SecurityGroupIds: [sg-web]",
        "SecurityGroupIds: [sg-web, sg-b]",
    );
    let errors = refused(&attached).to_string();
    assert!(
        errors.contains("100002 rules in these groups together"),
        "{errors}"
    );
}

#[test]
fn only_so_many_rules_may_refer_to_groups() {
    let with = |count: usize| {
        let mut text =
            lab() + "---\nkind: SecurityGroup\nSecurityGroupId: sg-b\nVpcId: vpc-a\nPermissions:\n";
        for port in 1..=count {
            writeln!(text, "- {{ Direction: ingress, IpProtocol: TCP, PortRange: {port}/{port}, SourceGroupId: sg-b }}").expect("a string takes it");
        }
        text
    };
    loaded(&with(20));
    let errors = refused(&with(21)).to_string();
    assert!(
        errors.contains("21 rules refer to groups; 20 may"),
        "{errors}"
    );
}
