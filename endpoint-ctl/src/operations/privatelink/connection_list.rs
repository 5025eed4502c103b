//! `ListVpcEndpointConnections`: who is connected to the caller's services, or waits to be.
//!
//! May import: std, serde_json, api, model, registry, operations' own.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::service::given;
use super::users::account;
use super::{domains, status};
use crate::api::{ApiError, Reader};
use crate::model::{Endpoint, EndpointZone, Kind};
use crate::operations::answers::{members, resource_group};
use crate::operations::paging::TokenPage;
use crate::operations::visible::own;
use crate::operations::{Answer, Request};
use crate::registry::View;

pub(super) fn list(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let page = TokenPage::read(&mut reader, 1..=50, 50)?;
    let filter = Filter::read(&mut reader)?;
    reader.finish();
    if let Some(service) = filter.get("ServiceId") {
        let registry = view.knows(Kind::Service, service);
        own(registry, Kind::Service, service, request.account)?;
    }
    let ids = |endpoints: &mut dyn Iterator<Item = &Endpoint>| -> BTreeSet<String> {
        endpoints.map(|one| one.id.to_string()).collect()
    };
    let now = ids(&mut view.model().endpoints.values());
    let ids = &now | &ids(&mut view.in_force.model.endpoints.values());
    let found = ids.iter().filter_map(|id| view.endpoint(id));
    let found: Vec<&Endpoint> = found
        .map(|(endpoint, _)| endpoint)
        .filter(|endpoint| {
            let service = endpoint.service.as_str();
            let registry = view.knows(Kind::Service, service);
            registry.is_of(Kind::Service, service, request.account)
        })
        .filter(|endpoint| filter.passes(endpoint, view))
        .collect();
    let total = found.len();
    let (found, next) = page.cut(found, |endpoint| endpoint.id.to_string());
    let found = found.into_iter().map(|one| shown(one, view, request));
    Ok(members(json!({
        "Connections": found.collect::<Vec<_>>(),
        "MaxResults": page.most(),
        "NextToken": next,
        // The SDK has it as a text here.
        "TotalCount": total.to_string(),
    })))
}

/// What connections are looked for; what is not given takes all.
struct Filter<'p> {
    given: Vec<(&'static str, &'p str)>,
}

impl<'p> Filter<'p> {
    fn read(reader: &mut Reader<'p>) -> Result<Self, ApiError> {
        const NAMES: [&str; 8] = [
            "ConnectionStatus",
            "EndpointId",
            "EndpointOwnerId",
            "EniId",
            "ReplacedResourceId",
            "ResourceGroupId",
            "ResourceId",
            "ServiceId",
        ];
        let mut given = Vec::new();
        for name in NAMES {
            if let Some(text) = self::given(reader, name)? {
                given.push((name, text));
            }
        }
        Ok(Self { given })
    }

    fn get(&self, name: &str) -> Option<&'p str> {
        let mut given = self.given.iter();
        given.find(|(one, _)| *one == name).map(|(_, text)| *text)
    }

    fn passes(&self, one: &Endpoint, view: &View) -> bool {
        let id = one.id.as_str();
        let registry = view.knows(Kind::Endpoint, id);
        let any_zone = |is_it: &dyn Fn(&EndpointZone) -> bool| one.zones.iter().any(is_it);
        let has = |name: &str, wanted: &str| match name {
            "ConnectionStatus" => status::connection(view, id) == wanted,
            "EndpointId" => id == wanted,
            "EndpointOwnerId" => owner(one, view) == wanted,
            "EniId" => any_zone(&|zone| zone.eni.as_str() == wanted),
            "ReplacedResourceId" => any_zone(&|zone| {
                let replaced = zone.replaced.as_ref();
                replaced.is_some_and(|replaced| replaced.as_str() == wanted)
            }),
            "ResourceGroupId" => resource_group(registry, Kind::Endpoint, id) == wanted,
            "ResourceId" => any_zone(&|zone| {
                let serving = registry.model.load_balancer(one, zone);
                serving.is_some_and(|serving| serving.id.as_str() == wanted)
            }),
            _ => one.service.as_str() == wanted,
        };
        self.given.iter().all(|(name, wanted)| has(name, wanted))
    }
}

/// The account that an endpoint belongs to.
fn owner(endpoint: &Endpoint, view: &View) -> String {
    let id = endpoint.id.as_str();
    let registry = view.knows(Kind::Endpoint, id);
    let origin = registry.origin(Kind::Endpoint, id);
    origin.map_or_else(String::new, |origin| origin.account.to_string())
}

fn shown(one: &Endpoint, view: &View, request: &Request<'_>) -> Value {
    let id = one.id.as_str();
    let registry = view.knows(Kind::Endpoint, id);
    let region = &request.settings.region;
    let owner = owner(one, view);
    let zones = view.zones(one).into_iter();
    let zones = zones.map(|(zone, _)| shown_zone(one, zone, view, request));
    json!({
        "Bandwidth": registry.model.bandwidth(one),
        "ConnectionStatus": status::connection(view, id),
        "EndpointId": id,
        "EndpointOwnerId": account(&owner),
        "EndpointRegionId": region,
        "EndpointVpcId": one.vpc.as_str(),
        "ResourceGroupId": resource_group(registry, Kind::Endpoint, id),
        "ResourceOwner": owner == request.account.as_str(),
        "ServiceId": one.service.as_str(),
        "ServiceRegionId": region,
        "TrafficControlMode": one.connection.traffic_control.name(),
        "Zones": zones.collect::<Vec<_>>(),
    })
}

fn shown_zone(
    endpoint: &Endpoint,
    zone: &EndpointZone,
    view: &View,
    request: &Request<'_>,
) -> Value {
    let registry = view.knows(Kind::Endpoint, endpoint.id.as_str());
    let serving = registry.model.load_balancer(endpoint, zone);
    let mut shown: Map<String, Value> = members(json!({
        "EniId": zone.eni.as_str(),
        "ResourceId": serving.map(|one| one.id.as_str()).unwrap_or_default(),
        "VSwitchId": zone.vswitch.as_str(),
        "ZoneDomain": domains::zone(endpoint, zone, request.settings),
        "ZoneId": zone.zone.as_str(),
        "ZoneStatus": status::zone_of_connection(view, endpoint, zone),
    }));
    if let Some(replaced) = &zone.replaced {
        shown.insert("ReplacedResourceId".to_owned(), replaced.as_str().into());
    }
    Value::Object(shown)
}
