//! Endpoints and their zones.
//!
//! May import: std, the model's own modules.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{
    Connection, EndpointId, EndpointLimits, EndpointPolicy, EniId, LoadBalancerId, SecurityGroupId,
    ServiceId, Transport, VSwitchId, VpcId, ZoneId,
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

impl AddressIpVersion {
    /// As the API spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "IPv4",
            Self::DualStack => "DualStack",
        }
    }
}

/// `EndpointType`: who opens flows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EndpointType {
    /// `Interface`: clients in the VPC, toward the service.
    #[default]
    Interface,
    /// `Reverse`: hosts of the service's provider network, toward resources in the VPC.
    Reverse,
}

/// An endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `EndpointId`.
    pub id: EndpointId,
    /// The VPC it is in.
    pub vpc: VpcId,
    /// `EndpointType`.
    pub endpoint_type: EndpointType,
    /// The service it connects to; of a reverse endpoint, the one whose provider network may reach its
    /// resources.
    pub service: ServiceId,
    /// `AddressIpVersion`: the families its ENIs have. A reverse endpoint is IPv4 only.
    pub address_ip_version: AddressIpVersion,
    /// Attached custom security groups, 1 to 10; the managed one is not among them.
    pub security_groups: Vec<SecurityGroupId>,
    /// The managed security group that came with it.
    pub managed_group: SecurityGroupId,
    /// `PolicyDocument`.
    pub policy: EndpointPolicy,
    /// `AuditMode`: what its rules refuse passes, and is logged.
    pub audit_mode: bool,
    /// What it may use.
    pub limits: EndpointLimits,
    /// `ZoneAffinityEnabled`: whether names lead clients to the zone they are in.
    pub zone_affinity: bool,
    /// `PrivateDnsEnabled`: whether the service's own domain leads here, in the VPC.
    pub private_dns: bool,
    /// Its connection to the service.
    pub connection: Connection,
    /// Its zones, at most 10, one vSwitch each.
    pub zones: Vec<EndpointZone>,
    /// `Resources` of a reverse endpoint; (`service_ip`, transport, `service_port`) is unique in the
    /// provider network, and all of one `service_ip` are of one zone.
    pub resources: Vec<ReverseResource>,
}

/// What the provider's hosts may reach in the VPC through a reverse endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReverseResource {
    /// `Protocol`.
    pub transport: Transport,
    /// `ResourceIp`, in the VPC.
    pub ip: Ipv4Addr,
    /// `ResourcePort`.
    pub port: u16,
    /// `ServiceIp`: the address in the provider network at which its hosts reach the resource; this
    /// node answers ARP for it.
    pub service_ip: Ipv4Addr,
    /// `ServicePort`: the port there.
    pub service_port: u16,
    /// `ZoneId`: the zone whose ENI is the source that the resource sees.
    pub zone: ZoneId,
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
    /// Whether the provider takes connections of this zone.
    pub connected: bool,
    /// The resource of the service that this zone was given; `None`: the one that serves its zone.
    pub resource: Option<LoadBalancerId>,
    /// The resource that [`resource`](Self::resource) took the place of: flows that are at its servers may
    /// go on there, and no new ones come to them.
    pub replaced: Option<LoadBalancerId>,
}

impl Endpoint {
    /// Whether what arrives in this zone goes on to the service.
    pub fn is_connected(&self, zone: &EndpointZone) -> bool {
        self.connection.accepted && zone.connected
    }

    /// The resources that are reached from each zone's ENI.
    pub fn reversed(&self) -> impl Iterator<Item = (&EndpointZone, &ReverseResource)> {
        self.resources.iter().filter_map(|resource| {
            let mut zones = self.zones.iter();
            let zone = zones.find(|zone| zone.zone == resource.zone)?;
            Some((zone, resource))
        })
    }
}

impl EndpointZone {
    /// The ENI's addresses, one for each family it has.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        let ipv6 = self.ipv6.map(IpAddr::V6);
        [IpAddr::V4(self.ip)].into_iter().chain(ipv6)
    }
}
