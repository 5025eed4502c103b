//! Security groups that come with endpoints (row F34).

use endpoint_ctl::api::Product::Ecs;
use endpoint_ctl::registry::Quotas;

use crate::ecs_groups::{group, listed};
use crate::rig::{PROVIDER, Rig};

/// The group of an endpoint, and its ENI.
fn managed(rig: &Rig) -> (String, String) {
    let (vpc, vswitch) = rig.network("cn-test-a");
    let own = group(rig, &vpc, "own");
    let (_, eni) = rig.endpoint(&vpc, &vswitch, &own);
    let found = listed(rig, &[("ServiceManaged", "True")]).0;
    assert_eq!(listed(rig, &[("ServiceManaged", "False")]).0, [own]);
    assert_eq!(found.len(), 1);
    (found[0].clone(), eni)
}

#[test]
fn the_group_of_an_endpoint_is_listed_with_its_rules() {
    let rig = Rig::new();
    let (id, _) = managed(&rig);
    let answer = rig.call(Ecs, "DescribeSecurityGroups", &[("SecurityGroupId", &id)]);
    let shown = &answer["SecurityGroups"]["SecurityGroup"][0];
    assert_eq!(shown["RuleCount"], 2);
    assert_eq!(shown["ServiceManaged"], true);
    assert_eq!(shown["ServiceID"], 20_200_415);
    assert_eq!(shown["SecurityGroupName"], *id);
    assert!(
        shown["Description"]
            .as_str()
            .expect("text")
            .contains("ep-web")
    );
    assert!(shown["CreationTime"].as_str().expect("text").ends_with('Z'));

    let attribute = rig.call(
        Ecs,
        "DescribeSecurityGroupAttribute",
        &[("SecurityGroupId", &id)],
    );
    assert_eq!(attribute["InnerAccessPolicy"], "Drop");
    assert_eq!(attribute["Description"], shown["Description"]);
    let rules = attribute["Permissions"]["Permission"]
        .as_array()
        .expect("a list");
    let said: Vec<_> = rules
        .iter()
        .map(|rule| {
            [
                "Direction",
                "IpProtocol",
                "PortRange",
                "Policy",
                "Priority",
                "DestCidrIp",
                "Ipv6DestCidrIp",
            ]
            .map(|name| rule[name].as_str().expect("text"))
        })
        .collect();
    assert_eq!(
        said,
        [
            ["egress", "ALL", "-1/-1", "Accept", "1", "0.0.0.0/0", ""],
            ["egress", "ALL", "-1/-1", "Accept", "1", "", "::/0"],
        ]
    );
    assert_eq!(rules[0]["CreateTime"], shown["CreationTime"]);
    let theirs = rig.call_as(PROVIDER, Ecs, "DescribeSecurityGroups", &[]);
    assert_eq!(theirs.expect("answers")["TotalCount"], 0);
}

#[test]
fn the_group_of_an_endpoint_is_not_to_be_changed() {
    let rig = Rig::new();
    let (id, eni) = managed(&rig);
    let rule = [
        ("Permissions.1.IpProtocol", "ALL"),
        ("Permissions.1.PortRange", "-1/-1"),
        ("Permissions.1.SourceCidrIp", "0.0.0.0/0"),
        ("SecurityGroupId", &id),
    ];
    for action in [
        "AuthorizeSecurityGroup",
        "AuthorizeSecurityGroupEgress",
        "RevokeSecurityGroup",
        "RevokeSecurityGroupEgress",
        "ModifySecurityGroupRule",
        "ModifySecurityGroupEgressRule",
    ] {
        rig.refused(
            Ecs,
            action,
            &rule,
            "InvalidOperation.ResourceManagedByCloudProduct",
        );
    }
    let more = [
        ("SecurityGroupName", "mine"),
        ("InnerAccessPolicy", "Accept"),
        ("NetworkInterfaceId", eni.as_str()),
        ("SecurityGroupId", &id),
        ("ResourceType", "securitygroup"),
        ("ResourceId.1", &id),
        ("Tag.1.Key", "k"),
    ];
    for action in [
        "ModifySecurityGroupAttribute",
        "ModifySecurityGroupPolicy",
        "DeleteSecurityGroup",
        "JoinSecurityGroup",
        "LeaveSecurityGroup",
        "TagResources",
    ] {
        rig.refused(
            Ecs,
            action,
            &more,
            "InvalidOperation.ResourceManagedByCloudProduct",
        );
        let theirs = rig.call_as(PROVIDER, Ecs, action, &more);
        let code = theirs.expect_err("refused").code;
        assert_eq!(code, "InvalidSecurityGroupId.NotFound", "{action}");
    }
}

#[test]
fn the_quota_counts_groups_of_endpoints() {
    let quotas = Quotas {
        security_groups: 3,
        ..Quotas::default()
    };
    let rig = Rig::with(quotas);
    let (vpc, vswitch) = rig.network("cn-test-a");
    let own = group(&rig, &vpc, "own");
    rig.endpoint(&vpc, &vswitch, &own);
    let last = group(&rig, &vpc, "last");
    rig.refused(
        Ecs,
        "CreateSecurityGroup",
        &[("VpcId", &vpc)],
        "QuotaExceed.SecurityGroup",
    );
    rig.call(Ecs, "DeleteSecurityGroup", &[("SecurityGroupId", &last)]);
    group(&rig, &vpc, "next");
}
