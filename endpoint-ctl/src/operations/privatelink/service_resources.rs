//! Resources of services: the load balancers behind them, for one zone or for all. What comes and goes among
//! them moves no connection: whoever is connected stays at the resource it has until it is moved.
//!
//! May import: std, serde_json, api, document, model, registry, operations' own.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::service::{denied, given};
use super::service_list;
use crate::api::{ApiError, Reader};
use crate::document::Document;
use crate::model::{
    AccountId, Endpoint, EndpointZone, Kind, Model, Server, ServiceResource, ZoneId,
};
use crate::operations::answers::{done, members};
use crate::operations::paging::TokenPage;
use crate::operations::refusals::not_found;
use crate::operations::visible::{named, own};
use crate::operations::{Answer, Request};
use crate::registry::{Change, Refusal, Registry, View};

const FIELD: &str = "Resources";
/// Resources of a service.
const MOST: usize = 500;

/// Refuses other resources than network load balancers.
pub(super) fn nlb_only(
    reader: &Reader<'_>,
    parameter: &'static str,
    given: &str,
) -> Result<(), ApiError> {
    if given == "nlb" {
        return Ok(());
    }
    let why = format!("{given} is not offered here: services have resources of the type nlb");
    Err(reader.invalid(parameter, &why))
}

/// A resource of a request as one of a document.
pub(super) fn resource_of(
    reader: &mut Reader<'_>,
    registry: &Registry,
    account: &AccountId,
) -> Result<Map<String, Value>, ApiError> {
    let id = reader.required("ResourceId")?;
    let kind = reader.required("ResourceType")?;
    nlb_only(reader, "ResourceType", kind)?;
    own(registry, Kind::LoadBalancer, id, account)?;
    let zone = given(reader, "ZoneId")?;
    let fields = [
        ("ResourceId", Some(id)),
        ("ResourceType", Some(kind)),
        ("ZoneId", zone),
    ];
    let fields = fields.into_iter();
    Ok(fields
        .filter_map(|(name, value)| Some((name.to_owned(), value?.into())))
        .collect())
}

/// `AttachResourceToVpcEndpointService`.
pub(super) fn attach(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let mut document = edit(change, &mut reader, request)?;
    let resource = resource_of(&mut reader, change.registry(), request.account)?;
    reader.finish();
    let mut resources = resources_of(&document);
    let place = resources.len();
    if place >= MOST {
        let why = format!("A service may have {MOST} resources.");
        return Err(ApiError::new(400, "QuotaExceeded", why));
    }
    resources.push(Value::Object(resource));
    document.set(FIELD, resources);
    put(change, &document, &format!("{FIELD}[{place}]."))
}

/// `DetachResourceFromVpcEndpointService`: without `ZoneId`, from all zones it is for.
pub(super) fn detach(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let mut document = edit(change, &mut reader, request)?;
    let wanted = Wanted::read(&mut reader)?;
    if let Some(kind) = given(&mut reader, "ResourceType")? {
        nlb_only(&reader, "ResourceType", kind)?;
    }
    reader.finish();
    let mut resources = resources_of(&document);
    let before = resources.len();
    resources.retain(|resource| !wanted.is_it(resource));
    if resources.len() == before {
        return Err(wanted.not_found(&document));
    }
    wanted.is_idle(&document, change.model())?;
    document.set(FIELD, resources);
    put(change, &document, "")
}

/// `UpdateVpcEndpointServiceResourceAttribute`: whether new connections get it by themselves.
pub(super) fn update(change: &mut Change, request: &Request<'_>) -> Answer {
    const AUTO: &str = "AutoAllocatedEnabled";
    let mut reader = request.reader();
    let mut document = edit(change, &mut reader, request)?;
    let wanted = Wanted::read(&mut reader)?;
    let is_auto = reader.boolean(AUTO)?;
    let is_auto = is_auto.ok_or_else(|| ApiError::missing(AUTO))?;
    reader.finish();
    let mut resources = resources_of(&document);
    let mut count = 0;
    for resource in resources.iter_mut().filter(|one| wanted.is_it(one)) {
        if let Value::Object(fields) = resource {
            fields.insert(AUTO.to_owned(), is_auto.into());
            count += 1;
        }
    }
    if count == 0 {
        return Err(wanted.not_found(&document));
    }
    document.set(FIELD, resources);
    put(change, &document, "")
}

