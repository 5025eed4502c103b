//! Load balancers and their listeners.

use endpoint_ctl::api::Product::{Nlb, Vpc};
use endpoint_ctl::document::Document;
use endpoint_ctl::model::{AccountId, Kind};
use serde_json::{Map, Value, json};

use crate::rig::{PROVIDER, Rig, text};

/// A provider network, as an operator's manifest has it: it belongs to none of the callers.
pub(crate) fn provider_network(rig: &Rig, id: &str, has_ipv6: bool) {
    let mut document = Document::new(Kind::ProviderNetwork, id);
    document.set("CidrBlock", "10.1.0.0/16");
    document.set("Interface", format!("if-{id}"));
    document.set("NatAddresses", vec!["10.1.0.5"]);
    if has_ipv6 {
        document.set("Ipv6CidrBlock", "fd01::/64");
    }
    rig.change(move |change| change.create(&document, &AccountId::new("operator")))
        .expect("declares the network");
}

/// A new load balancer in a network.
pub(crate) fn balancer(rig: &Rig, network: &str) -> String {
    let parameters = [("VpcId", network), ("AddressType", "Intranet")];
    let made = rig.call(Nlb, "CreateLoadBalancer", &parameters);
    text(&made, "LoadbalancerId")
}

/// A new server group in a network.
pub(crate) fn group(rig: &Rig, network: &str, protocol: &str) -> String {
    let parameters = [
        ("VpcId", network),
        ("ServerGroupName", "servers"),
        ("Protocol", protocol),
    ];
    let made = rig.call(Nlb, "CreateServerGroup", &parameters);
    text(&made, "ServerGroupId")
}

/// A new listener, by its id.
pub(crate) fn listener(
    rig: &Rig,
    balancer: &str,
    protocol: &str,
    port: &str,
    group: &str,
) -> String {
    let parameters = of_listener(balancer, protocol, port, group);
    text(&rig.call(Nlb, "CreateListener", &parameters), "ListenerId")
}

fn of_listener<'p>(
    balancer: &'p str,
    protocol: &'p str,
    port: &'p str,
    group: &'p str,
) -> [(&'p str, &'p str); 4] {
    [
        ("LoadBalancerId", balancer),
        ("ListenerProtocol", protocol),
        ("ListenerPort", port),
        ("ServerGroupId", group),
    ]
}

fn with<'p>(one: &[(&'p str, &'p str)], more: &[(&'p str, &'p str)]) -> Vec<(&'p str, &'p str)> {
    one.iter().chain(more).copied().collect()
}

fn attribute(rig: &Rig, id: &str) -> Map<String, Value> {
    let parameters = [("LoadBalancerId", id)];
    rig.call(Nlb, "GetLoadBalancerAttribute", &parameters)
}

#[test]
fn a_load_balancer_is_made_shown_renamed_and_deleted() {
    let rig = Rig::new();
    provider_network(&rig, "pnet", true);
    let parameters = [
        ("VpcId", "pnet"),
        ("AddressType", "Intranet"),
        ("AddressIpVersion", "DualStack"),
        ("LoadBalancerName", "first"),
        ("LoadBalancerType", "Network"),
        ("LoadBalancerBillingConfig.PayType", "PostPay"),
        ("DeletionProtectionConfig.Enabled", "False"),
        ("ModificationProtectionConfig.Status", "NonProtection"),
        ("ZoneMappings.1.ZoneId", "cn-test-a"),
        ("ZoneMappings.1.VSwitchId", "vsw-theirs"),
        ("ZoneMappings.2.ZoneId", "cn-test-b"),
        ("Tag.1.Key", "k"),
        ("Tag.1.Value", "v"),
    ];
    let made = rig.call(Nlb, "CreateLoadBalancer", &parameters);
    let id = text(&made, "LoadbalancerId");
    assert!(id.starts_with("nlb-"), "{id}");
    assert_eq!(attribute(&rig, &id)["LoadBalancerStatus"], "Provisioning");
    rig.settle();
    let shown = attribute(&rig, &id);
    let zone = |zone: &str, vswitch: &str| {
        json!({
            "ZoneId": zone, "VSwitchId": vswitch, "Status": "Active", "LoadBalancerAddresses": [],
        })
    };
    let expected = json!({
        "LoadBalancerId": id,
        "LoadBalancerName": "first",
        "LoadBalancerType": "Network",
        "LoadBalancerStatus": "Active",
        "LoadBalancerBusinessStatus": "Normal",
        "AddressType": "Intranet",
        "AddressIpVersion": "DualStack",
        "VpcId": "pnet",
        "RegionId": "cn-test",
        "CreateTime": shown["CreateTime"],
        "CrossZoneEnabled": true,
        "ZoneMappings": [zone("cn-test-a", "vsw-theirs"), zone("cn-test-b", "")],
        "Tags": [{ "TagKey": "k", "TagValue": "v" }],
    });
    assert_eq!(Value::Object(shown), expected);

    let renamed = [
        ("LoadBalancerId", id.as_str()),
        ("LoadBalancerName", "other"),
    ];
    rig.call(Nlb, "UpdateLoadBalancerAttribute", &renamed);
    assert_eq!(attribute(&rig, &id)["LoadBalancerName"], "other");
    let its = [("LoadBalancerId", id.as_str())];
    for (name, value) in [
        ("LoadBalancerName", "1"),
        ("CrossZoneEnabled", "false"),
        ("Cps", "5"),
    ] {
        let code = format!("Invalid{name}");
        let parameters = with(&its, &[(name, value)]);
        rig.refused(Nlb, "UpdateLoadBalancerAttribute", &parameters, &code);
    }
    rig.call(Nlb, "DeleteLoadBalancer", &its);
    let code = "ResourceNotFound.loadBalancer";
    rig.refused(Nlb, "GetLoadBalancerAttribute", &its, code);
    rig.refused(Nlb, "DeleteLoadBalancer", &its, code);
}

