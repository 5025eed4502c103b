//! `Zones` of a `VpcEndpoint`: each asks for one ENI in one vSwitch.
//!
//! May import: std, `model`, `address`, `context`, `fault`, `fields`, `kind`, `scalar`.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::address::Claim;
use super::context::Context;
use super::fault::{Place, Told};
use super::fields::Fields;
use super::kind::Kind;
use super::scalar;
use crate::model::{EndpointId, EniId, VSwitchId, VpcId, ZoneId};

const MOST_ZONES: usize = 10;

/// One zone, as written.
#[derive(Debug)]
pub(super) struct Zone<'a> {
    id: ZoneId,
    vswitch: VSwitchId,
    ip: Option<Ipv4Addr>,
    id_place: Place<'a>,
    vswitch_place: Place<'a>,
    ip_place: Place<'a>,
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
    if count > MOST_ZONES || (count == 0 && read.is_ok()) {
        fields.place_of(FIELD).fault(
            format!("{count} zones"),
            format!("name 1 to {MOST_ZONES}, each with a vSwitch"),
        );
    }
    zones
}

fn read_one<'a>(mut fields: Fields<'a>, seen: &mut BTreeSet<ZoneId>) -> Result<Zone<'a>, Told> {
    let id = fields.required("ZoneId", |node| scalar::id(node).map(ZoneId::new));
    let vswitch = fields.required("VSwitchId", |node| scalar::id(node).map(VSwitchId::new));
    let ip = fields.optional("ip", scalar::address);
    fields.unsupported(&["Ipv6Address"], "remove it: ENIs are IPv4 only");
    let [id_place, vswitch_place, ip_place] =
        ["ZoneId", "VSwitchId", "ip"].map(|name| fields.place_of(name));
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
        id_place,
        vswitch_place,
        ip_place,
    })
}

/// Checks the zone's vSwitch and asks for an address there.
pub(super) fn claim<'a>(
    zone: Zone<'a>,
    endpoint: &EndpointId,
    vpc: Option<&VpcId>,
    context: &mut Context<'a>,
) -> Result<(), Told> {
    let vswitches = &context.model.vswitches;
    let vswitch = context.find(Kind::VSwitch, vswitches, &zone.vswitch, &zone.vswitch_place)?;
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
    context.claims.push(Claim {
        endpoint: endpoint.clone(),
        eni: EniId::new(format!("eni-{endpoint}-{}", zone.id)),
        zone: zone.id,
        vswitch: zone.vswitch,
        ip: zone.ip,
        place: zone.ip_place,
    });
    Ok(())
}
