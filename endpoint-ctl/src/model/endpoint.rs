//! Endpoints and their zones.
//!
//! May import: std, the model's own modules.

use std::net::Ipv4Addr;

use super::{EndpointId, EniId, SecurityGroupId, ServiceId, VSwitchId, VpcId, ZoneId};

/// An interface endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `EndpointId`.
    pub id: EndpointId,
    /// `EndpointName`, if given.
    pub name: Option<String>,
    /// The VPC it is in.
    pub vpc: VpcId,
    /// The service it connects to.
    pub service: ServiceId,
    /// Attached custom security groups, 1 to 10; the managed one is not among them.
    pub security_groups: Vec<SecurityGroupId>,
    /// The managed security group that came with it.
    pub managed_group: SecurityGroupId,
    /// Its zones, 1 to 10, one vSwitch each.
    pub zones: Vec<EndpointZone>,
}

/// An endpoint's presence in one vSwitch: its ENI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointZone {
    /// `ZoneId`.
    pub zone: ZoneId,
    /// `VSwitchId`.
    pub vswitch: VSwitchId,
    /// `EniId`.
    pub eni: EniId,
    /// `EniIp`: given, or taken from the vSwitch's free addresses.
    pub ip: Ipv4Addr,
}
