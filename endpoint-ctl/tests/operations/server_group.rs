//! Server groups, and the listeners that have them.

use endpoint_ctl::api::Product::Nlb;
use endpoint_ctl::document::{Document, document};
use endpoint_ctl::model::{AccountId, Kind, Listener, Server};
use serde_json::{Value, json};

use crate::nlb::{balancer, group, listener, provider_network};
use crate::rig::{PROVIDER, Rig, text};

pub(crate) fn with<'p>(group: &'p str, more: &[(&'p str, &'p str)]) -> Vec<(&'p str, &'p str)> {
    let first = [("ServerGroupId", group)];
    first.into_iter().chain(more.iter().copied()).collect()
}

pub(crate) fn server<'p>(ip: &'p str, port: &'p str) -> [(&'p str, &'p str); 3] {
    [
        ("Servers.1.ServerType", "Ip"),
        ("Servers.1.ServerIp", ip),
        ("Servers.1.Port", port),
    ]
}

pub(crate) fn shown(rig: &Rig, group: &str) -> Value {
    let found = rig.call(Nlb, "ListServerGroups", &[("ServerGroupIds.1", group)]);
    assert_eq!(found["TotalCount"], 1);
    found["ServerGroups"][0].clone()
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
    let names: Vec<_> = has.servers.iter().map(Server::name).collect();
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
