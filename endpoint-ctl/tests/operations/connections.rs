//! Connections, as the provider decides on them: who is let in, by which resource, how fast.

use endpoint_ctl::api::Product::PrivateLink;
use serde_json::{Value, json};

use crate::provider::Provider;
use crate::rig::{CONSUMER, PROVIDER, REGION, text};

/// A provider, a service, and an endpoint of the consumer's in `z-a`.
pub(crate) struct Scene {
    pub(crate) provider: Provider,
    pub(crate) service: String,
    endpoint: String,
}

impl Scene {
    pub(crate) fn new(of_service: &[(&str, &str)]) -> Self {
        let provider = Provider::new();
        let service = provider.service(of_service);
        let endpoint = provider.endpoint(&service, &[]);
        Self {
            provider,
            service,
            endpoint,
        }
    }

    /// With two resources for all zones, and everybody let in.
    pub(crate) fn with_two_resources() -> Self {
        Self::new(&[
            ("AutoAcceptEnabled", "true"),
            ("Resource.2.ResourceId", "nlb-b"),
            ("Resource.2.ResourceType", "nlb"),
        ])
    }

    fn of<'p>(&'p self, more: &[(&'p str, &'p str)]) -> Vec<(&'p str, &'p str)> {
        let mut all = vec![
            ("ServiceId", self.service.as_str()),
            ("EndpointId", self.endpoint.as_str()),
        ];
        all.extend(more);
        all
    }

    #[track_caller]
    pub(crate) fn call(&self, action: &str, more: &[(&str, &str)]) {
        let answer = self.provider.call(action, &self.of(more));
        assert!(answer.is_empty(), "{answer:?}");
    }

    #[track_caller]
    pub(crate) fn refused(&self, action: &str, more: &[(&str, &str)], code: &str) -> String {
        self.provider.refused(action, &self.of(more), code)
    }

    pub(crate) fn settle(&self) {
        self.provider.rig.settle();
    }

    /// The connection as the provider sees it.
    #[track_caller]
    fn connection(&self) -> Value {
        let of = [("ServiceId", self.service.as_str())];
        let all = self.provider.call("ListVpcEndpointConnections", &of);
        all["Connections"][0].clone()
    }

    #[track_caller]
    pub(crate) fn assert_statuses(&self, connection: &str, zone: &str) {
        let shown = self.connection();
        let statuses = (&shown["ConnectionStatus"], &shown["Zones"][0]["ZoneStatus"]);
        assert_eq!(statuses, (&json!(connection), &json!(zone)));
    }

    /// The resources of the zone: now, and before.
    #[track_caller]
    pub(crate) fn resources(&self) -> (Value, Value) {
        let zone = self.connection()["Zones"][0].clone();
        (
            zone["ResourceId"].clone(),
            zone["ReplacedResourceId"].clone(),
        )
    }

    /// For each resource: endpoints that it serves, and that it served.
    pub(crate) fn uses(&self) -> Vec<(Value, Value)> {
        let of = [("ServiceId", self.service.as_str())];
        let all = self.provider.call("ListVpcEndpointServiceResources", &of);
        let all = all["Resources"].as_array().cloned().unwrap_or_default();
        let uses = all.iter().map(|one| {
            let count = |name| one[name].clone();
            (
                count("RelatedEndpointCount"),
                count("RelatedDeprecatedEndpointCount"),
            )
        });
        uses.collect()
    }
}

const ENABLE: &str = "EnableVpcEndpointConnection";
pub(crate) const DISABLE: &str = "DisableVpcEndpointConnection";
const ENABLE_ZONE: &str = "EnableVpcEndpointZoneConnection";
pub(crate) const DISABLE_ZONE: &str = "DisableVpcEndpointZoneConnection";
const UPDATE: &str = "UpdateVpcEndpointConnectionAttribute";
pub(crate) const MOVE: &str = "UpdateVpcEndpointZoneConnectionResourceAttribute";
pub(crate) const DENIED: &str = "EndpointConnectionOperationDenied";
pub(crate) const ZONE: (&str, &str) = ("ZoneId", "z-a");

