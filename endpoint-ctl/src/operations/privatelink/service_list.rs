//! Endpoint services as they are shown: to their providers, and to those who may connect.
//!
//! May import: std, serde_json, api, model, registry, operations' own.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::endpoint::may_connect;
use super::service::{LEAST_BANDWIDTH, MOST_BANDWIDTH, given};
use super::{domains, region, status};
use crate::api::{ApiError, Reader};
use crate::model::{AccountId, AddressIpVersion, EndpointService, Kind};
use crate::operations::answers::{created, description, has_tags, members, resource_group, tags};
use crate::operations::names;
use crate::operations::paging::TokenPage;
use crate::operations::refusals::not_found;
use crate::operations::{Answer, Request};
use crate::registry::{Progress, Registry, View};

/// The caller's service that a request names, declared or on its way out.
pub(super) fn named<'v>(
    view: &'v View,
    reader: &mut Reader<'_>,
    request: &Request<'_>,
) -> Result<&'v EndpointService, ApiError> {
    let id = reader.required("ServiceId")?;
    own(view, id, request.account).ok_or_else(|| not_found(Kind::Service, id))
}

/// A service of an account's, declared or on its way out.
fn own<'v>(view: &'v View, id: &str, account: &AccountId) -> Option<&'v EndpointService> {
    let registry = view.knows(Kind::Service, id);
    let (service, _) = status::service_progress(view, id)?;
    registry
        .is_of(Kind::Service, id, account)
        .then_some(service)
}

/// `GetVpcEndpointServiceAttribute`.
pub(super) fn attribute(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let service = named(view, &mut reader, request)?;
    reader.finish();
    let mut shown = shown(service, view, request);
    shown.remove("Tags");
    let domain = service.domain.as_ref();
    let members = [
        ("Zones", zones(service, view).into()),
        (
            "PrivateServiceDomain",
            domain.map(|one| one.name.as_str()).into(),
        ),
        (
            "PrivateServiceDomainVerified",
            domain.map(|one| one.verified).into(),
        ),
    ];
    let members = members
        .into_iter()
        .filter(|(_, value)| *value != Value::Null);
    shown.extend(members.map(|(name, value)| (name.to_owned(), value)));
    Ok(shown)
}

/// `ListVpcEndpointServices`.
pub(super) fn list(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let page = TokenPage::read(&mut reader, 1..=1_000, 50)?;
    let filter = Filter::read(&mut reader, &Filter::OWN)?;
    let tagged = names::pairs(&mut reader)?;
    reader.finish();
    let ids = |registry: &'_ Registry| -> BTreeSet<String> {
        let ids = registry.ids_of(Kind::Service, request.account);
        ids.map(str::to_owned).collect()
    };
    // Those that are going are shown until they are gone.
    let ids = &ids(&view.declared) | &ids(&view.in_force);
    let found = ids.iter().filter_map(|id| own(view, id, request.account));
    let found: Vec<_> = found
        .filter(|one| filter.passes(one, view))
        .filter(|one| is_tagged(one, view, &tagged))
        .collect();
    let total = found.len();
    let (found, next) = page.cut(found, |one| one.id.to_string());
    let found = found.into_iter().map(|one| shown(one, view, request));
    Ok(members(json!({
        "Services": found.collect::<Vec<_>>(),
        "MaxResults": page.most(),
        "NextToken": next,
        "TotalCount": total,
    })))
}

/// `ListVpcEndpointServicesByEndUser`: what the caller may connect to (row F10).
pub(super) fn list_by_end_user(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let page = TokenPage::read(&mut reader, 1..=1_000, 50)?;
    let filter = Filter::read(&mut reader, &Filter::OF_ALL)?;
    let tagged = names::pairs(&mut reader)?;
    let kind = given(&mut reader, "ServiceType")?;
    let region = given(&mut reader, "ServiceRegionId")?;
    reader.finish();
    let is_offered = kind.is_none_or(|kind| kind == "Interface")
        && region.is_none_or(|region| region == request.settings.region);
    let found: Vec<_> = view
        .model()
        .services
        .values()
        .filter(|one| is_offered && may_connect(one, &view.declared, request.account))
        .filter(|one| filter.passes(one, view))
        .filter(|one| is_tagged(one, view, &tagged))
        .collect();
    let total = found.len();
    let (found, next) = page.cut(found, |one| one.id.to_string());
    let found = found.into_iter().map(|one| offered(one, view, request));
    Ok(members(json!({
        "Services": found.collect::<Vec<_>>(),
        "MaxResults": page.most(),
        "NextToken": next,
        // The SDK has it as a text here.
        "TotalCount": total.to_string(),
    })))
}

fn is_tagged(service: &EndpointService, view: &View, tagged: &[(&str, &str)]) -> bool {
    let id = service.id.as_str();
    has_tags(view.knows(Kind::Service, id), Kind::Service, id, tagged)
}

/// What services are looked for; what is not given takes all.
struct Filter<'p> {
    given: Vec<(&'static str, &'p str)>,
    auto_accept: Option<bool>,
    zone_affinity: Option<bool>,
}

