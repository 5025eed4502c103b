//! Endpoints: made and deleted. `PrivateDnsEnabled` (row F45) and `ReverseResource.N`, what a reverse
//! endpoint lets the service reach, are this project's own parameters.
//!
//! May import: std, serde_json, api, document, model, registry, operations' own.

use serde_json::{Map, Value};

use super::endpoint_list;
use crate::api::{ApiError, Reader};
use crate::document::Document;
use crate::model::{AccountId, EndpointService, EndpointType, Kind};
use crate::operations::answers::done;
use crate::operations::names::{self, STRICT};
use crate::operations::refusals::not_found;
use crate::operations::visible::{named, own};
use crate::operations::{Answer, Request};
use crate::registry::{Change, Registry, View};

const MOST_ZONES: usize = 10;
const MOST_GROUPS: usize = 10;
const MOST_RESOURCES: usize = 100;

/// What the answer to `CreateVpcEndpoint` has.
const MADE: [&str; 16] = [
    "AddressIpVersion",
    "Bandwidth",
    "ConnectionStatus",
    "CreateTime",
    "EndpointBusinessStatus",
    "EndpointDescription",
    "EndpointDomain",
    "EndpointId",
    "EndpointName",
    "EndpointStatus",
    "ServiceId",
    "ServiceName",
    "ServiceRegionId",
    "VpcId",
    "ZoneAffinityEnabled",
    "PrivateDnsEnabled",
];

/// `CreateVpcEndpoint`.
pub(super) fn create(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = change.registry();
    let vpc = named(&mut reader, "VpcId", Kind::Vpc, registry, request.account)?;
    let service = service(&mut reader, registry, request.account)?;
    let id = change.fresh_id("ep");
    let mut document = Document::new(Kind::Endpoint, &id);
    document.set("VpcId", vpc);
    document.set("ServiceId", service.id.as_str());
    document.set("Connected", service.auto_accept);
    describe_it(&mut reader, &mut document)?;
    names::tags(&mut reader, &mut document)?;
    endpoint_type(&mut reader, &mut document)?;
    groups(&mut reader, registry, request.account, &mut document)?;
    zones(&mut reader, &mut document)?;
    for field in ["AddressIpVersion", "PolicyDocument", "ResourceGroupId"] {
        if let Some(text) = reader.text(field)?.filter(|text| !text.is_empty()) {
            document.set(field, text);
        }
    }
    for field in ["ZoneAffinityEnabled", "PrivateDnsEnabled"] {
        if reader.boolean(field)? == Some(true) {
            document.set(field, true);
        }
    }
    refuse_what_is_not_offered(&mut reader, request)?;
    reader.finish();
    change.create(&document, request.account)?;
    let view = View {
        declared: change.registry().clone().into(),
        ..View::default()
    };
    let endpoint = view.endpoint(&id).map(|(endpoint, _)| endpoint);
    let endpoint = endpoint.ok_or_else(ApiError::internal)?;
    let mut shown = endpoint_list::shown(endpoint, &view, request);
    shown.retain(|name, _| MADE.contains(&name.as_str()));
    Ok(shown)
}

pub(super) fn describe_it(
    reader: &mut Reader<'_>,
    document: &mut Document,
) -> Result<(), ApiError> {
    names::name(reader, "EndpointName", STRICT, document, "EndpointName")?;
    names::description(
        reader,
        "EndpointDescription",
        document,
        "EndpointDescription",
    )
}

/// The service that is named, if the caller may connect to it (row F10).
fn service<'r>(
    reader: &mut Reader<'_>,
    registry: &'r Registry,
    account: &AccountId,
) -> Result<&'r EndpointService, ApiError> {
    let id = reader.text("ServiceId")?.filter(|text| !text.is_empty());
    let name = reader.text("ServiceName")?.filter(|text| !text.is_empty());
    let services = &registry.model.services;
    let of_name = |name: &str| services.values().find(|service| service.name == name);
    let found = match (id, name) {
        (None, None) => return Err(ApiError::missing("ServiceName")),
        (Some(id), None) => services.get(id),
        (None, Some(name)) => of_name(name),
        (Some(id), Some(name)) => {
            let found = services.get(id);
            if found.is_some_and(|service| service.name != name) {
                return Err(reader.invalid("ServiceName", "it is not the name of ServiceId"));
            }
            found
        }
    };
    let asked = id.or(name).unwrap_or_default();
    found
        .filter(|service| may_connect(service, registry, account))
        .ok_or_else(|| not_found(Kind::Service, asked))
}

/// Whether an account may connect to a service: its own, or one that lists it among its users.
pub(super) fn may_connect(
    service: &EndpointService,
    registry: &Registry,
    account: &AccountId,
) -> bool {
    let users = &service.users;
    registry.is_of(Kind::Service, service.id.as_str(), account)
        || users.contains(account.as_str())
        || users.contains("*")
}

