//! Endpoints as they are shown: one with all its attributes, or all that the caller has.
//!
//! May import: std, serde_json, api, model, registry, operations' own.

use serde_json::{Map, Value, json};

use super::{domains, endpoint, status};
use crate::api::{ApiError, Reader};
use crate::model::{Endpoint, Kind};
use crate::operations::answers::{
    created, description, has_tags, members, name, resource_group, tags,
};
use crate::operations::names;
use crate::operations::paging::TokenPage;
use crate::operations::refusals::not_found;
use crate::operations::{Answer, Request};
use crate::registry::View;

/// The caller's endpoint that a request names, declared or on its way out.
pub(super) fn named<'v>(
    view: &'v View,
    reader: &mut Reader<'_>,
    request: &Request<'_>,
) -> Result<&'v Endpoint, ApiError> {
    let id = reader.required("EndpointId")?;
    let is_own = view
        .knows(Kind::Endpoint, id)
        .is_of(Kind::Endpoint, id, request.account);
    let found = view.endpoint(id).filter(|_| is_own);
    found
        .map(|(endpoint, _)| endpoint)
        .ok_or_else(|| not_found(Kind::Endpoint, id))
}

/// `GetVpcEndpointAttribute`.
pub(super) fn attribute(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let endpoint = named(view, &mut reader, request)?;
    reader.finish();
    let mut shown = shown(endpoint, view, request);
    shown.remove("Tags");
    let service = view.model().services.get(endpoint.service.as_str());
    let payer = service.map(|service| service.payer).unwrap_or_default();
    shown.insert("Payer".to_owned(), payer.name().into());
    shown.insert("ZonePrivateIpAddressCount".to_owned(), 1.into());
    Ok(shown)
}

/// `ListVpcEndpoints`.
pub(super) fn list(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let page = TokenPage::read(&mut reader, 1..=1_000, 50)?;
    let filter = Filter::read(&mut reader, request)?;
    let tagged = names::pairs(&mut reader)?;
    reader.finish();
    let own = [&view.declared, &view.in_force].map(|registry| {
        let own = registry.ids_of(Kind::Endpoint, request.account);
        own.collect::<Vec<_>>()
    });
    let [mut ids, before] = own;
    // Those that are going are shown until they are gone.
    ids.extend(
        before
            .into_iter()
            .filter(|id| view.declared.origin(Kind::Endpoint, id).is_none()),
    );
    let found: Vec<_> = ids
        .into_iter()
        .filter(|id| has_tags(view.knows(Kind::Endpoint, id), Kind::Endpoint, id, &tagged))
        .filter_map(|id| view.endpoint(id))
        .map(|(endpoint, _)| endpoint)
        .filter(|endpoint| filter.passes(endpoint, view))
        .collect();
    let total = found.len();
    let (found, next) = page.cut(found, |endpoint| endpoint.id.to_string());
    let found = found
        .into_iter()
        .map(|endpoint| Value::Object(shown(endpoint, view, request)));
    Ok(members(json!({
        "Endpoints": found.collect::<Vec<_>>(),
        "MaxResults": page.most(),
        "NextToken": next,
        "TotalCount": total,
    })))
}

/// What endpoints are looked for; what is not given takes all.
struct Filter<'p> {
    given: Vec<(&'static str, &'p str)>,
    is_of_this_region: bool,
}

impl<'p> Filter<'p> {
    fn read(reader: &mut Reader<'p>, request: &Request<'_>) -> Result<Self, ApiError> {
        let mut given = Vec::new();
        for name in [
            "AddressIpVersion",
            "ConnectionStatus",
            "EndpointId",
            "EndpointName",
            "EndpointStatus",
            "EndpointType",
            "ResourceGroupId",
            "ServiceName",
            "VpcId",
        ] {
            if let Some(text) = reader.text(name)?.filter(|text| !text.is_empty()) {
                given.push((name, text));
            }
        }
        let region = reader
            .text("ServiceRegionId")?
            .filter(|text| !text.is_empty());
        Ok(Self {
            given,
            is_of_this_region: region.is_none_or(|region| region == request.settings.region),
        })
    }

    fn passes(&self, one: &Endpoint, view: &View) -> bool {
        let id = one.id.as_str();
        let registry = view.knows(Kind::Endpoint, id);
        let service = registry.model.services.get(one.service.as_str());
        let has = |name: &str, wanted: &str| match name {
            "AddressIpVersion" => one.address_ip_version.name() == wanted,
            "ConnectionStatus" => status::connection(view, id) == wanted,
            "EndpointId" => id == wanted,
            "EndpointName" => self::name(registry, Kind::Endpoint, id) == wanted,
            "EndpointStatus" => status::endpoint(view, id) == wanted,
            "EndpointType" => endpoint::type_name(one.endpoint_type) == wanted,
            "ResourceGroupId" => resource_group(registry, Kind::Endpoint, id) == wanted,
            "ServiceName" => service.is_some_and(|service| service.name == wanted),
            _ => one.vpc.as_str() == wanted,
        };
        self.is_of_this_region && self.given.iter().all(|(name, wanted)| has(name, wanted))
    }
}

/// An endpoint with all that lists show of it.
pub(super) fn shown(one: &Endpoint, view: &View, request: &Request<'_>) -> Map<String, Value> {
    let id = one.id.as_str();
    let registry = view.knows(Kind::Endpoint, id);
    let service = registry.model.services.get(one.service.as_str());
    members(json!({
        "AddressIpVersion": one.address_ip_version.name(),
        "Bandwidth": registry.model.bandwidth(one),
        "ConnectionStatus": status::connection(view, id),
        "CreateTime": created(registry, Kind::Endpoint, id),
        "EndpointBusinessStatus": "Normal",
        "EndpointDescription": description(registry, Kind::Endpoint, id),
        "EndpointDomain": domains::endpoint(one, request.settings),
        "EndpointId": id,
        "EndpointName": name(registry, Kind::Endpoint, id),
        "EndpointStatus": status::endpoint(view, id),
        "EndpointType": endpoint::type_name(one.endpoint_type),
        "PolicyDocument": one.policy.document,
        "PrivateDnsEnabled": one.private_dns,
        "ProtectedEnabled": false,
        "RegionId": request.settings.region,
        "ResourceGroupId": resource_group(registry, Kind::Endpoint, id),
        "ResourceOwner": true,
        "ServiceId": one.service.as_str(),
        "ServiceName": service.map(|service| service.name.as_str()).unwrap_or_default(),
        "ServiceRegionId": request.settings.region,
        "Tags": tags(registry, Kind::Endpoint, id),
        "VpcId": one.vpc.as_str(),
        "ZoneAffinityEnabled": one.zone_affinity,
    }))
}
