//! `UpdateVpcEndpointAttribute`.
//!
//! May import: std, serde_json, api, document, registry, operations' own.

use serde_json::Value;

use super::endpoint::{describe_it, edit};
use crate::api::{ApiError, Reader};
use crate::document::Document;
use crate::operations::answers::done;
use crate::operations::{Answer, Request};
use crate::registry::Change;

pub(super) fn update(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let mut document = edit(change, &mut reader, request)?;
    describe_it(&mut reader, &mut document)?;
    policy(&mut reader, &mut document)?;
    version(&mut reader, &mut document)?;
    for field in ["ZoneAffinityEnabled", "PrivateDnsEnabled"] {
        if let Some(is_on) = reader.boolean(field)? {
            document.set(field, is_on);
        }
    }
    if reader
        .text("CrossRegionBandwidth")?
        .is_some_and(|text| !text.is_empty())
    {
        return Err(reader.invalid("CrossRegionBandwidth", "there is this region alone"));
    }
    reader.finish();
    change.replace(&document)?;
    Ok(done())
}

/// A policy, or the default one again.
fn policy(reader: &mut Reader<'_>, document: &mut Document) -> Result<(), ApiError> {
    let given = reader
        .text("PolicyDocument")?
        .filter(|text| !text.is_empty());
    let reset = reader.boolean("ResetPolicy")?.unwrap_or(false);
    match given {
        Some(_) if reset => Err(reader.invalid("ResetPolicy", "a PolicyDocument is given with it")),
        Some(policy) => {
            document.set("PolicyDocument", policy);
            Ok(())
        }
        None => {
            if reset {
                document.fields.remove("PolicyDocument");
            }
            Ok(())
        }
    }
}

/// An endpoint that becomes dual-stack gets IPv6 addresses in all its zones; one that is no longer loses them.
fn version(reader: &mut Reader<'_>, document: &mut Document) -> Result<(), ApiError> {
    let Some(version) = reader
        .text("AddressIpVersion")?
        .filter(|text| !text.is_empty())
    else {
        return Ok(());
    };
    document.set("AddressIpVersion", version);
    if version != "DualStack"
        && let Some(Value::Array(zones)) = document.fields.get_mut("Zones")
    {
        for zone in zones {
            if let Value::Object(fields) = zone {
                fields.remove("Ipv6Address");
            }
        }
    }
    Ok(())
}
