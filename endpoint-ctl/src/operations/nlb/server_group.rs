//! Server groups.
//!
//! May import: serde_json, api, document, model, registry, operations' own.

use serde_json::{Value, json};

use super::load_balancer::MOST_FILTERED;
use super::{health_check, never, only};
use crate::api::{ApiError, Reader};
use crate::document::Document;
use crate::model::{Kind, ResourceId, ServerGroup, Transport};
use crate::operations::answers::{done, has_tags, members, name, tags};
use crate::operations::names::{self, STRICT};
use crate::operations::paging::TokenPage;
use crate::operations::visible::named;
use crate::operations::{Answer, Request};
use crate::registry::{Change, View, referrers};

const KIND: Kind = Kind::ServerGroup;

/// `CreateServerGroup`.
pub(super) fn create(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let id = change.fresh_id("sgp");
    let mut document = Document::new(KIND, &id);
    reader.required("ServerGroupName")?;
    document.set("ProviderNetworkId", reader.required("VpcId")?);
    if let Some(protocol) = reader.text("Protocol")?.filter(|text| !text.is_empty()) {
        for (unknown, why) in [
            ("TCPSSL", "TLS is not terminated here: write TCP"),
            (
                "TCP_UDP",
                "a group is of one protocol here: make one of TCP and one of UDP",
            ),
        ] {
            if protocol.eq_ignore_ascii_case(unknown) {
                return Err(reader.invalid("Protocol", why));
            }
        }
        document.set("Protocol", protocol);
    }
    let why = "servers are named by their addresses here: write Ip";
    only(&mut reader, "ServerGroupType", &["Ip"], why)?;
    let why = "it is neither ipv4 nor DualStack";
    only(&mut reader, "AddressIPVersion", &["ipv4", "DualStack"], why)?;
    let why = "servers have one port each here";
    only(&mut reader, "AnyPortEnabled", &["false"], why)?;
    set_rest(&mut reader, &mut document)?;
    names::tags(&mut reader, &mut document)?;
    reader.has("ResourceGroupId");
    reader.finish();
    change.create(&document, request.account)?;
    Ok(members(json!({ "ServerGroupId": id })))
}

/// What a group has that can change, but for its servers.
fn set_rest(reader: &mut Reader<'_>, document: &mut Document) -> Result<(), ApiError> {
    names::name(
        reader,
        "ServerGroupName",
        STRICT,
        document,
        "ServerGroupName",
    )?;
    for name in ["ConnectionDrainEnabled", "ConnectionDrainTimeout"] {
        if let Some(text) = reader.text(name)?.filter(|text| !text.is_empty()) {
            document.set(name, text);
        }
    }
    health_check::set(reader, document)?;
    only(
        reader,
        "Scheduler",
        &["Wrr"],
        "flows go by weight here: write Wrr",
    )?;
    let why = "servers see NAT addresses here: write false";
    only(reader, "PreserveClientIpEnabled", &["false"], why)?;
    never(reader, &["IpVersionAffinityMode"], "it cannot be had here")
}

/// `DeleteServerGroup`: no listener may name it.
pub(super) fn delete(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = change.registry();
    let id = named(
        &mut reader,
        "ServerGroupId",
        KIND,
        registry,
        request.account,
    )?;
    reader.finish();
    change.delete(KIND, id)?;
    Ok(done())
}

/// `UpdateServerGroupAttribute`.
pub(super) fn update(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = change.registry();
    let id = named(
        &mut reader,
        "ServerGroupId",
        KIND,
        registry,
        request.account,
    )?;
    let mut document = change.edit(KIND, id)?;
    set_rest(&mut reader, &mut document)?;
    reader.finish();
    change.replace(&document)?;
    Ok(members(json!({ "ServerGroupId": id })))
}

/// `ListServerGroups`.
pub(super) fn list(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = &*view.declared;
    let page = TokenPage::read(&mut reader, 1..=100, 20)?;
    let ids = reader.texts("ServerGroupIds", MOST_FILTERED)?;
    let called = reader.texts("ServerGroupNames", MOST_FILTERED)?;
    let network = reader.text("VpcId")?.filter(|text| !text.is_empty());
    let group_type = reader
        .text("ServerGroupType")?
        .filter(|text| !text.is_empty());
    let tagged = names::pairs(&mut reader)?;
    reader.finish();
    let is_ip = group_type.is_none_or(|kind| kind.eq_ignore_ascii_case("Ip"));
    let among = |all: &[&str], one: &str| all.is_empty() || all.contains(&one);
    let own = registry.ids_of(KIND, request.account);
    let found: Vec<&ServerGroup> = own
        .filter(|id| is_ip && among(&ids, id) && among(&called, name(registry, KIND, id)))
        .filter(|id| has_tags(registry, KIND, id, &tagged))
        .filter_map(|id| registry.model.server_groups.get(id))
        .filter(|one| network.is_none_or(|network| one.provider_network.as_str() == network))
        .collect();
    let total = found.len();
    let (groups, next) = page.cut(found, |one| one.id.to_string());
    let groups = groups.into_iter().map(|one| shown(one, view, request));
    Ok(members(json!({
        "ServerGroups": groups.collect::<Vec<_>>(),
        "TotalCount": total,
        "MaxResults": page.most(),
        "NextToken": next,
    })))
}

fn shown(group: &ServerGroup, view: &View, request: &Request<'_>) -> Value {
    let registry = &*view.declared;
    let model = &registry.model;
    let id = group.id.as_str();
    let status = match view.in_force.model.server_groups.get(id) {
        None => "Creating",
        Some(there) if there != group => "Configuring",
        Some(_) => "Available",
    };
    let named_by = referrers(model, &ResourceId::new(KIND, id));
    let named_by: Vec<&str> = named_by.iter().map(|one| &*one.id).collect();
    let network = model.provider_networks.get(&group.provider_network);
    let has_ipv6 = network.is_some_and(|network| network.ipv6_cidr_block.is_some());
    let drain = group.connection_drain_timeout;
    json!({
        "ServerGroupId": id,
        "ServerGroupName": name(registry, KIND, id),
        "ServerGroupStatus": status,
        "ServerGroupType": "Ip",
        "AddressIPVersion": if has_ipv6 { "DualStack" } else { "ipv4" },
        "Protocol": match group.transport {
            Transport::Tcp => "TCP",
            Transport::Udp => "UDP",
        },
        "Scheduler": "Wrr",
        "AnyPortEnabled": false,
        "PreserveClientIpEnabled": false,
        "ConnectionDrainEnabled": drain.is_some(),
        "ConnectionDrainTimeout": drain.map_or(0, |time| time.as_secs()),
        "HealthCheck": health_check::shown(group.health_check.as_ref()),
        "ServerCount": group.servers.len(),
        "RelatedLoadBalancerIds": named_by,
        "VpcId": group.provider_network.as_str(),
        "RegionId": request.settings.region,
        "Tags": tags(registry, KIND, id),
    })
}
