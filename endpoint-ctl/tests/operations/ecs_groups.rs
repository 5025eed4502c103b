//! Security groups: made, listed, renamed, deleted; regions and zones.

use endpoint_ctl::api::Product::Ecs;
use serde_json::{Value, json};

use crate::rig::{CONSUMER, PROVIDER, REGION, Rig, text};

/// A group of a VPC.
pub(crate) fn group(rig: &Rig, vpc: &str, name: &str) -> String {
    let parameters = [("VpcId", vpc), ("SecurityGroupName", name)];
    text(
        &rig.call(Ecs, "CreateSecurityGroup", &parameters),
        "SecurityGroupId",
    )
}

/// The ids of the groups that a call lists, and the token of the next page.
pub(crate) fn listed(rig: &Rig, parameters: &[(&str, &str)]) -> (Vec<String>, String) {
    let answer = rig.call(Ecs, "DescribeSecurityGroups", parameters);
    let groups = answer["SecurityGroups"]["SecurityGroup"].as_array();
    let groups = groups.expect("a list").iter();
    let ids = groups.map(|group| group["SecurityGroupId"].as_str().expect("text").to_owned());
    (ids.collect(), text(&answer, "NextToken"))
}

#[test]
fn groups_are_made_shown_renamed_and_deleted() {
    let rig = Rig::new();
    let (vpc, _) = rig.network("cn-test-a");
    let made = [
        ("VpcId", vpc.as_str()),
        ("SecurityGroupName", "web"),
        ("Description", "of the web"),
        ("SecurityGroupType", "normal"),
        ("Tag.1.Key", "team"),
        ("Tag.1.Value", "a"),
    ];
    let id = text(
        &rig.call(Ecs, "CreateSecurityGroup", &made),
        "SecurityGroupId",
    );
    assert!(id.starts_with("sg-") && id.len() == 23, "{id}");

    let answer = rig.call(Ecs, "DescribeSecurityGroups", &[("SecurityGroupId", &id)]);
    let page = [
        "RegionId",
        "TotalCount",
        "PageNumber",
        "PageSize",
        "NextToken",
    ];
    assert_eq!(
        page.map(|name| &answer[name]),
        [&json!(REGION), &json!(1), &json!(1), &json!(10), &json!("")]
    );
    let mut shown = answer["SecurityGroups"]["SecurityGroup"][0].clone();
    let created = shown["CreationTime"].take();
    assert!(created.as_str().expect("text").ends_with('Z'), "{created}");
    assert_eq!(
        shown,
        json!({
            "SecurityGroupId": id,
            "SecurityGroupName": "web",
            "SecurityGroupType": "normal",
            "VpcId": vpc,
            "Description": "of the web",
            "CreationTime": null,
            "RuleCount": 0,
            "GroupToGroupRuleCount": 0,
            "ServiceManaged": false,
            "ResourceGroupId": "",
            "Tags": { "Tag": [{ "TagKey": "team", "TagValue": "a" }] },
        })
    );

    let renamed = [
        ("SecurityGroupId", id.as_str()),
        ("SecurityGroupName", "api"),
    ];
    rig.call(Ecs, "ModifySecurityGroupAttribute", &renamed);
    let described = [("SecurityGroupId", id.as_str()), ("Description", "of it")];
    rig.call(Ecs, "ModifySecurityGroupAttribute", &described);
    let shut = [
        ("SecurityGroupId", id.as_str()),
        ("InnerAccessPolicy", "drop"),
    ];
    rig.call(Ecs, "ModifySecurityGroupPolicy", &shut);
    let shown = rig.call(
        Ecs,
        "DescribeSecurityGroupAttribute",
        &[("SecurityGroupId", &id)],
    );
    assert_eq!(
        Value::Object(shown),
        json!({
            "RegionId": REGION,
            "SecurityGroupId": id,
            "SecurityGroupName": "api",
            "Description": "of it",
            "VpcId": vpc,
            "InnerAccessPolicy": "Drop",
            "NextToken": "",
            "Permissions": { "Permission": [] },
        })
    );

    rig.call(Ecs, "DeleteSecurityGroup", &[("SecurityGroupId", &id)]);
    for action in ["DeleteSecurityGroup", "DescribeSecurityGroupAttribute"] {
        rig.refused(
            Ecs,
            action,
            &[("SecurityGroupId", &id)],
            "InvalidSecurityGroupId.NotFound",
        );
    }
}

