//! The region, and the zones that something is in.
//!
//! May import: std, serde_json, registry, operations' own.

use std::collections::BTreeSet;

use serde_json::json;

use crate::operations::answers::members;
use crate::operations::{Answer, Request};
use crate::registry::View;

/// `DescribeRegions`: there is one.
pub(super) fn regions(_: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    reader.text("AcceptLanguage")?;
    reader.finish();
    let region = &request.settings.region;
    Ok(members(json!({
        "Regions": { "Region": [{
            "RegionId": region,
            "LocalName": region,
            "Status": "available",
        }] },
    })))
}

/// `DescribeZones`: those of vSwitches, whoever they belong to.
pub(super) fn zones(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    reader.text("AcceptLanguage")?;
    reader.boolean("Verbose")?;
    reader.finish();
    let vswitches = view.model().vswitches.values();
    let zones: BTreeSet<_> = vswitches.map(|vswitch| vswitch.zone.as_str()).collect();
    let zones = zones.into_iter().map(|zone| {
        json!({
            "ZoneId": zone,
            "LocalName": zone,
            "ZoneType": "AvailabilityZone",
            "AvailableResourceCreation": { "ResourceTypes": ["VSwitch"] },
        })
    });
    Ok(members(
        json!({ "Zones": { "Zone": zones.collect::<Vec<_>>() } }),
    ))
}
