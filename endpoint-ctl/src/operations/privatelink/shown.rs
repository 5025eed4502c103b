//! What the API shows of endpoints and services beyond what is declared: states and names, for others who show them.
//!
//! May import: std, model, registry, operations' own.

use super::{domains, status};
use crate::model::{Endpoint, EndpointZone, SecurityGroupId};
use crate::operations::request::Settings;
use crate::registry::{Progress, View};

/// An endpoint, as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointShown<'v> {
    /// `EndpointStatus`.
    pub status: &'static str,
    /// `ConnectionStatus`.
    pub connection: &'static str,
    /// `EndpointDomain`.
    pub domain: String,
    /// Its zones, those that are on their way out as well.
    pub zones: Vec<ZoneShown<'v>>,
    /// Its security groups, likewise, each with its `SecurityGroupStatus`.
    pub groups: Vec<(SecurityGroupId, &'static str)>,
}

/// A zone of an endpoint, as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneShown<'v> {
    /// The zone.
    pub zone: &'v EndpointZone,
    /// How far it is in force.
    pub progress: Progress,
    /// `ZoneStatus`.
    pub status: &'static str,
    /// `ZoneDomain`.
    pub domain: String,
}

/// A service, as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceShown {
    /// `ServiceStatus`.
    pub status: &'static str,
    /// `ServiceDomain`.
    pub domain: String,
}

impl<'v> EndpointShown<'v> {
    /// An endpoint of a view, declared or still in force.
    pub fn of(endpoint: &'v Endpoint, view: &'v View, settings: &Settings) -> Self {
        let id = endpoint.id.as_str();
        let zones = view.zones(endpoint).into_iter();
        let zones = zones.map(|(zone, progress)| ZoneShown {
            zone,
            progress,
            status: status::zone(view, endpoint, zone),
            domain: domains::zone(endpoint, zone, settings),
        });
        let groups = view.groups(endpoint).into_iter();
        let groups = groups.map(|(group, progress)| (group, status::group(progress)));
        Self {
            status: status::endpoint(view, id),
            connection: status::connection(view, id),
            domain: domains::endpoint(endpoint, settings),
            zones: zones.collect(),
            groups: groups.collect(),
        }
    }
}

impl ServiceShown {
    /// A service of a view, declared or still in force; `None` if there is no such service.
    pub fn of(id: &str, view: &View, settings: &Settings) -> Option<Self> {
        let (service, progress) = status::service_progress(view, id)?;
        Some(Self {
            status: status::service(progress),
            domain: domains::service(&service.id, settings),
        })
    }
}
