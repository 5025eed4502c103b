//! The kind `NetworkAcl`.
//!
//! May import: std, ipnet, `model`, `context`, `fault`, `fields`, `ip`, `kind`, `scalar`, `traffic`.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::context::Context;
use super::fault::{Place, Told};
use super::fields::Fields;
use super::ip::{self, Family};
use super::{about, scalar, traffic};
use crate::model::{
    About, Kind, NetworkAcl, NetworkAclEntry, NetworkAclId, PartAbout, VSwitchId, VpcId,
};

const MOST_ENTRIES: usize = 100;
const MOST_VSWITCHES: usize = 30;
const SOURCE: &str = "SourceCidrIp";
const DESTINATION: &str = "DestinationCidrIp";

/// Reads a `NetworkAcl`. A direction without entries is legal: it denies everything.
pub(super) fn read<'a>(mut fields: Fields<'a>, context: &mut Context<'a>) -> Result<(), Told> {
    let id = fields.required("NetworkAclId", |node| {
        scalar::id(node).map(NetworkAclId::new)
    });
    let vpc = fields.required("VpcId", |node| scalar::id(node).map(VpcId::new));
    let owner = id.as_ref().ok();
    let mut parts = BTreeMap::new();
    let mut read =
        |name, direction| self::direction(&mut fields, name, direction, owner, &mut parts, context);
    let ingress = read("IngressAclEntries", "ingress");
    let egress = read("EgressAclEntries", "egress");
    let mut vswitches = Vec::new();
    let resources = fields.items("Resources", |fields| {
        vswitches.push(resource(fields)?);
        Ok(())
    });
    let about = about::read(&mut fields, Kind::NetworkAcl);
    let (vpc_place, resources_place) = (fields.place_of("VpcId"), fields.place_of("Resources"));
    fields.finish();

    let vpc = vpc?;
    context.find(Kind::Vpc, &context.model.vpcs, &vpc, &vpc_place)?;
    let id = id?;
    at_most(
        vswitches.len(),
        MOST_VSWITCHES,
        "vSwitches",
        &resources_place,
    )?;
    for (vswitch, place) in vswitches {
        // The next one is checked all the same.
        let _ = associate(&id, &vpc, &vswitch, &place, context);
    }
    resources?;
    let acl = NetworkAcl {
        id,
        vpc,
        ingress: ingress?,
        egress: egress?,
    };
    let about = About { parts, ..about? };
    context.describe(Kind::NetworkAcl, acl.id.as_str(), about);
    context.model.network_acls.insert(acl.id.clone(), acl);
    Ok(())
}

fn direction<'a>(
    fields: &mut Fields<'a>,
    name: &'static str,
    direction: &'static str,
    acl: Option<&NetworkAclId>,
    parts: &mut BTreeMap<String, PartAbout>,
    context: &mut Context<'a>,
) -> Result<Vec<NetworkAclEntry>, Told> {
    let mut place = 0;
    let entries = fields.items(name, |fields| {
        place += 1;
        entry(
            fields,
            direction,
            acl.map(|acl| format!("{acl}-{direction}-{place}")),
            parts,
            context,
        )
    });
    at_most(place, MOST_ENTRIES, "entries", &fields.place_of(name))?;
    entries
}

fn at_most(count: usize, most: usize, what: &str, place: &Place<'_>) -> Result<(), Told> {
    if count <= most {
        return Ok(());
    }
    Err(place.fault(
        format!("{count} {what} are too many"),
        format!("keep at most {most}"),
    ))
}

fn entry<'a>(
    mut fields: Fields<'a>,
    direction: &str,
    default_id: Option<String>,
    parts: &mut BTreeMap<String, PartAbout>,
    context: &mut Context<'a>,
) -> Result<NetworkAclEntry, Told> {
    let given_id = fields.optional("NetworkAclEntryId", |node| {
        scalar::id(node).map(str::to_owned)
    });
    let policy = fields.required("Policy", traffic::policy);
    let protocol = fields.required("Protocol", traffic::protocol_name);
    let ports = fields.required("Port", |node| traffic::ports(node, protocol.ok()));
    let family = fields.defaulted("IpVersion", Family::V4, ip::family);
    let peer = if direction == "ingress" {
        peer(&mut fields, family, SOURCE, DESTINATION, direction)
    } else {
        peer(&mut fields, family, DESTINATION, SOURCE, direction)
    };
    let _ = fields.optional("EntryType", |node| {
        scalar::only(node, "custom", &["system"])
    });
    let about = about::of_entry(&mut fields);
    let [id_place, protocol_place] =
        ["NetworkAclEntryId", "Protocol"].map(|name| fields.place_of(name));
    fields.finish();

    if let (Ok(protocol), Ok(family)) = (protocol, family) {
        // Its id is taken all the same.
        let _ = traffic::same_family(protocol, family, &protocol_place);
    }
    let id = given_id?.or(default_id).ok_or(Told)?;
    context.take_rule_id(&id, &id_place)?;
    let about = about?;
    if about != PartAbout::default() {
        parts.insert(id.clone(), about);
    }
    Ok(NetworkAclEntry {
        id,
        policy: policy?,
        protocol: protocol?,
        ports: ports?,
        peer: peer?,
    })
}

/// The peer, of the family that the entry's `IpVersion` says.
fn peer(
    fields: &mut Fields<'_>,
    family: Result<Family, Told>,
    mine: &'static str,
    other: &'static str,
    direction: &str,
) -> Result<IpNet, Told> {
    let stray = traffic::refuse_stray(fields, other, mine, direction);
    let peer = fields.optional(mine, |node| match family {
        Ok(Family::V4) => ip::cidr_of(Family::V4, node, "write IpVersion: IPv6 with it").map(Some),
        Ok(Family::V6) => ip::cidr_of(Family::V6, node, "write IpVersion: IPv4 with it").map(Some),
        // Of which family it should be has to be mended first.
        Err(Told) => Ok(None),
    });
    // Whoever wrote the wrong one of the two has been told already.
    stray?;
    match peer? {
        Some(peer) => peer.ok_or(Told),
        None => Err(fields.missing(mine)),
    }
}

fn resource(mut fields: Fields<'_>) -> Result<(VSwitchId, Place<'_>), Told> {
    let id = fields.required("ResourceId", |node| scalar::id(node).map(VSwitchId::new));
    let kind = fields.required("ResourceType", |node| scalar::only(node, "VSwitch", &[]));
    let place = fields.place_of("ResourceId");
    fields.finish();
    kind?;
    Ok((id?, place))
}

fn associate(
    acl: &NetworkAclId,
    vpc: &VpcId,
    id: &VSwitchId,
    place: &Place<'_>,
    context: &mut Context<'_>,
) -> Result<(), Told> {
    let vswitch = context.find(Kind::VSwitch, &context.model.vswitches, id, place)?;
    if vswitch.vpc != *vpc {
        return Err(place.fault(
            format!("vSwitch {id} is in {}, the ACL in {vpc}", vswitch.vpc),
            format!("name a vSwitch of {vpc}"),
        ));
    }
    if let Some(other) = &vswitch.network_acl {
        return Err(place.fault(
            format!("vSwitch {id} has network ACL {other} already"),
            "keep one of the two: a vSwitch has at most one",
        ));
    }
    if let Some(vswitch) = context.model.vswitches.get_mut(id) {
        vswitch.network_acl = Some(acl.clone());
    }
    Ok(())
}
