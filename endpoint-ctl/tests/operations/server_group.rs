//! Server groups, their servers, and the listeners that have them.

use endpoint_ctl::api::Product::Nlb;
use endpoint_ctl::document::{Document, document};
use endpoint_ctl::model::{AccountId, Kind, Listener};
use serde_json::{Value, json};

use crate::nlb::{balancer, group, listener, provider_network};
use crate::rig::{PROVIDER, Rig, text};

fn with<'p>(group: &'p str, more: &[(&'p str, &'p str)]) -> Vec<(&'p str, &'p str)> {
    let first = [("ServerGroupId", group)];
    first.into_iter().chain(more.iter().copied()).collect()
}

fn server<'p>(ip: &'p str, port: &'p str) -> [(&'p str, &'p str); 3] {
    [
        ("Servers.1.ServerType", "Ip"),
        ("Servers.1.ServerIp", ip),
        ("Servers.1.Port", port),
    ]
}

fn shown(rig: &Rig, group: &str) -> Value {
    let found = rig.call(Nlb, "ListServerGroups", &[("ServerGroupIds.1", group)]);
    assert_eq!(found["TotalCount"], 1);
    found["ServerGroups"][0].clone()
}

fn servers(rig: &Rig, group: &str) -> Vec<Value> {
    let found = rig.call(Nlb, "ListServerGroupServers", &with(group, &[]));
    found["Servers"].as_array().expect("a bare list").clone()
}

/// The first listener of a load balancer, as it is declared.
fn first_listener(rig: &Rig, balancer: &str) -> Listener {
    let declared = rig.desk.view().declared;
    declared.model.load_balancers[balancer].listeners[0].clone()
}

#[test]
fn a_group_is_made_shown_changed_and_deleted() {
    let rig = Rig::new();
    provider_network(&rig, "pnet", false);
    let parameters = [
        ("VpcId", "pnet"),
        ("ServerGroupName", "web"),
        ("ServerGroupType", "Ip"),
        ("AddressIPVersion", "ipv4"),
        ("Scheduler", "Wrr"),
        ("PreserveClientIpEnabled", "False"),
        ("AnyPortEnabled", "False"),
        ("ConnectionDrainEnabled", "True"),
        ("ConnectionDrainTimeout", "60"),
        ("HealthCheckConfig.HealthCheckEnabled", "True"),
        ("HealthCheckConfig.HealthCheckType", "HTTP"),
        ("HealthCheckConfig.HealthCheckConnectPort", "8081"),
        ("HealthCheckConfig.HealthyThreshold", "3"),
        ("HealthCheckConfig.UnhealthyThreshold", "4"),
        ("HealthCheckConfig.HealthCheckConnectTimeout", "2"),
        ("HealthCheckConfig.HealthCheckInterval", "7"),
        ("HealthCheckConfig.HttpCheckMethod", "HEAD"),
        ("HealthCheckConfig.HealthCheckUrl", "/ok"),
        ("HealthCheckConfig.HealthCheckDomain", "www.example.com"),
        ("HealthCheckConfig.HealthCheckHttpCode.1", "http_2xx"),
        ("HealthCheckConfig.HealthCheckHttpCode.2", "http_4xx"),
        ("HealthCheckConfig.HealthCheckHttpVersion", "HTTP1.1"),
        ("Tag.1.Key", "k"),
        ("Tag.1.Value", "v"),
    ];
    let made = rig.call(Nlb, "CreateServerGroup", &parameters);
    let id = text(&made, "ServerGroupId");
    assert!(id.starts_with("sgp-"), "{id}");
    let mut expected = json!({
        "ServerGroupId": id,
        "ServerGroupName": "web",
        "ServerGroupStatus": "Creating",
        "ServerGroupType": "Ip",
        "AddressIPVersion": "ipv4",
        "Protocol": "TCP",
        "Scheduler": "Wrr",
        "AnyPortEnabled": false,
        "PreserveClientIpEnabled": false,
        "ConnectionDrainEnabled": true,
        "ConnectionDrainTimeout": 60,
        "HealthCheck": {
            "HealthCheckEnabled": true,
            "HealthCheckType": "HTTP",
            "HealthCheckConnectPort": 8081,
            "HealthyThreshold": 3,
            "UnhealthyThreshold": 4,
            "HealthCheckConnectTimeout": 2,
            "HealthCheckInterval": 7,
            "HttpCheckMethod": "HEAD",
            "HealthCheckUrl": "/ok",
            "HealthCheckDomain": "www.example.com",
            "HealthCheckHttpCode": ["http_2xx", "http_4xx"],
            "HealthCheckHttpVersion": "HTTP1.1",
        },
        "ServerCount": 0,
        "RelatedLoadBalancerIds": [],
        "VpcId": "pnet",
        "RegionId": "cn-test",
        "Tags": [{ "Key": "k", "Value": "v" }],
    });
    assert_eq!(shown(&rig, &id), expected);
    rig.settle();
    let changed = [
        ("ServerGroupName", "renamed"),
        ("ConnectionDrainEnabled", "false"),
        ("HealthCheckConfig.HealthyThreshold", "5"),
    ];
    let answer = rig.call(Nlb, "UpdateServerGroupAttribute", &with(&id, &changed));
    assert_eq!(answer["ServerGroupId"], id);
    expected["ServerGroupStatus"] = "Configuring".into();
    expected["ServerGroupName"] = "renamed".into();
    expected["ConnectionDrainEnabled"] = false.into();
    expected["ConnectionDrainTimeout"] = 0.into();
    expected["HealthCheck"]["HealthyThreshold"] = 5.into();
    assert_eq!(shown(&rig, &id), expected);
    let off = [("HealthCheckConfig.HealthCheckEnabled", "False")];
    rig.call(Nlb, "UpdateServerGroupAttribute", &with(&id, &off));
    assert_eq!(
        shown(&rig, &id)["HealthCheck"],
        json!({ "HealthCheckEnabled": false })
    );
    rig.settle();
    assert_eq!(shown(&rig, &id)["ServerGroupStatus"], "Available");

    rig.call(Nlb, "DeleteServerGroup", &with(&id, &[]));
    for call in [
        "DeleteServerGroup",
        "UpdateServerGroupAttribute",
        "AddServersToServerGroup",
        "RemoveServersFromServerGroup",
        "UpdateServerGroupServersAttribute",
        "ListServerGroupServers",
    ] {
        rig.refused(Nlb, call, &with(&id, &[]), "ResourceNotFound.serverGroup");
    }
}

