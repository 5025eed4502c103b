//! Load balancers.
//!
//! May import: serde_json, api, document, model, registry, operations' own.

use serde_json::{Map, Value, json};

use super::{never, only};
use crate::api::{ApiError, Reader};
use crate::document::Document;
use crate::model::{Kind, LoadBalancer};
use crate::operations::answers::{created, done, has_tags, members, name, tags};
use crate::operations::names::{self, STRICT};
use crate::operations::paging::TokenPage;
use crate::operations::refusals::not_found;
use crate::operations::visible::named;
use crate::operations::{Answer, Request};
use crate::registry::{Change, View};

const KIND: Kind = Kind::LoadBalancer;
const MOST_ZONES: usize = 10;
/// The most that one list of a filter may have.
pub(super) const MOST_FILTERED: usize = 20;

/// `CreateLoadBalancer`. It has no addresses of its own: what reaches it comes through endpoints.
pub(super) fn create(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let id = change.fresh_id("nlb");
    let mut document = Document::new(KIND, &id);
    let network = reader.required("VpcId")?;
    document.set("ProviderNetworkId", network);
    document.set("Listeners", Vec::<Value>::new());
    names::name(
        &mut reader,
        "LoadBalancerName",
        STRICT,
        &mut document,
        "LoadBalancerName",
    )?;
    reader.required("AddressType")?;
    refuse_the_rest(&mut reader)?;
    if let Some(version) = reader
        .text("AddressIpVersion")?
        .filter(|text| !text.is_empty())
    {
        let known = change.model().provider_networks.get(network);
        let has_ipv6 = known.is_none_or(|network| network.ipv6_cidr_block.is_some());
        let why = match version.to_ascii_lowercase().as_str() {
            "ipv4" => None,
            "dualstack" if has_ipv6 => None,
            "dualstack" => Some("the network has no Ipv6CidrBlock"),
            _ => Some("it is neither ipv4 nor DualStack"),
        };
        if let Some(why) = why {
            return Err(reader.invalid("AddressIpVersion", why));
        }
    }
    let zones = zone_mappings(&mut reader)?;
    if !zones.is_empty() {
        document.set("ZoneMappings", zones);
    }
    names::tags(&mut reader, &mut document)?;
    reader.finish();
    change.create(&document, request.account)?;
    // The API spells it so.
    Ok(members(json!({ "LoadbalancerId": id })))
}

/// What the real API has and this one does not.
fn refuse_the_rest(reader: &mut Reader<'_>) -> Result<(), ApiError> {
    let why = "there are no public addresses here: write Intranet";
    only(reader, "AddressType", &["Intranet"], why)?;
    only(
        reader,
        "LoadBalancerType",
        &["network"],
        "it is not Network",
    )?;
    never(reader, &["BandwidthPackageId"], "there is none here")?;
    if let Some(mut config) = reader.fields("DeletionProtectionConfig")? {
        only(&mut config, "Enabled", &["false"], "it cannot be had here")?;
    }
    if let Some(mut config) = reader.fields("ModificationProtectionConfig")? {
        let why = "it cannot be had here: write NonProtection";
        only(&mut config, "Status", &["NonProtection"], why)?;
    }
    for name in ["LoadBalancerBillingConfig", "ResourceGroupId"] {
        reader.has(name);
    }
    Ok(())
}

fn zone_mappings(reader: &mut Reader<'_>) -> Result<Vec<Value>, ApiError> {
    let mut zones = Vec::new();
    for mut item in reader.items("ZoneMappings", MOST_ZONES)? {
        let mut zone = Map::new();
        zone.insert("ZoneId".to_owned(), item.required("ZoneId")?.into());
        if let Some(vswitch) = item.text("VSwitchId")?.filter(|text| !text.is_empty()) {
            zone.insert("VSwitchId".to_owned(), vswitch.into());
        }
        let addresses = [
            "AllocationId",
            "PrivateIPv4Address",
            "Ipv6Address",
            "Ipv4LocalAddresses",
            "Ipv6LocalAddresses",
        ];
        never(
            &mut item,
            &addresses,
            "a load balancer has no addresses of its own here",
        )?;
        item.finish();
        zones.push(Value::Object(zone));
    }
    Ok(zones)
}

/// `DeleteLoadBalancer`, with its listeners.
pub(super) fn delete(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = change.registry();
    let id = named(
        &mut reader,
        "LoadBalancerId",
        KIND,
        registry,
        request.account,
    )?;
    reader.finish();
    change.delete(KIND, id)?;
    Ok(done())
}

/// `UpdateLoadBalancerAttribute`: its name.
pub(super) fn update(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = change.registry();
    let id = named(
        &mut reader,
        "LoadBalancerId",
        KIND,
        registry,
        request.account,
    )?;
    let mut document = change.edit(KIND, id)?;
    names::name(
        &mut reader,
        "LoadBalancerName",
        STRICT,
        &mut document,
        "LoadBalancerName",
    )?;
    let why = "servers of all zones are one set here: write true";
    only(&mut reader, "CrossZoneEnabled", &["true"], why)?;
    only(
        &mut reader,
        "Cps",
        &["0"],
        "there is no limit of new connections here",
    )?;
    reader.finish();
    change.replace(&document)?;
    Ok(done())
}

