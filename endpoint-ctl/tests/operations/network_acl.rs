//! Network ACLs: their entries, and the vSwitches that have them.

use endpoint_ctl::api::Product::Vpc;
use serde_json::{Map, Value, json};

use crate::rig::{CONSUMER, PROVIDER, Rig, text};

fn acl(rig: &Rig, vpc: &str) -> String {
    let made = rig.call(Vpc, "CreateNetworkAcl", &[("VpcId", vpc)]);
    text(&made, "NetworkAclId")
}

fn shown(rig: &Rig, acl: &str) -> Value {
    let parameters = [("NetworkAclId", acl)];
    let mut answer = rig.call(Vpc, "DescribeNetworkAclAttributes", &parameters);
    answer.remove("NetworkAclAttribute").expect("an attribute")
}

fn entries(shown: &Value, direction: &str) -> Vec<Value> {
    let entries = &shown[format!("{direction}AclEntries")][format!("{direction}AclEntry")];
    entries.as_array().expect("a list").clone()
}

/// A call with an ACL and further parameters.
fn with<'p>(acl: &'p str, more: &[(&'p str, &'p str)]) -> Vec<(&'p str, &'p str)> {
    let first = [("NetworkAclId", acl)];
    first.into_iter().chain(more.iter().copied()).collect()
}

const WEB: [(&str, &str); 7] = [
    ("IngressAclEntries.1.NetworkAclEntryName", "web"),
    ("IngressAclEntries.1.Description", "w"),
    ("IngressAclEntries.1.Policy", "accept"),
    ("IngressAclEntries.1.Protocol", "TCP"),
    ("IngressAclEntries.1.Port", "80/80"),
    ("IngressAclEntries.1.SourceCidrIp", "10.0.0.0/8"),
    ("IngressAclEntries.1.EntryType", "custom"),
];
const PING: [(&str, &str); 5] = [
    ("IngressAclEntries.2.Policy", "drop"),
    ("IngressAclEntries.2.Protocol", "icmpv6"),
    ("IngressAclEntries.2.Port", "-1/-1"),
    ("IngressAclEntries.2.SourceCidrIp", "::/0"),
    ("IngressAclEntries.2.IpVersion", "IPv6"),
];
const BACK: [(&str, &str); 4] = [
    ("EgressAclEntries.1.Policy", "accept"),
    ("EgressAclEntries.1.Protocol", "all"),
    ("EgressAclEntries.1.Port", "-1/-1"),
    ("EgressAclEntries.1.DestinationCidrIp", "0.0.0.0/0"),
];
const INGRESS: (&str, &str) = ("UpdateIngressAclEntries", "True");
const EGRESS: (&str, &str) = ("UpdateEgressAclEntries", "true");

