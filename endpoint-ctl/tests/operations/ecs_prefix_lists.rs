//! Prefix lists.

use endpoint_ctl::api::Product::Ecs;
use serde_json::{Value, json};

use crate::ecs_groups::group;
use crate::rig::{PROVIDER, Rig, text};

fn offices(rig: &Rig, more: &[(&str, &str)]) -> String {
    let parameters = [
        ("PrefixListName", "offices"),
        ("AddressFamily", "IPv4"),
        ("MaxEntries", "3"),
    ];
    let parameters: Vec<_> = parameters.iter().chain(more).copied().collect();
    text(
        &rig.call(Ecs, "CreatePrefixList", &parameters),
        "PrefixListId",
    )
}

#[test]
fn lists_are_made_shown_changed_and_deleted() {
    let rig = Rig::new();
    let made = [
        ("Entry.1.Cidr", "10.0.0.0/8"),
        ("Entry.1.Description", "all of us"),
        ("Entry.2.Cidr", "192.0.2.1"),
        ("Description", "where we are"),
        ("Tag.1.Key", "k"),
        ("Tag.1.Value", "v"),
    ];
    let id = offices(&rig, &made);
    assert!(id.starts_with("pl-"), "{id}");
    let mut shown = rig.call(
        Ecs,
        "DescribePrefixListAttributes",
        &[("PrefixListId", &id)],
    );
    let created = shown["CreationTime"].take();
    assert_eq!(
        Value::Object(shown),
        json!({
            "PrefixListId": id,
            "PrefixListName": "offices",
            "Description": "where we are",
            "AddressFamily": "IPv4",
            "MaxEntries": 3,
            "CreationTime": null,
            "Entries": { "Entry": [
                { "Cidr": "10.0.0.0/8", "Description": "all of us" },
                { "Cidr": "192.0.2.1/32", "Description": "" },
            ] },
        })
    );
    let listed = rig.call(Ecs, "DescribePrefixLists", &[]);
    assert_eq!(
        Value::Object(listed),
        json!({
            "PrefixLists": { "PrefixList": [{
                "PrefixListId": id,
                "PrefixListName": "offices",
                "Description": "where we are",
                "AddressFamily": "IPv4",
                "MaxEntries": 3,
                "CreationTime": created,
                "AssociationCount": 0,
                "ResourceGroupId": "",
                "Tags": { "Tag": [{ "TagKey": "k", "TagValue": "v" }] },
            }] },
            "NextToken": "",
        })
    );
    let changed = [
        ("PrefixListId", id.as_str()),
        ("PrefixListName", "homes"),
        ("Description", "where we were"),
        ("RemoveEntry.1.Cidr", "192.0.2.1/32"),
        ("AddEntry.1.Cidr", "172.16.0.0/12"),
        ("AddEntry.1.Description", "more"),
    ];
    rig.call(Ecs, "ModifyPrefixList", &changed);
    let shown = rig.call(
        Ecs,
        "DescribePrefixListAttributes",
        &[("PrefixListId", &id)],
    );
    assert_eq!(
        ["PrefixListName", "Description"].map(|name| &shown[name]),
        ["homes", "where we were"]
    );
    assert_eq!(
        shown["Entries"]["Entry"],
        json!([
            { "Cidr": "10.0.0.0/8", "Description": "all of us" },
            { "Cidr": "172.16.0.0/12", "Description": "more" },
        ])
    );
    rig.call(Ecs, "DeletePrefixList", &[("PrefixListId", &id)]);
    rig.refused(
        Ecs,
        "DeletePrefixList",
        &[("PrefixListId", &id)],
        "InvalidPrefixListId.NotFound",
    );
}

#[test]
fn lists_that_rules_name_stay_and_are_counted() {
    let rig = Rig::new();
    let (vpc, _) = rig.network("cn-test-a");
    let web = group(&rig, &vpc, "web");
    let id = offices(&rig, &[]);
    let rule = [
        ("SecurityGroupId", web.as_str()),
        ("IpProtocol", "TCP"),
        ("PortRange", "1/2"),
        ("SourcePrefixListId", &id),
    ];
    rig.call(Ecs, "AuthorizeSecurityGroup", &rule);
    let message = rig.refused(
        Ecs,
        "DeletePrefixList",
        &[("PrefixListId", &id)],
        "DependencyViolation",
    );
    assert!(message.contains(&web), "{message}");
    let listed = rig.call(Ecs, "DescribePrefixLists", &[]);
    assert_eq!(
        listed["PrefixLists"]["PrefixList"][0]["AssociationCount"],
        1
    );
    let users = rig.call(
        Ecs,
        "DescribePrefixListAssociations",
        &[("PrefixListId", &id)],
    );
    assert_eq!(
        Value::Object(users),
        json!({
            "PrefixListAssociations": { "PrefixListAssociation": [
                { "ResourceId": web, "ResourceType": "securitygroup" },
            ] },
            "NextToken": "",
        })
    );
}

