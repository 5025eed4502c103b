//! Rules of security groups that are refused.

use endpoint_ctl::api::Product::{Ecs, Vpc};

use crate::ecs_groups::group;
use crate::ecs_lab::{HTTP, Lab};
use crate::rig::{PROVIDER, Rig, text};

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
fn an_endpoint_has_no_more_rules_than_it_can() {
    let rig = Rig::new();
    let (vpc, vswitch) = rig.network("cn-test-a");
    let [first, second] = ["first", "second"].map(|name| group(&rig, &vpc, name));
    let (_, eni) = rig.endpoint(&vpc, &vswitch, &first);
    let joined = [
        ("SecurityGroupId", second.as_str()),
        ("NetworkInterfaceId", &eni),
    ];
    rig.call(Ecs, "JoinSecurityGroup", &joined);
    let list = [
        ("PrefixListName", "wide"),
        ("AddressFamily", "IPv4"),
        ("MaxEntries", "200"),
    ];
    let list = text(&rig.call(Ecs, "CreatePrefixList", &list), "PrefixListId");
    // A hundred rules with the list count for 20,000.
    let add = |group: &str, start: usize| {
        let mut rules = vec![("SecurityGroupId".to_owned(), group.to_owned())];
        for n in 1..=100 {
            let port = start + n;
            rules.extend([
                (format!("Permissions.{n}.IpProtocol"), "TCP".to_owned()),
                (
                    format!("Permissions.{n}.PortRange"),
                    format!("{port}/{port}"),
                ),
                (format!("Permissions.{n}.SourcePrefixListId"), list.clone()),
            ]);
        }
        let rules: Vec<_> = rules
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let answer = rig.call_as(crate::rig::CONSUMER, Ecs, "AuthorizeSecurityGroup", &rules);
        answer.map_err(|error| (error.code.to_string(), error.message))
    };
    for start in [100, 200, 300] {
        add(&first, start).expect("fits");
    }
    for start in [100, 200] {
        add(&second, start).expect("fits");
    }
    let (code, message) = add(&second, 300).expect_err("refused");
    assert_eq!(code, "AuthorizationLimitExceed");
    assert!(
        message.contains("120000 rules in the groups of ep-web"),
        "{message}"
    );
    rig.call(Ecs, "LeaveSecurityGroup", &joined);
    for start in [300, 400, 500] {
        add(&second, start).expect("fits");
    }
    let (code, _) = add(&second, 600).expect_err("refused");
    assert_eq!(code, "AuthorizationLimitExceed");
}
