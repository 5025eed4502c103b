//! VPCs.
//!
//! May import: ipnet, serde_json, api, document, model, registry, operations' own.

use ipnet::Ipv6Net;
use serde_json::{Value, json};

use crate::api::{ApiError, Reader};
use crate::document::Document;
use crate::model::{Kind, Vpc};
use crate::operations::answers::{created, description, done, has_tags, members, name, tags};
use crate::operations::names::{self, FREE};
use crate::operations::paging::NumberedPage;
use crate::operations::visible::named;
use crate::operations::{Answer, Request};
use crate::registry::{Change, Registry, View};

/// `CidrBlock` of a VPC that names none.
const DEFAULT_CIDR: &str = "172.16.0.0/16";

/// `CreateVpc`.
pub(super) fn create(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let id = change.fresh_id("vpc");
    let mut document = Document::new(Kind::Vpc, &id);
    let cidr = reader.text("CidrBlock")?.filter(|text| !text.is_empty());
    document.set("CidrBlock", cidr.unwrap_or(DEFAULT_CIDR));
    if let Some(net) = ipv6(&mut reader, &id)? {
        document.set("Ipv6CidrBlock", net);
    }
    describe_it(&mut reader, &mut document)?;
    names::tags(&mut reader, &mut document)?;
    reader.finish();
    change.create(&document, request.account)?;
    Ok(members(json!({
        "VpcId": id,
        "VRouterId": format!("vrt-{id}"),
        "RouteTableId": format!("vtb-{id}"),
        "ResourceGroupId": "",
    })))
}

/// The IPv6 network that is named; with `EnableIpv6` alone, a unique local one (RFC 4193) of the VPC's own.
fn ipv6(reader: &mut Reader<'_>, id: &str) -> Result<Option<String>, ApiError> {
    let named = reader
        .text("Ipv6CidrBlock")?
        .filter(|text| !text.is_empty());
    let enabled = reader.boolean("EnableIpv6")?.unwrap_or(false);
    let _ = reader.text("Ipv6Isp")?;
    if let Some(named) = named {
        return Ok(Some(named.to_owned()));
    }
    if !enabled {
        return Ok(None);
    }
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let global = u128::from(hash & 0xff_ffff_ffff);
    let bits = (0xfd_u128 << 120) | (global << 80) | (u128::from(hash >> 56) << 72);
    let net = Ipv6Net::new(bits.into(), 56).map_err(|_| ApiError::internal())?;
    Ok(Some(net.trunc().to_string()))
}

fn describe_it(reader: &mut Reader<'_>, document: &mut Document) -> Result<(), ApiError> {
    names::name(reader, "VpcName", FREE, document, "VpcName")?;
    names::description(reader, "Description", document, "Description")
}

/// `DeleteVpc`.
pub(super) fn delete(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = change.registry();
    let id = named(&mut reader, "VpcId", Kind::Vpc, registry, request.account)?;
    reader.finish();
    change.delete(Kind::Vpc, id)?;
    Ok(done())
}

/// `ModifyVpcAttribute`: names, and IPv6 for a VPC that has none.
pub(super) fn modify(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = change.registry();
    let id = named(&mut reader, "VpcId", Kind::Vpc, registry, request.account)?;
    let mut document = change.edit(Kind::Vpc, id)?;
    describe_it(&mut reader, &mut document)?;
    if let Some(net) = ipv6(&mut reader, id)? {
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

/// `DescribeVpcs`.
pub(super) fn describe(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = &*view.declared;
    let page = NumberedPage::read(&mut reader, 50, 10)?;
    let ids = reader.text("VpcId")?.filter(|text| !text.is_empty());
    let wanted: Option<Vec<&str>> = ids.map(|ids| ids.split(',').collect());
    let called = reader.text("VpcName")?.filter(|text| !text.is_empty());
    let tagged = names::pairs(&mut reader)?;
    reader.finish();
    let own = registry.ids_of(Kind::Vpc, request.account);
    let found: Vec<&str> = own
        .filter(|id| wanted.as_ref().is_none_or(|wanted| wanted.contains(id)))
        .filter(|id| called.is_none_or(|called| name(registry, Kind::Vpc, id) == called))
        .filter(|id| has_tags(registry, Kind::Vpc, id, &tagged))
        .collect();
    let total = found.len();
    let vpcs = page.cut(found).into_iter();
    let vpcs = vpcs.filter_map(|id| Some(shown(registry.model.vpcs.get(id)?, view, request)));
    Ok(members(json!({
        "Vpcs": { "Vpc": vpcs.collect::<Vec<_>>() },
        "PageNumber": page.number,
        "PageSize": page.size,
        "TotalCount": total,
    })))
}

/// `DescribeVpcAttribute`.
pub(super) fn attribute(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = &*view.declared;
    let id = named(&mut reader, "VpcId", Kind::Vpc, registry, request.account)?;
    reader.finish();
    let vpc = registry.model.vpcs.get(id);
    let vpc = vpc.ok_or_else(ApiError::internal)?;
    Ok(members(shown(vpc, view, request)))
}

fn shown(vpc: &Vpc, view: &View, request: &Request<'_>) -> Value {
    let registry = &*view.declared;
    let id = vpc.id.as_str();
    let vswitches = vswitches(registry, vpc);
    let is_known = view.in_force.model.vpcs.contains_key(id);
    json!({
        "VpcId": id,
        "RegionId": request.settings.region,
        "Status": if is_known { "Available" } else { "Pending" },
        "VpcName": name(registry, Kind::Vpc, id),
        "Description": description(registry, Kind::Vpc, id),
        "CreationTime": created(registry, Kind::Vpc, id),
        "CidrBlock": vpc.cidr_block.to_string(),
        "Ipv6CidrBlock": vpc.ipv6_cidr_block.map(|net| net.to_string()).unwrap_or_default(),
        "EnabledIpv6": vpc.ipv6_cidr_block.is_some(),
        "VRouterId": format!("vrt-{id}"),
        "IsDefault": false,
        "ResourceGroupId": "",
        "OwnerId": registry.origin(Kind::Vpc, id).map(|origin| origin.account.to_string()),
        "VSwitchIds": { "VSwitchId": vswitches },
        "Tags": { "Tag": tags(registry, Kind::Vpc, id) },
    })
}

fn vswitches<'r>(registry: &'r Registry, vpc: &Vpc) -> Vec<&'r str> {
    let all = registry.model.vswitches.values();
    let own = all.filter(|vswitch| vswitch.vpc == vpc.id);
    own.map(|vswitch| vswitch.id.as_str()).collect()
}