/// `GetLoadBalancerAttribute`.
pub(super) fn attribute(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = &*view.declared;
    let id = named(
        &mut reader,
        "LoadBalancerId",
        KIND,
        registry,
        request.account,
    )?;
    reader.finish();
    let balancer = registry.model.load_balancers.get(id);
    let balancer = balancer.ok_or_else(|| not_found(KIND, id))?;
    let mut fields = shown(balancer, view, request);
    // Here, and not in lists, the API calls the parts of a tag so.
    let renamed = tags(registry, KIND, id)
        .into_iter()
        .map(|tag| json!({ "TagKey": tag["Key"], "TagValue": tag["Value"] }));
    fields.insert("Tags".to_owned(), renamed.collect());
    Ok(fields)
}

/// `ListLoadBalancers`.
pub(super) fn list(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = &*view.declared;
    let page = TokenPage::read(&mut reader, 1..=100, 20)?;
    let mut texts = |name| reader.texts(name, MOST_FILTERED);
    let (ids, called) = (texts("LoadBalancerIds")?, texts("LoadBalancerNames")?);
    let networks = texts("VpcIds")?;
    let mut given = |name| Ok::<_, ApiError>(reader.text(name)?.filter(|text| !text.is_empty()));
    let zone = given("ZoneId")?;
    let wanted = [
        "LoadBalancerStatus",
        "LoadBalancerType",
        "AddressType",
        "AddressIpVersion",
        "LoadBalancerBusinessStatus",
    ];
    let mut fields = Vec::new();
    for name in wanted {
        fields.extend(given(name)?.map(|value| (name, value)));
    }
    let tagged = names::pairs(&mut reader)?;
    reader.finish();
    let among = |all: &[&str], one: &str| all.is_empty() || all.contains(&one);
    let own = registry.ids_of(KIND, request.account);
    let found = own
        .filter(|id| among(&ids, id) && among(&called, name(registry, KIND, id)))
        .filter(|id| has_tags(registry, KIND, id, &tagged))
        .filter_map(|id| registry.model.load_balancers.get(id))
        .filter(|one| among(&networks, one.provider_network.as_str()))
        .filter(|one| {
            let mut zones = one.zone_mappings.iter();
            zone.is_none_or(|zone| zones.any(|one| one.zone.as_str() == zone))
        })
        .map(|one| shown(one, view, request));
    let is_wanted = |one: &Map<String, Value>| {
        let has = |(name, value): &(&str, &str)| {
            let shown = one.get(*name).and_then(Value::as_str);
            shown.is_some_and(|shown| shown.eq_ignore_ascii_case(value))
        };
        fields.iter().all(has)
    };
    let found: Vec<Map<String, Value>> = found.filter(is_wanted).collect();
    let total = found.len();
    let id = |one: &Map<String, Value>| {
        let id = one.get("LoadBalancerId").and_then(Value::as_str);
        id.unwrap_or_default().to_owned()
    };
    let (balancers, next) = page.cut(found, id);
    Ok(members(json!({
        "LoadBalancers": balancers,
        "TotalCount": total,
        "MaxResults": page.most(),
        "NextToken": next,
    })))
}

fn shown(balancer: &LoadBalancer, view: &View, request: &Request<'_>) -> Map<String, Value> {
    let registry = &*view.declared;
    let id = balancer.id.as_str();
    let status = match view.in_force.model.load_balancers.get(id) {
        None => "Provisioning",
        Some(there) if there != balancer => "Configuring",
        Some(_) => "Active",
    };
    let network = &balancer.provider_network;
    let known = registry.model.provider_networks.get(network);
    let has_ipv6 = known.is_some_and(|network| network.ipv6_cidr_block.is_some());
    let zones = balancer.zone_mappings.iter().map(|one| {
        json!({
            "ZoneId": one.zone.as_str(),
            "VSwitchId": one.vswitch.as_deref().unwrap_or_default(),
            "Status": "Active",
            "LoadBalancerAddresses": [],
        })
    });
    members(json!({
        "LoadBalancerId": id,
        "LoadBalancerName": name(registry, KIND, id),
        "LoadBalancerType": "Network",
        "LoadBalancerStatus": status,
        "LoadBalancerBusinessStatus": "Normal",
        "AddressType": "Intranet",
        "AddressIpVersion": if has_ipv6 { "DualStack" } else { "ipv4" },
        "VpcId": network.as_str(),
        "RegionId": request.settings.region,
        "CreateTime": created(registry, KIND, id),
        "CrossZoneEnabled": true,
        "ZoneMappings": zones.collect::<Vec<_>>(),
        "Tags": tags(registry, KIND, id),
    }))
}
