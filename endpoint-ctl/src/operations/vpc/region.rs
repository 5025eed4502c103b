//! The region, and its zones.
//!
//! May import: std, serde_json, model, registry, operations' own.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::model::{Model, ZoneId};
use crate::operations::answers::members;
use crate::operations::{Answer, Request};
use crate::registry::View;

/// `DescribeRegions`: there is one.
#[expect(clippy::unnecessary_wraps, reason = "it is an operation")]
pub(super) fn regions(_: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    for name in ["AcceptLanguage", "ProductType"] {
        reader.has(name);
    }
    reader.finish();
    let region = &request.settings.region;
    Ok(members(json!({
        "Regions": { "Region": [{ "RegionId": region, "LocalName": region }] },
    })))
}

/// `DescribeZones`: those that something is in.
#[expect(clippy::unnecessary_wraps, reason = "it is an operation")]
pub(super) fn zones(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    for name in ["AcceptLanguage", "ZoneType"] {
        reader.has(name);
    }
    reader.finish();
    let zones = in_use(view.model()).into_iter();
    let zones: Vec<Value> = zones
        .map(|zone| json!({ "ZoneId": zone, "LocalName": zone, "ZoneType": "AvailabilityZone" }))
        .collect();
    Ok(members(json!({ "Zones": { "Zone": zones } })))
}

/// The zones of vSwitches, and of the servers and resources of load balancers.
fn in_use(model: &Model) -> BTreeSet<&str> {
    let vswitches = model.vswitches.values().map(|one| &one.zone);
    let servers = model.targets().filter_map(|(_, _, one)| one.zone.as_ref());
    let resources = model.services.values().flat_map(|one| &one.resources);
    let resources = resources.filter_map(|one| one.zone.as_ref());
    let all = vswitches.chain(servers).chain(resources);
    all.map(ZoneId::as_str).collect()
}