#[test]
fn lists_are_found_in_pages() {
    let rig = Rig::new();
    let mut all: Vec<_> = (0..5).map(|_| offices(&rig, &[])).collect();
    all.sort();
    let six = [
        ("PrefixListName", "six"),
        ("AddressFamily", "IPv6"),
        ("MaxEntries", "1"),
        ("Tag.1.Key", "k"),
    ];
    let six = text(&rig.call(Ecs, "CreatePrefixList", &six), "PrefixListId");
    let find = |parameters: &[(&str, &str)]| {
        let answer = rig.call(Ecs, "DescribePrefixLists", parameters);
        let lists = answer["PrefixLists"]["PrefixList"]
            .as_array()
            .expect("a list")
            .iter();
        let ids: Vec<_> = lists
            .map(|list| list["PrefixListId"].as_str().expect("text").to_owned())
            .collect();
        (ids, text(&answer, "NextToken"))
    };
    assert_eq!(find(&[("AddressFamily", "IPv6")]).0, [six.as_str()]);
    assert_eq!(find(&[("Tag.1.Key", "k")]).0, [six.as_str()]);
    assert_eq!(find(&[("PrefixListName", "six")]).0, [six.as_str()]);
    assert_eq!(find(&[("PrefixListId.1", &all[2])]).0, all[2..3]);
    let of_name = [("PrefixListName", "offices"), ("MaxResults", "3")];
    let (first, token) = find(&of_name);
    assert_eq!(first, all[..3]);
    let (second, token) = find(&[of_name[0], of_name[1], ("NextToken", &token)]);
    assert_eq!((&second[..], token.as_str()), (&all[3..], ""));
    let theirs = rig
        .call_as(PROVIDER, Ecs, "DescribePrefixLists", &[])
        .expect("answers");
    assert_eq!(theirs["PrefixLists"]["PrefixList"], json!([]));
}

#[test]
fn what_cannot_be_is_refused_with_the_entry() {
    let rig = Rig::new();
    let id = offices(&rig, &[("Entry.1.Cidr", "10.0.0.0/8")]);
    for (missing, code) in [
        ("PrefixListName", "MissingPrefixListName"),
        ("AddressFamily", "MissingAddressFamily"),
        ("MaxEntries", "MissingMaxEntries"),
    ] {
        let all = [
            ("PrefixListName", "ab"),
            ("AddressFamily", "IPv4"),
            ("MaxEntries", "1"),
        ];
        let rest: Vec<_> = all
            .into_iter()
            .filter(|(name, _)| *name != missing)
            .collect();
        rig.refused(Ecs, "CreatePrefixList", &rest, code);
    }
    let wrong = [
        ("PrefixListName", "ab"),
        ("AddressFamily", "IPv4"),
        ("MaxEntries", "2"),
        ("Entry.1.Cidr", "10.0.0.0/8"),
        ("Entry.2.Cidr", "fd00::/8"),
    ];
    let message = rig.refused(Ecs, "CreatePrefixList", &wrong, "InvalidCidr");
    assert!(message.contains("Entry.2.Cidr"), "{message}");
    for (name, value, code, place) in [
        (
            "AddEntry.1.Cidr",
            "10.0.0.0/8",
            "InvalidCidr",
            "AddEntry.1.Cidr",
        ),
        (
            "AddEntry.1.Cidr",
            "nonsense",
            "InvalidCidr",
            "AddEntry.1.Cidr",
        ),
        (
            "AddEntry.1.Description",
            "x",
            "MissingCidr",
            "AddEntry.1.Cidr",
        ),
        (
            "RemoveEntry.1.Cidr",
            "10.1.0.0/16",
            "InvalidCidr",
            "RemoveEntry.1.Cidr",
        ),
        (
            "RemoveEntry.1.Cidr",
            "nonsense",
            "InvalidCidr",
            "RemoveEntry.1.Cidr",
        ),
        (
            "PrefixListName",
            "x",
            "InvalidPrefixListName",
            "PrefixListName",
        ),
    ] {
        let parameters = [("PrefixListId", id.as_str()), (name, value)];
        let message = rig.refused(Ecs, "ModifyPrefixList", &parameters, code);
        assert!(message.contains(place), "{message}");
    }
    let said = [
        ("PrefixListId", id.as_str()),
        ("AddEntry.1.Cidr", "10.1.0.0/16"),
        ("AddEntry.1.Description", "x"),
    ];
    rig.refused(Ecs, "ModifyPrefixList", &said, "InvalidDescription");
    let too_many = [
        ("PrefixListId", id.as_str()),
        ("AddEntry.1.Cidr", "10.1.0.0/16"),
        ("AddEntry.2.Cidr", "10.2.0.0/16"),
        ("AddEntry.3.Cidr", "10.3.0.0/16"),
    ];
    rig.refused(Ecs, "ModifyPrefixList", &too_many, "InvalidAddEntry");
    for action in [
        "ModifyPrefixList",
        "DescribePrefixListAttributes",
        "DescribePrefixListAssociations",
    ] {
        let theirs = rig.call_as(PROVIDER, Ecs, action, &[("PrefixListId", &id)]);
        assert_eq!(
            theirs.expect_err("refused").code,
            "InvalidPrefixListId.NotFound"
        );
        rig.refused(Ecs, action, &[], "MissingPrefixListId");
    }
}
