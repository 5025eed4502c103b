//! Tags of all kinds of resource, by three APIs.

use endpoint_ctl::api::Product::{self, Ecs, PrivateLink, Vpc};
use serde_json::{Map, Value, json};

use crate::ecs_groups::group;
use crate::rig::{CONSUMER, PROVIDER, Rig};

/// One resource of each kind that has tags: product, type, id, owner.
fn tagged(rig: &Rig) -> Vec<(Product, &'static str, String, &'static str)> {
    let (vpc, vswitch) = rig.network("cn-test-a");
    let web = group(rig, &vpc, "web");
    let (endpoint, _) = rig.endpoint(&vpc, &vswitch, &web);
    let acl = json!({ "VpcId": vpc, "IngressAclEntries": [], "EgressAclEntries": [] });
    rig.declare(
        CONSUMER,
        endpoint_ctl::model::Kind::NetworkAcl,
        "nacl-a",
        acl,
    );
    vec![
        (Ecs, "securitygroup", web, CONSUMER),
        (Vpc, "VPC", vpc, CONSUMER),
        (Vpc, "VSWITCH", vswitch, CONSUMER),
        (Vpc, "NETWORKACL", "nacl-a".to_owned(), CONSUMER),
        (PrivateLink, "VpcEndpoint", endpoint, CONSUMER),
        (
            PrivateLink,
            "VpcEndpointService",
            "epsrv-web".to_owned(),
            PROVIDER,
        ),
    ]
}

/// The items of a list, which PrivateLink does not wrap.
fn items(product: Product, answer: &Map<String, Value>) -> Value {
    match product {
        PrivateLink => answer["TagResources"].clone(),
        _ => answer["TagResources"]["TagResource"].clone(),
    }
}

#[test]
fn resources_of_every_kind_are_tagged_and_untagged() {
    let rig = Rig::new();
    for (product, name, id, owner) in tagged(&rig) {
        let of = [("ResourceType", name), ("ResourceId.1", id.as_str())];
        let call = |action: &str, more: &[(&str, &str)]| {
            let parameters: Vec<_> = of.iter().chain(more).copied().collect();
            let answer = rig.call_as(owner, product, action, &parameters);
            answer.unwrap_or_else(|error| panic!("{action} of {name}: {error:?}"))
        };
        let list = || items(product, &call("ListTagResources", &[]));
        let item = |key: &str, value: &str| json!({ "ResourceId": id, "ResourceType": name, "TagKey": key, "TagValue": value });
        let added = call(
            "TagResources",
            &[("Tag.1.Key", "b"), ("Tag.1.Value", "1"), ("Tag.2.Key", "a")],
        );
        assert!(added.is_empty(), "{added:?}");
        assert_eq!(list(), json!([item("a", ""), item("b", "1")]), "{name}");
        call(
            "TagResources",
            &[("Tag.1.Key", "b"), ("Tag.1.Value", "2"), ("Tag.2.Key", "c")],
        );
        assert_eq!(
            list(),
            json!([item("a", ""), item("b", "2"), item("c", "")])
        );
        let untag = if product == Vpc {
            "UnTagResources"
        } else {
            "UntagResources"
        };
        let taken = call(
            untag,
            &[("TagKey.1", "a"), ("TagKey.2", "none"), ("All", "true")],
        );
        assert!(taken.is_empty(), "{taken:?}");
        assert_eq!(list(), json!([item("b", "2"), item("c", "")]));
        call(untag, &[("All", "True")]);
        assert_eq!(list(), json!([]));

        // The type in any case; others see nothing.
        let lower = name.to_ascii_lowercase();
        let parameters = [
            ("ResourceType", lower.as_str()),
            ("ResourceId.1", &id),
            ("Tag.1.Key", "k"),
        ];
        rig.call_as(owner, product, "TagResources", &parameters)
            .expect("tags");
        let other = if owner == CONSUMER {
            PROVIDER
        } else {
            CONSUMER
        };
        let theirs = rig.call_as(other, product, "ListTagResources", &parameters[..2]);
        assert_eq!(items(product, &theirs.expect("answers")), json!([]));
        let error = rig
            .call_as(other, product, "TagResources", &parameters)
            .expect_err("refused");
        assert_eq!(error.status, 404, "{error:?}");
    }
}