#[test]
fn load_balancers_that_cannot_be_are_refused() {
    let rig = Rig::new();
    provider_network(&rig, "pnet", false);
    let good = [("VpcId", "pnet"), ("AddressType", "Intranet")];
    let refused = |name: &str, value: &str, code: &str| {
        let mut parameters: Vec<_> = good
            .iter()
            .copied()
            .filter(|(one, _)| *one != name)
            .collect();
        parameters.push((name, value));
        rig.refused(Nlb, "CreateLoadBalancer", &parameters, code)
    };
    refused("VpcId", "", "MissingVpcId");
    let message = refused("VpcId", "vpc-x", "InvalidVpcId.NotFound");
    assert!(message.contains("VpcId"), "{message}");
    refused("AddressType", "", "MissingAddressType");
    refused("AddressType", "Internet", "InvalidAddressType");
    refused("AddressIpVersion", "DualStack", "InvalidAddressIpVersion");
    refused("AddressIpVersion", "v5", "InvalidAddressIpVersion");
    refused("LoadBalancerType", "Application", "InvalidLoadBalancerType");
    refused("LoadBalancerName", "1", "InvalidLoadBalancerName");
    refused("BandwidthPackageId", "cbwp-1", "InvalidBandwidthPackageId");
    refused("DeletionProtectionConfig.Enabled", "true", "InvalidEnabled");
    refused(
        "ModificationProtectionConfig.Status",
        "ConsoleProtection",
        "InvalidStatus",
    );
    refused("ZoneMappings.1.VSwitchId", "vsw-1", "MissingZoneId");
    let address = [
        ("ZoneMappings.1.ZoneId", "z"),
        ("ZoneMappings.1.PrivateIPv4Address", "10.1.0.9"),
    ];
    let code = "InvalidPrivateIPv4Address";
    rig.refused(Nlb, "CreateLoadBalancer", &with(&good, &address), code);
    let elsewhere = [("RegionId", "mars")];
    let code = "InvalidRegionId.NotFound";
    rig.refused(Nlb, "CreateLoadBalancer", &with(&good, &elsewhere), code);
    assert_eq!(rig.call(Nlb, "ListLoadBalancers", &[])["TotalCount"], 0);
}

fn ids(answer: &Map<String, Value>, list: &str, field: &str) -> Vec<String> {
    let all = answer[list].as_array().expect("a bare list");
    let ids = all.iter().map(|one| one[field].as_str().expect("text"));
    ids.map(str::to_owned).collect()
}

