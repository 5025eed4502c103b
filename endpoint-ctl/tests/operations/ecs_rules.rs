//! Rules of security groups: added and shown.

use endpoint_ctl::api::Product::Ecs;
use serde_json::{Value, json};

use crate::ecs_groups::group;
use crate::ecs_lab::{HTTP, Lab};
use crate::rig::text;

#[test]
fn a_rule_is_shown_with_every_field() {
    let lab = Lab::new();
    let rule = [
        ("Permissions.1.Policy", "DROP"),
        ("Permissions.1.Priority", "7"),
        ("Permissions.1.IpProtocol", "udp"),
        ("Permissions.1.PortRange", "53/54"),
        ("Permissions.1.SourcePortRange", "1024/65535"),
        ("Permissions.1.SourceCidrIp", "10.1.2.3"),
        ("Permissions.1.DestCidrIp", "10.0.1.0/24"),
        ("Permissions.1.NicType", "intranet"),
        ("Permissions.1.Description", "of names"),
    ];
    lab.call("AuthorizeSecurityGroup", &rule);
    let [shown] = &lab.shown(&[])[..] else {
        panic!("not one rule");
    };
    let id = shown["SecurityGroupRuleId"].as_str().expect("text");
    assert!(id.starts_with("sgr-") && id.len() == 24, "{id}");
    let created = shown["CreateTime"].as_str().expect("text");
    assert!(created.len() == 20 && created.ends_with('Z'), "{created}");
    assert_eq!(
        *shown,
        json!({
            "SecurityGroupRuleId": id,
            "Direction": "ingress",
            "Policy": "Drop",
            "Priority": "7",
            "IpProtocol": "UDP",
            "PortRange": "53/54",
            "SourcePortRange": "1024/65535",
            "NicType": "intranet",
            "Description": "of names",
            "CreateTime": created,
            "PortRangeListId": "",
            "PortRangeListName": "",
            "SourceCidrIp": "10.1.2.3/32",
            "Ipv6SourceCidrIp": "",
            "SourceGroupId": "",
            "SourceGroupName": "",
            "SourceGroupOwnerAccount": "",
            "SourcePrefixListId": "",
            "SourcePrefixListName": "",
            "DestCidrIp": "10.0.1.0/24",
            "Ipv6DestCidrIp": "",
            "DestGroupId": "",
            "DestGroupName": "",
            "DestGroupOwnerAccount": "",
            "DestPrefixListId": "",
            "DestPrefixListName": "",
        })
    );
}

#[test]
fn rules_of_both_directions_and_all_peers_are_kept() {
    let lab = Lab::new();
    let other = group(&lab.rig, &lab.vpc, "other");
    let list = [
        ("PrefixListName", "offices"),
        ("AddressFamily", "IPv4"),
        ("MaxEntries", "2"),
    ];
    let list = text(
        &lab.rig.call(Ecs, "CreatePrefixList", &list),
        "PrefixListId",
    );
    let of_peers = [
        ("Permissions.1.IpProtocol", "GRE"),
        ("Permissions.1.PortRange", "-1/-1"),
        ("Permissions.1.DestGroupId", other.as_str()),
        ("Permissions.2.IpProtocol", "all"),
        ("Permissions.2.PortRange", "-1/-1"),
        ("Permissions.2.DestPrefixListId", &list),
        ("Permissions.2.Priority", "2"),
        ("Permissions.3.IpProtocol", "132"),
        ("Permissions.3.PortRange", "-1/-1"),
        ("Permissions.3.Ipv6DestCidrIp", "fd00::1"),
        ("Permissions.3.Ipv6SourceCidrIp", "::/0"),
        ("Permissions.3.Priority", "3"),
    ];
    lab.call("AuthorizeSecurityGroupEgress", &of_peers);
    lab.call("AuthorizeSecurityGroup", &HTTP);
    let egress = |fields: Value| {
        let mut rule = json!({ "Direction": "egress", "Policy": "Accept", "PortRange": "-1/-1" });
        let all = rule.as_object_mut().expect("an object");
        all.extend(fields.as_object().expect("an object").clone());
        rule
    };
    assert_eq!(
        lab.said(),
        [
            json!({
                "Direction": "ingress", "Policy": "Accept", "Priority": "1", "IpProtocol": "TCP",
                "PortRange": "80/80", "SourceCidrIp": "10.0.0.0/8",
            }),
            egress(json!({
                "Priority": "1", "IpProtocol": "GRE", "DestGroupId": other, "DestGroupName": "other",
            })),
            egress(json!({
                "Priority": "2", "IpProtocol": "ALL", "DestPrefixListId": list,
                "DestPrefixListName": "offices",
            })),
            egress(json!({
                "Priority": "3", "IpProtocol": "132", "Ipv6DestCidrIp": "fd00::1/128",
                "Ipv6SourceCidrIp": "::/0",
            })),
        ]
    );
    assert_eq!(lab.shown(&[("Direction", "egress")]).len(), 3);
    assert_eq!(
        lab.shown(&[("Direction", "Ingress"), ("NicType", "internet")])
            .len(),
        1
    );
    lab.refused(
        "DescribeSecurityGroupAttribute",
        &[("Direction", "in")],
        "InvalidDirection",
    );
    lab.refused(
        "DescribeSecurityGroupAttribute",
        &[("NicType", "x")],
        "InvalidNicType",
    );
    lab.refused(
        "DescribeSecurityGroupAttribute",
        &[("MaxResults", "9")],
        "InvalidMaxResults",
    );
}

