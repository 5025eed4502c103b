//! Connections, as the provider decides on them. They are kept with the endpoints, which belong to others: the
//! caller must have the service that an endpoint is connected to.
//!
//! May import: std, serde_json, api, document, model, registry, operations' own.

use serde_json::{Map, Value};

use super::service::{LEAST_BANDWIDTH, MOST_BANDWIDTH, given};
use super::service_resources::zones_of;
use crate::api::{ApiError, Reader};
use crate::document::Document;
use crate::model::{Endpoint, EndpointZone, Kind, TrafficControlMode};
use crate::operations::answers::done;
use crate::operations::refusals::not_found;
use crate::operations::visible::named;
use crate::operations::{Answer, Request};
use crate::registry::Change;

const CONNECTED: &str = "Connected";
/// Of a zone: the resource that another one took the place of.
pub(super) const REPLACED: &str = "ReplacedResourceId";

/// The endpoint that a request names together with its service, which is the caller's.
pub(super) fn endpoint<'c>(
    change: &'c Change,
    reader: &mut Reader<'_>,
    request: &Request<'_>,
) -> Result<&'c Endpoint, ApiError> {
    let registry = change.registry();
    let service = named(
        reader,
        "ServiceId",
        Kind::Service,
        registry,
        request.account,
    )?;
    let id = reader.required("EndpointId")?;
    let endpoint = registry.model.endpoints.get(id);
    endpoint
        .filter(|endpoint| endpoint.service.as_str() == service)
        .ok_or_else(|| not_found(Kind::Endpoint, id))
}

fn document(change: &Change, endpoint: &Endpoint) -> Result<Document, ApiError> {
    Ok(change.edit(Kind::Endpoint, endpoint.id.as_str())?)
}

/// The connection is in no state for that.
pub(super) fn denied(why: impl Into<String>) -> ApiError {
    ApiError::new(409, "EndpointConnectionOperationDenied", why)
}

/// `EnableVpcEndpointConnection`.
pub(super) fn enable(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let endpoint = endpoint(change, &mut reader, request)?;
    let mut document = document(change, endpoint)?;
    traffic(&mut reader, endpoint, change, &mut document)?;
    reader.finish();
    document.set(CONNECTED, true);
    change.replace(&document)?;
    Ok(done())
}

/// `DisableVpcEndpointConnection`: its flows end.
pub(super) fn disable(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let endpoint = endpoint(change, &mut reader, request)?;
    let mut document = document(change, endpoint)?;
    reader.finish();
    document.set(CONNECTED, false);
    for zone in zones_of(&mut document) {
        zone.remove(REPLACED);
    }
    change.replace(&document)?;
    Ok(done())
}

/// `UpdateVpcEndpointConnectionAttribute`.
pub(super) fn update(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let endpoint = endpoint(change, &mut reader, request)?;
    let mut document = document(change, endpoint)?;
    traffic(&mut reader, endpoint, change, &mut document)?;
    reader.finish();
    change.replace(&document)?;
    Ok(done())
}

/// `Bandwidth`, and whether it is a limit. Both are written, since a document without the one or the other
/// means something of its own.
fn traffic(
    reader: &mut Reader<'_>,
    endpoint: &Endpoint,
    change: &Change,
    document: &mut Document,
) -> Result<(), ApiError> {
    const MODE: &str = "TrafficControlMode";
    let bandwidth = reader.integer("Bandwidth", LEAST_BANDWIDTH..=MOST_BANDWIDTH)?;
    let mode = match given(reader, MODE)? {
        None => endpoint.connection.traffic_control,
        Some("Scalability") => TrafficControlMode::Scalability,
        Some("BandwidthLimit") => TrafficControlMode::BandwidthLimit,
        Some(_) => return Err(reader.invalid(MODE, "it is neither Scalability nor BandwidthLimit")),
    };
    document.set(MODE, mode.name());
    if let Some(bandwidth) = bandwidth {
        document.set("Bandwidth", bandwidth);
    } else if mode == TrafficControlMode::BandwidthLimit {
        document.set("Bandwidth", change.model().bandwidth(endpoint));
    }
    Ok(())
}

/// The zone of an endpoint that a request names.
pub(super) fn zone<'e>(
    reader: &mut Reader<'_>,
    endpoint: &'e Endpoint,
) -> Result<&'e EndpointZone, ApiError> {
    let id = reader.required("ZoneId")?;
    let mut zones = endpoint.zones.iter();
    zones.find(|zone| zone.zone.as_str() == id).ok_or_else(|| {
        let what = format!("zone {id} of {}", endpoint.id);
        let message = format!("The specified resource is not found: {what}.");
        ApiError::new(404, "EndpointZoneNotFound", message)
    })
}

/// Changes one zone of an endpoint.
pub(super) fn edit_zone(
    change: &mut Change,
    endpoint: &str,
    zone: &str,
    edit: impl Fn(&mut Map<String, Value>),
) -> Answer {
    let mut document = change.edit(Kind::Endpoint, endpoint)?;
    let is_it = |fields: &Map<String, Value>| {
        let id = fields.get("ZoneId").and_then(Value::as_str);
        id == Some(zone)
    };
    for fields in zones_of(&mut document) {
        if is_it(fields) {
            edit(fields);
        }
    }
    change.replace(&document)?;
    Ok(done())
}

/// `EnableVpcEndpointZoneConnection`.
pub(super) fn enable_zone(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let (endpoint, zone) = connected_zone(change, &mut reader, request)?;
    reader.finish();
    edit_zone(change, &endpoint, &zone, |fields| {
        fields.insert(CONNECTED.to_owned(), true.into());
    })
}

/// `DisableVpcEndpointZoneConnection`: the zone's flows end; with `ReplacedResource`, only those that went
/// on at the resource that was replaced.
pub(super) fn disable_zone(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let (endpoint, zone) = connected_zone(change, &mut reader, request)?;
    let of_replaced = reader.boolean("ReplacedResource")?.unwrap_or(false);
    reader.finish();
    if of_replaced && !has_replaced(change, &endpoint, &zone) {
        return Err(denied(format!(
            "Zone {zone} of {endpoint} has no resource that was replaced."
        ))
        .mend("Leave ReplacedResource out to disconnect the zone."));
    }
    edit_zone(change, &endpoint, &zone, |fields| {
        fields.remove(REPLACED);
        if !of_replaced {
            fields.insert(CONNECTED.to_owned(), false.into());
        }
    })
}

fn has_replaced(change: &Change, endpoint: &str, zone: &str) -> bool {
    let endpoint = change.model().endpoints.get(endpoint);
    let mut zones = endpoint.into_iter().flat_map(|one| &one.zones);
    zones.any(|one| one.zone.as_str() == zone && one.replaced.is_some())
}

/// The ids of an endpoint and of its zone, if its connection is accepted: else there is nothing to say of
/// zones.
fn connected_zone(
    change: &Change,
    reader: &mut Reader<'_>,
    request: &Request<'_>,
) -> Result<(String, String), ApiError> {
    let endpoint = endpoint(change, reader, request)?;
    let zone = zone(reader, endpoint)?;
    if !endpoint.connection.accepted {
        return Err(denied(format!("{} is not connected.", endpoint.id))
            .mend("Call EnableVpcEndpointConnection first."));
    }
    Ok((endpoint.id.to_string(), zone.zone.to_string()))
}
