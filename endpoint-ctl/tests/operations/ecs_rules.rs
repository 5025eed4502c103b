//! Rules of security groups: added, shown, changed, taken away.

use endpoint_ctl::api::Product::{Ecs, Vpc};
use serde_json::{Value, json};

use crate::ecs_groups::group;
use crate::rig::{PROVIDER, Rig, text};

/// A group to write rules into.
struct Lab {
    rig: Rig,
    vpc: String,
    group: String,
}

impl Lab {
    fn new() -> Self {
        let rig = Rig::new();
        let (vpc, _) = rig.network("cn-test-a");
        let group = group(&rig, &vpc, "web");
        Self { rig, vpc, group }
    }

    fn with<'p>(&'p self, parameters: &[(&'p str, &'p str)]) -> Vec<(&'p str, &'p str)> {
        let group = [("SecurityGroupId", self.group.as_str())];
        group.iter().chain(parameters).copied().collect()
    }

    #[track_caller]
    fn call(&self, action: &str, parameters: &[(&str, &str)]) {
        let answer = self.rig.call(Ecs, action, &self.with(parameters));
        assert!(answer.is_empty(), "{action} answers {answer:?}");
    }

    #[track_caller]
    fn refused(&self, action: &str, parameters: &[(&str, &str)], code: &str) -> String {
        self.rig.refused(Ecs, action, &self.with(parameters), code)
    }

    fn shown(&self, parameters: &[(&str, &str)]) -> Vec<Value> {
        let parameters = self.with(parameters);
        let answer = self
            .rig
            .call(Ecs, "DescribeSecurityGroupAttribute", &parameters);
        answer["Permissions"]["Permission"]
            .as_array()
            .expect("a list")
            .clone()
    }

    /// The fields of the rules that have a value, beside those that all have.
    fn said(&self) -> Vec<Value> {
        let mut rules = self.shown(&[]);
        for rule in &mut rules {
            let fields = rule.as_object_mut().expect("an object");
            fields.retain(|name, value| {
                let common =
                    ["SecurityGroupRuleId", "NicType", "CreateTime"].contains(&name.as_str());
                !common && *value != "" && !(name == "SourcePortRange" && *value == "-1/-1")
            });
        }
        rules
    }

    fn ids(&self) -> Vec<String> {
        let rules = self.shown(&[]);
        let ids = rules
            .iter()
            .map(|rule| rule["SecurityGroupRuleId"].as_str());
        ids.map(|id| id.expect("text").to_owned()).collect()
    }
}