#[test]
fn load_balancers_are_listed_by_page_and_filter() {
    let rig = Rig::new();
    provider_network(&rig, "pnet", false);
    let first = balancer(&rig, "pnet");
    rig.settle();
    let parameters = [
        ("VpcId", "pnet"),
        ("AddressType", "Intranet"),
        ("LoadBalancerName", "second"),
        ("ZoneMappings.1.ZoneId", "z"),
        ("Tag.1.Key", "k"),
    ];
    let second = rig.call(Nlb, "CreateLoadBalancer", &parameters);
    let second = text(&second, "LoadbalancerId");
    let list = |parameters: &[(&str, &str)]| rig.call(Nlb, "ListLoadBalancers", parameters);
    for (filter, expected) in [
        (("LoadBalancerIds.1", first.as_str()), &first),
        (("LoadBalancerNames.1", "second"), &second),
        (("ZoneId", "z"), &second),
        (("LoadBalancerStatus", "Active"), &first),
        (("Tag.1.Key", "k"), &second),
    ] {
        let found = list(&[filter]);
        assert_eq!(
            ids(&found, "LoadBalancers", "LoadBalancerId"),
            std::slice::from_ref(expected)
        );
        assert_eq!(found["TotalCount"], 1);
    }
    assert_eq!(list(&[("VpcIds.1", "elsewhere")])["TotalCount"], 0);
    assert_eq!(list(&[("AddressType", "Internet")])["TotalCount"], 0);
    let page = list(&[("MaxResults", "1")]);
    assert_eq!(
        (&page["TotalCount"], &page["MaxResults"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(
        page["LoadBalancers"][0]["Tags"].as_array().map(Vec::len),
        Some(usize::from(second < first))
    );
    let next = text(&page, "NextToken");
    let last = list(&[("MaxResults", "1"), ("NextToken", &next)]);
    assert_eq!(last["NextToken"], "");
    let mut both = [page, last]
        .map(|page| ids(&page, "LoadBalancers", "LoadBalancerId"))
        .concat();
    both.sort();
    let mut expected = vec![first, second];
    expected.sort();
    assert_eq!(both, expected);
    rig.refused(
        Nlb,
        "ListLoadBalancers",
        &[("MaxResults", "101")],
        "InvalidMaxResults",
    );
    let theirs = rig
        .call_as(PROVIDER, Nlb, "ListLoadBalancers", &[])
        .expect("answers");
    assert_eq!(theirs["TotalCount"], 0);
}

#[test]
fn a_listener_is_made_shown_changed_and_deleted() {
    let rig = Rig::new();
    provider_network(&rig, "pnet", false);
    let balancer = balancer(&rig, "pnet");
    let (web, other) = (group(&rig, "pnet", "TCP"), group(&rig, "pnet", "tcp"));
    let described = [
        ("ListenerDescription", "of tests"),
        ("OnNoBackend", "Reject"),
    ];
    let parameters = with(&of_listener(&balancer, "tcp", "80", &web), &described);
    let id = text(&rig.call(Nlb, "CreateListener", &parameters), "ListenerId");
    assert_eq!(id, format!("lsn-{balancer}-tcp@80"));
    let get = || Value::Object(rig.call(Nlb, "GetListenerAttribute", &[("ListenerId", &id)]));
    let mut expected = json!({
        "ListenerId": id,
        "ListenerProtocol": "TCP",
        "ListenerPort": 80,
        "ListenerDescription": "of tests",
        "ListenerStatus": "Provisioning",
        "LoadBalancerId": balancer,
        "ServerGroupId": web,
        "RegionId": "cn-test",
        "ProxyProtocolEnabled": false,
        "SecSensorEnabled": false,
        "Tags": [],
    });
    assert_eq!(get(), expected);
    rig.settle();
    expected["ListenerStatus"] = "Running".into();
    assert_eq!(get(), expected);
    let its = [("ListenerId", id.as_str())];
    let changed = [
        ("ListenerDescription", "renamed"),
        ("ServerGroupId", other.as_str()),
    ];
    rig.call(Nlb, "UpdateListenerAttribute", &with(&its, &changed));
    expected["ListenerStatus"] = "Configuring".into();
    expected["ListenerDescription"] = "renamed".into();
    expected["ServerGroupId"] = other.as_str().into();
    assert_eq!(get(), expected);
    let odd = with(&its, &[("OnNoBackend", "perhaps")]);
    rig.refused(Nlb, "UpdateListenerAttribute", &odd, "InvalidOnNoBackend");

    // Of the same port there may be one of each protocol; they are told apart by their ids.
    let dns = group(&rig, "pnet", "UDP");
    let second = listener(&rig, &balancer, "UDP", "80", &dns);
    let list = |parameters: &[(&str, &str)]| {
        ids(
            &rig.call(Nlb, "ListListeners", parameters),
            "Listeners",
            "ListenerId",
        )
    };
    assert_eq!(list(&[]), [id.clone(), second.clone()]);
    assert_eq!(
        list(&[("ListenerIds.1", &second)]),
        std::slice::from_ref(&second)
    );
    assert_eq!(
        list(&[("ListenerProtocol", "TCP")]),
        std::slice::from_ref(&id)
    );
    assert_eq!(list(&[("LoadBalancerIds.1", &balancer)]).len(), 2);
    assert!(list(&[("LoadBalancerIds.1", "nlb-x")]).is_empty());
    assert_eq!(list(&[("MaxResults", "1")]), std::slice::from_ref(&id));

    rig.call(Nlb, "DeleteListener", &its);
    assert_eq!(list(&[]), [second]);
    for call in [
        "GetListenerAttribute",
        "UpdateListenerAttribute",
        "DeleteListener",
    ] {
        rig.refused(Nlb, call, &its, "ResourceNotFound.listener");
    }
}

#[test]
fn listeners_that_cannot_be_are_refused_by_the_parameter() {
    let rig = Rig::new();
    provider_network(&rig, "pnet", false);
    provider_network(&rig, "other", false);
    let balancer = balancer(&rig, "pnet");
    let web = group(&rig, "pnet", "TCP");
    let (udp, elsewhere) = (group(&rig, "pnet", "UDP"), group(&rig, "other", "TCP"));
    let good = of_listener(&balancer, "TCP", "443", &web);
    let refused = |name: &str, value: &str, code: &str| {
        let mut parameters: Vec<_> = good
            .iter()
            .copied()
            .filter(|(one, _)| *one != name)
            .collect();
        parameters.push((name, value));
        rig.refused(Nlb, "CreateListener", &parameters, code)
    };
    refused("ListenerProtocol", "", "MissingListenerProtocol");
    let message = refused("ListenerProtocol", "TCPSSL", "InvalidListenerProtocol");
    assert!(message.contains("TLS"), "{message}");
    refused("ListenerProtocol", "HTTP", "InvalidListenerProtocol");
    refused("ListenerPort", "", "MissingListenerPort");
    let message = refused("ListenerPort", "0", "InvalidListenerPort");
    assert!(
        message.contains("The parameter ListenerPort is"),
        "{message}"
    );
    refused("ServerGroupId", "", "MissingServerGroupId");
    refused("ServerGroupId", "sgp-x", "ResourceNotFound.serverGroup");
    refused("ServerGroupId", &udp, "InvalidServerGroupId");
    refused("ServerGroupId", &elsewhere, "InvalidServerGroupId");
    refused("LoadBalancerId", "nlb-x", "ResourceNotFound.loadBalancer");
    for (name, value) in [
        ("StartPort", "1"),
        ("CertificateIds.1", "c"),
        ("SecurityPolicyId", "p"),
        ("CaEnabled", "true"),
        ("AlpnEnabled", "true"),
        ("ProxyProtocolEnabled", "True"),
        ("SecSensorEnabled", "true"),
        ("Cps", "10"),
        ("Mss", "1000"),
        ("IdleTimeout", "60"),
    ] {
        let code = format!("Invalid{}", name.trim_end_matches(".1"));
        refused(name, value, &code);
    }
    refused("Tag.1.Key", "k", "InvalidTag");
    listener(&rig, &balancer, "TCP", "443", &web);
    let message = rig.refused(Nlb, "CreateListener", &good, "ResourceAlreadyExist");
    assert!(message.starts_with("ListenerPort"), "{message}");
    let theirs = rig.call_as(PROVIDER, Nlb, "CreateListener", &good);
    assert_eq!(
        theirs.expect_err("refused").code,
        "ResourceNotFound.loadBalancer"
    );
}

#[test]
fn a_load_balancer_that_a_service_uses_stays() {
    let rig = Rig::new();
    provider_network(&rig, "pnet", false);
    let balancer = balancer(&rig, "pnet");
    let mut service = Document::new(Kind::Service, "epsrv-1");
    service.set("ServiceName", "com.example.web");
    service.set(
        "Resources",
        json!([{ "ResourceId": balancer, "ResourceType": "nlb", "ZoneId": "cn-test-c" }]),
    );
    rig.change(move |change| change.create(&service, &AccountId::new("operator")))
        .expect("declares the service");
    let its = [("LoadBalancerId", balancer.as_str())];
    let message = rig.refused(Nlb, "DeleteLoadBalancer", &its, "ResourceInUse");
    assert!(message.contains("epsrv-1"), "{message}");
    let zones = rig.call(Vpc, "DescribeZones", &[]);
    assert_eq!(zones["Zones"]["Zone"][0]["ZoneId"], "cn-test-c");
}
