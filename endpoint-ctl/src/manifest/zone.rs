//! `Zones` of a `VpcEndpoint`: each asks for one ENI in one vSwitch.
//!
//! May import: std, ipnet, `model`, `address`, `context`, `fault`, `fields`, `ip`, `kind`, `scalar`.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::address::Claim;
use super::context::Context;
use super::fault::{Place, Told};
use super::fields::Fields;
use super::{ip, scalar};
use crate::model::{
    AddressIpVersion, EndpointId, EniId, Kind, LoadBalancerId, VSwitch, VSwitchId, VpcId, ZoneId,
};

const MOST_ZONES: usize = 10;

/// One zone, as written.
#[derive(Debug)]
pub(super) struct Zone<'a> {
    pub(super) id: ZoneId,
    pub(super) vswitch: VSwitchId,
    ip: Option<Ipv4Addr>,
    ipv6: Option<Ipv6Addr>,
    connected: bool,
    resource: Option<LoadBalancerId>,
    replaced: Option<LoadBalancerId>,
    id_place: Place<'a>,
    vswitch_place: Place<'a>,
    ip_place: Place<'a>,
    ipv6_place: Place<'a>,
}

/// Reads the zones; faulty ones are told and left out.
pub(super) fn read<'a>(fields: &mut Fields<'a>) -> Vec<Zone<'a>> {
    const FIELD: &str = "Zones";
    let mut seen = BTreeSet::new();
    let mut zones = Vec::new();
    let mut count = 0;
    let read = fields.required_items(FIELD, |zone| {
        count += 1;
        zones.push(read_one(zone, &mut seen)?);
        Ok(())
    });
    if read.is_err() && count == 0 {
        return zones;
    }
    if count > MOST_ZONES {
        fields.place_of(FIELD).fault(
            format!("{count} zones"),
            format!("name at most {MOST_ZONES}, each with a vSwitch"),
        );
    }
    zones
}

fn read_one<'a>(mut fields: Fields<'a>, seen: &mut BTreeSet<ZoneId>) -> Result<Zone<'a>, Told> {
    let id = fields.required("ZoneId", |node| scalar::id(node).map(ZoneId::new));
    let vswitch = fields.required("VSwitchId", |node| scalar::id(node).map(VSwitchId::new));
    let ip = fields.optional("ip", ip::ipv4);
    let ipv6 = fields.optional("Ipv6Address", ip::ipv6);
    let connected = fields.defaulted("Connected", true, scalar::boolean);
    let mut balancer =
        |name| fields.optional(name, |node| scalar::id(node).map(LoadBalancerId::new));
    let (resource, replaced) = (balancer("ResourceId"), balancer("ReplacedResourceId"));
    let [id_place, vswitch_place, ip_place, ipv6_place] =
        ["ZoneId", "VSwitchId", "ip", "Ipv6Address"].map(|name| fields.place_of(name));
    fields.finish();

    let id = id?;
    if !seen.insert(id.clone()) {
        return Err(id_place.fault(
            format!("zone {id} is given twice"),
            "keep one of the two: an endpoint has one vSwitch per zone",
        ));
    }
    Ok(Zone {
        id,
        vswitch: vswitch?,
        ip: ip?,
        ipv6: ipv6?,
        connected: connected?,
        resource: resource?,
        replaced: replaced?,
        id_place,
        vswitch_place,
        ip_place,
        ipv6_place,
    })
}

/// Checks the zone's vSwitch and asks for addresses there: one of each family the endpoint has.
/// A version that is not known has been told.
pub(super) fn claim<'a>(
    zone: Zone<'a>,
    endpoint: &EndpointId,
    vpc: Option<&VpcId>,
    version: Option<AddressIpVersion>,
    context: &mut Context<'a>,
) -> Result<(), Told> {
    let vswitches = &context.model.vswitches;
    let vswitch = context.find(Kind::VSwitch, vswitches, &zone.vswitch, &zone.vswitch_place)?;
    in_place(&zone, vswitch, vpc)?;
    let ipv4 = IpNet::V4(vswitch.cidr_block);
    let ipv6 = ipv6_network(&zone, vswitch, version, context);
    let eni = EniId::new(format!("eni-{endpoint}-{}", zone.id));
    let claim = |cidr_block, ip, place| Claim {
        endpoint: endpoint.clone(),
        zone: zone.id.clone(),
        vswitch: zone.vswitch.clone(),
        cidr_block,
        eni: eni.clone(),
        ip,
        connected: zone.connected,
        resource: zone.resource.clone(),
        replaced: zone.replaced.clone(),
        place,
    };
    context
        .claims
        .push(claim(ipv4, zone.ip.map(IpAddr::V4), zone.ip_place));
    if let Some(ipv6) = ipv6? {
        let ip = zone.ipv6.map(IpAddr::V6);
        context.claims.push(claim(ipv6, ip, zone.ipv6_place));
    }
    Ok(())
}

/// Whether the vSwitch is one of the endpoint's VPC and in the zone it is named for.
fn in_place(zone: &Zone<'_>, vswitch: &VSwitch, vpc: Option<&VpcId>) -> Result<(), Told> {
    if let Some(vpc) = vpc
        && vswitch.vpc != *vpc
    {
        return Err(zone.vswitch_place.fault(
            format!(
                "{} is in {}, the endpoint in {vpc}",
                vswitch.id, vswitch.vpc
            ),
            format!("name a vSwitch of {vpc}"),
        ));
    }
    if vswitch.zone != zone.id {
        return Err(zone.id_place.fault(
            format!(
                "{} is in zone {}, not {}",
                vswitch.id, vswitch.zone, zone.id
            ),
            format!("write {}, or name a vSwitch of {}", vswitch.zone, zone.id),
        ));
    }
    Ok(())
}

/// The network to take an IPv6 address from, if the endpoint has any.
fn ipv6_network(
    zone: &Zone<'_>,
    vswitch: &VSwitch,
    version: Option<AddressIpVersion>,
    context: &Context<'_>,
) -> Result<Option<IpNet>, Told> {
    match (version, vswitch.ipv6_cidr_block) {
        (None, _) => Ok(None),
        (Some(AddressIpVersion::Ipv4), _) if zone.ipv6.is_none() => Ok(None),
        (Some(AddressIpVersion::Ipv4), _) => Err(zone.ipv6_place.fault(
            "the endpoint is IPv4 only",
            "remove it, or write AddressIpVersion: DualStack at the endpoint",
        )),
        (Some(AddressIpVersion::DualStack), Some(network)) => Ok(Some(network.into())),
        (Some(AddressIpVersion::DualStack), None) => {
            let vpc = context.model.vpcs.get(&vswitch.vpc);
            if vpc.is_some_and(|vpc| vpc.ipv6_cidr_block.is_none()) {
                // Of the VPC it has been told.
                return Ok(None);
            }
            Err(zone.vswitch_place.fault(
                format!("{} has no Ipv6CidrBlock", vswitch.id),
                "add one to it, name another vSwitch, or write AddressIpVersion: IPv4",
            ))
        }
    }
}
