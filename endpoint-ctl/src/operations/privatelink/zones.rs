//! Zones of endpoints: one ENI each.
//!
//! May import: std, serde_json, api, document, model, registry, operations' own.

use serde_json::{Value, json};

use super::endpoint::{edit, one_zone};
use super::{domains, endpoint_list, status};
use crate::api::ApiError;
use crate::document::Document;
use crate::operations::answers::{done, members};
use crate::operations::paging::TokenPage;
use crate::operations::{Answer, Request};
use crate::registry::{Change, View};

const FIELD: &str = "Zones";
const MOST: usize = 10;

/// `AddZoneToVpcEndpoint`.
pub(super) fn add(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let mut document = edit(change, &mut reader, request)?;
    let zone = one_zone(&mut reader)?;
    reader.finish();
    let id = zone
        .get("ZoneId")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if place_of(&document, id).is_some() {
        return Err(ApiError::new(
            400,
            "InvalidZoneId.Duplicate",
            format!("The endpoint has the zone {id} already."),
        ));
    }
    let mut zones = zones_of(&document);
    let place = zones.len();
    if place >= MOST {
        return Err(ApiError::new(
            400,
            "QuotaExceeded",
            format!("An endpoint may have {MOST} zones."),
        ));
    }
    zones.push(Value::Object(zone));
    document.set(FIELD, zones);
    let within = format!("{FIELD}[{place}].");
    change
        .replace(&document)
        .map_err(|refusal| refusal.within(&within))?;
    Ok(done())
}

/// `RemoveZoneFromVpcEndpoint`.
pub(super) fn remove(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let mut document = edit(change, &mut reader, request)?;
    let id = reader.required("ZoneId")?;
    reader.finish();
    let Some(place) = place_of(&document, id) else {
        return Err(ApiError::new(
            404,
            "EndpointZoneNotFound",
            format!(
                "The specified resource is not found: zone {id} of {}.",
                document.id
            ),
        ));
    };
    let mut zones = zones_of(&document);
    zones.remove(place);
    document.set(FIELD, zones);
    change.replace(&document)?;
    Ok(done())
}

fn zones_of(document: &Document) -> Vec<Value> {
    let zones = document.fields.get(FIELD).and_then(Value::as_array);
    zones.cloned().unwrap_or_default()
}

fn place_of(document: &Document, zone: &str) -> Option<usize> {
    let zones = document.fields.get(FIELD)?.as_array()?;
    let is_it = |one: &Value| one.get("ZoneId").and_then(Value::as_str) == Some(zone);
    zones.iter().position(is_it)
}

/// `ListVpcEndpointZones`.
pub(super) fn list(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let endpoint = endpoint_list::named(view, &mut reader, request)?;
    let page = TokenPage::read(&mut reader, 1..=50, 50)?;
    reader.finish();
    let zones: Vec<_> = view
        .zones(endpoint)
        .into_iter()
        .map(|(zone, _)| zone)
        .collect();
    let total = zones.len();
    let (zones, next) = page.cut(zones, |zone| zone.zone.to_string());
    let zones = zones.into_iter().map(|zone| {
        json!({
            "EniId": zone.eni.as_str(),
            "EniIp": zone.ip.to_string(),
            "RegionId": request.settings.region,
            "VSwitchId": zone.vswitch.as_str(),
            "ZoneDomain": domains::zone(endpoint, zone, request.settings),
            "ZoneId": zone.zone.as_str(),
            "ZoneIpv6Address": zone.ipv6.map(|ip| ip.to_string()).unwrap_or_default(),
            "ZoneStatus": status::zone(view, endpoint, zone),
        })
    });
    Ok(members(json!({
        "Zones": zones.collect::<Vec<_>>(),
        "MaxResults": page.most(),
        "NextToken": next,
        "TotalCount": total,
    })))
}
