//! The servers of server groups.

use endpoint_ctl::api::Product::Nlb;
use serde_json::{Value, json};

use crate::nlb::{group, provider_network};
use crate::rig::{Rig, text};
use crate::server_group::{server, shown, with};

fn servers(rig: &Rig, group: &str) -> Vec<Value> {
    let found = rig.call(Nlb, "ListServerGroupServers", &with(group, &[]));
    found["Servers"].as_array().expect("a bare list").clone()
}

#[test]
fn servers_are_added_changed_and_removed() {
    let rig = Rig::new();
    provider_network(&rig, "pnet", false);
    let id = group(&rig, "pnet", "TCP");
    let more = [
        ("Servers.1.Weight", "50"),
        ("Servers.1.Description", "the first"),
        ("Servers.2.ServerId", "10.1.0.11"),
        ("Servers.2.ServerType", "Ip"),
        ("Servers.2.Port", "8080"),
    ];
    let both = [&server("10.1.0.10", "8080")[..], &more].concat();
    let answer = rig.call(Nlb, "AddServersToServerGroup", &with(&id, &both));
    assert_eq!(answer["ServerGroupId"], id);
    let one = |ip: &str, weight: u8, description: &str, status: &str| {
        json!({
            "ServerGroupId": id, "ServerId": ip, "ServerIp": ip, "ServerType": "Ip", "Port": 8080,
            "Weight": weight, "Description": description, "Status": status, "ZoneId": "",
        })
    };
    let adding = [
        one("10.1.0.10", 50, "the first", "Adding"),
        one("10.1.0.11", 100, "", "Adding"),
    ];
    assert_eq!(servers(&rig, &id), adding);
    assert_eq!(shown(&rig, &id)["ServerCount"], 2);
    rig.settle();
    let changed = [
        ("Servers.1.Weight", "0"),
        ("Servers.1.Description", "renamed"),
    ];
    let changed = [&server("10.1.0.11", "8080")[..], &changed].concat();
    rig.call(
        Nlb,
        "UpdateServerGroupServersAttribute",
        &with(&id, &changed),
    );
    let configuring = [
        one("10.1.0.10", 50, "the first", "Available"),
        one("10.1.0.11", 0, "renamed", "Configuring"),
    ];
    assert_eq!(servers(&rig, &id), configuring);
    rig.call(
        Nlb,
        "RemoveServersFromServerGroup",
        &with(&id, &server("10.1.0.10", "8080")),
    );
    rig.settle();
    rig.call(
        Nlb,
        "RemoveServersFromServerGroup",
        &with(&id, &server("10.1.0.11", "8080")),
    );
    assert_eq!(servers(&rig, &id), [one("10.1.0.11", 0, "", "Removing")]);
    assert_eq!(shown(&rig, &id)["ServerCount"], 0);

    rig.settle();
    rig.call(Nlb, "AddServersToServerGroup", &with(&id, &both));
    let list = |more: &[(&str, &str)]| rig.call(Nlb, "ListServerGroupServers", &with(&id, more));
    let page = list(&[("MaxResults", "1")]);
    assert_eq!(
        (&page["TotalCount"], &page["MaxResults"]),
        (&json!(2), &json!(1))
    );
    let next = list(&[("NextToken", &text(&page, "NextToken"))]);
    assert_eq!(next["Servers"][0]["ServerIp"], "10.1.0.11");
    assert_eq!(next["NextToken"], "");
    assert_eq!(list(&[("ServerIps.1", "10.1.0.11")])["TotalCount"], 1);
    assert_eq!(list(&[("ServerIds.1", "10.1.0.12")])["TotalCount"], 0);
}

#[test]
fn servers_that_cannot_be_are_refused_by_their_place_in_the_request() {
    let rig = Rig::new();
    provider_network(&rig, "pnet", false);
    let id = group(&rig, "pnet", "TCP");
    let add = "AddServersToServerGroup";
    rig.call(Nlb, add, &with(&id, &server("10.1.0.10", "80")));
    let refused = |call: &str, server: &[(&str, &str)], code: &str, parameter: &str| {
        let message = rig.refused(Nlb, call, &with(&id, server), code);
        assert!(message.contains(parameter), "{message}");
    };
    refused(
        add,
        &server("10.1.0.300", "80"),
        "InvalidServerIp",
        "Servers.1.ServerIp",
    );
    refused(
        add,
        &server("10.1.0.11", "0"),
        "InvalidPort",
        "Servers.1.Port",
    );
    refused(
        add,
        &server("10.1.0.11", ""),
        "MissingPort",
        "Servers.1.Port",
    );
    refused(
        add,
        &server("10.1.0.5", "80"),
        "InvalidServerIp",
        "NAT address",
    );
    refused(
        add,
        &server("10.1.0.10", "80"),
        "ResourceAlreadyExist",
        "Servers.1.ServerIp",
    );
    refused(add, &[], "MissingServers", "Servers");
    let by_id = [("Servers.1.ServerId", "i-1"), ("Servers.1.Port", "80")];
    refused(add, &by_id, "InvalidServerId", "Servers.1.ServerId");
    let instance = [&by_id[..], &[("Servers.1.ServerType", "Ecs")]].concat();
    refused(add, &instance, "InvalidServerType", "Servers.1.ServerType");
    refused(add, &by_id[1..], "MissingServerIp", "Servers.1.ServerIp");
    let heavy = [
        &server("10.1.0.11", "80")[..],
        &[("Servers.1.Weight", "101")],
    ]
    .concat();
    refused(add, &heavy, "InvalidWeight", "Servers.1.Weight");
    let heavy = [&server("10.1.0.10", "80")[..], &[("Servers.1.Weight", "x")]].concat();
    let update = "UpdateServerGroupServersAttribute";
    refused(update, &heavy, "InvalidWeight", "Servers.1.Weight");
    let code = "ResourceNotFound.BackendServer";
    refused(
        update,
        &server("10.1.0.10", "81"),
        code,
        "Servers.1.ServerIp",
    );
    refused(
        "RemoveServersFromServerGroup",
        &server("10.1.0.11", "80"),
        code,
        "10.1.0.11",
    );
    assert_eq!(servers(&rig, &id).len(), 1);
}