impl<'p> Filter<'p> {
    const OWN: [&'static str; 8] = [
        "AddressIpVersion",
        "ResourceGroupId",
        "ResourceId",
        "ServiceBusinessStatus",
        "ServiceId",
        "ServiceName",
        "ServiceResourceType",
        "ServiceStatus",
    ];
    const OF_ALL: [&'static str; 3] = ["ResourceGroupId", "ServiceId", "ServiceName"];

    fn read(reader: &mut Reader<'p>, names: &[&'static str]) -> Result<Self, ApiError> {
        let mut given = Vec::new();
        for name in names {
            if let Some(text) = self::given(reader, name)? {
                given.push((*name, text));
            }
        }
        let is_own = names.len() == Self::OWN.len();
        let mut flag = |name| {
            if is_own {
                reader.boolean(name)
            } else {
                Ok(None)
            }
        };
        Ok(Self {
            given,
            auto_accept: flag("AutoAcceptEnabled")?,
            zone_affinity: flag("ZoneAffinityEnabled")?,
        })
    }

    fn passes(&self, one: &EndpointService, view: &View) -> bool {
        let id = one.id.as_str();
        let has = |name: &str, wanted: &str| match name {
            "AddressIpVersion" => one.address_ip_version.name() == wanted,
            "ResourceGroupId" => {
                resource_group(view.knows(Kind::Service, id), Kind::Service, id) == wanted
            }
            "ResourceId" => {
                let mut resources = one.resources.iter();
                resources.any(|resource| resource.load_balancer.as_str() == wanted)
            }
            "ServiceBusinessStatus" => wanted == "Normal",
            "ServiceId" => id == wanted,
            "ServiceName" => one.name == wanted,
            "ServiceResourceType" => wanted == "nlb",
            _ => shown_status(one, view) == wanted,
        };
        let is = |wanted: Option<bool>, flag| wanted.is_none_or(|wanted| wanted == flag);
        is(self.auto_accept, one.auto_accept)
            && is(self.zone_affinity, one.zone_affinity)
            && self.given.iter().all(|(name, wanted)| has(name, wanted))
    }
}

fn shown_status(service: &EndpointService, view: &View) -> &'static str {
    let found = status::service_progress(view, service.id.as_str());
    status::service(found.map_or(Progress::Going, |(_, progress)| progress))
}

/// A service with all that lists show its provider.
pub(super) fn shown(
    one: &EndpointService,
    view: &View,
    request: &Request<'_>,
) -> Map<String, Value> {
    let id = one.id.as_str();
    let registry = view.knows(Kind::Service, id);
    let region = &request.settings.region;
    members(json!({
        "AddressIpVersion": one.address_ip_version.name(),
        "AutoAcceptEnabled": one.auto_accept,
        "ConnectBandwidth": one.bandwidth(),
        "CreateTime": created(registry, Kind::Service, id),
        "MaxBandwidth": MOST_BANDWIDTH,
        "MinBandwidth": LEAST_BANDWIDTH,
        "Payer": one.payer.name(),
        "RegionId": region,
        "ResourceGroupId": resource_group(registry, Kind::Service, id),
        "ServiceBusinessStatus": "Normal",
        "ServiceDescription": description(registry, Kind::Service, id),
        "ServiceDomain": domains::service(&one.id, request.settings),
        "ServiceId": id,
        "ServiceName": one.name,
        "ServiceResourceType": "nlb",
        "ServiceStatus": shown_status(one, view),
        "ServiceSupportIPv6": one.address_ip_version == AddressIpVersion::DualStack,
        "ServiceType": "Interface",
        "SupportedRegionSet": [{
            "RegionBusinessStatus": "Normal",
            "RegionServiceStatus": "Available",
            "ServiceRegionId": region,
            "SupportedRegionId": region,
        }],
        "Tags": tags(registry, Kind::Service, id),
        "ZoneAffinityEnabled": one.zone_affinity,
    }))
}

/// A service as those see it who may connect.
fn offered(one: &EndpointService, view: &View, request: &Request<'_>) -> Map<String, Value> {
    const OFFERED: [&str; 11] = [
        "AddressIpVersion",
        "AutoAcceptEnabled",
        "Payer",
        "ResourceGroupId",
        "ServiceDomain",
        "ServiceId",
        "ServiceName",
        "ServiceResourceType",
        "ServiceSupportIPv6",
        "ServiceType",
        "ZoneAffinityEnabled",
    ];
    let id = one.id.as_str();
    let mut shown = shown(one, view, request);
    let is_own = view.declared.is_of(Kind::Service, id, request.account);
    shown.retain(|name, _| OFFERED.contains(&name.as_str()) || (is_own && name == "Tags"));
    shown.entry("Tags").or_insert_with(|| json!([]));
    shown.insert("VpcEndpointPolicySupported".to_owned(), true.into());
    shown.insert("Zones".to_owned(), zones(one, view).into());
    shown
}

/// The zones that a service can be reached in: those of its resources, or all if one is for all.
fn zones(service: &EndpointService, view: &View) -> Vec<String> {
    let of_resources: Option<BTreeSet<_>> = service
        .resources
        .iter()
        .map(|resource| resource.zone.as_ref().map(ToString::to_string))
        .collect();
    let zones = of_resources.unwrap_or_else(|| region::zones(view.model()));
    zones.into_iter().collect()
}