#[test]
fn groups_that_cannot_be_are_refused() {
    let rig = Rig::new();
    provider_network(&rig, "pnet", false);
    let good = [("VpcId", "pnet"), ("ServerGroupName", "web")];
    let refused = |name: &str, value: &str, code: &str| {
        let mut parameters: Vec<_> = good
            .iter()
            .copied()
            .filter(|(one, _)| *one != name)
            .collect();
        parameters.push((name, value));
        rig.refused(Nlb, "CreateServerGroup", &parameters, code)
    };
    refused("VpcId", "", "MissingVpcId");
    refused("VpcId", "vpc-x", "InvalidVpcId.NotFound");
    refused("ServerGroupName", "", "MissingServerGroupName");
    refused("ServerGroupName", "1", "InvalidServerGroupName");
    for (name, value) in [
        ("Protocol", "TCPSSL"),
        ("Protocol", "TCP_UDP"),
        ("Protocol", "HTTP"),
        ("ServerGroupType", "Instance"),
        ("AddressIPVersion", "v5"),
        ("AnyPortEnabled", "true"),
        ("Scheduler", "Wlc"),
        ("PreserveClientIpEnabled", "true"),
        ("IpVersionAffinityMode", "x"),
        ("ConnectionDrainEnabled", "perhaps"),
        ("ConnectionDrainTimeout", "901"),
    ] {
        refused(name, value, &format!("Invalid{name}"));
    }
    for (name, value) in [
        ("HealthyThreshold", "1"),
        ("HealthCheckInterval", "51"),
        ("HealthCheckType", "UDP"),
        ("HealthCheckHttpVersion", "HTTP1.0"),
        ("HealthCheckReq", "x"),
    ] {
        let parameter = format!("HealthCheckConfig.{name}");
        let message = refused(&parameter, value, &format!("Invalid{name}"));
        assert!(message.contains(&parameter), "{message}");
    }
    let mut udp = good.to_vec();
    udp.extend([
        ("Protocol", "UDP"),
        ("HealthCheckConfig.HealthCheckEnabled", "true"),
    ]);
    let code = "InvalidHealthCheckConnectPort";
    rig.refused(Nlb, "CreateServerGroup", &udp, code);
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

#[test]
fn listeners_have_what_their_group_has() {
    let rig = Rig::new();
    provider_network(&rig, "pnet", false);
    let (web, balancer) = (group(&rig, "pnet", "TCP"), balancer(&rig, "pnet"));
    rig.call(
        Nlb,
        "AddServersToServerGroup",
        &with(&web, &server("10.1.0.10", "80")),
    );
    listener(&rig, &balancer, "TCP", "80", &web);
    let has = first_listener(&rig, &balancer);
    assert_eq!(has.servers.len(), 1);
    assert!(has.health_check.is_some() && has.connection_drain_timeout.is_none());

    rig.call(
        Nlb,
        "AddServersToServerGroup",
        &with(&web, &server("10.1.0.11", "80")),
    );
    let changed = [
        ("HealthCheckConfig.HealthCheckEnabled", "false"),
        ("ConnectionDrainEnabled", "true"),
    ];
    rig.call(Nlb, "UpdateServerGroupAttribute", &with(&web, &changed));
    let has = first_listener(&rig, &balancer);
    let names: Vec<_> = has.servers.iter().map(|one| one.name()).collect();
    assert_eq!(names, ["10.1.0.10:80", "10.1.0.11:80"]);
    assert!(has.health_check.is_none() && has.connection_drain_timeout.is_some());
    // In the load balancer's own document stands the group alone.
    let declared = rig.desk.view().declared;
    let written = document(&declared.model, Kind::LoadBalancer, &balancer).expect("is there");
    let expected = json!([{ "ListenerProtocol": "TCP", "ListenerPort": 80, "ServerGroupId": web }]);
    assert_eq!(written.fields["Listeners"], expected);
    assert_eq!(
        shown(&rig, &web)["RelatedLoadBalancerIds"],
        json!([balancer])
    );

    let message = rig.refused(
        Nlb,
        "DeleteServerGroup",
        &with(&web, &[]),
        "ResourceInUse.serverGroup",
    );
    assert!(message.contains(&balancer), "{message}");
    let its = [("LoadBalancerId", balancer.as_str())];
    rig.call(Nlb, "DeleteLoadBalancer", &its);
    rig.call(Nlb, "DeleteServerGroup", &with(&web, &[]));
}

#[test]
fn a_group_that_listeners_name_keeps_protocol_and_network() {
    let rig = Rig::new();
    provider_network(&rig, "pnet", false);
    provider_network(&rig, "other", false);
    let (web, balancer) = (group(&rig, "pnet", "TCP"), balancer(&rig, "pnet"));
    listener(&rig, &balancer, "TCP", "80", &web);
    for (field, value) in [("Protocol", "UDP"), ("ProviderNetworkId", "other")] {
        let web = web.clone();
        let replaced = rig.change(move |change| {
            let mut document: Document = change.edit(Kind::ServerGroup, &web)?;
            document.set(field, value);
            document.set("HealthCheckConfig", json!({ "HealthCheckEnabled": false }));
            change.replace(&document)
        });
        let refusal = replaced.expect_err(field);
        assert_eq!(refusal.field, field);
        assert!(refusal.problem.contains(&balancer), "{refusal}");
    }
    let network = rig.change(|change| change.delete(Kind::ProviderNetwork, "pnet"));
    let refusal = network.expect_err("is in use");
    assert!(refusal.problem.contains("and 1 more"), "{refusal}");
}

#[test]
fn groups_are_listed_by_page_and_filter_to_their_owner() {
    let rig = Rig::new();
    provider_network(&rig, "pnet", false);
    let first = group(&rig, "pnet", "TCP");
    let parameters = [
        ("VpcId", "pnet"),
        ("ServerGroupName", "second"),
        ("Tag.1.Key", "k"),
    ];
    let second = text(
        &rig.call(Nlb, "CreateServerGroup", &parameters),
        "ServerGroupId",
    );
    let list = |parameters: &[(&str, &str)]| rig.call(Nlb, "ListServerGroups", parameters);
    for (filter, expected) in [
        (("ServerGroupIds.1", first.as_str()), &first),
        (("ServerGroupNames.1", "second"), &second),
        (("Tag.1.Key", "k"), &second),
    ] {
        let found = list(&[filter]);
        assert_eq!(found["TotalCount"], 1);
        assert_eq!(found["ServerGroups"][0]["ServerGroupId"], *expected);
    }
    assert_eq!(list(&[("VpcId", "pnet")])["TotalCount"], 2);
    assert_eq!(list(&[("VpcId", "x")])["TotalCount"], 0);
    assert_eq!(list(&[("ServerGroupType", "Instance")])["TotalCount"], 0);
    let page = list(&[("MaxResults", "1")]);
    assert_eq!(
        (&page["TotalCount"], &page["MaxResults"]),
        (&json!(2), &json!(1))
    );
    let next = list(&[("NextToken", &text(&page, "NextToken"))]);
    assert_eq!(next["ServerGroups"].as_array().map(Vec::len), Some(1));
    let theirs = rig
        .call_as(PROVIDER, Nlb, "ListServerGroups", &[])
        .expect("answers");
    assert_eq!(theirs["TotalCount"], 0);
    let refused = rig.call_as(PROVIDER, Nlb, "DeleteServerGroup", &with(&first, &[]));
    assert_eq!(
        refused.expect_err("refused").code,
        "ResourceNotFound.serverGroup"
    );
    let operator = AccountId::new("operator");
    assert!(
        rig.desk
            .view()
            .declared
            .is_of(Kind::ProviderNetwork, "pnet", &operator)
    );
}