fn edit(
    change: &Change,
    reader: &mut Reader<'_>,
    request: &Request<'_>,
) -> Result<Document, ApiError> {
    let registry = change.registry();
    let id = named(
        reader,
        "ServiceId",
        Kind::Service,
        registry,
        request.account,
    )?;
    Ok(change.edit(Kind::Service, id)?)
}

fn resources_of(document: &Document) -> Vec<Value> {
    let resources = document.fields.get(FIELD).and_then(Value::as_array);
    resources.cloned().unwrap_or_default()
}

/// Replaces a service whose resources have changed; faults `within` are of the request itself.
fn put(change: &mut Change, document: &Document, within: &str) -> Answer {
    let before = change.model().clone();
    change
        .replace(document)
        .map_err(|refusal| refusal.within(within))?;
    keep_in_place(change, &document.id, &before)?;
    Ok(done())
}

/// Gives zones that are connected, and would be served by another resource by now, the one they have. What
/// belongs to a manifest has what the manifest says.
fn keep_in_place(change: &mut Change, service: &str, before: &Model) -> Result<(), Refusal> {
    let mut documents = Vec::new();
    let endpoints = change.model().endpoints.values();
    for endpoint in endpoints.filter(|one| one.service.as_str() == service) {
        let moved = moved(endpoint, before, change.model());
        if moved.is_empty() {
            continue;
        }
        let Ok(mut document) = change.edit(Kind::Endpoint, endpoint.id.as_str()) else {
            continue;
        };
        for zone in zones_of(&mut document) {
            let id = zone.get("ZoneId").and_then(Value::as_str);
            if let Some(balancer) = id.and_then(|id| moved.get(id)) {
                zone.insert("ResourceId".to_owned(), balancer.as_str().into());
            }
        }
        documents.push(document);
    }
    change.replace_all(&documents)
}

/// The zones of an endpoint that another load balancer serves than before, and which one did.
fn moved(endpoint: &Endpoint, before: &Model, now: &Model) -> BTreeMap<String, String> {
    let connected = endpoint.zones.iter();
    let connected = connected.filter(|zone| endpoint.is_connected(zone));
    let moved = connected.filter_map(|zone| {
        let old = before.load_balancer(endpoint, zone)?;
        let new = now.load_balancer(endpoint, zone)?;
        (old.id != new.id).then(|| (zone.zone.to_string(), old.id.to_string()))
    });
    moved.collect()
}

/// The zones of an endpoint's document.
pub(super) fn zones_of(document: &mut Document) -> impl Iterator<Item = &mut Map<String, Value>> {
    let zones = document.fields.get_mut("Zones");
    let zones = zones.and_then(Value::as_array_mut);
    zones.into_iter().flatten().filter_map(Value::as_object_mut)
}

/// The resources of a service that a request names.
struct Wanted<'p> {
    id: &'p str,
    zone: Option<&'p str>,
}

impl<'p> Wanted<'p> {
    fn read(reader: &mut Reader<'p>) -> Result<Self, ApiError> {
        Ok(Self {
            id: reader.required("ResourceId")?,
            zone: given(reader, "ZoneId")?,
        })
    }

    fn is_it(&self, resource: &Value) -> bool {
        let field = |name: &str| resource.get(name).and_then(Value::as_str);
        field("ResourceId") == Some(self.id)
            && (self.zone.is_none() || field("ZoneId") == self.zone)
    }

    fn not_found(&self, document: &Document) -> ApiError {
        let zone = self.zone.map(|zone| format!(" for zone {zone}"));
        let (id, zone) = (self.id, zone.unwrap_or_default());
        let what = format!("{id} is no resource of {}{zone}", document.id);
        not_found(Kind::LoadBalancer, &what)
    }

