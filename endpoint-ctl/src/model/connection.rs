//! How endpoints and services come together: who may, who accepts, who pays, by which resource.
//!
//! May import: std, the model's own modules.

use super::{LoadBalancerId, ZoneId};

/// An endpoint's connection to its service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// Whether the provider lets it in: by itself with `AutoAcceptEnabled`, or by
    /// `EnableVpcEndpointConnection`.
    pub accepted: bool,
    /// `TrafficControlMode`.
    pub traffic_control: TrafficControlMode,
}

/// `TrafficControlMode`: whether the connection's `Bandwidth` is a limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TrafficControlMode {
    /// `Scalability`: no limit.
    #[default]
    Scalability,
    /// `BandwidthLimit`.
    BandwidthLimit,
}

/// `Payer`: to whom use is attributed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Payer {
    /// `Endpoint`: the consumer.
    #[default]
    Endpoint,
    /// `EndpointService`: the provider.
    EndpointService,
}

impl TrafficControlMode {
    /// As the API spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalability => "Scalability",
            Self::BandwidthLimit => "BandwidthLimit",
        }
    }
}

impl Payer {
    /// As the API spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Endpoint => "Endpoint",
            Self::EndpointService => "EndpointService",
        }
    }
}

/// A load balancer behind a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceResource {
    /// `ResourceId`.
    pub load_balancer: LoadBalancerId,
    /// `ZoneId`: the zone whose connections it takes; `None`: those of all zones.
    pub zone: Option<ZoneId>,
    /// `AutoAllocatedEnabled`: whether it is given to connections by itself.
    pub auto_allocated: bool,
}

/// `PrivateServiceDomain`: the name that applications know the service by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceDomain {
    /// The name, in lower case, without a final dot.
    pub name: String,
    /// Whether it has been shown that the provider holds it.
    pub verified: bool,
}