const HTTP: [(&str, &str); 3] = [
    ("Permissions.1.IpProtocol", "tcp"),
    ("Permissions.1.PortRange", "80/80"),
    ("Permissions.1.SourceCidrIp", "10.0.0.0/8"),
];

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
fn faults_of_rules_name_what_the_client_sent() {
    let lab = Lab::new();
    lab.call("AuthorizeSecurityGroup", &HTTP);
    let good = [
        ("Permissions.1.IpProtocol", "TCP"),
        ("Permissions.1.PortRange", "81/81"),
        ("Permissions.1.SourceCidrIp", "10.0.0.0/8"),
        ("Permissions.2.IpProtocol", "TCP"),
        ("Permissions.2.PortRange", "81/81"),
        ("Permissions.2.SourceCidrIp", "10.0.0.0/8"),
    ];
    for (name, value, code) in [
        ("PortRange", "81", "InvalidPortRange"),
        ("PortRange", "", "MissingPortRange"),
        ("IpProtocol", "", "MissingIpProtocol"),
        ("IpProtocol", "TPC", "InvalidIpProtocol"),
        ("IpProtocol", "ICMP", "InvalidPortRange"),
        ("IpProtocol", "256", "InvalidIpProtocol"),
        ("Priority", "101", "InvalidPriority"),
        ("Policy", "maybe", "InvalidPolicy"),
        ("SourceCidrIp", "10.0.0.1/8", "InvalidSourceCidrIp"),
        ("SourceCidrIp", "fd00::/8", "InvalidSourceCidrIp"),
        ("Ipv6SourceCidrIp", "fd00::/8", "InvalidIpv6SourceCidrIp"),
        ("Ipv6DestCidrIp", "fd00::/8", "InvalidIpv6DestCidrIp"),
        ("NicType", "internet", "InvalidNicType"),
        ("PortRangeListId", "prl-1", "InvalidPortRangeListId"),
        ("DestGroupId", &lab.group, "InvalidDestGroupId"),
    ] {
        for (first, path) in [("Permissions.2.", "Permissions.2."), ("", "")] {
            let full = format!("{first}{name}");
            let mut rule: Vec<(&str, &str)> = if first.is_empty() {
                let alone = good[..3].iter();
                alone
                    .map(|(name, value)| (&name["Permissions.1.".len()..], *value))
                    .collect()
            } else {
                good.to_vec()
            };
            rule.retain(|(given, _)| *given != full);
            rule.push((&full, value));
            let message = lab.refused("AuthorizeSecurityGroup", &rule, code);
            let field = &code[code.find(|c: char| c.is_lowercase()).unwrap_or_default()..];
            let told = ["Invalid", "Missing"]
                .iter()
                .find_map(|one| code.strip_prefix(one));
            let told = format!("{path}{}", told.unwrap_or(field));
            assert!(
                message.contains(&format!("parameter {told}")),
                "{message}: {told}"
            );
        }
    }
    assert_eq!(lab.ids().len(), 1);
}

#[test]
fn what_rules_refer_to_must_be_the_callers() {
    let lab = Lab::new();
    let cidr = [("CidrBlock", "10.0.0.0/16")];
    let vpc = lab
        .rig
        .call_as(PROVIDER, Vpc, "CreateVpc", &cidr)
        .expect("makes");
    let vpc = text(&vpc, "VpcId");
    let made = lab
        .rig
        .call_as(PROVIDER, Ecs, "CreateSecurityGroup", &[("VpcId", &vpc)]);
    let theirs = text(&made.expect("makes"), "SecurityGroupId");
    let list = [
        ("PrefixListName", "their"),
        ("AddressFamily", "IPv4"),
        ("MaxEntries", "2"),
    ];
    let made = lab.rig.call_as(PROVIDER, Ecs, "CreatePrefixList", &list);
    let list = text(&made.expect("makes"), "PrefixListId");
    let (other, _) = lab.rig.network("cn-test-b");
    let far = group(&lab.rig, &other, "far");
    for (name, value, code) in [
        (
            "SourceGroupId",
            theirs.as_str(),
            "InvalidSecurityGroupId.NotFound",
        ),
        (
            "SourceGroupId",
            "sg-none",
            "InvalidSecurityGroupId.NotFound",
        ),
        ("SourceGroupId", &far, "InvalidSourceGroupId"),
        ("SourcePrefixListId", &list, "InvalidPrefixListId.NotFound"),
        ("SourceCidrIp", "", "MissingParameter.Source"),
    ] {
        let rule = [("IpProtocol", "TCP"), ("PortRange", "1/2"), (name, value)];
        lab.refused("AuthorizeSecurityGroup", &rule, code);
    }
    let to_owner = [
        ("IpProtocol", "TCP"),
        ("PortRange", "1/2"),
        ("SourceGroupId", lab.group.as_str()),
        ("SourceGroupOwnerId", PROVIDER),
    ];
    lab.refused(
        "AuthorizeSecurityGroup",
        &to_owner,
        "InvalidSourceGroupOwnerId",
    );
    let no_peer = [
        ("Permissions.1.IpProtocol", "TCP"),
        ("Permissions.1.PortRange", "1/2"),
    ];
    let message = lab.refused(
        "AuthorizeSecurityGroupEgress",
        &no_peer,
        "MissingParameter.Dest",
    );
    assert!(message.contains("Permissions.1.DestCidrIp"), "{message}");
    let mixed: Vec<_> = HTTP.into_iter().chain([("Policy", "drop")]).collect();
    lab.refused("AuthorizeSecurityGroup", &mixed, "InvalidParameter");
    lab.refused("AuthorizeSecurityGroup", &[], "MissingPermissions");
    let enterprise = [
        ("VpcId", lab.vpc.as_str()),
        ("SecurityGroupType", "enterprise"),
    ];
    let tall = text(
        &lab.rig.call(Ecs, "CreateSecurityGroup", &enterprise),
        "SecurityGroupId",
    );
    let refers = [
        ("SecurityGroupId", tall.as_str()),
        ("IpProtocol", "TCP"),
        ("PortRange", "1/2"),
        ("SourceGroupId", &lab.group),
    ];
    lab.rig.refused(
        Ecs,
        "AuthorizeSecurityGroup",
        &refers,
        "InvalidSourceGroupId",
    );
}

