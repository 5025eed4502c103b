//! vSwitches. Three parameters are this project's own: `Interface`, the Linux interface that leads to the
//! vSwitch, `NodeId`, whose it is, and `Hook`, where its packets are handled.
//!
//! May import: ipnet, serde_json, api, document, model, registry, operations' own.

use ipnet::Ipv6Net;
use serde_json::{Value, json};

use crate::api::{ApiError, Reader};
use crate::document::Document;
use crate::model::{Kind, Model, NetworkAclId, NodeId, VSwitch};
use crate::operations::answers::{created, description, done, has_tags, members, name, tags};
use crate::operations::names::{self, FREE};
use crate::operations::paging::NumberedPage;
use crate::operations::refusals::not_found;
use crate::operations::visible::named;
use crate::operations::{Answer, Request};
use crate::registry::{Change, View};

/// `CreateVSwitch`.
pub(super) fn create(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = change.registry();
    let vpc = named(&mut reader, "VpcId", Kind::Vpc, registry, request.account)?;
    let id = change.fresh_id("vsw");
    let mut document = Document::new(Kind::VSwitch, &id);
    document.set("VpcId", vpc);
    document.set("ZoneId", reader.required("ZoneId")?);
    document.set("CidrBlock", reader.required("CidrBlock")?);
    if let Some(net) = ipv6(&mut reader, vpc, change.model())? {
        document.set("Ipv6CidrBlock", net);
    }
    bind(&mut reader, &mut document)?;
    describe_it(&mut reader, &mut document)?;
    names::tags(&mut reader, &mut document)?;
    reader.finish();
    change.create(&document, request.account)?;
    Ok(members(json!({ "VSwitchId": id })))
}

/// `Ipv6CidrBlock`, the last 8 bits of a /64 of the VPC's /56 as a number, or a network in full.
fn ipv6(reader: &mut Reader<'_>, vpc: &str, model: &Model) -> Result<Option<String>, ApiError> {
    let Some(given) = reader
        .text("Ipv6CidrBlock")?
        .filter(|text| !text.is_empty())
    else {
        return Ok(None);
    };
    let Ok(number) = given.parse::<u128>() else {
        return Ok(Some(given.to_owned()));
    };
    let whole = model.vpcs.get(vpc).and_then(|vpc| vpc.ipv6_cidr_block);
    let Some(whole) = whole else {
        return Err(reader.invalid("Ipv6CidrBlock", "the VPC has no IPv6 network"));
    };
    let most = 1_u128 << 64_u8.saturating_sub(whole.prefix_len()).min(8);
    if number >= most {
        let why = format!("{number} is not a number from 0 to {}", most - 1);
        return Err(reader.invalid("Ipv6CidrBlock", &why));
    }
    let bits = whole.network().to_bits() | (number << 64);
    let net = Ipv6Net::new(bits.into(), 64).map_err(|_| ApiError::internal())?;
    Ok(Some(net.to_string()))
}

fn bind(reader: &mut Reader<'_>, document: &mut Document) -> Result<(), ApiError> {
    for field in ["NodeId", "Interface", "Hook"] {
        if let Some(text) = reader.text(field)?.filter(|text| !text.is_empty()) {
            document.set(field, text);
        }
    }
    Ok(())
}

fn describe_it(reader: &mut Reader<'_>, document: &mut Document) -> Result<(), ApiError> {
    names::name(reader, "VSwitchName", FREE, document, "VSwitchName")?;
    names::description(reader, "Description", document, "Description")
}

/// `DeleteVSwitch`.
pub(super) fn delete(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = change.registry();
    let id = named(
        &mut reader,
        "VSwitchId",
        Kind::VSwitch,
        registry,
        request.account,
    )?;
    reader.finish();
    if let Some(acl) = registry
        .model
        .vswitches
        .get(id)
        .and_then(|one| one.network_acl.as_ref())
    {
        return Err(ApiError::new(
            409,
            "DependencyViolation.NetworkAcl",
            format!("{id} is associated with {acl}."),
        )
        .mend("Call UnassociateNetworkAcl first."));
    }
    change.delete(Kind::VSwitch, id)?;
    Ok(done())
}

