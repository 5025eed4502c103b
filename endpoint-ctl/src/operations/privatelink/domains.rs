//! The names under which endpoints, their zones and services are found (row F07).
//!
//! May import: model, operations' own.

use crate::model::{Endpoint, EndpointZone, ServiceId};
use crate::operations::request::Settings;

/// `ServiceDomain`: what the names of a service's endpoints end with.
pub(super) fn service(id: &ServiceId, settings: &Settings) -> String {
    format!("{id}.{}.{}", settings.region, settings.domain)
}

/// `EndpointDomain`.
pub(super) fn endpoint(endpoint: &Endpoint, settings: &Settings) -> String {
    let service = service(&endpoint.service, settings);
    format!("{}.{service}", endpoint.id)
}

/// `ZoneDomain`.
pub(super) fn zone(endpoint: &Endpoint, zone: &EndpointZone, settings: &Settings) -> String {
    let service = service(&endpoint.service, settings);
    format!("{}-{}.{service}", endpoint.id, zone.zone)
}
