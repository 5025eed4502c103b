//! Network ACLs, and the vSwitches that have them.

use endpoint_ctl::api::Product::Vpc;
use serde_json::{Map, Value, json};

use crate::network_acl_entries::fill;
use crate::rig::{CONSUMER, PROVIDER, Rig, text};

pub(crate) fn acl(rig: &Rig, vpc: &str) -> String {
    let made = rig.call(Vpc, "CreateNetworkAcl", &[("VpcId", vpc)]);
    text(&made, "NetworkAclId")
}

pub(crate) fn shown(rig: &Rig, acl: &str) -> Value {
    let parameters = [("NetworkAclId", acl)];
    let mut answer = rig.call(Vpc, "DescribeNetworkAclAttributes", &parameters);
    answer.remove("NetworkAclAttribute").expect("an attribute")
}

/// A call with an ACL and further parameters.
pub(crate) fn with<'p>(acl: &'p str, more: &[(&'p str, &'p str)]) -> Vec<(&'p str, &'p str)> {
    let first = [("NetworkAclId", acl)];
    first.into_iter().chain(more.iter().copied()).collect()
}

#[test]
fn one_is_made_empty_shown_renamed_listed_and_deleted() {
    let rig = Rig::new();
    let (vpc, _) = rig.network("cn-test-a");
    let parameters = [
        ("VpcId", vpc.as_str()),
        ("NetworkAclName", "first"),
        ("Description", "of tests"),
        ("Tag.1.Key", "k"),
        ("Tag.1.Value", "v"),
    ];
    let made = rig.call(Vpc, "CreateNetworkAcl", &parameters);
    let id = text(&made, "NetworkAclId");
    assert!(id.starts_with("nacl-"), "{id}");
    let mut expected = json!({
        "NetworkAclId": id,
        "NetworkAclName": "first",
        "Description": "of tests",
        "VpcId": vpc,
        "RegionId": "cn-test",
        "CreationTime": made["NetworkAclAttribute"]["CreationTime"],
        "Status": "Modifying",
        "IngressAclEntries": { "IngressAclEntry": [] },
        "EgressAclEntries": { "EgressAclEntry": [] },
        "Resources": { "Resource": [] },
        "Tags": { "Tag": [{ "Key": "k", "Value": "v" }] },
        "OwnerId": 1001,
    });
    assert_eq!(made["NetworkAclAttribute"], expected);
    assert!(
        expected["CreationTime"]
            .as_str()
            .expect("text")
            .ends_with('Z')
    );
    rig.settle();
    expected["Status"] = "Available".into();
    assert_eq!(shown(&rig, &id), expected);

    let renamed = [("NetworkAclName", "other"), ("Description", "renamed")];
    rig.call(Vpc, "ModifyNetworkAclAttributes", &with(&id, &renamed));
    let now = shown(&rig, &id);
    assert_eq!(now["NetworkAclName"], "other");
    assert_eq!(now["Description"], "renamed");
    assert_eq!(now["Tags"], expected["Tags"]);
    let bad = [("NetworkAclName", "http://x")];
    let code = "InvalidNetworkAclName";
    rig.refused(Vpc, "ModifyNetworkAclAttributes", &with(&id, &bad), code);

    rig.call(Vpc, "DeleteNetworkAcl", &with(&id, &[]));
    let code = "InvalidNetworkAcl.NotFound";
    rig.refused(Vpc, "DeleteNetworkAcl", &with(&id, &[]), code);
    rig.refused(Vpc, "CreateNetworkAcl", &[], "MissingVpcId");
    let nowhere = [("VpcId", "vpc-x")];
    rig.refused(Vpc, "CreateNetworkAcl", &nowhere, "InvalidVpcId.NotFound");
}

fn resource(vswitch: &str) -> [(&str, &str); 2] {
    [
        ("Resource.1.ResourceId", vswitch),
        ("Resource.1.ResourceType", "VSwitch"),
    ]
}

fn resources(rig: &Rig, acl: &str) -> Value {
    shown(rig, acl)["Resources"]["Resource"].clone()
}