#[test]
fn groups_are_found_by_what_they_are() {
    let rig = Rig::new();
    let (vpc, _) = rig.network("cn-test-a");
    let (other, _) = rig.network("cn-test-a");
    let [web, api, far] = [(&vpc, "web"), (&vpc, "web-api"), (&other, "far")]
        .map(|(vpc, name)| group(&rig, vpc, name));
    let enterprise = [
        ("VpcId", other.as_str()),
        ("SecurityGroupType", "enterprise"),
        ("Tag.1.Key", "k"),
    ];
    let tall = text(
        &rig.call(Ecs, "CreateSecurityGroup", &enterprise),
        "SecurityGroupId",
    );
    let both = json!([web, far]).to_string();
    for (wanted, mut expected) in [
        (vec![("VpcId", vpc.as_str())], vec![&web, &api]),
        (vec![("SecurityGroupName", "web")], vec![&web]),
        (
            vec![("SecurityGroupName", "web"), ("FuzzyQuery", "true")],
            vec![&web, &api],
        ),
        (vec![("SecurityGroupType", "enterprise")], vec![&tall]),
        (vec![("SecurityGroupIds", &both)], vec![&web, &far]),
        (vec![("Tag.1.Key", "k")], vec![&tall]),
        (vec![("Tag.1.Key", "k"), ("Tag.1.Value", "v")], vec![]),
        (vec![("NetworkType", "classic")], vec![]),
        (vec![("NetworkType", "vpc")], vec![&web, &api, &far, &tall]),
        (vec![("ServiceManaged", "True")], vec![]),
    ] {
        expected.sort();
        let found = listed(&rig, &wanted).0;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{wanted:?}");
    }
    let theirs = rig.call_as(PROVIDER, Ecs, "DescribeSecurityGroups", &[]);
    assert_eq!(theirs.expect("answers")["TotalCount"], 0);
    for (name, value, code) in [
        ("SecurityGroupIds", "sg-1", "InvalidSecurityGroupIds"),
        ("MaxResults", "101", "InvalidMaxResults"),
        ("PageSize", "0", "InvalidPageSize"),
        ("NextToken", "\u{e9}", "InvalidNextToken"),
        ("DryRun", "True", "DryRunOperation"),
    ] {
        rig.refused(Ecs, "DescribeSecurityGroups", &[(name, value)], code);
    }
}

#[test]
fn groups_come_in_pages_of_both_kinds() {
    let rig = Rig::new();
    let (vpc, _) = rig.network("cn-test-a");
    let mut all: Vec<_> = (0..7)
        .map(|n| group(&rig, &vpc, &format!("g{n}")))
        .collect();
    all.sort();
    let (mut found, mut token) = (Vec::new(), String::new());
    for size in [3, 3, 1] {
        let parameters = [("MaxResults", "3"), ("NextToken", &token)];
        let answer = rig.call(Ecs, "DescribeSecurityGroups", &parameters);
        assert!(!answer.contains_key("PageNumber"), "{answer:?}");
        let (ids, next) = listed(&rig, &parameters);
        assert_eq!(ids.len(), size);
        found.extend(ids);
        token = next;
    }
    assert_eq!((&found, token.as_str()), (&all, ""));
    let second = listed(&rig, &[("PageNumber", "2"), ("PageSize", "5")]).0;
    assert_eq!(second, all[5..]);
}

#[test]
fn what_cannot_be_is_refused() {
    let rig = Rig::new();
    let (vpc, _) = rig.network("cn-test-a");
    let create = |parameters: &[(&str, &str)], code: &str| {
        rig.refused(Ecs, "CreateSecurityGroup", parameters, code);
    };
    create(&[], "MissingVpcId");
    create(&[("VpcId", "vpc-none")], "InvalidVpcId.NotFound");
    create(
        &[("VpcId", &vpc), ("SecurityGroupType", "huge")],
        "InvalidSecurityGroupType",
    );
    create(
        &[("VpcId", &vpc), ("SecurityGroupName", "x")],
        "InvalidSecurityGroupName",
    );
    create(
        &[("VpcId", &vpc), ("Description", "http://x")],
        "InvalidDescription",
    );
    create(&[("VpcId", &vpc), ("Tag.1.Key", "acs:x")], "InvalidKey");
    let theirs = rig.call_as(PROVIDER, Ecs, "CreateSecurityGroup", &[("VpcId", &vpc)]);
    assert_eq!(theirs.expect_err("refused").code, "InvalidVpcId.NotFound");

    let id = group(&rig, &vpc, "web");
    let policy = |value: &str, code: &str| {
        let parameters = [
            ("SecurityGroupId", id.as_str()),
            ("InnerAccessPolicy", value),
        ];
        rig.refused(Ecs, "ModifySecurityGroupPolicy", &parameters, code);
    };
    policy("", "MissingInnerAccessPolicy");
    policy("maybe", "InvalidInnerAccessPolicy");
    rig.refused(
        Ecs,
        "ModifySecurityGroupAttribute",
        &[],
        "MissingSecurityGroupId",
    );
    for action in [
        "ModifySecurityGroupAttribute",
        "ModifySecurityGroupPolicy",
        "DescribeSecurityGroupAttribute",
        "DeleteSecurityGroup",
        "AuthorizeSecurityGroup",
        "RevokeSecurityGroupEgress",
        "ModifySecurityGroupRule",
        "JoinSecurityGroup",
    ] {
        let theirs = rig.call_as(PROVIDER, Ecs, action, &[("SecurityGroupId", &id)]);
        let code = theirs.expect_err("refused").code;
        assert_eq!(code, "InvalidSecurityGroupId.NotFound", "{action}");
    }
}