#[test]
fn what_cannot_be_is_refused_with_the_tag() {
    let rig = Rig::new();
    for (product, name, id, owner) in tagged(&rig) {
        let refused = |action: &str, parameters: &[(&str, &str)], code: &str| {
            let answer = rig.call_as(owner, product, action, parameters);
            let error = answer.expect_err("refused");
            assert_eq!(
                error.code, code,
                "{action} of {name} {parameters:?}: {}",
                error.message
            );
            error.message
        };
        let of = [("ResourceType", name), ("ResourceId.1", id.as_str())];
        let tag = |more: &[(&str, &str)], code: &str| {
            let parameters: Vec<_> = of.iter().chain(more).copied().collect();
            refused("TagResources", &parameters, code)
        };
        for action in ["TagResources", "UntagResources", "ListTagResources"] {
            refused(action, &[], "MissingResourceType");
            refused(action, &[("ResourceType", "disk")], "InvalidResourceType");
        }
        refused("TagResources", &of[..1], "MissingResourceId");
        refused("UntagResources", &of, "MissingTagKey");
        tag(&[], "MissingTag");
        tag(&[("Tag.1.Value", "v")], "MissingKey");
        rig.call_as(
            owner,
            product,
            "TagResources",
            &[of[0], of[1], ("Tag.1.Key", "a")],
        )
        .expect("tags");
        let second = [("Tag.1.Key", "z"), ("Tag.2.Key", "aliyun")];
        let message = tag(&second, "InvalidKey");
        assert!(message.contains("Tag.2.Key"), "{message}");
        tag(&[("Tag.1.Key", "k"), ("Tag.2.Key", "k")], "InvalidKey");
        tag(&[("Tag.1.Key", "see http://x")], "InvalidKey");
        tag(
            &[("Tag.1.Key", "k"), ("Tag.1.Value", "https://x")],
            "InvalidValue",
        );
        tag(
            &[("Tag.1.Key", "k"), ("Tag.1.Value", &"v".repeat(129))],
            "InvalidValue",
        );
        let longest = if product == PrivateLink { 64 } else { 128 };
        tag(&[("Tag.1.Key", &"k".repeat(longest + 1))], "InvalidKey");
        let names: Vec<_> = (1..=21)
            .map(|n| (format!("Tag.{n}.Key"), format!("k{n}")))
            .collect();
        let keys: Vec<_> = names
            .iter()
            .map(|(name, key)| (name.as_str(), key.as_str()))
            .collect();
        tag(&keys, "InvalidTag");
        // With the one that is there, these are too many.
        tag(&keys[..20], "InvalidTag");
        let none = [
            ("ResourceType", name),
            ("ResourceId.1", id.as_str()),
            ("ResourceId.2", "none"),
        ];
        let both: Vec<_> = none.into_iter().chain([("Tag.1.Key", "b")]).collect();
        let error = rig
            .call_as(owner, product, "TagResources", &both)
            .expect_err("refused");
        assert_eq!(error.status, 404, "{error:?}");
        let list = rig
            .call_as(owner, product, "ListTagResources", &of)
            .expect("answers");
        assert_eq!(items(product, &list).as_array().expect("a list").len(), 1);
        let list = rig.call_as(
            owner,
            product,
            "ListTagResources",
            &[of[0], ("ResourceId.1", "none")],
        );
        assert_eq!(items(product, &list.expect("answers")), json!([]));
    }
}

#[test]
fn tags_are_listed_in_pages_and_by_tag() {
    let rig = Rig::new();
    let vpcs: Vec<_> = (0..4).map(|_| rig.network("cn-test-a").0).collect();
    // Keys that begin alike, and are longer than a token shows.
    let keys: Vec<_> = (0..20)
        .map(|n| format!("{}{n}", "\u{e9}".repeat(100)))
        .collect();
    for vpc in &vpcs {
        let names: Vec<_> = (1..=20).map(|n| format!("Tag.{n}.Key")).collect();
        let tags = names
            .iter()
            .zip(&keys)
            .map(|(name, key)| (name.as_str(), key.as_str()));
        let of = [("ResourceType", "VPC"), ("ResourceId.1", vpc.as_str())];
        let parameters: Vec<_> = of.into_iter().chain(tags).collect();
        rig.call(Vpc, "TagResources", &parameters);
    }
    let (mut seen, mut token) = (std::collections::BTreeSet::new(), String::new());
    for size in [30, 30, 20] {
        let parameters = [
            ("ResourceType", "VPC"),
            ("MaxResults", "30"),
            ("NextToken", &token),
        ];
        let answer = rig.call(Vpc, "ListTagResources", &parameters);
        let found = items(Vpc, &answer);
        let found = found.as_array().expect("a list");
        assert_eq!(found.len(), size);
        seen.extend(found.iter().map(ToString::to_string));
        token = crate::rig::text(&answer, "NextToken");
    }
    assert_eq!((seen.len(), token.as_str()), (80, ""));
    let one = [
        ("ResourceType", "VPC"),
        ("ResourceId.1", &vpcs[0]),
        ("All", "true"),
    ];
    rig.call(Vpc, "UnTagResources", &one);
    rig.call(
        Vpc,
        "TagResources",
        &[one[0], one[1], ("Tag.1.Key", "env"), ("Tag.1.Value", "x")],
    );
    let by_tag = [one[0], ("Tag.1.Key", "env"), ("Tag.1.Value", "x")];
    let found = items(Vpc, &rig.call(Vpc, "ListTagResources", &by_tag));
    assert_eq!(
        found,
        json!([{ "ResourceId": vpcs[0], "ResourceType": "VPC", "TagKey": "env", "TagValue": "x" }])
    );
    rig.refused(
        Vpc,
        "ListTagResources",
        &[one[0], ("MaxResults", "51")],
        "InvalidMaxResults",
    );
}
