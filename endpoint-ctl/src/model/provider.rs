//! The provider's side: its network, load balancers and endpoint services.
//!
//! May import: std, ipnet, the model's own modules.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::{Ipv4Net, Ipv6Net};

use super::{
    AddressIpVersion, EndpointZone, HealthCheck, Hook, LoadBalancerId, NodeId, Payer,
    ProviderNetworkId, ServerGroupId, ServiceDomain, ServiceId, ServiceResource, Transport, ZoneId,
};

/// The network backends live in, reached through one Linux interface of each node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderNetwork {
    /// Its id.
    pub id: ProviderNetworkId,
    /// `CidrBlock`; may overlap any VPC's.
    pub cidr_block: Ipv4Net,
    /// `Ipv6CidrBlock`, if it is dual-stack; may overlap any VPC's.
    pub ipv6_cidr_block: Option<Ipv6Net>,
    /// How nodes reach it, each in its own way; at least one.
    pub uplinks: Vec<Uplink>,
}

/// How one node reaches a provider network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uplink {
    /// `NodeId`: the node; `None`: the only node there is.
    pub node: Option<NodeId>,
    /// The Linux interface that leads to the network.
    pub interface: String,
    /// `Hook`: where its packets are handled.
    pub hook: Hook,
    /// `NatAddresses`: the sources that backends of the same family see; the node answers ARP and
    /// neighbor solicitations for them.
    pub nat_addresses: Vec<IpAddr>,
}

impl ProviderNetwork {
    /// The NAT addresses of all its nodes.
    pub fn nat_addresses(&self) -> impl Iterator<Item = IpAddr> {
        let all = self.uplinks.iter().flat_map(|uplink| &uplink.nat_addresses);
        all.copied()
    }

    /// The interfaces that lead to it. In a [node's part](super::Model::at) of a model that is one.
    pub fn interface(&self) -> Option<&String> {
        Some(&self.uplinks.first()?.interface)
    }
}

/// A load balancer: listeners, each with its servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadBalancer {
    /// `LoadBalancerId`.
    pub id: LoadBalancerId,
    /// The provider network its servers are in.
    pub provider_network: ProviderNetworkId,
    /// Its listeners; (transport, port) is unique.
    pub listeners: Vec<Listener>,
    /// `ZoneMappings`: where it is said to be. Nothing follows from it: it has no addresses of its own.
    pub zone_mappings: Vec<ZoneMapping>,
}

/// A zone that a load balancer is said to be in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneMapping {
    /// `ZoneId`.
    pub zone: ZoneId,
    /// `VSwitchId`: a name of the provider's, which need not be known here.
    pub vswitch: Option<String>,
}

/// One listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// `ListenerProtocol`.
    pub transport: Transport,
    /// `ListenerPort`.
    pub port: u16,
    /// `HealthCheckConfig`; without it, servers are not probed.
    pub health_check: Option<HealthCheck>,
    /// `ConnectionDrainTimeout`, if `ConnectionDrainEnabled`: how long the old flows of a server
    /// that drains, or is not named any more, may go on.
    pub connection_drain_timeout: Option<Duration>,
    /// `OnNoBackend`.
    pub on_no_backend: OnNoBackend,
    /// `ServerGroupId`: the group whose servers, health check and drain these are, if it names one.
    pub server_group: Option<ServerGroupId>,
    /// `Servers`; (ip, port) is unique. May be empty: then there is no backend.
    pub servers: Vec<Server>,
}

impl Listener {
    /// Its name among those of its load balancer: `tcp/80`.
    pub fn name(&self) -> String {
        let protocol = match self.transport {
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
        };
        format!("{protocol}/{}", self.port)
    }
}

/// What a new flow meets when no server can take it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnNoBackend {
    /// `drop`: silence.
    #[default]
    Drop,
    /// `reject`: a TCP reset, or ICMP port unreachable.
    Reject,
}

/// One server (target) behind a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// `ServerIp`: clients of the same family reach it.
    pub ip: IpAddr,
    /// `Port`.
    pub port: u16,
    /// `Weight`, 0 to 100; 0 gets no new flows.
    pub weight: u8,
    /// `ZoneId`, if given.
    pub zone: Option<ZoneId>,
    /// `Drain`: no new flows, and the old ones end with the listener's
    /// [`connection_drain_timeout`](Listener::connection_drain_timeout).
    pub drain: bool,
}

impl Server {
    /// Its name among those of its listener or group: `10.0.0.1:80`.
    pub fn name(&self) -> String {
        SocketAddr::new(self.ip, self.port).to_string()
    }
}

/// An endpoint service: what endpoints connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointService {
    /// `ServiceId`.
    pub id: ServiceId,
    /// `ServiceName`, unique.
    pub name: String,
    /// `Resources`: the load balancers behind it, all in one provider network.
    pub resources: Vec<ServiceResource>,
    /// `AddressIpVersion`: what its endpoints may have.
    pub address_ip_version: AddressIpVersion,
    /// `AutoAcceptEnabled`: whether endpoints are let in by themselves.
    pub auto_accept: bool,
    /// `Payer`.
    pub payer: Payer,
    /// `Users`: the accounts that may connect beside the service's own; `*` stands for all.
    pub users: BTreeSet<String>,
    /// `ZoneAffinityEnabled`: whether endpoints may have zone affinity.
    pub zone_affinity: bool,
    /// `ConnectBandwidth`, Mbit/s: what connections get that are given no other.
    pub connect_bandwidth: Option<u32>,
    /// `PrivateServiceDomain`.
    pub domain: Option<ServiceDomain>,
}

/// Mbit/s of a connection to a service that says nothing else.
pub(super) const DEFAULT_BANDWIDTH: u32 = 3_072;

impl EndpointService {
    /// Mbit/s of connections that are given no other.
    pub fn bandwidth(&self) -> u32 {
        self.connect_bandwidth.unwrap_or(DEFAULT_BANDWIDTH)
    }

    /// The resource for a zone of an endpoint: the one it was given, the one of its zone, or one of all
    /// zones; else any.
    pub fn resource(&self, zone: &EndpointZone) -> Option<&ServiceResource> {
        let mut all = self.resources.iter();
        if let Some(given) = &zone.resource
            && let Some(found) = all.clone().find(|one| one.load_balancer == *given)
        {
            return Some(found);
        }
        let automatic = || all.clone().filter(|one| one.auto_allocated);
        let of_zone = automatic().find(|one| one.zone.as_ref() == Some(&zone.zone));
        let of_all = || automatic().find(|one| one.zone.is_none());
        of_zone
            .or_else(of_all)
            .or_else(|| automatic().next())
            .or_else(|| all.next())
    }
}
