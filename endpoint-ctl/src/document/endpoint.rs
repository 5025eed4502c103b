//! Endpoints.
//!
//! May import: model, the module's own.

use serde_json::Value;

use super::provider::transport;
use super::{Document, object, text};
use crate::model::{
    Endpoint, EndpointLimits, EndpointPolicy, EndpointType, EndpointZone, ReverseResource,
    TrafficControlMode,
};

pub(super) fn fill(endpoint: &Endpoint, document: &mut Document) {
    document.set("VpcId", endpoint.vpc.as_str());
    document.set("ServiceId", endpoint.service.as_str());
    match endpoint.endpoint_type {
        EndpointType::Interface => {
            document.set("AddressIpVersion", endpoint.address_ip_version.name());
        }
        EndpointType::Reverse => document.set("EndpointType", "Reverse"),
    }
    let groups = endpoint.security_groups.iter();
    let groups: Vec<_> = groups.map(ToString::to_string).collect();
    document.set("SecurityGroupIds", groups);
    let zones = endpoint.zones.iter().map(zone);
    document.set("Zones", zones.collect::<Vec<_>>());
    if !endpoint.resources.is_empty() {
        let resources = endpoint.resources.iter().map(resource);
        document.set("Resources", resources.collect::<Vec<_>>());
    }
    if endpoint.policy != EndpointPolicy::default() {
        document.set("PolicyDocument", endpoint.policy.document.as_str());
    }
    if endpoint.audit_mode {
        document.set("AuditMode", true);
    }
    set_limits(document, &endpoint.limits);
    document.set("Connected", endpoint.connection.accepted);
    let mode = endpoint.connection.traffic_control;
    // What a document without it means, by whether it has a bandwidth.
    let by_itself = match endpoint.limits.bandwidth {
        None => TrafficControlMode::Scalability,
        Some(_) => TrafficControlMode::BandwidthLimit,
    };
    if mode != by_itself {
        document.set("TrafficControlMode", mode.name());
    }
    if endpoint.zone_affinity {
        document.set("ZoneAffinityEnabled", true);
    }
    if endpoint.private_dns {
        document.set("PrivateDnsEnabled", true);
    }
}

fn zone(zone: &EndpointZone) -> Value {
    object([
        ("ZoneId", Some(text(&zone.zone))),
        ("VSwitchId", Some(text(&zone.vswitch))),
        ("ip", Some(text(&zone.ip))),
        ("Ipv6Address", zone.ipv6.map(|one| text(&one))),
        ("Connected", (!zone.connected).then(|| false.into())),
        ("ResourceId", zone.resource.as_ref().map(text)),
        ("ReplacedResourceId", zone.replaced.as_ref().map(text)),
    ])
}

fn resource(resource: &ReverseResource) -> Value {
    object([
        ("Protocol", Some(transport(resource.transport).into())),
        ("ResourceIp", Some(text(&resource.ip))),
        ("ResourcePort", Some(resource.port.into())),
        ("ServiceIp", Some(text(&resource.service_ip))),
        ("ServicePort", Some(resource.service_port.into())),
        ("ZoneId", Some(text(&resource.zone))),
    ])
}

fn set_limits(document: &mut Document, limits: &EndpointLimits) {
    document.set_if_some("Bandwidth", limits.bandwidth);
    document.set_if_some("FlowLimit", limits.flows);
    let idle = &limits.idle;
    let idle = object([
        ("TcpEstablished", idle.tcp_established.map(Value::from)),
        ("HalfOpen", idle.half_open.map(Value::from)),
        ("TcpClosing", idle.tcp_closing.map(Value::from)),
        ("Udp", idle.udp.map(Value::from)),
        ("Icmp", idle.icmp.map(Value::from)),
    ]);
    if idle.as_object().is_some_and(|fields| !fields.is_empty()) {
        document.set("IdleTimeouts", idle);
    }
}
