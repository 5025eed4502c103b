//! Endpoint services: made, changed and deleted. `PrivateServiceDomain`, the name that applications know the
//! service by (row F45), is this project's own parameter; the API cannot show that a domain is the
//! caller's, so one that comes by it is not verified (row F43).
//!
//! May import: std, serde_json, api, document, model, registry, operations' own.

use serde_json::Value;

use super::service_list;
use super::service_resources::{nlb_only, resource_of};
use crate::api::{ApiError, Reader};
use crate::document::Document;
use crate::model::{AddressIpVersion, Kind, Model};
use crate::operations::answers::done;
use crate::operations::names;
use crate::operations::visible::named;
use crate::operations::{Answer, Request};
use crate::registry::{Change, View};

/// `Resource.N` of a request.
const MOST_RESOURCES: usize = 10;
/// Regions that a request may name.
const MOST_REGIONS: usize = 50;
/// Mbit/s of a connection to a network load balancer.
pub(super) const LEAST_BANDWIDTH: u32 = 100;
/// See [`LEAST_BANDWIDTH`].
pub(super) const MOST_BANDWIDTH: u32 = 50_000;
const DOMAIN: &str = "PrivateServiceDomain";

/// `CreateVpcEndpointService`.
pub(super) fn create(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let id = change.fresh_id("epsrv");
    let mut document = Document::new(Kind::Service, &id);
    let region = &request.settings.region;
    let name = format!("com.aliyuncs.privatelink.{region}.{id}");
    document.set("ServiceName", name);
    if let Some(given) = given(&mut reader, "ServiceResourceType")? {
        nlb_only(&reader, "ServiceResourceType", given)?;
    }
    resources(&mut reader, change, request, &mut document)?;
    // Unlike in a manifest, both are off unless they are asked for.
    for field in ["AutoAcceptEnabled", "ZoneAffinityEnabled"] {
        let is_on = reader.boolean(field)?.unwrap_or(false);
        document.set(field, is_on);
    }
    for field in ["Payer", "ResourceGroupId"] {
        if let Some(text) = given(&mut reader, field)? {
            document.set(field, text);
        }
    }
    if let Some(version) = version(&mut reader)? {
        document.set("AddressIpVersion", version.name());
    }
    names::description(
        &mut reader,
        "ServiceDescription",
        &mut document,
        "ServiceDescription",
    )?;
    names::tags(&mut reader, &mut document)?;
    this_region_only(&mut reader, "SupportedRegionList", request)?;
    if let Some(name) = given(&mut reader, DOMAIN)? {
        set_domain(&mut document, name);
    }
    reader.finish();
    change.create(&document, request.account)?;
    made(change, &id, request)
}

/// What a service that was made is answered with.
fn made(change: &Change, id: &str, request: &Request<'_>) -> Answer {
    const MADE: [&str; 13] = [
        "AddressIpVersion",
        "AutoAcceptEnabled",
        "CreateTime",
        "ResourceGroupId",
        "ServiceBusinessStatus",
        "ServiceDescription",
        "ServiceDomain",
        "ServiceId",
        "ServiceName",
        "ServiceStatus",
        "ServiceSupportIPv6",
        "SupportedRegionSet",
        "ZoneAffinityEnabled",
    ];
    let view = View {
        declared: change.registry().clone().into(),
        ..View::default()
    };
    let service = view.model().services.get(id);
    let service = service.ok_or_else(ApiError::internal)?;
    let mut shown = service_list::shown(service, &view, request);
    shown.retain(|name, _| MADE.contains(&name.as_str()));
    Ok(shown)
}

fn resources(
    reader: &mut Reader<'_>,
    change: &Change,
    request: &Request<'_>,
    document: &mut Document,
) -> Result<(), ApiError> {
    let mut resources = Vec::new();
    for mut item in reader.items("Resource", MOST_RESOURCES)? {
        let fields = resource_of(&mut item, change.registry(), request.account)?;
        resources.push(Value::Object(fields));
    }
    document.set("Resources", resources);
    Ok(())
}

/// `AddressIpVersion`, which older clients call `ServiceSupportIPv6`.
fn version(reader: &mut Reader<'_>) -> Result<Option<AddressIpVersion>, ApiError> {
    const FIELD: &str = "AddressIpVersion";
    let asked = match given(reader, FIELD)? {
        None => None,
        Some("IPv4") => Some(AddressIpVersion::Ipv4),
        Some("DualStack") => Some(AddressIpVersion::DualStack),
        Some(_) => return Err(reader.invalid(FIELD, "it is neither IPv4 nor DualStack")),
    };
    let supported = reader.boolean("ServiceSupportIPv6")?;
    let supported = supported.map(|is_on| {
        if is_on {
            AddressIpVersion::DualStack
        } else {
            AddressIpVersion::Ipv4
        }
    });
    match (asked, supported) {
        (Some(asked), Some(supported)) if asked != supported => {
            let why = format!("{FIELD} is {}", asked.name());
            Err(reader.invalid("ServiceSupportIPv6", &why))
        }
        (asked, supported) => Ok(asked.or(supported)),
    }
}

