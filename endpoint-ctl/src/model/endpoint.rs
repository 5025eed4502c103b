//! Endpoints and their zones.
//!
//! May import: std, the model's own modules.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{
    EndpointId, EndpointLimits, EniId, SecurityGroupId, ServiceId, VSwitchId, VpcId, ZoneId,
};

/// `AddressIpVersion`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AddressIpVersion {
    /// `IPv4`: IPv4 alone.
    #[default]
    Ipv4,
    /// `DualStack`: IPv4 and IPv6.
    DualStack,
}

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
    /// `AddressIpVersion`: the families its ENIs have.
    pub address_ip_version: AddressIpVersion,
    /// Attached custom security groups, 1 to 10; the managed one is not among them.
    pub security_groups: Vec<SecurityGroupId>,
    /// The managed security group that came with it.
    pub managed_group: SecurityGroupId,
    /// What it may use.
    pub limits: EndpointLimits,
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
    /// `Ipv6Address`, if the endpoint is dual-stack: given, or taken likewise.
    pub ipv6: Option<Ipv6Addr>,
}

impl EndpointZone {
    /// The ENI's addresses, one for each family it has.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        let ipv6 = self.ipv6.map(IpAddr::V6);
        [IpAddr::V4(self.ip)].into_iter().chain(ipv6)
    }
}
