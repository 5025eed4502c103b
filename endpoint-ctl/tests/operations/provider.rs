//! Services as their providers have them: resources, users, what may connect.

use endpoint_ctl::api::ApiError;
use endpoint_ctl::api::Product::{PrivateLink, Vpc};
use serde_json::{Map, Value, json};

use crate::rig::{CONSUMER, PROVIDER, REGION, Rig, text};

/// Two load balancers in one network, one in another.
const NETWORKS: &str = "
kind: ProviderNetwork
ProviderNetworkId: pnet
CidrBlock: 10.9.0.0/24
Ipv6CidrBlock: fd00:9::/64
Interface: pnet0
NatAddresses: [10.9.0.100, 'fd00:9::100']
---
kind: ProviderNetwork
ProviderNetworkId: pnet-2
CidrBlock: 10.8.0.0/24
Interface: pnet1
NatAddresses: [10.8.0.100]
---
kind: LoadBalancer
LoadBalancerId: nlb-a
ProviderNetworkId: pnet
Listeners:
  - ListenerProtocol: TCP
    ListenerPort: 80
    HealthCheckConfig: { HealthCheckEnabled: false }
    Servers: [{ ServerIp: 10.9.0.1, Port: 8080 }]
---
kind: LoadBalancer
LoadBalancerId: nlb-b
ProviderNetworkId: pnet
Listeners:
  - ListenerProtocol: TCP
    ListenerPort: 80
    HealthCheckConfig: { HealthCheckEnabled: false }
    Servers: [{ ServerIp: 'fd00:9::1', Port: 8080 }]
---
kind: LoadBalancer
LoadBalancerId: nlb-far
ProviderNetworkId: pnet-2
Listeners: []
";

/// A provider with load balancers, and what it calls.
pub(crate) struct Provider {
    pub(crate) rig: Rig,
}

impl Provider {
    pub(crate) fn new() -> Self {
        let rig = Rig::new();
        rig.apply(PROVIDER, NETWORKS);
        rig.settle();
        Self { rig }
    }

    fn ask(&self, action: &str, of: &[(&str, &str)]) -> Result<Map<String, Value>, ApiError> {
        self.rig.call_as(PROVIDER, PrivateLink, action, of)
    }

    #[track_caller]
    pub(crate) fn call(&self, action: &str, of: &[(&str, &str)]) -> Map<String, Value> {
        let answer = self.ask(action, of);
        answer.unwrap_or_else(|error| panic!("{action} {of:?}: {error:?}"))
    }

    /// Must be refused with this code. The message, and how to mend it.
    #[track_caller]
    pub(crate) fn refused(&self, action: &str, of: &[(&str, &str)], code: &str) -> String {
        match self.ask(action, of) {
            Ok(answer) => panic!("{action} {of:?} was not refused: {answer:?}"),
            Err(error) => {
                assert_eq!(error.code, code, "{action} {of:?}: {}", error.message);
                format!("{} {}", error.message, error.mend.unwrap_or_default())
            }
        }
    }

    /// A new service with `nlb-a` for all zones, for the consumer.
    pub(crate) fn service(&self, more: &[(&str, &str)]) -> String {
        let mut of = vec![
            ("Resource.1.ResourceId", "nlb-a"),
            ("Resource.1.ResourceType", "nlb"),
        ];
        of.extend(more);
        let id = text(&self.call("CreateVpcEndpointService", &of), "ServiceId");
        let user = [("ServiceId", id.as_str()), ("UserId", CONSUMER)];
        self.call("AddUserToVpcEndpointService", &user);
        self.rig.settle();
        id
    }

    /// An attribute of a service.
    #[track_caller]
    fn attribute(&self, service: &str, name: &str) -> Value {
        let of = [("ServiceId", service)];
        self.call("GetVpcEndpointServiceAttribute", &of)[name].clone()
    }

    fn resources(&self, service: &str) -> Value {
        let of = [("ServiceId", service)];
        self.call("ListVpcEndpointServiceResources", &of)["Resources"].clone()
    }