/// `ModifyVSwitchAttribute`.
pub(super) fn modify(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = change.registry();
    let id = named(
        &mut reader,
        "VSwitchId",
        Kind::VSwitch,
        registry,
        request.account,
    )?;
    let mut document = change.edit(Kind::VSwitch, id)?;
    describe_it(&mut reader, &mut document)?;
    bind(&mut reader, &mut document)?;
    let vpc = registry.model.vswitches.get(id).map(|one| one.vpc.clone());
    let vpc = vpc.ok_or_else(|| not_found(Kind::VSwitch, id))?;
    if let Some(net) = ipv6(&mut reader, vpc.as_str(), change.model())? {
        if document.fields.contains_key("Ipv6CidrBlock") {
            return Err(ApiError::new(
                409,
                "OperationFailed.Ipv6Exist",
                format!("{id} has an IPv6 network already."),
            ));
        }
        document.set("Ipv6CidrBlock", net);
    }
    reader.finish();
    change.replace(&document)?;
    Ok(done())
}

/// `DescribeVSwitches`.
pub(super) fn describe(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = &*view.declared;
    let page = NumberedPage::read(&mut reader, 50, 10)?;
    let mut given = |name| Ok::<_, ApiError>(reader.text(name)?.filter(|text| !text.is_empty()));
    let (vpc, id, zone) = (given("VpcId")?, given("VSwitchId")?, given("ZoneId")?);
    let called = given("VSwitchName")?;
    let tagged = names::pairs(&mut reader)?;
    reader.finish();
    let own = registry.ids_of(Kind::VSwitch, request.account);
    let found: Vec<&VSwitch> = own
        .filter(|own| id.is_none_or(|id| id.split(',').any(|id| id == *own)))
        .filter(|id| called.is_none_or(|called| name(registry, Kind::VSwitch, id) == called))
        .filter(|id| has_tags(registry, Kind::VSwitch, id, &tagged))
        .filter_map(|id| registry.model.vswitches.get(id))
        .filter(|one| vpc.is_none_or(|vpc| one.vpc.as_str() == vpc))
        .filter(|one| zone.is_none_or(|zone| one.zone.as_str() == zone))
        .collect();
    let total = found.len();
    let vswitches = page.cut(found).into_iter().map(|one| shown(one, view));
    Ok(members(json!({
        "VSwitches": { "VSwitch": vswitches.collect::<Vec<_>>() },
        "PageNumber": page.number,
        "PageSize": page.size,
        "TotalCount": total,
    })))
}

/// `DescribeVSwitchAttributes`.
pub(super) fn attributes(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = &*view.declared;
    let id = named(
        &mut reader,
        "VSwitchId",
        Kind::VSwitch,
        registry,
        request.account,
    )?;
    reader.finish();
    let vswitch = registry.model.vswitches.get(id);
    let vswitch = vswitch.ok_or_else(ApiError::internal)?;
    Ok(members(shown(vswitch, view)))
}

fn shown(vswitch: &VSwitch, view: &View) -> Value {
    let registry = &*view.declared;
    let id = vswitch.id.as_str();
    let is_known = view.in_force.model.vswitches.contains_key(id);
    json!({
        "VSwitchId": id,
        "VpcId": vswitch.vpc.as_str(),
        "ZoneId": vswitch.zone.as_str(),
        "Status": if is_known { "Available" } else { "Pending" },
        "VSwitchName": name(registry, Kind::VSwitch, id),
        "Description": description(registry, Kind::VSwitch, id),
        "CreationTime": created(registry, Kind::VSwitch, id),
        "CidrBlock": vswitch.cidr_block.to_string(),
        "Ipv6CidrBlock": vswitch.ipv6_cidr_block.map(|net| net.to_string()).unwrap_or_default(),
        "AvailableIpAddressCount": free_addresses(vswitch, &registry.model),
        "NetworkAclId": vswitch.network_acl.as_ref().map(NetworkAclId::as_str).unwrap_or_default(),
        "NodeId": vswitch.node.as_ref().map_or("", NodeId::as_str),
        "Interface": vswitch.interface.as_deref().unwrap_or_default(),
        "IsDefault": false,
        "ResourceGroupId": "",
        "OwnerId": registry.origin(Kind::VSwitch, id).map(|origin| origin.account.to_string()),
        "Tags": { "Tag": tags(registry, Kind::VSwitch, id) },
    })
}

/// IPv4 addresses that ENIs may have and none has.
fn free_addresses(vswitch: &VSwitch, model: &Model) -> u64 {
    let all = 1_u64 << (32 - vswitch.cidr_block.prefix_len());
    let zones = model.endpoints.values().flat_map(|one| &one.zones);
    let used = zones.filter(|zone| zone.vswitch == vswitch.id).count();
    all.saturating_sub(4).saturating_sub(used as u64)
}
