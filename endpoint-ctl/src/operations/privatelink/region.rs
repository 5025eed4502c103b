//! What clients ask of the region before anything else: that there is PrivateLink, where, and in which zones.
//!
//! May import: std, serde_json, model, registry, operations' own.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::service::given;
use crate::model::Model;
use crate::operations::answers::members;
use crate::operations::{Answer, Request};
use crate::registry::View;

/// `OpenPrivateLinkService`: it is open, so there is nothing to order.
#[expect(clippy::unnecessary_wraps, reason = "it is an operation like others")]
pub(super) fn open(_: &View, request: &Request<'_>) -> Answer {
    request.reader().finish();
    Ok(members(json!({ "OrderId": "0" })))
}

/// `CheckProductOpen`.
#[expect(clippy::unnecessary_wraps, reason = "it is an operation like others")]
pub(super) fn is_open(_: &View, request: &Request<'_>) -> Answer {
    request.reader().finish();
    Ok(members(json!({ "Success": true })))
}

/// `DescribeRegions`.
pub(super) fn regions(_: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let kind = given(&mut reader, "ServiceResourceType")?;
    reader.finish();
    let region = &request.settings.region;
    let region = json!({
        "RegionId": region,
        "LocalName": region,
        "ServiceResourceTypes": { "ServiceResourceType": ["nlb"] },
    });
    let is_offered = kind.is_none_or(|kind| kind == "nlb");
    let regions: Vec<Value> = is_offered.then_some(region).into_iter().collect();
    Ok(members(json!({ "Regions": { "Region": regions } })))
}

/// `DescribeZones`.
pub(super) fn describe_zones(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let kind = given(&mut reader, "ServiceResourceType")?;
    let crosses = reader.boolean("CrossRegion")? == Some(true);
    given(&mut reader, "CrossRegionSide")?;
    if crosses {
        return Err(reader.invalid("CrossRegion", "there is this region alone"));
    }
    reader.finish();
    let mut zones = zones(view.model());
    if zones.is_empty() {
        // Any name is one; a client that asks first must begin with some.
        zones.insert(format!("{}-a", request.settings.region));
    }
    zones.retain(|_| kind.is_none_or(|kind| kind == "nlb"));
    let zones = zones.into_iter();
    let zones = zones.map(|zone| json!({ "ZoneId": zone, "LocalName": zone }));
    Ok(members(json!({
        "Zones": { "Zone": zones.collect::<Vec<_>>() },
    })))
}

/// The zones that anything is in.
pub(super) fn zones(model: &Model) -> BTreeSet<String> {
    let vswitches = model.vswitches.values().map(|one| &one.zone);
    let services = model.services.values();
    let resources = services.flat_map(|one| &one.resources);
    let resources = resources.filter_map(|one| one.zone.as_ref());
    let zones = vswitches.chain(resources);
    zones.map(ToString::to_string).collect()
}