    /// A new endpoint of the consumer's, in `z-a` of a VPC of its own.
    pub(crate) fn endpoint(&self, service: &str, more: &[(&str, &str)]) -> String {
        let (vpc, vswitch) = self.rig.network("z-a");
        let ipv6 = [("VSwitchId", vswitch.as_str()), ("Ipv6CidrBlock", "1")];
        self.rig.call(Vpc, "ModifyVSwitchAttribute", &ipv6);
        self.rig.groups(&vpc, &["sg-1"]);
        let mut of = vec![
            ("VpcId", vpc.as_str()),
            ("ServiceId", service),
            ("SecurityGroupId.1", "sg-1"),
            ("Zone.1.ZoneId", "z-a"),
            ("Zone.1.VSwitchId", vswitch.as_str()),
        ];
        of.extend(more);
        let made = self.rig.call(PrivateLink, "CreateVpcEndpoint", &of);
        self.rig.settle();
        text(&made, "EndpointId")
    }
}

#[test]
fn a_service_is_made_shown_changed_and_deleted() {
    let provider = Provider::new();
    let made = provider.call(
        "CreateVpcEndpointService",
        &[
            ("ServiceDescription", "of tests"),
            ("Payer", "EndpointService"),
            ("ServiceResourceType", "nlb"),
            ("SupportedRegionList.1", REGION),
            ("Tag.1.Key", "stage"),
            ("Tag.1.Value", "test"),
            ("ResourceGroupId", "rg-1"),
            ("PrivateServiceDomain", "API.example.com."),
        ],
    );
    let id = text(&made, "ServiceId");
    let created = text(&made, "CreateTime");
    assert!(
        id.starts_with("epsrv-") && created.ends_with('Z'),
        "{id} {created}"
    );
    let name = format!("com.aliyuncs.privatelink.{REGION}.{id}");
    let region = json!([{
        "RegionBusinessStatus": "Normal", "RegionServiceStatus": "Available",
        "ServiceRegionId": REGION, "SupportedRegionId": REGION,
    }]);
    let mut expected = json!({
        "AddressIpVersion": "IPv4", "AutoAcceptEnabled": false, "CreateTime": created,
        "ResourceGroupId": "rg-1", "ServiceBusinessStatus": "Normal",
        "ServiceDescription": "of tests", "ServiceDomain": format!("{id}.{REGION}.privatelink.test"),
        "ServiceId": id, "ServiceName": name, "ServiceStatus": "Creating",
        "ServiceSupportIPv6": false, "SupportedRegionSet": region, "ZoneAffinityEnabled": false,
    });
    assert_eq!(Value::Object(made), expected);

    provider.rig.settle();
    let of_it = [("ServiceId", id.as_str())];
    let more = json!({
        "ConnectBandwidth": 3_072, "MaxBandwidth": 50_000, "MinBandwidth": 100,
        "Payer": "EndpointService", "RegionId": REGION, "ServiceResourceType": "nlb",
        "ServiceType": "Interface", "ServiceStatus": "Active",
    });
    let merge = |into: &mut Value, from: Value| {
        if let (Value::Object(into), Value::Object(from)) = (into, from) {
            into.extend(from);
        }
    };
    merge(&mut expected, more);
    let mut listed = expected.clone();
    merge(
        &mut listed,
        json!({ "Tags": [{ "Key": "stage", "Value": "test" }] }),
    );
    let all = provider.call("ListVpcEndpointServices", &[]);
    assert_eq!(
        Value::Object(all),
        json!({ "Services": [listed], "MaxResults": 50, "NextToken": "", "TotalCount": 1 })
    );
    let domain = json!({
        "PrivateServiceDomain": "api.example.com", "PrivateServiceDomainVerified": false,
        "Zones": [],
    });
    merge(&mut expected, domain);
    let shown = provider.call("GetVpcEndpointServiceAttribute", &of_it);
    assert_eq!(Value::Object(shown), expected);

    let changes = [
        ("ServiceId", id.as_str()),
        ("AutoAcceptEnabled", "True"),
        ("ZoneAffinityEnabled", "True"),
        ("ConnectBandwidth", "500"),
        ("ServiceDescription", "changed"),
        ("ServiceSupportIPv6", "true"),
        ("AddSupportedRegionSet.1", REGION),
        ("PrivateServiceDomain", ""),
    ];
    provider.call("UpdateVpcEndpointServiceAttribute", &changes);
    let shown = provider.call("GetVpcEndpointServiceAttribute", &of_it);
    for (name, value) in [
        ("AutoAcceptEnabled", json!(true)),
        ("ZoneAffinityEnabled", json!(true)),
        ("ConnectBandwidth", json!(500)),
        ("ServiceDescription", json!("changed")),
        ("AddressIpVersion", json!("DualStack")),
        ("ServiceSupportIPv6", json!(true)),
        ("ServiceStatus", json!("Pending")),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
    assert!(shown.get("PrivateServiceDomain").is_none(), "{shown:?}");

    provider.rig.settle();
    provider.call("DeleteVpcEndpointService", &of_it);
    assert_eq!(provider.attribute(&id, "ServiceStatus"), "Deleting");
    let going = [("ServiceStatus", "Deleting")];
    let going = provider.call("ListVpcEndpointServices", &going);
    assert_eq!(going["TotalCount"], 1);
    provider.rig.settle();
    let gone = "EndpointServiceNotFound";
    provider.refused("GetVpcEndpointServiceAttribute", &of_it, gone);
}

#[test]
fn what_a_service_cannot_be_is_refused() {
    let provider = Provider::new();
    let refused =
        |of: &[(&str, &str)], code: &str| provider.refused("CreateVpcEndpointService", of, code);
    let resource = |kind: &'static str, id: &'static str| {
        [
            ("Resource.1.ResourceType", kind),
            ("Resource.1.ResourceId", id),
        ]
    };
    let message = refused(&resource("alb", "nlb-a"), "InvalidResourceType");
    assert!(message.contains("Resource.1.ResourceType"), "{message}");
    refused(&resource("nlb", "nlb-x"), "ResourceNotFound.loadBalancer");
    refused(&[("Resource.1.ResourceId", "nlb-a")], "MissingResourceType");
    let mut two = resource("nlb", "nlb-a").to_vec();
    two.push(("Resource.2.ResourceType", "nlb"));
    two.push(("Resource.2.ResourceId", "nlb-far"));
    let message = refused(&two, "InvalidResourceId");
    assert!(message.contains("Resource.2.ResourceId"), "{message}");
    for (name, value) in [
        ("ServiceResourceType", "gwlb"),
        ("Payer", "nobody"),
        ("AddressIpVersion", "IPv6"),
        ("SupportedRegionList.1", "mars"),
        ("ServiceDescription", "x"),
        ("AutoAcceptEnabled", "maybe"),
        ("PrivateServiceDomain", "no domain"),
    ] {
        let code = format!("Invalid{}", name.trim_end_matches(".1"));
        refused(&[(name, value)], &code);
    }
    let both = [("AddressIpVersion", "IPv4"), ("ServiceSupportIPv6", "true")];
    refused(&both, "InvalidServiceSupportIPv6");
    let theirs = provider.rig.call_as(
        CONSUMER,
        PrivateLink,
        "CreateVpcEndpointService",
        &resource("nlb", "nlb-a"),
    );
    let error = theirs.expect_err("not theirs");
    assert_eq!(error.code, "ResourceNotFound.loadBalancer");
    assert_eq!(
        provider.call("ListVpcEndpointServices", &[])["TotalCount"],
        0
    );
}

#[test]
fn what_a_service_cannot_become_is_refused() {
    let provider = Provider::new();
    let id = provider.service(&[
        ("AddressIpVersion", "DualStack"),
        ("PrivateServiceDomain", "api.example.com"),
    ]);
    let refused = |name: &str, value: &str, code: &str| {
        let of = [("ServiceId", id.as_str()), (name, value)];
        provider.refused("UpdateVpcEndpointServiceAttribute", &of, code)
    };
    refused("ConnectBandwidth", "99", "InvalidConnectBandwidth");
    refused("ConnectBandwidth", "50001", "InvalidConnectBandwidth");
    refused(
        "AddSupportedRegionSet.1",
        "mars",
        "InvalidAddSupportedRegionSet",
    );
    refused(
        "DeleteSupportedRegionSet.1",
        REGION,
        "InvalidDeleteSupportedRegionSet",
    );
    provider.endpoint(&id, &[("AddressIpVersion", "DualStack")]);
    let denied = "EndpointServiceOperationDenied";
    let message = refused("AddressIpVersion", "IPv4", denied);
    assert!(message.contains("dual-stack"), "{message}");
    // A domain that nobody verified is nobody's to use (row F43).
    let all = provider.rig.call(PrivateLink, "ListVpcEndpoints", &[]);
    let endpoint = text(all["Endpoints"][0].as_object().expect("one"), "EndpointId");
    let of = [
        ("EndpointId", endpoint.as_str()),
        ("PrivateDnsEnabled", "true"),
    ];
    let code = "InvalidPrivateDnsEnabled";
    let action = "UpdateVpcEndpointAttribute";
    provider.rig.refused(PrivateLink, action, &of, code);
    let theirs = provider.rig.call_as(
        CONSUMER,
        PrivateLink,
        "UpdateVpcEndpointServiceAttribute",
        &[("ServiceId", &id)],
    );
    assert_eq!(
        theirs.expect_err("not theirs").code,
        "EndpointServiceNotFound"
    );
}

#[test]
fn what_depends_on_a_service_goes_first() {
    let provider = Provider::new();
    let id = provider.service(&[]);
    let endpoint = provider.endpoint(&id, &[]);
    let of_it = [("ServiceId", id.as_str())];
    let delete = "DeleteVpcEndpointService";
    let message = provider.refused(delete, &of_it, "EndpointServiceConnectionDependence");
    assert!(message.contains(&endpoint), "{message}");
    let of_endpoint = [("EndpointId", endpoint.as_str())];
    provider
        .rig
        .call(PrivateLink, "DeleteVpcEndpoint", &of_endpoint);
    let message = provider.refused(delete, &of_it, "EndpointServiceOperationDenied");
    assert!(message.contains("DetachResourceFrom"), "{message}");
    let resource = [
        ("ServiceId", id.as_str()),
        ("ResourceId", "nlb-a"),
        ("ResourceType", "nlb"),
    ];
    provider.call("DetachResourceFromVpcEndpointService", &resource);
    provider.call(delete, &of_it);
}

#[test]
fn services_of_a_manifest_are_changed_there() {
    let rig = Rig::new();
    rig.service();
    for (action, of) in [
        ("DeleteVpcEndpointService", vec![]),
        ("UpdateVpcEndpointServiceAttribute", vec![]),
        ("AddUserToVpcEndpointService", vec![("UserId", "7")]),
    ] {
        let mut all = vec![("ServiceId", "epsrv-web")];
        all.extend(of);
        let refused = rig.call_as(PROVIDER, PrivateLink, action, &all);
        let error = refused.expect_err(action);
        assert_eq!(error.code, "OperationDenied.ManagedByManifest", "{action}");
    }
}

#[test]
fn resources_come_and_go_and_move_nobody() {
    let provider = Provider::new();
    let id = provider.service(&[("AutoAcceptEnabled", "true")]);
    let endpoint = provider.endpoint(&id, &[]);
    let of = |more: &[(&'static str, &'static str)]| {
        let mut all = vec![("ServiceId", id.as_str()), ("ResourceId", "nlb-b")];
        all.extend(more);
        all
    };
    let attach = "AttachResourceToVpcEndpointService";
    provider.refused(attach, &of(&[]), "MissingResourceType");
    let message = provider.refused(
        attach,
        &of(&[("ResourceType", "slb")]),
        "InvalidResourceType",
    );
    assert!(message.contains("parameter ResourceType"), "{message}");
    let far = [
        ("ServiceId", id.as_str()),
        ("ResourceId", "nlb-far"),
        ("ResourceType", "nlb"),
    ];
    let message = provider.refused(attach, &far, "InvalidResourceId");
    assert!(message.contains("parameter ResourceId"), "{message}");
    let missing = [
        ("ServiceId", id.as_str()),
        ("ResourceId", "nlb-x"),
        ("ResourceType", "nlb"),
    ];
    provider.refused(attach, &missing, "ResourceNotFound.loadBalancer");
    let of_zone = of(&[("ResourceType", "nlb"), ("ZoneId", "z-a")]);
    provider.call(attach, &of_zone);
    provider.refused(attach, &of_zone, "InvalidResourceId");
    let one = |id: &str, zone: &str, users: u8, is_ipv6: bool, is_auto: bool| {
        json!({
            "AutoAllocatedEnabled": is_auto, "RegionId": REGION,
            "RelatedDeprecatedEndpointCount": 0, "RelatedEndpointCount": users,
            "ResourceId": id, "ResourceSupportIPv6": is_ipv6, "ResourceType": "nlb",
            "VpcId": "pnet", "ZoneId": zone,
        })
    };
    // The resource of the zone would have taken the endpoint over.
    let resources = [
        one("nlb-a", "", 1, false, true),
        one("nlb-b", "z-a", 0, true, true),
    ];
    assert_eq!(provider.resources(&id), json!(resources));
    assert_eq!(provider.attribute(&id, "Zones"), json!(["z-a"]));

    let update = "UpdateVpcEndpointServiceResourceAttribute";
    provider.refused(update, &of(&[]), "MissingAutoAllocatedEnabled");
    provider.call(update, &of(&[("AutoAllocatedEnabled", "False")]));
    let elsewhere = of(&[("AutoAllocatedEnabled", "true"), ("ZoneId", "z-x")]);
    provider.refused(update, &elsewhere, "ResourceNotFound.loadBalancer");
    let resources = [
        one("nlb-a", "", 1, false, true),
        one("nlb-b", "z-a", 0, true, false),
    ];
    assert_eq!(provider.resources(&id), json!(resources));

    let detach = "DetachResourceFromVpcEndpointService";
    let first = [("ServiceId", id.as_str()), ("ResourceId", "nlb-a")];
    let message = provider.refused(detach, &first, "EndpointServiceOperationDenied");
    assert!(message.contains(&endpoint), "{message}");
    let elsewhere = of(&[("ZoneId", "z-x")]);
    provider.refused(detach, &elsewhere, "ResourceNotFound.loadBalancer");
    provider.call(detach, &of(&[("ZoneId", "z-a")]));
    let paged = [("ServiceId", id.as_str()), ("MaxResults", "1")];
    let page = provider.call("ListVpcEndpointServiceResources", &paged);
    assert_eq!(
        Value::Object(page),
        json!({ "Resources": [one("nlb-a", "", 1, false, true)], "MaxResults": 1, "NextToken": "" })
    );
}

#[test]
fn users_come_and_go_and_see_what_they_may_connect_to() {
    let provider = Provider::new();
    let id = provider.service(&[("Tag.1.Key", "stage"), ("Tag.1.Value", "test")]);
    let seen = |account: &str, of: &[(&str, &str)]| {
        let action = "ListVpcEndpointServicesByEndUser";
        let answer = provider.rig.call_as(account, PrivateLink, action, of);
        Value::Object(answer.expect("answers"))
    };
    let offered = json!({
        "AddressIpVersion": "IPv4", "AutoAcceptEnabled": false, "Payer": "Endpoint",
        "ResourceGroupId": "", "ServiceDomain": format!("{id}.{REGION}.privatelink.test"),
        "ServiceId": id, "ServiceName": format!("com.aliyuncs.privatelink.{REGION}.{id}"),
        "ServiceResourceType": "nlb", "ServiceSupportIPv6": false, "ServiceType": "Interface",
        "Tags": [], "VpcEndpointPolicySupported": true, "ZoneAffinityEnabled": false, "Zones": [],
    });
    assert_eq!(
        seen(CONSUMER, &[]),
        json!({ "Services": [offered], "MaxResults": 50, "NextToken": "", "TotalCount": "1" })
    );
    let count = |account: &str, of: &[(&str, &str)]| seen(account, of)["TotalCount"].clone();
    assert_eq!(count(PROVIDER, &[]), "1");
    assert_eq!(count("1003", &[]), "0");
    assert_eq!(
        count(CONSUMER, &[("ServiceType", "GatewayLoadBalancer")]),
        "0"
    );
    assert_eq!(count(CONSUMER, &[("ServiceRegionId", "mars")]), "0");
    assert_eq!(count(CONSUMER, &[("ServiceId", "epsrv-x")]), "0");
    assert_eq!(count(CONSUMER, &[("ServiceName", "x")]), "0");
    assert_eq!(count(CONSUMER, &[("Tag.1.Key", "stage")]), "1");
    assert_eq!(count(CONSUMER, &[("Tag.1.Key", "other")]), "0");

    let add = "AddUserToVpcEndpointService";
    let remove = "RemoveUserFromVpcEndpointService";
    let of = |name: &'static str, user: &'static str| [("ServiceId", id.as_str()), (name, user)];
    provider.call(add, &of("UserARN", "acs:ram:*:1003:*"));
    provider.call(add, &of("UserId", "1003"));
    assert_eq!(count("1003", &[]), "1");
    let listed = |more: &[(&str, &str)]| {
        let mut all = vec![("ServiceId", id.as_str())];
        all.extend(more);
        Value::Object(provider.call("ListVpcEndpointServiceUsers", &all))
    };
    let arns = json!([{ "UserARN": "acs:ram:*:1001:*" }, { "UserARN": "acs:ram:*:1003:*" }]);
    assert_eq!(
        listed(&[]),
        json!({
            "Users": [{ "UserId": 1001 }, { "UserId": 1003 }], "UserARNs": arns,
            "MaxResults": 50, "NextToken": "", "TotalCount": "2",
        })
    );
    assert_eq!(listed(&[("UserListType", "UserId")])["UserARNs"], json!([]));
    assert_eq!(listed(&[("UserListType", "UserARN")])["Users"], json!([]));
    assert_eq!(listed(&[("UserId", "1003")])["TotalCount"], "1");
    provider.call(remove, &of("UserId", "1003"));
    provider.refused(remove, &of("UserId", "1003"), "EndpointServiceUserNotFound");
    assert_eq!(count("1003", &[]), "0");
    provider.call(add, &of("UserId", "*"));
    assert_eq!(count("1003", &[]), "1");
    provider.call(remove, &of("UserARN", "acs:ram:*:*"));
    assert_eq!(count("1003", &[]), "0");
    for (name, user, code) in [
        ("UserId", "", "MissingUserId"),
        ("UserId", "a b", "InvalidUserId"),
        ("UserARN", "acs:ram::1003:root", "InvalidUserARN"),
        ("UserARN", "acs:ram:*::*", "InvalidUserARN"),
    ] {
        let message = provider.refused(add, &of(name, user), code);
        assert!(message.contains(&format!("parameter {name}")), "{message}");
    }
    let mut both = of("UserId", "1003").to_vec();
    both.push(("UserARN", "acs:ram:*:1004:*"));
    provider.refused(add, &both, "InvalidUserARN");
}

#[test]
fn services_are_found_by_what_they_are() {
    let provider = Provider::new();
    let id = provider.service(&[("AutoAcceptEnabled", "true"), ("ResourceGroupId", "rg-1")]);
    provider.call("CreateVpcEndpointService", &[]);
    let name = format!("com.aliyuncs.privatelink.{REGION}.{id}");
    let found = |name: &str, value: &str| {
        provider.call("ListVpcEndpointServices", &[(name, value)])["TotalCount"].clone()
    };
    for (filter, value, count) in [
        ("AddressIpVersion", "IPv4", 2),
        ("AddressIpVersion", "DualStack", 0),
        ("AutoAcceptEnabled", "true", 1),
        ("ZoneAffinityEnabled", "true", 0),
        ("ResourceGroupId", "rg-1", 1),
        ("ResourceId", "nlb-a", 1),
        ("ServiceBusinessStatus", "FinancialLocked", 0),
        ("ServiceId", &id, 1),
        ("ServiceName", &name, 1),
        ("ServiceResourceType", "alb", 0),
        ("ServiceStatus", "Active", 1),
        ("ServiceStatus", "Creating", 1),
        ("MaxResults", "1", 2),
    ] {
        assert_eq!(found(filter, value), count, "{filter} {value}");
    }
    let page = provider.call("ListVpcEndpointServices", &[("MaxResults", "1")]);
    let next = text(&page, "NextToken");
    let page = provider.call("ListVpcEndpointServices", &[("NextToken", &next)]);
    assert_eq!(
        (
            &page["NextToken"],
            page["Services"].as_array().map(Vec::len)
        ),
        (&json!(""), Some(1))
    );
}

#[test]
fn the_region_answers_before_there_is_anything() {
    let provider = Provider::new();
    assert_eq!(
        Value::Object(provider.call("OpenPrivateLinkService", &[])),
        json!({ "OrderId": "0" })
    );
    assert_eq!(
        Value::Object(provider.call("CheckProductOpen", &[])),
        json!({ "Success": true })
    );
    let region = json!({
        "RegionId": REGION, "LocalName": REGION,
        "ServiceResourceTypes": { "ServiceResourceType": ["nlb"] },
    });
    assert_eq!(
        Value::Object(provider.call("DescribeRegions", &[])),
        json!({ "Regions": { "Region": [region] } })
    );
    let none = provider.call("DescribeRegions", &[("ServiceResourceType", "slb")]);
    assert_eq!(Value::Object(none), json!({ "Regions": { "Region": [] } }));
    let zones = |zones: &[&str]| {
        let zones = zones.iter();
        let zones = zones.map(|zone| json!({ "ZoneId": zone, "LocalName": zone }));
        json!({ "Zones": { "Zone": zones.collect::<Vec<_>>() } })
    };
    let shown = |of: &[(&str, &str)]| Value::Object(provider.call("DescribeZones", of));
    assert_eq!(shown(&[]), zones(&[&format!("{REGION}-a")]));
    provider.rig.network("z-b");
    provider.service(&[("Resource.1.ZoneId", "z-a")]);
    assert_eq!(shown(&[]), zones(&["z-a", "z-b"]));
    assert_eq!(shown(&[("ServiceResourceType", "gwlb")]), zones(&[]));
    provider.refused(
        "DescribeZones",
        &[("CrossRegion", "true")],
        "InvalidCrossRegion",
    );
}

#[test]
fn resource_groups_are_changed() {
    let provider = Provider::new();
    let id = provider.service(&[]);
    let change = "ChangeResourceGroup";
    let of = [("ResourceGroupId", "rg-2"), ("ResourceId", id.as_str())];
    provider.call(change, &of);
    assert_eq!(provider.attribute(&id, "ResourceGroupId"), "rg-2");
    let endpoint = provider.endpoint(&id, &[]);
    let of = [
        ("ResourceGroupId", "rg-3"),
        ("ResourceId", endpoint.as_str()),
        ("ResourceType", "VpcEndpoint"),
    ];
    provider.refused(change, &of, "EndpointNotFound");
    provider.rig.call(PrivateLink, change, &of);
    let of_it = [("EndpointId", endpoint.as_str())];
    let shown = provider
        .rig
        .call(PrivateLink, "GetVpcEndpointAttribute", &of_it);
    assert_eq!(shown["ResourceGroupId"], "rg-3");
    let of = [
        ("ResourceGroupId", "rg-3"),
        ("ResourceId", id.as_str()),
        ("ResourceType", "Vpc"),
    ];
    provider.refused(change, &of, "InvalidResourceType");
    provider.refused(change, &[("ResourceId", &id)], "MissingResourceGroupId");
    let of = [("ResourceGroupId", "rg 3"), ("ResourceId", id.as_str())];
    provider.refused(change, &of, "InvalidResourceGroupId");
    provider
        .rig
        .refused(PrivateLink, change, &of, "EndpointServiceNotFound");
}