/// Regions that are named must be this one: there is no other.
fn this_region_only(
    reader: &mut Reader<'_>,
    parameter: &'static str,
    request: &Request<'_>,
) -> Result<Vec<()>, ApiError> {
    let regions = reader.texts(parameter, MOST_REGIONS)?;
    let other = regions.iter().find(|one| **one != request.settings.region);
    match other {
        None => Ok(vec![(); regions.len()]),
        Some(other) => {
            let region = &request.settings.region;
            let why = format!("{other} is not known here, there is {region} alone");
            Err(reader.invalid(parameter, &why))
        }
    }
}

fn set_domain(document: &mut Document, name: &str) {
    document.set(DOMAIN, name);
    document.set("PrivateServiceDomainVerified", false);
}

/// `UpdateVpcEndpointServiceAttribute`. Endpoints stay as they are (rows F28, F29).
pub(super) fn update(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = change.registry();
    let id = named(
        &mut reader,
        "ServiceId",
        Kind::Service,
        registry,
        request.account,
    )?;
    let mut document = change.edit(Kind::Service, id)?;
    for field in ["AutoAcceptEnabled", "ZoneAffinityEnabled"] {
        if let Some(is_on) = reader.boolean(field)? {
            document.set(field, is_on);
        }
    }
    let bounds = LEAST_BANDWIDTH..=MOST_BANDWIDTH;
    if let Some(bandwidth) = reader.integer("ConnectBandwidth", bounds)? {
        document.set("ConnectBandwidth", bandwidth);
    }
    if let Some(version) = version(&mut reader)? {
        may_be(version, id, change.model())?;
        document.set("AddressIpVersion", version.name());
    }
    names::description(
        &mut reader,
        "ServiceDescription",
        &mut document,
        "ServiceDescription",
    )?;
    regions(&mut reader, request)?;
    domain(&mut reader, &mut document, change.model())?;
    reader.finish();
    change.replace(&document)?;
    Ok(done())
}

/// A service that has dual-stack endpoints stays dual-stack.
fn may_be(version: AddressIpVersion, id: &str, model: &Model) -> Result<(), ApiError> {
    let mut endpoints = model.endpoints.values();
    let first = endpoints.find(|one| {
        let is_dual_stack = one.address_ip_version == AddressIpVersion::DualStack;
        one.service.as_str() == id && is_dual_stack
    });
    match first {
        Some(first) if version == AddressIpVersion::Ipv4 => Err(denied(format!(
            "The endpoint {} of {id} is dual-stack.",
            first.id
        ))
        .mend("Delete it, or have its owner make it IPv4, first.")),
        _ => Ok(()),
    }
}

fn regions(reader: &mut Reader<'_>, request: &Request<'_>) -> Result<(), ApiError> {
    this_region_only(reader, "AddSupportedRegionSet", request)?;
    let deleted = this_region_only(reader, "DeleteSupportedRegionSet", request)?;
    if deleted.is_empty() {
        return Ok(());
    }
    Err(reader.invalid(
        "DeleteSupportedRegionSet",
        "the region of the service itself cannot be removed",
    ))
}

/// Another domain, or none; while an endpoint uses the one that is there, it stays.
fn domain(reader: &mut Reader<'_>, document: &mut Document, model: &Model) -> Result<(), ApiError> {
    let Some(wanted) = reader.text(DOMAIN)? else {
        return Ok(());
    };
    let is_same = match document.fields.get(DOMAIN).and_then(Value::as_str) {
        Some(now) => wanted.trim_end_matches('.').eq_ignore_ascii_case(now),
        None => wanted.is_empty(),
    };
    if is_same {
        return Ok(());
    }
    let mut endpoints = model.endpoints.values();
    let user = endpoints.find(|one| one.private_dns && one.service.as_str() == document.id);
    if let Some(user) = user {
        let why = format!(
            "The endpoint {} uses the domain of {}.",
            user.id, document.id
        );
        return Err(denied(why).mend("Have its owner turn PrivateDnsEnabled off first."));
    }
    if wanted.is_empty() {
        document.fields.remove(DOMAIN);
        document.fields.remove("PrivateServiceDomainVerified");
    } else {
        set_domain(document, wanted);
    }
    Ok(())
}

/// `DeleteVpcEndpointService`: endpoints go first, then resources, then the service.
pub(super) fn delete(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = change.registry();
    let id = named(
        &mut reader,
        "ServiceId",
        Kind::Service,
        registry,
        request.account,
    )?;
    reader.finish();
    // What belongs to a manifest is told first: detaching would be in vain.
    change.edit(Kind::Service, id)?;
    let model = change.model();
    let has_endpoints = {
        let mut endpoints = model.endpoints.values();
        endpoints.any(|endpoint| endpoint.service.as_str() == id)
    };
    let service = model.services.get(id);
    let resource = service.and_then(|service| service.resources.first());
    if let Some(resource) = resource.filter(|_| !has_endpoints) {
        let balancer = &resource.load_balancer;
        return Err(denied(format!("{id} has the resource {balancer}."))
            .mend("Call DetachResourceFromVpcEndpointService for each of its resources first."));
    }
    change.delete(Kind::Service, id)?;
    Ok(done())
}

/// The service is in no state for that.
pub(super) fn denied(why: impl Into<String>) -> ApiError {
    ApiError::new(409, "EndpointServiceOperationDenied", why)
}

/// A text that is not empty.
pub(super) fn given<'p>(
    reader: &mut Reader<'p>,
    parameter: &'static str,
) -> Result<Option<&'p str>, ApiError> {
    Ok(reader.text(parameter)?.filter(|text| !text.is_empty()))
}
