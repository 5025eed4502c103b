//! Services as their providers have them: made, changed, deleted.

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
    pub(crate) fn attribute(&self, service: &str, name: &str) -> Value {
        let of = [("ServiceId", service)];
        self.call("GetVpcEndpointServiceAttribute", &of)[name].clone()
    }

    pub(crate) fn resources(&self, service: &str) -> Value {
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