#[test]
fn a_rule_is_described_in_512_letters_at_most() {
    let lab = Lab::new();
    let of = |length| {
        [
            HTTP[0],
            HTTP[1],
            HTTP[2],
            ("Permissions.1.Description", length),
        ]
    };
    let (longest, longer) = ("x".repeat(512), "x".repeat(513));
    let message = lab.refused("AuthorizeSecurityGroup", &of(&longer), "InvalidDescription");
    assert!(message.contains("Permissions.1.Description"), "{message}");
    lab.call("AuthorizeSecurityGroup", &of(&longest));
    assert_eq!(lab.shown(&[])[0]["Description"], longest);
}

#[test]
fn a_rule_that_is_there_is_not_added_again() {
    let lab = Lab::new();
    lab.call("AuthorizeSecurityGroup", &HTTP);
    let first = lab.ids();
    lab.call("AuthorizeSecurityGroup", &HTTP);
    // By the deprecated names, by number, with another description.
    let same = [
        ("IpProtocol", "6"),
        ("PortRange", "80/80"),
        ("SourceCidrIp", "10.0.0.0/8"),
        ("Priority", "1"),
        ("Policy", "Accept"),
        ("Description", "another"),
    ];
    lab.call("AuthorizeSecurityGroup", &same);
    assert_eq!(lab.ids(), first);
    let twice = [
        ("Permissions.1.IpProtocol", "TCP"),
        ("Permissions.1.PortRange", "80/80"),
        ("Permissions.1.SourceCidrIp", "10.0.0.0/8"),
        ("Permissions.2.IpProtocol", "TCP"),
        ("Permissions.2.PortRange", "81/81"),
        ("Permissions.2.SourceCidrIp", "10.0.0.0/8"),
        ("Permissions.3.IpProtocol", "TCP"),
        ("Permissions.3.PortRange", "81/81"),
        ("Permissions.3.SourceCidrIp", "10.0.0.0/8"),
    ];
    lab.call("AuthorizeSecurityGroup", &twice);
    assert_eq!(lab.ids().len(), 2);
    assert!(lab.ids().contains(&first[0]));
}

#[test]
fn the_peer_that_counts_is_the_network_then_the_group() {
    let lab = Lab::new();
    let list = [
        ("PrefixListName", "offices"),
        ("AddressFamily", "IPv4"),
        ("MaxEntries", "2"),
    ];
    let list = text(
        &lab.rig.call(Ecs, "CreatePrefixList", &list),
        "PrefixListId",
    );
    let all = [
        ("IpProtocol", "TCP"),
        ("PortRange", "1/2"),
        ("SourceCidrIp", "10.0.0.0/8"),
        ("SourceGroupId", lab.group.as_str()),
        ("SourcePrefixListId", &list),
        ("SourceGroupOwnerAccount", "somebody"),
    ];
    lab.call("AuthorizeSecurityGroup", &all);
    let no_network = [
        ("IpProtocol", "TCP"),
        ("PortRange", "1/2"),
        ("SourceGroupId", lab.group.as_str()),
        ("SourceGroupOwnerId", crate::rig::CONSUMER),
        ("SourcePrefixListId", &list),
        ("Priority", "2"),
    ];
    lab.call("AuthorizeSecurityGroup", &no_network);
    let said = lab.said();
    assert_eq!(said[0]["SourceCidrIp"], "10.0.0.0/8");
    assert_eq!(
        said[0]
            .get("SourceGroupId")
            .or(said[0].get("SourcePrefixListId")),
        None
    );
    assert_eq!(said[1]["SourceGroupId"], *lab.group);
    assert_eq!(said[1].get("SourcePrefixListId"), None);
}

#[test]
fn thousands_of_rules_come_in_pages() {
    let lab = Lab::new();
    let started = std::time::Instant::now();
    for call in 0..20 {
        let rules: Vec<_> = (1..=100)
            .flat_map(|n| {
                [
                    (format!("Permissions.{n}.IpProtocol"), "TCP".to_owned()),
                    (format!("Permissions.{n}.PortRange"), "80/80".to_owned()),
                    (
                        format!("Permissions.{n}.SourceCidrIp"),
                        format!("10.{call}.{n}.0/24"),
                    ),
                ]
            })
            .collect();
        let rules: Vec<_> = rules
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        lab.call("AuthorizeSecurityGroup", &rules);
    }
    let too_many: Vec<_> = (1..=101)
        .map(|n| format!("Permissions.{n}.IpProtocol"))
        .collect();
    let too_many: Vec<_> = too_many.iter().map(|name| (name.as_str(), "TCP")).collect();
    lab.refused("AuthorizeSecurityGroup", &too_many, "InvalidPermissions");
    let (mut seen, mut token) = (std::collections::BTreeSet::new(), String::new());
    for size in [1_000, 1_000] {
        let parameters = [("MaxResults", "1000"), ("NextToken", token.as_str())];
        let parameters = lab.with(&parameters);
        let answer = lab
            .rig
            .call(Ecs, "DescribeSecurityGroupAttribute", &parameters);
        let rules = answer["Permissions"]["Permission"]
            .as_array()
            .expect("a list");
        assert_eq!(rules.len(), size);
        seen.extend(rules.iter().map(|rule| rule["SourceCidrIp"].to_string()));
        token = text(&answer, "NextToken");
    }
    assert_eq!((seen.len(), token.as_str()), (2_000, ""));
    assert_eq!(lab.shown(&[]).len(), 500);
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}