#[test]
fn a_connection_waits_is_let_in_and_put_out() {
    let scene = Scene::new(&[]);
    let (service, endpoint) = (scene.service.as_str(), scene.endpoint.as_str());
    let shown = scene.connection();
    let mut of_zone = shown["Zones"][0].clone();
    let vswitch = of_zone["VSwitchId"].take();
    assert!(vswitch.as_str().expect("text").starts_with("vsw-"));
    let zone = json!({
        "EniId": format!("eni-{endpoint}-z-a"), "ResourceId": "nlb-a", "VSwitchId": null,
        "ZoneDomain": format!("{endpoint}-z-a.{service}.{REGION}.privatelink.test"),
        "ZoneId": "z-a", "ZoneStatus": "Wait",
    });
    assert_eq!(of_zone, zone);
    let mut of_connection = shown.clone();
    of_connection["Zones"].take();
    let vpc = of_connection["EndpointVpcId"].take();
    assert!(vpc.as_str().expect("text").starts_with("vpc-"));
    assert_eq!(
        of_connection,
        json!({
            "Bandwidth": 3_072, "ConnectionStatus": "Disconnected", "EndpointId": endpoint,
            "EndpointOwnerId": 1001, "EndpointRegionId": REGION, "EndpointVpcId": null,
            "ResourceGroupId": "", "ResourceOwner": false, "ServiceId": service,
            "ServiceRegionId": REGION, "TrafficControlMode": "Scalability", "Zones": null,
        })
    );
    let all = scene.provider.call("ListVpcEndpointConnections", &[]);
    assert_eq!(
        Value::Object(all),
        json!({ "Connections": [shown], "MaxResults": 50, "NextToken": "", "TotalCount": "1" })
    );

    scene.call(ENABLE, &[]);
    scene.assert_statuses("Connecting", "Connecting");
    scene.settle();
    scene.assert_statuses("Connected", "Connected");
    scene.call(ENABLE, &[]);
    scene.assert_statuses("Connected", "Connected");
    scene.call(DISABLE, &[]);
    scene.assert_statuses("Disconnecting", "Disconnecting");
    scene.settle();
    scene.assert_statuses("Disconnected", "Wait");

    let of_it = [("EndpointId", endpoint)];
    let rig = &scene.provider.rig;
    rig.call(PrivateLink, "DeleteVpcEndpoint", &of_it);
    scene.assert_statuses("Deleting", "Deleting");
    scene.settle();
    let none = scene.provider.call("ListVpcEndpointConnections", &[]);
    assert_eq!(
        (&none["TotalCount"], &none["Connections"]),
        (&json!("0"), &json!([]))
    );
    scene.refused(ENABLE, &[], "EndpointNotFound");
}

#[test]
fn only_the_provider_of_the_service_decides() {
    let scene = Scene::new(&[]);
    let actions = [
        (ENABLE, vec![]),
        (DISABLE, vec![]),
        (UPDATE, vec![]),
        (ENABLE_ZONE, vec![ZONE]),
        (DISABLE_ZONE, vec![ZONE]),
        (MOVE, vec![ZONE, ("ResourceAllocateMode", "Auto")]),
    ];
    let other = scene.provider.service(&[]);
    for (action, more) in actions {
        let of = scene.of(&more);
        let rig = &scene.provider.rig;
        rig.refused(PrivateLink, action, &of, "EndpointServiceNotFound");
        let mut elsewhere = of.clone();
        elsewhere[0] = ("ServiceId", other.as_str());
        scene
            .provider
            .refused(action, &elsewhere, "EndpointNotFound");
        let mut nowhere = of;
        nowhere[1] = ("EndpointId", "ep-x");
        scene.provider.refused(action, &nowhere, "EndpointNotFound");
    }
    let rig = &scene.provider.rig;
    let theirs = rig.call(PrivateLink, "ListVpcEndpointConnections", &[]);
    assert_eq!(theirs["TotalCount"], "0");
    let of = [("ServiceId", scene.service.as_str())];
    let code = "EndpointServiceNotFound";
    rig.refused(PrivateLink, "ListVpcEndpointConnections", &of, code);
    scene.assert_statuses("Disconnected", "Wait");
}

#[test]
fn zones_are_let_in_one_by_one() {
    let scene = Scene::new(&[]);
    let message = scene.refused(DISABLE_ZONE, &[ZONE], DENIED);
    assert!(message.contains("EnableVpcEndpointConnection"), "{message}");
    scene.refused(ENABLE_ZONE, &[ZONE], DENIED);
    scene.call(ENABLE, &[]);
    scene.refused(DISABLE_ZONE, &[("ZoneId", "z-x")], "EndpointZoneNotFound");
    scene.refused(DISABLE_ZONE, &[], "MissingZoneId");
    scene.settle();
    scene.call(DISABLE_ZONE, &[ZONE]);
    scene.assert_statuses("Pending", "Disconnecting");
    scene.settle();
    scene.assert_statuses("Connected", "Disconnected");
    assert_eq!(scene.uses(), [(json!(0), json!(0))]);
    scene.call(ENABLE_ZONE, &[ZONE]);
    scene.settle();
    scene.assert_statuses("Connected", "Connected");
    assert_eq!(scene.uses(), [(json!(1), json!(0))]);
}

