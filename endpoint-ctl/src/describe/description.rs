//! What `describe` answers, field by field.
//!
//! May import: std, jiff, serde, serde_json, health (targets), model (ids).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::health::TargetView;
use crate::model::ResourceId;

/// A resource and all that is known of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Described {
    /// Its kind.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// `declared`: not in force yet; `changing`: not as it is declared yet; `in-force`; `going`: no longer
    /// declared, and still in force.
    pub state: &'static str,
    /// The account it belongs to.
    pub account_id: Option<String>,
    /// When it was made (UTC).
    pub created: Option<Timestamp>,
    /// The manifest that owns it, by its name; none: the API made it.
    pub manifest: Option<String>,
    /// The resources that refer to it, which cannot go before they do.
    pub referrers: Vec<Referrer>,
    /// More of an endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<EndpointDescribed>,
    /// More of a service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceDescribed>,
    /// The servers behind a load balancer's listeners.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<TargetDescribed>>,
    /// The resource itself, as a manifest may hold it.
    pub document: Value,
}

/// A resource that refers to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Referrer {
    /// Its kind.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
}

impl From<&ResourceId> for Referrer {
    fn from(id: &ResourceId) -> Self {
        Self {
            kind: id.kind.name(),
            id: id.id.to_string(),
        }
    }
}

/// More of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct EndpointDescribed {
    /// `EndpointStatus` of the API.
    pub endpoint_status: &'static str,
    /// `ConnectionStatus` of the API.
    pub connection_status: &'static str,
    /// The name that it is found by.
    pub endpoint_domain: String,
    /// The group that came with it.
    pub managed_security_group_id: String,
    /// Its zones, those that are going as well.
    pub zones: Vec<ZoneDescribed>,
    /// Its security groups, those that are going as well.
    pub security_groups: Vec<GroupDescribed>,
}

/// A zone of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ZoneDescribed {
    /// The zone.
    pub zone_id: String,
    /// Its vSwitch.
    pub vswitch_id: String,
    /// Its ENI.
    pub eni_id: String,
    /// The ENI's IPv4 address.
    pub ip: Ipv4Addr,
    /// The ENI's IPv6 address, if it has one.
    pub ipv6: Option<Ipv6Addr>,
    /// The MAC address that the ENI answers with, while the vSwitch's interface is there.
    pub mac: Option<String>,
    /// As [`Described::state`].
    pub state: &'static str,
    /// `ZoneStatus` of the API.
    pub zone_status: &'static str,
    /// The name that it is found by.
    pub zone_domain: String,
}

/// A security group of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct GroupDescribed {
    /// The group.
    pub security_group_id: String,
    /// `SecurityGroupStatus` of the API.
    pub security_group_status: &'static str,
}

/// More of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ServiceDescribed {
    /// `ServiceStatus` of the API.
    pub service_status: &'static str,
    /// What the names of its endpoints end with.
    pub service_domain: String,
}

/// A server behind a listener, as in `status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TargetDescribed {
    /// The listener's port.
    pub listener_port: u16,
    /// The listener's IANA protocol number.
    pub protocol: u8,
    /// The server's address.
    pub server_ip: IpAddr,
    /// The server's port.
    pub port: u16,
    /// Its weight.
    pub weight: u8,
    /// `healthy`, `unhealthy`, `unknown`, `draining` or `drained`.
    pub state: &'static str,
    /// Why.
    pub reason: String,
    /// Since when (UTC).
    pub since: Timestamp,
}

impl From<&TargetView> for TargetDescribed {
    fn from(view: &TargetView) -> Self {
        let target = &view.target;
        Self {
            listener_port: target.listener_port,
            protocol: target.transport.number(),
            server_ip: target.ip,
            port: target.port,
            weight: view.weight,
            state: view.state,
            reason: view.reason.clone(),
            since: view.since,
        }
    }
}