fn fill(rig: &Rig, acl: &str) {
    let all: Vec<_> = [&WEB[..], &PING[..], &BACK[..], &[INGRESS, EGRESS]].concat();
    rig.call(Vpc, "UpdateNetworkAclEntries", &with(acl, &all));
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

#[test]
fn entries_are_replaced_whole_in_order_and_per_direction() {
    let rig = Rig::new();
    let (vpc, _) = rig.network("cn-test-a");
    let id = acl(&rig, &vpc);
    fill(&rig, &id);
    let before = shown(&rig, &id);
    let ingress = entries(&before, "Ingress");
    let egress = entries(&before, "Egress");
    let id_of = |entry: &Value| {
        entry["NetworkAclEntryId"]
            .as_str()
            .expect("text")
            .to_owned()
    };
    assert_eq!(
        ingress[0],
        json!({
            "NetworkAclEntryId": id_of(&ingress[0]),
            "NetworkAclEntryName": "web",
            "Description": "w",
            "EntryType": "custom",
            "Policy": "accept",
            "Protocol": "tcp",
            "Port": "80/80",
            "IpVersion": "IPv4",
            "SourceCidrIp": "10.0.0.0/8",
        })
    );
    assert_eq!(ingress[1]["Protocol"], "icmpv6");
    assert_eq!(ingress[1]["Policy"], "drop");
    assert_eq!(ingress[1]["IpVersion"], "IPv6");
    assert_eq!(ingress[1]["SourceCidrIp"], "::/0");
    assert_eq!(egress.len(), 1);
    assert_eq!(egress[0]["DestinationCidrIp"], "0.0.0.0/0");
    assert_eq!(
        (&egress[0]["Protocol"], &egress[0]["Port"]),
        (&json!("all"), &json!("-1/-1"))
    );
    let ids = [id_of(&ingress[0]), id_of(&ingress[1]), id_of(&egress[0])];
    for (place, id) in ids.iter().enumerate() {
        assert!(id.starts_with("nae-"), "{id}");
        assert!(!ids[..place].contains(id), "{ids:?}");
    }

    // Without its flag a direction stays as it is, even if what is sent for it could not be.
    let ignored = [
        ("EgressAclEntries.1.Policy", "perhaps"),
        ("UpdateEgressAclEntries", "false"),
    ];
    rig.call(Vpc, "UpdateNetworkAclEntries", &with(&id, &ignored));
    assert_eq!(shown(&rig, &id), before);

    // The other way round: an entry that is named goes on under its id, its name goes.
    let turned = [
        INGRESS,
        ("IngressAclEntries.1.Policy", "accept"),
        ("IngressAclEntries.1.Protocol", "gre"),
        ("IngressAclEntries.1.Port", "-1/-1"),
        ("IngressAclEntries.1.SourceCidrIp", "10.9.0.0/16"),
        ("IngressAclEntries.2.Policy", "accept"),
        ("IngressAclEntries.2.Protocol", "udp"),
        ("IngressAclEntries.2.Port", "1/200"),
        ("IngressAclEntries.2.SourceCidrIp", "10.0.0.0/8"),
        ("IngressAclEntries.2.NetworkAclEntryId", ids[0].as_str()),
    ];
    rig.call(Vpc, "UpdateNetworkAclEntries", &with(&id, &turned));
    let now = shown(&rig, &id);
    let ingress = entries(&now, "Ingress");
    assert_eq!(ingress.len(), 2);
    assert_eq!(ingress[0]["Protocol"], "gre");
    assert_eq!(id_of(&ingress[1]), ids[0]);
    assert_eq!(ingress[1]["Port"], "1/200");
    assert_eq!(ingress[1]["NetworkAclEntryName"], "");
    assert_eq!(entries(&now, "Egress"), egress);

    // Nothing sent for a direction that is to be updated leaves nothing of it.
    rig.call(Vpc, "UpdateNetworkAclEntries", &with(&id, &[EGRESS]));
    assert!(entries(&shown(&rig, &id), "Egress").is_empty());
}

#[test]
fn entries_that_cannot_be_are_refused_by_their_parameter() {
    let rig = Rig::new();
    let (vpc, _) = rig.network("cn-test-a");
    let id = acl(&rig, &vpc);
    let refused = |name: &str, value: &str, code: &str| {
        let parameter = format!("IngressAclEntries.1.{name}");
        let mut all: Vec<_> = WEB
            .iter()
            .copied()
            .filter(|(known, _)| *known != parameter)
            .collect();
        all.extend([INGRESS, (&*parameter, value)]);
        let message = rig.refused(Vpc, "UpdateNetworkAclEntries", &with(&id, &all), code);
        assert!(message.contains(&parameter), "{message}");
    };
    refused("Policy", "perhaps", "InvalidPolicy");
    refused("Policy", "", "MissingPolicy");
    refused("Protocol", "sctp", "InvalidProtocol");
    refused("Port", "80", "InvalidPort");
    refused("Port", "200/1", "InvalidPort");
    refused("SourceCidrIp", "10.0.0.1/8", "InvalidSourceCidrIp");
    refused("SourceCidrIp", "::/0", "InvalidSourceCidrIp");
    refused("SourceCidrIp", "", "MissingSourceCidrIp");
    refused("IpVersion", "IPv5", "InvalidIpVersion");
    refused("EntryType", "system", "InvalidEntryType");
    refused(
        "NetworkAclEntryName",
        "https://x",
        "InvalidNetworkAclEntryName",
    );
    refused("Description", &"x".repeat(257), "InvalidDescription");
    let odd = [("UpdateIngressAclEntries", "yes")];
    let code = "InvalidUpdateIngressAclEntries";
    rig.refused(Vpc, "UpdateNetworkAclEntries", &with(&id, &odd), code);

    let many: Vec<_> = (1..=101)
        .flat_map(|place| {
            let named = |field: &str| format!("IngressAclEntries.{place}.{field}");
            [
                (named("Policy"), "accept"),
                (named("Protocol"), "all"),
                (named("Port"), "-1/-1"),
                (named("SourceCidrIp"), "10.0.0.0/8"),
            ]
        })
        .collect();
    let mut many: Vec<_> = many
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    many.push(INGRESS);
    let code = "InvalidIngressAclEntries";
    rig.refused(Vpc, "UpdateNetworkAclEntries", &with(&id, &many), code);
    many.retain(|(name, _)| !name.starts_with("IngressAclEntries.101."));
    rig.call(Vpc, "UpdateNetworkAclEntries", &with(&id, &many));
    assert_eq!(entries(&shown(&rig, &id), "Ingress").len(), 100);
}

#[test]
fn entries_are_copied_under_ids_of_their_own() {
    let rig = Rig::new();
    let (vpc, _) = rig.network("cn-test-a");
    let (from, to) = (acl(&rig, &vpc), acl(&rig, &vpc));
    fill(&rig, &from);
    rig.call(
        Vpc,
        "CopyNetworkAclEntries",
        &with(&to, &[("SourceNetworkAclId", &from)]),
    );
    let (source, copy) = (shown(&rig, &from), shown(&rig, &to));
    for direction in ["Ingress", "Egress"] {
        let (ours, theirs) = (entries(&copy, direction), entries(&source, direction));
        assert_eq!(ours.len(), theirs.len());
        for (mut ours, theirs) in ours.into_iter().zip(theirs) {
            assert_ne!(ours["NetworkAclEntryId"], theirs["NetworkAclEntryId"]);
            ours["NetworkAclEntryId"] = theirs["NetworkAclEntryId"].clone();
            assert_eq!(ours, theirs);
        }
    }
    let itself = [("SourceNetworkAclId", to.as_str())];
    let code = "InvalidSourceNetworkAclId";
    rig.refused(Vpc, "CopyNetworkAclEntries", &with(&to, &itself), code);
    let code = "MissingSourceNetworkAclId";
    rig.refused(Vpc, "CopyNetworkAclEntries", &with(&to, &[]), code);
    let theirs = [("SourceNetworkAclId", "nacl-x")];
    let code = "InvalidNetworkAcl.NotFound";
    rig.refused(Vpc, "CopyNetworkAclEntries", &with(&to, &theirs), code);
}

fn resource<'p>(vswitch: &'p str) -> [(&'p str, &'p str); 2] {
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
        assert_eq!(listed(&found), [expected.clone()], "{filter:?}");
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