#[test]
fn a_bandwidth_is_a_limit_if_it_is_said_to_be() {
    let scene = Scene::new(&[]);
    let limit = || {
        let view = scene.provider.rig.desk.view();
        let endpoint = view.model().endpoints.get(scene.endpoint.as_str());
        view.model().bandwidth_limit(endpoint.expect("there"))
    };
    let shown = || {
        let shown = scene.connection();
        (
            shown["Bandwidth"].clone(),
            shown["TrafficControlMode"].clone(),
        )
    };
    scene.call(ENABLE, &[("Bandwidth", "1000")]);
    assert_eq!(shown(), (json!(1000), json!("Scalability")));
    assert_eq!(limit(), None);
    scene.call(UPDATE, &[("TrafficControlMode", "BandwidthLimit")]);
    assert_eq!(shown(), (json!(1000), json!("BandwidthLimit")));
    assert_eq!(limit(), Some(1000));
    scene.settle();
    scene.call(UPDATE, &[("Bandwidth", "50000")]);
    scene.assert_statuses("Pending", "Connected");
    assert_eq!(limit(), Some(50_000));
    scene.call(UPDATE, &[("TrafficControlMode", "Scalability")]);
    assert_eq!(shown(), (json!(50_000), json!("Scalability")));
    assert_eq!(limit(), None);
    for (name, value) in [
        ("Bandwidth", "99"),
        ("Bandwidth", "50001"),
        ("TrafficControlMode", "Wild"),
    ] {
        scene.refused(UPDATE, &[(name, value)], &format!("Invalid{name}"));
        scene.refused(ENABLE, &[(name, value)], &format!("Invalid{name}"));
    }
}

#[test]
fn a_limit_without_a_bandwidth_is_what_the_service_gives() {
    let scene = Scene::new(&[]);
    let of_service = |bandwidth: &str| {
        let of = [
            ("ServiceId", scene.service.as_str()),
            ("ConnectBandwidth", bandwidth),
        ];
        scene
            .provider
            .call("UpdateVpcEndpointServiceAttribute", &of);
    };
    of_service("700");
    let shown = || scene.connection()["Bandwidth"].clone();
    assert_eq!(shown(), 700);
    scene.call(ENABLE, &[("TrafficControlMode", "BandwidthLimit")]);
    // What a connection was given it keeps.
    of_service("800");
    assert_eq!(shown(), 700);
}

#[test]
fn connections_are_found_by_what_they_are() {
    let scene = Scene::with_two_resources();
    let graceful = [
        ZONE,
        ("ResourceReplaceMode", "Graceful"),
        ("ResourceId", "nlb-b"),
    ];
    scene.call(MOVE, &graceful);
    scene.settle();
    let eni = format!("eni-{}-z-a", scene.endpoint);
    for (filter, value, count) in [
        ("ConnectionStatus", "Connected", "1"),
        ("ConnectionStatus", "Disconnected", "0"),
        ("EndpointId", &scene.endpoint, "1"),
        ("EndpointId", "ep-x", "0"),
        ("EndpointOwnerId", CONSUMER, "1"),
        ("EndpointOwnerId", PROVIDER, "0"),
        ("EniId", &eni, "1"),
        ("EniId", "eni-x", "0"),
        ("ReplacedResourceId", "nlb-a", "1"),
        ("ReplacedResourceId", "nlb-b", "0"),
        ("ResourceGroupId", "rg-1", "0"),
        ("ResourceId", "nlb-b", "1"),
        ("ResourceId", "nlb-a", "0"),
    ] {
        let found = scene
            .provider
            .call("ListVpcEndpointConnections", &[(filter, value)]);
        assert_eq!(found["TotalCount"], count, "{filter} {value}");
    }
    let too_many = [("MaxResults", "51")];
    let code = "InvalidMaxResults";
    scene
        .provider
        .refused("ListVpcEndpointConnections", &too_many, code);
}

/// Rows F28 and F29: what a service becomes changes nothing of the endpoints that are there.
#[test]
fn zone_affinity_is_judged_when_it_is_turned_on() {
    let scene = Scene::new(&[("ZoneAffinityEnabled", "true")]);
    let offer = |is_on: &str| {
        let of = [
            ("ServiceId", scene.service.as_str()),
            ("ZoneAffinityEnabled", is_on),
        ];
        scene
            .provider
            .call("UpdateVpcEndpointServiceAttribute", &of);
    };
    let rig = &scene.provider.rig;
    let of_it = [("EndpointId", scene.endpoint.as_str())];
    let turn = |is_on: &'static str| [of_it[0], ("ZoneAffinityEnabled", is_on)];
    let update = "UpdateVpcEndpointAttribute";
    let is_on =
        || rig.call(PrivateLink, "GetVpcEndpointAttribute", &of_it)["ZoneAffinityEnabled"].clone();
    rig.call(PrivateLink, update, &turn("true"));
    offer("false");
    assert_eq!(is_on(), true);
    rig.call(PrivateLink, update, &turn("true"));
    rig.call(PrivateLink, update, &turn("false"));
    let code = "InvalidZoneAffinityEnabled";
    rig.refused(PrivateLink, update, &turn("true"), code);
    assert_eq!(is_on(), false);
    offer("true");
    assert_eq!(is_on(), false);
    rig.call(PrivateLink, update, &turn("true"));
    assert_eq!(is_on(), true);
    let of = [("ServiceId", scene.service.as_str())];
    let shown = scene.provider.call("GetVpcEndpointServiceAttribute", &of);
    assert_eq!(text(&shown, "ServiceId"), scene.service);
}