fn endpoint_type(reader: &mut Reader<'_>, document: &mut Document) -> Result<(), ApiError> {
    let given = reader.text("EndpointType")?.filter(|text| !text.is_empty());
    let resources = reader.items("ReverseResource", MOST_RESOURCES)?;
    match given {
        None | Some("Interface") => return Ok(()),
        Some("Reverse") => document.set("EndpointType", "Reverse"),
        Some("GatewayLoadBalancer") => {
            let why = "gateway load balancer endpoints are not offered here";
            return Err(reader.invalid("EndpointType", why));
        }
        Some(_) => {
            return Err(reader.invalid("EndpointType", "it is neither Interface nor Reverse"));
        }
    }
    let mut read = Vec::new();
    for mut resource in resources {
        let mut fields = Map::new();
        for name in [
            "Protocol",
            "ResourceIp",
            "ResourcePort",
            "ServiceIp",
            "ServicePort",
            "ZoneId",
        ] {
            if let Some(text) = resource.text(name)?.filter(|text| !text.is_empty()) {
                fields.insert(name.to_owned(), text.into());
            }
        }
        read.push(Value::Object(fields));
    }
    document.set("Resources", read);
    Ok(())
}

/// One group at least must be chosen (row F33).
fn groups(
    reader: &mut Reader<'_>,
    registry: &Registry,
    account: &AccountId,
    document: &mut Document,
) -> Result<(), ApiError> {
    let groups = reader.texts("SecurityGroupId", MOST_GROUPS)?;
    if groups.is_empty() {
        return Err(ApiError::missing("SecurityGroupId.1"));
    }
    for group in &groups {
        own(registry, Kind::SecurityGroup, group, account)?;
    }
    document.set("SecurityGroupIds", groups);
    Ok(())
}

fn zones(reader: &mut Reader<'_>, document: &mut Document) -> Result<(), ApiError> {
    let mut zones = Vec::new();
    for mut zone in reader.items("Zone", MOST_ZONES)? {
        zones.push(Value::Object(one_zone(&mut zone)?));
    }
    document.set("Zones", zones);
    Ok(())
}

/// A zone of a request as one of a document.
pub(super) fn one_zone(reader: &mut Reader<'_>) -> Result<Map<String, Value>, ApiError> {
    let mut fields = Map::new();
    for name in ["ZoneId", "VSwitchId"] {
        fields.insert(name.to_owned(), reader.required(name)?.into());
    }
    for name in ["ip", "Ipv6Address"] {
        if let Some(text) = reader.text(name)?.filter(|text| !text.is_empty()) {
            fields.insert(name.to_owned(), text.into());
        }
    }
    Ok(fields)
}

/// Says of what is not offered that it is not, unless it asks for nothing.
fn refuse_what_is_not_offered(
    reader: &mut Reader<'_>,
    request: &Request<'_>,
) -> Result<(), ApiError> {
    reader.integer("ZonePrivateIpAddressCount", 1..=1)?;
    if reader.boolean("ProtectedEnabled")? == Some(true) {
        return Err(reader.invalid("ProtectedEnabled", "protection is not offered here"));
    }
    let region = reader
        .text("ServiceRegionId")?
        .filter(|text| !text.is_empty());
    if region.is_some_and(|region| region != request.settings.region) {
        return Err(reader.invalid("ServiceRegionId", "there is this region alone"));
    }
    if reader
        .text("CrossRegionBandwidth")?
        .is_some_and(|text| !text.is_empty())
    {
        return Err(reader.invalid("CrossRegionBandwidth", "there is this region alone"));
    }
    Ok(())
}

/// `DeleteVpcEndpoint`: its zones go with it (row F18).
pub(super) fn delete(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = change.registry();
    let id = named(
        &mut reader,
        "EndpointId",
        Kind::Endpoint,
        registry,
        request.account,
    )?;
    reader.finish();
    change.delete(Kind::Endpoint, id)?;
    Ok(done())
}

/// The document of the caller's endpoint that a request names, to be edited.
pub(super) fn edit(
    change: &Change,
    reader: &mut Reader<'_>,
    request: &Request<'_>,
) -> Result<Document, ApiError> {
    let registry = change.registry();
    let id = named(
        reader,
        "EndpointId",
        Kind::Endpoint,
        registry,
        request.account,
    )?;
    Ok(change.edit(Kind::Endpoint, id)?)
}

/// `EndpointType` as the API spells it.
pub(super) fn type_name(endpoint_type: EndpointType) -> &'static str {
    match endpoint_type {
        EndpointType::Interface => "Interface",
        EndpointType::Reverse => "Reverse",
    }
}