#[test]
fn rules_are_revoked_by_id_or_by_what_they_say() {
    let lab = Lab::new();
    let rules = [
        ("Permissions.1.IpProtocol", "TCP"),
        ("Permissions.1.PortRange", "80/80"),
        ("Permissions.1.SourceCidrIp", "10.0.0.0/8"),
        ("Permissions.1.Description", "web"),
        ("Permissions.2.IpProtocol", "TCP"),
        ("Permissions.2.PortRange", "81/81"),
        ("Permissions.2.SourceCidrIp", "10.0.0.0/8"),
        ("Permissions.2.Priority", "2"),
        ("Permissions.3.IpProtocol", "TCP"),
        ("Permissions.3.PortRange", "82/82"),
        ("Permissions.3.SourceCidrIp", "10.0.0.0/8"),
        ("Permissions.3.Priority", "3"),
    ];
    lab.call("AuthorizeSecurityGroup", &rules);
    let ids = lab.ids();
    let by_id = [("SecurityGroupRuleId.1", ids[1].as_str())];
    lab.refused(
        "RevokeSecurityGroupEgress",
        &by_id,
        "InvalidSecurityGroupRuleId.NotFound",
    );
    let one_of_two = [by_id[0], ("SecurityGroupRuleId.2", "sgr-none")];
    lab.refused(
        "RevokeSecurityGroup",
        &one_of_two,
        "InvalidSecurityGroupRuleId.NotFound",
    );
    assert_eq!(lab.ids(), ids);
    lab.call("RevokeSecurityGroup", &by_id);
    assert_eq!(lab.ids(), [ids[0].as_str(), &ids[2]]);
    // Of another priority, direction, port: there is none, which is no fault.
    let described = [
        ("IpProtocol", "tcp"),
        ("PortRange", "80/80"),
        ("SourceCidrIp", "10.0.0.0/8"),
    ];
    for other in [
        ("Priority", "9"),
        ("Policy", "drop"),
        ("SourcePortRange", "1/2"),
    ] {
        let other: Vec<_> = described.into_iter().chain([other]).collect();
        lab.call("RevokeSecurityGroup", &other);
    }
    let outbound = [
        ("IpProtocol", "tcp"),
        ("PortRange", "80/80"),
        ("DestCidrIp", "10.0.0.0/8"),
    ];
    lab.call("RevokeSecurityGroupEgress", &outbound);
    assert_eq!(lab.ids().len(), 2);
    lab.call("RevokeSecurityGroup", &described);
    assert_eq!(lab.ids(), [ids[2].as_str()]);
    lab.call("RevokeSecurityGroup", &rules);
    assert!(lab.ids().is_empty());
    lab.refused("RevokeSecurityGroup", &[], "MissingPermissions");
    lab.refused(
        "RevokeSecurityGroup",
        &[("IpProtocol", "TCP")],
        "MissingParameter.Source",
    );
}