    /// Refuses what would cut flows.
    fn is_idle(&self, document: &Document, model: &Model) -> Result<(), ApiError> {
        let service = model.services.get(document.id.as_str());
        let resources = service.into_iter().flat_map(|one| &one.resources);
        let mut resources = resources.filter(|one| {
            let zone = one.zone.as_ref().map(ZoneId::as_str);
            one.load_balancer.as_str() == self.id && (self.zone.is_none() || zone == self.zone)
        });
        let user = resources.find_map(|resource| {
            let uses = Uses::of(resource, &document.id, model);
            uses.now.into_iter().chain(uses.before).next()
        });
        let Some((endpoint, zone)) = user else {
            return Ok(());
        };
        Err(denied(format!(
            "{} serves zone {} of the endpoint {}.",
            self.id, zone.zone, endpoint.id
        ))
        .mend("Move it by UpdateVpcEndpointZoneConnectionResourceAttribute, or call DisableVpcEndpointZoneConnection."))
    }
}

/// Who uses a resource of a service.
struct Uses<'m> {
    /// Zones that are connected to it.
    now: Vec<(&'m Endpoint, &'m EndpointZone)>,
    /// Zones that were moved away and whose old flows go on there.
    before: Vec<(&'m Endpoint, &'m EndpointZone)>,
}

impl<'m> Uses<'m> {
    fn of(resource: &ServiceResource, service: &str, model: &'m Model) -> Self {
        let endpoints = model.endpoints.values();
        let endpoints = endpoints.filter(|one| one.service.as_str() == service);
        let zones = endpoints.flat_map(|one| one.zones.iter().map(move |zone| (one, zone)));
        let zones = zones.filter(|(endpoint, zone)| endpoint.is_connected(zone));
        let service = model.services.get(service);
        let (mut now, mut before) = (Vec::new(), Vec::new());
        for (endpoint, zone) in zones {
            let serving = service.and_then(|service| service.resource(zone));
            if serving == Some(resource) {
                now.push((endpoint, zone));
            }
            if zone.replaced.as_ref() == Some(&resource.load_balancer) {
                before.push((endpoint, zone));
            }
        }
        Self { now, before }
    }
}

/// Endpoints, each once: they come one after the other.
fn endpoints(uses: &[(&Endpoint, &EndpointZone)]) -> usize {
    uses.chunk_by(|one, next| one.0.id == next.0.id).count()
}

/// `ListVpcEndpointServiceResources`.
pub(super) fn list(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let service = service_list::named(view, &mut reader, request)?;
    let page = TokenPage::read(&mut reader, 1..=50, 50)?;
    reader.finish();
    let model = &view.knows(Kind::Service, service.id.as_str()).model;
    let resources = service.resources.iter().collect();
    let key = |one: &&ServiceResource| format!("{}/{}", one.load_balancer, zone_name(one));
    let (resources, next) = page.cut(resources, key);
    let resources = resources.into_iter().map(|one| {
        let balancer = model.load_balancers.get(&one.load_balancer);
        let listeners = balancer.into_iter().flat_map(|one| &one.listeners);
        let mut servers = listeners.flat_map(|one| &one.servers);
        let network = balancer.map(|balancer| balancer.provider_network.as_str());
        let uses = Uses::of(one, service.id.as_str(), model);
        json!({
            "AutoAllocatedEnabled": one.auto_allocated,
            "RegionId": request.settings.region,
            "RelatedDeprecatedEndpointCount": endpoints(&uses.before),
            "RelatedEndpointCount": endpoints(&uses.now),
            "ResourceId": one.load_balancer.as_str(),
            "ResourceSupportIPv6": servers.any(|server: &Server| server.ip.is_ipv6()),
            "ResourceType": "nlb",
            "VpcId": network.unwrap_or_default(),
            "ZoneId": zone_name(one),
        })
    });
    Ok(members(json!({
        "Resources": resources.collect::<Vec<_>>(),
        "MaxResults": page.most(),
        "NextToken": next,
    })))
}

fn zone_name(resource: &ServiceResource) -> &str {
    let zone = resource.zone.as_ref();
    zone.map(ZoneId::as_str).unwrap_or_default()
}