#[test]
fn a_vswitch_has_one_acl_of_its_vpc() {
    let rig = Rig::new();
    let (vpc, vswitch) = rig.network("cn-test-a");
    let (elsewhere, _) = rig.network("cn-test-a");
    let (first, second) = (acl(&rig, &vpc), acl(&rig, &vpc));
    let other = acl(&rig, &elsewhere);
    rig.settle();
    let of = |status: &str| json!([{ "ResourceId": vswitch, "ResourceType": "VSwitch", "Status": status }]);
    rig.call(
        Vpc,
        "AssociateNetworkAcl",
        &with(&first, &resource(&vswitch)),
    );
    assert_eq!(resources(&rig, &first), of("BINDING"));
    rig.settle();
    assert_eq!(resources(&rig, &first), of("BINDED"));
    let attributes = rig.call(Vpc, "DescribeVSwitchAttributes", &[("VSwitchId", &vswitch)]);
    assert_eq!(attributes["NetworkAclId"], first);
    // What is there already stays.
    rig.call(
        Vpc,
        "AssociateNetworkAcl",
        &with(&first, &resource(&vswitch)),
    );
    assert_eq!(resources(&rig, &first), of("BINDED"));

    let call = "AssociateNetworkAcl";
    let message = rig.refused(
        Vpc,
        call,
        &with(&second, &resource(&vswitch)),
        "ResourceAlreadyAssociated",
    );
    assert!(
        message.contains("Resource.1.ResourceId") && message.contains(&first),
        "{message}"
    );
    let message = rig.refused(
        Vpc,
        call,
        &with(&other, &resource(&vswitch)),
        "InvalidResourceId",
    );
    assert!(message.contains(&vpc), "{message}");
    let nowhere = resource("vsw-x");
    rig.refused(
        Vpc,
        call,
        &with(&first, &nowhere),
        "InvalidVSwitchId.NotFound",
    );
    let odd = [
        ("Resource.1.ResourceId", vswitch.as_str()),
        ("Resource.1.ResourceType", "Vpc"),
    ];
    rig.refused(Vpc, call, &with(&first, &odd), "InvalidResourceType");
    rig.refused(Vpc, call, &with(&first, &odd[..1]), "MissingResourceType");
    rig.refused(Vpc, call, &with(&first, &[]), "MissingResourceId");

    let message = rig.refused(
        Vpc,
        "DeleteNetworkAcl",
        &with(&first, &[]),
        "NetworkAclExistBinding",
    );
    assert!(message.contains(&vswitch), "{message}");
    let bound = [("VSwitchId", vswitch.as_str())];
    rig.refused(
        Vpc,
        "DeleteVSwitch",
        &bound,
        "DependencyViolation.NetworkAcl",
    );
    let call = "UnassociateNetworkAcl";
    rig.refused(
        Vpc,
        call,
        &with(&second, &resource(&vswitch)),
        "InvalidResourceId",
    );
    rig.call(Vpc, call, &with(&first, &resource(&vswitch)));
    assert_eq!(resources(&rig, &first), of("UNBINDING"));
    rig.settle();
    assert_eq!(resources(&rig, &first), json!([]));
    rig.call(Vpc, "DeleteNetworkAcl", &with(&first, &[]));
}

/// A change of a vSwitch, or of an ACL, leaves what is bound bound.
#[test]
fn what_is_bound_stays_bound_over_changes() {
    let rig = Rig::new();
    let (vpc, vswitch) = rig.network("cn-test-a");
    let id = acl(&rig, &vpc);
    rig.call(Vpc, "AssociateNetworkAcl", &with(&id, &resource(&vswitch)));
    rig.settle();
    fill(&rig, &id);
    assert_eq!(shown(&rig, &id)["Status"], "Modifying");
    let renamed = [("VSwitchId", vswitch.as_str()), ("VSwitchName", "renamed")];
    rig.call(Vpc, "ModifyVSwitchAttribute", &renamed);
    rig.settle();
    assert_eq!(shown(&rig, &id)["Status"], "Available");
    assert_eq!(resources(&rig, &id)[0]["Status"], "BINDED");
}

#[test]
fn no_more_than_thirty_vswitches_have_one() {
    let rig = Rig::new();
    let (vpc, first) = rig.network("cn-test-a");
    let id = acl(&rig, &vpc);
    let more = (2..=31).map(|place| rig.vswitch(&vpc, "cn-test-a", &format!("10.0.{place}.0/24")));
    let all: Vec<String> = more.collect();
    let pairs = |ids: &[String]| -> Vec<(String, String)> {
        let numbered = (1..).zip(ids);
        let pairs = numbered.flat_map(|(place, id)| {
            [
                (format!("Resource.{place}.ResourceId"), id.clone()),
                (
                    format!("Resource.{place}.ResourceType"),
                    "VSwitch".to_owned(),
                ),
            ]
        });
        pairs.collect()
    };
    let parameters = pairs(&all);
    let parameters: Vec<_> = parameters.iter().map(|(n, v)| (&**n, &**v)).collect();
    rig.call(Vpc, "AssociateNetworkAcl", &with(&id, &parameters));
    assert_eq!(resources(&rig, &id).as_array().expect("a list").len(), 30);
    rig.refused(
        Vpc,
        "AssociateNetworkAcl",
        &with(&id, &resource(&first)),
        "QuotaExceeded",
    );
    let too_many: Vec<String> = all.iter().cloned().chain([first]).collect();
    let parameters = pairs(&too_many);
    let parameters: Vec<_> = parameters.iter().map(|(n, v)| (&**n, &**v)).collect();
    rig.refused(
        Vpc,
        "AssociateNetworkAcl",
        &with(&id, &parameters),
        "InvalidResource",
    );
}