#[test]
fn groups_that_are_needed_stay() {
    let rig = Rig::new();
    let (vpc, vswitch) = rig.network("cn-test-a");
    let [web, api] = ["web", "api"].map(|name| group(&rig, &vpc, name));
    rig.endpoint(&vpc, &vswitch, &api);
    let attached = [("SecurityGroupId", api.as_str())];
    let message = rig.refused(Ecs, "DeleteSecurityGroup", &attached, "DependencyViolation");
    assert!(message.contains("ep-web"), "{message}");

    let refers = [
        ("SecurityGroupId", api.as_str()),
        ("Permissions.1.IpProtocol", "TCP"),
        ("Permissions.1.PortRange", "80/80"),
        ("Permissions.1.SourceGroupId", &web),
    ];
    rig.call(Ecs, "AuthorizeSecurityGroup", &refers);
    let message = rig.refused(
        Ecs,
        "DeleteSecurityGroup",
        &[("SecurityGroupId", &web)],
        "DependencyViolation",
    );
    assert!(message.contains(&api), "{message}");
    let asked = [
        ("SecurityGroupId.1", web.as_str()),
        ("SecurityGroupId.2", &api),
    ];
    let answer = rig.call(Ecs, "DescribeSecurityGroupReferences", &asked);
    assert_eq!(
        Value::Object(answer),
        json!({ "SecurityGroupReferences": { "SecurityGroupReference": [{
            "SecurityGroupId": web,
            "ReferencingSecurityGroups": { "ReferencingSecurityGroup": [
                { "SecurityGroupId": api, "AliUid": CONSUMER },
            ] },
        }] } })
    );
    let listed = rig.call(Ecs, "DescribeSecurityGroups", &[("SecurityGroupId", &api)]);
    assert_eq!(
        listed["SecurityGroups"]["SecurityGroup"][0]["GroupToGroupRuleCount"],
        1
    );
    rig.refused(
        Ecs,
        "DescribeSecurityGroupReferences",
        &[],
        "MissingSecurityGroupId",
    );
    let none = [("SecurityGroupId.1", "sg-none")];
    rig.refused(
        Ecs,
        "DescribeSecurityGroupReferences",
        &none,
        "InvalidSecurityGroupId.NotFound",
    );
    rig.call(Ecs, "RevokeSecurityGroup", &refers);
    rig.call(Ecs, "DeleteSecurityGroup", &[("SecurityGroupId", &web)]);
}

#[test]
fn regions_and_zones_are_told() {
    let rig = Rig::new();
    let (vpc, _) = rig.network("cn-test-a");
    rig.vswitch(&vpc, "cn-test-b", "10.0.2.0/24");
    let regions = rig.call(Ecs, "DescribeRegions", &[("RegionId", "")]);
    assert_eq!(
        Value::Object(regions),
        json!({ "Regions": { "Region": [
            { "RegionId": REGION, "LocalName": REGION, "Status": "available" },
        ] } })
    );
    let zones = rig.call(Ecs, "DescribeZones", &[]);
    let zones = zones["Zones"]["Zone"].as_array().expect("a list").clone();
    let ids: Vec<_> = zones.iter().map(|zone| &zone["ZoneId"]).collect();
    assert_eq!(ids, ["cn-test-a", "cn-test-b"]);
    assert_eq!(zones[0]["LocalName"], "cn-test-a");
    assert_eq!(zones[0]["ZoneType"], "AvailabilityZone");
    assert_eq!(
        zones[0]["AvailableResourceCreation"]["ResourceTypes"],
        json!(["VSwitch"])
    );
    rig.refused(Ecs, "DescribeZones", &[("RegionId", "")], "MissingRegionId");
}
