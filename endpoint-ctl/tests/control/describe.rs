//! What `describe` tells: held against what was declared, the API's own words, and the node.

use serde_json::{Value, json};
use xtask::lab::address::{ENI_A, ENI_B};

use crate::asks::{BAD_INPUT, assert_has, describe, must, refused};
use crate::network::{Network, SERVICE, apply, service};
use crate::node::Node;

const DOMAIN: &str = "cn-test.privatelink.lab";

#[test]
fn all_that_is_known_is_told() {
    let node = Node::new();
    apply(&node, "service", &service("Endpoint"));
    let network = Network::new(&node.calls());
    let endpoint = network.endpoint(&node);
    of_what_is_not_there(&node);
    of_an_endpoint(&node, &network, &endpoint);
    of_what_serves_it(&node, &endpoint);
    of_everything(&node);
}

/// As `get` does.
fn of_what_is_not_there(node: &Node) {
    let not_a_kind = ["is not a kind", "VpcEndpointService"];
    refused(node, &["describe", "vcp", "x"], BAD_INPUT, &not_a_kind);
    let not_there = ["there is no vpc", "vpc-none"];
    refused(
        node,
        &["describe", "vpc", "vpc-none"],
        BAD_INPUT,
        &not_there,
    );
    // It belongs to an endpoint, and is described with it.
    let managed = ["describe", "securitygroup", "sg-managed"];
    refused(node, &managed, BAD_INPUT, &["there is no"]);
}

fn of_an_endpoint(node: &Node, network: &Network, endpoint: &str) {
    let shown = describe(node, "vpcendpoints", endpoint);
    assert_fields(
        &shown,
        &json!({
            "kind": "VpcEndpoint",
            "id": endpoint,
            "state": "in-force",
            "account-id": "1001",
            "manifest": null,
            "referrers": [],
        }),
    );
    let created = shown["created"].as_str().unwrap_or_default();
    assert!(created.ends_with('Z'), "{shown}");
    assert_eq!(shown["document"]["EndpointId"], endpoint);
    let more = &shown["endpoint"];
    let groups = [json!({
        "security-group-id": network.group,
        "security-group-status": "Attached",
    })];
    assert_fields(
        more,
        &json!({
            "endpoint-domain": format!("{endpoint}.{SERVICE}.{DOMAIN}"),
            "endpoint-status": "Active",
            "connection-status": "Connected",
            "security-groups": groups,
        }),
    );
    let zones = [("a", "client-a", ENI_A), ("b", "client-c", ENI_B)];
    for (place, (letter, client, eni)) in zones.into_iter().enumerate() {
        // As its client has learned it.
        let neighbour = node.run(client, &["ip", "-json", "neigh", "show", "to", eni]);
        let neighbour: Value = serde_json::from_str(neighbour.stdout()).expect("is JSON");
        assert_fields(
            &more["zones"][place],
            &json!({
                "zone-id": format!("cn-test-{letter}"),
                "vswitch-id": network.vswitches[place],
                "ip": eni,
                "ipv6": null,
                "mac": neighbour[0]["lladdr"],
                "state": "in-force",
                "zone-status": "Connected",
                "zone-domain": format!("{endpoint}-cn-test-{letter}.{SERVICE}.{DOMAIN}"),
            }),
        );
    }
    let table = must(node, &["describe", "vpcendpoint", endpoint]);
    let parts = ["in-force", "1001", "the API", ENI_A, "ZoneId: cn-test-a"];
    assert_has(&table, &parts);
}

fn of_what_serves_it(node: &Node, endpoint: &str) {
    let shown = describe(node, "loadbalancer", "nlb-a");
    assert_fields(
        &shown,
        &json!({
            "manifest": "provider",
            "account-id": "1002",
            "referrers": [{ "kind": "VpcEndpointService", "id": SERVICE }],
        }),
    );
    assert_eq!(shown["targets"].as_array().map(Vec::len), Some(1));
    assert_fields(
        &shown["targets"][0],
        &json!({
            "listener-port": 80,
            "port": 8080,
            "reason": "health checks are off",
        }),
    );
    let table = must(node, &["describe", "loadbalancer", "nlb-a"]);
    assert_has(&table, &["tcp/80", "the manifest provider"]);

    let shown = describe(node, "vpcendpointservice", SERVICE);
    assert_fields(
        &shown,
        &json!({
            "service": {
                "service-status": "Active",
                "service-domain": format!("{SERVICE}.{DOMAIN}"),
            },
            "referrers": [{ "kind": "VpcEndpoint", "id": endpoint }],
        }),
    );
}

/// There is something to say of every kind, and no more is known of some.
fn of_everything(node: &Node) {
    let all = node.daemon.ctl_json(&["get"]).expect("answers");
    for document in all.as_array().expect("a list") {
        let fields = document.as_object().expect("an object");
        let mut texts = fields.values().filter_map(Value::as_str);
        let (kind, id) = (texts.next().expect("a kind"), texts.next().expect("an id"));
        let shown = describe(node, kind, id);
        assert_fields(
            &shown,
            &json!({ "document": document, "state": "in-force" }),
        );
        let has = |part: &str| shown.get(part).is_some();
        let more = ["endpoint", "service", "targets"].map(has);
        let wanted = ["VpcEndpoint", "VpcEndpointService", "LoadBalancer"].map(|one| one == kind);
        assert_eq!(more, wanted, "{shown}");
    }
}

/// It has these fields, with these values.
#[track_caller]
fn assert_fields(shown: &Value, wanted: &Value) {
    for (key, value) in wanted.as_object().expect("an object") {
        assert_eq!(&shown[key], value, "{key} of {shown:#}");
    }
}