#[test]
fn what_is_given_of_a_rule_is_changed_and_no_more() {
    let lab = Lab::new();
    let rules = [
        ("Permissions.1.IpProtocol", "TCP"),
        ("Permissions.1.PortRange", "80/80"),
        ("Permissions.1.SourceCidrIp", "10.0.0.0/8"),
        ("Permissions.1.Description", "web"),
        ("Permissions.2.IpProtocol", "TCP"),
        ("Permissions.2.PortRange", "81/81"),
        ("Permissions.2.SourceCidrIp", "10.0.0.0/8"),
        ("Permissions.2.Priority", "2"),
    ];
    lab.call("AuthorizeSecurityGroup", &rules);
    let ids = lab.ids();
    let id = ("SecurityGroupRuleId", ids[0].as_str());
    lab.call(
        "ModifySecurityGroupRule",
        &[id, ("Policy", "drop"), ("Ipv6SourceCidrIp", "::/0")],
    );
    let changed = json!({
        "Direction": "ingress", "Policy": "Drop", "Priority": "1", "IpProtocol": "TCP",
        "PortRange": "80/80", "Ipv6SourceCidrIp": "::/0", "Description": "web",
    });
    assert_eq!(lab.said()[0], changed);
    assert_eq!(lab.ids(), ids);
    lab.call("ModifySecurityGroupRule", &[id, ("Description", "no more")]);
    assert_eq!(lab.said()[0]["Description"], "no more");
    // The deprecated way: a rule that is described gets a description.
    let described = [
        ("IpProtocol", "tcp"),
        ("PortRange", "81/81"),
        ("SourceCidrIp", "10.0.0.0/8"),
        ("Priority", "2"),
        ("Description", "second"),
    ];
    lab.call("ModifySecurityGroupRule", &described);
    assert_eq!(lab.said()[1]["Description"], "second");

    let same = [
        id,
        ("Policy", "accept"),
        ("SourceCidrIp", "10.0.0.0/8"),
        ("PortRange", "81/81"),
        ("Priority", "2"),
    ];
    lab.refused(
        "ModifySecurityGroupRule",
        &same,
        "SecurityGroupRuleConflict.Duplicate",
    );
    let message = lab.refused(
        "ModifySecurityGroupRule",
        &[id, ("PortRange", "x")],
        "InvalidPortRange",
    );
    assert!(message.contains("parameter PortRange"), "{message}");
    lab.refused(
        "ModifySecurityGroupEgressRule",
        &[id],
        "InvalidSecurityGroupRuleId.NotFound",
    );
    let none = [("SecurityGroupRuleId", "sgr-none")];
    lab.refused(
        "ModifySecurityGroupRule",
        &none,
        "InvalidSecurityGroupRuleId.NotFound",
    );
    lab.refused("ModifySecurityGroupRule", &[], "MissingSecurityGroupRuleId");
    let other = [
        ("IpProtocol", "TCP"),
        ("PortRange", "9/9"),
        ("SourceCidrIp", "10.0.0.0/8"),
    ];
    lab.refused(
        "ModifySecurityGroupRule",
        &other,
        "InvalidSecurityGroupRule.NotFound",
    );

    let out = [
        ("IpProtocol", "TCP"),
        ("PortRange", "80/80"),
        ("DestCidrIp", "10.0.0.0/8"),
    ];
    lab.call("AuthorizeSecurityGroupEgress", &out);
    let ids = lab.ids();
    let id = ("SecurityGroupRuleId", ids[2].as_str());
    lab.call(
        "ModifySecurityGroupEgressRule",
        &[id, ("DestGroupId", &lab.group)],
    );
    assert_eq!(lab.said()[2]["DestGroupId"], *lab.group);
    assert_eq!(lab.said()[2].get("DestCidrIp"), None);
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