fn listed(answer: &Map<String, Value>) -> Vec<String> {
    let all = answer["NetworkAcls"]["NetworkAcl"]
        .as_array()
        .expect("a list");
    let ids = all
        .iter()
        .map(|one| one["NetworkAclId"].as_str().expect("text"));
    ids.map(str::to_owned).collect()
}

#[test]
fn lists_are_filtered_and_their_pages_counted_in_texts() {
    let rig = Rig::new();
    let (vpc, vswitch) = rig.network("cn-test-a");
    let (elsewhere, _) = rig.network("cn-test-a");
    let first = acl(&rig, &vpc);
    let named = [
        ("VpcId", elsewhere.as_str()),
        ("NetworkAclName", "n"),
        ("Tag.1.Key", "k"),
        ("Tag.1.Value", "v"),
    ];
    let second = text(&rig.call(Vpc, "CreateNetworkAcl", &named), "NetworkAclId");
    rig.call(
        Vpc,
        "AssociateNetworkAcl",
        &with(&first, &resource(&vswitch)),
    );
    let call = "DescribeNetworkAcls";
    let all = rig.call(Vpc, call, &[]);
    assert_eq!(
        (&all["PageNumber"], &all["PageSize"], &all["TotalCount"]),
        (&json!("1"), &json!("10"), &json!("2"))
    );
    assert_eq!(
        all["NetworkAcls"]["NetworkAcl"][0],
        shown(&rig, &listed(&all)[0])
    );
    for (filter, expected) in [
        (vec![("NetworkAclId", first.as_str())], &first),
        (vec![("NetworkAclName", "n")], &second),
        (vec![("VpcId", elsewhere.as_str())], &second),
        (
            vec![
                ("ResourceType", "VSwitch"),
                ("ResourceId", vswitch.as_str()),
            ],
            &first,
        ),
        (vec![("Tags.1.Key", "k"), ("Tags.1.Value", "v")], &second),
    ] {
        let found = rig.call(Vpc, call, &filter);
        assert_eq!(listed(&found), std::slice::from_ref(expected), "{filter:?}");
        assert_eq!(found["TotalCount"], "1");
    }
    let page = |number| rig.call(Vpc, call, &[("PageSize", "1"), ("PageNumber", number)]);
    let mut pages = [listed(&page("1")), listed(&page("2"))].concat();
    pages.sort();
    let mut both = vec![first.clone(), second];
    both.sort();
    assert_eq!(pages, both);
    assert!(listed(&page("3")).is_empty());
    rig.refused(Vpc, call, &[("PageSize", "51")], "InvalidPageSize");
    rig.refused(Vpc, call, &[("ResourceType", "Vpc")], "InvalidResourceType");

    let theirs = rig.call_as(PROVIDER, Vpc, call, &[]).expect("answers");
    assert_eq!(theirs["TotalCount"], "0");
    for call in [
        "DescribeNetworkAclAttributes",
        "ModifyNetworkAclAttributes",
        "UpdateNetworkAclEntries",
        "AssociateNetworkAcl",
        "UnassociateNetworkAcl",
        "CopyNetworkAclEntries",
        "DeleteNetworkAcl",
    ] {
        let refused = rig.call_as(PROVIDER, Vpc, call, &with(&first, &[]));
        assert_eq!(
            refused.expect_err(call).code,
            "InvalidNetworkAcl.NotFound",
            "{call}"
        );
    }
}

#[test]
fn the_region_has_the_zones_that_something_is_in() {
    let rig = Rig::new();
    let zones = |rig: &Rig| rig.call(Vpc, "DescribeZones", &[])["Zones"]["Zone"].clone();
    assert_eq!(zones(&rig), json!([]));
    let (vpc, _) = rig.network("cn-test-b");
    rig.vswitch(&vpc, "cn-test-a", "10.0.2.0/24");
    let zone = |id: &str| json!({ "ZoneId": id, "LocalName": id, "ZoneType": "AvailabilityZone" });
    assert_eq!(zones(&rig), json!([zone("cn-test-a"), zone("cn-test-b")]));
    let regions = rig
        .call_as(CONSUMER, Vpc, "DescribeRegions", &[])
        .expect("answers");
    let expected = json!({ "Region": [{ "RegionId": "cn-test", "LocalName": "cn-test" }] });
    assert_eq!(regions["Regions"], expected);
}
