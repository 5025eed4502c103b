//! Giving every ENI its address.
//!
//! Addresses that are named come first, then those that ENIs had before, then the lowest free ones:
//! so neither a new endpoint nor a changed order moves an existing ENI.
//! May import: std, `model`, `context`, `fault`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::context::Context;
use super::fault::{Place, Told};
use crate::model::{EndpointId, EndpointZone, EniId, Ipam, IpamError, Model, VSwitchId, ZoneId};

/// An ENI that wants an address.
#[derive(Debug)]
pub(super) struct Claim<'a> {
    pub(super) endpoint: EndpointId,
    pub(super) zone: ZoneId,
    pub(super) vswitch: VSwitchId,
    pub(super) eni: EniId,
    /// The address it names, if any.
    pub(super) ip: Option<Ipv4Addr>,
    pub(super) place: Place<'a>,
}

/// Assigns all addresses and completes the endpoints of the model with their zones.
pub(super) fn assign(context: &mut Context<'_>, previous: Option<&Model>) {
    let claims = std::mem::take(&mut context.claims);
    check_enis(&claims);
    let mut ipam = Ipam::default();
    let mut assigned: Vec<Option<Ipv4Addr>> = vec![None; claims.len()];
    for (claim, slot) in claims.iter().zip(&mut assigned) {
        *slot = claim
            .ip
            .and_then(|ip| take_named(claim, ip, &mut ipam, &context.model).ok());
    }
    let before = previous.map(addresses).unwrap_or_default();
    for (claim, slot) in automatic(&claims, &mut assigned) {
        let kept = before.get(&claim.eni).copied();
        *slot = kept.filter(|ip| take(claim, *ip, &mut ipam, &context.model).is_ok());
    }
    for (claim, slot) in automatic(&claims, &mut assigned).filter(|(_, slot)| slot.is_none()) {
        *slot = take_free(claim, &mut ipam, &context.model).ok();
    }
    for (claim, ip) in claims.into_iter().zip(assigned) {
        let Claim {
            endpoint,
            zone,
            vswitch,
            eni,
            ..
        } = claim;
        if let (Some(endpoint), Some(ip)) = (context.model.endpoints.get_mut(&endpoint), ip) {
            endpoint.zones.push(EndpointZone {
                zone,
                vswitch,
                eni,
                ip,
            });
        }
    }
}

/// Ids of endpoints and zones are joined by a dash that either may contain.
fn check_enis(claims: &[Claim<'_>]) {
    let mut seen = BTreeSet::new();
    for claim in claims {
        if !seen.insert(&claim.eni) {
            let eni = &claim.eni;
            claim.place.fault(
                format!("another endpoint's zone makes the ENI id {eni} too"),
                "choose another EndpointId or ZoneId",
            );
        }
    }
}

fn addresses(model: &Model) -> BTreeMap<&EniId, Ipv4Addr> {
    let zones = model
        .endpoints
        .values()
        .flat_map(|endpoint| &endpoint.zones);
    zones.map(|zone| (&zone.eni, zone.ip)).collect()
}

fn automatic<'c, 'a>(
    claims: &'c [Claim<'a>],
    assigned: &'c mut [Option<Ipv4Addr>],
) -> impl Iterator<Item = (&'c Claim<'a>, &'c mut Option<Ipv4Addr>)> {
    claims
        .iter()
        .zip(assigned)
        .filter(|(claim, _)| claim.ip.is_none())
}

fn take(claim: &Claim<'_>, ip: Ipv4Addr, ipam: &mut Ipam, model: &Model) -> Result<(), IpamError> {
    match model.vswitches.get(&claim.vswitch) {
        Some(vswitch) => ipam.take(vswitch, ip, &claim.eni),
        None => Ok(()),
    }
}

fn take_named(
    claim: &Claim<'_>,
    ip: Ipv4Addr,
    ipam: &mut Ipam,
    model: &Model,
) -> Result<Ipv4Addr, Told> {
    let taken = take(claim, ip, ipam, model);
    taken
        .map(|()| ip)
        .map_err(|error| claim.place.fault(error.to_string(), mend(claim, model)))
}

fn take_free(claim: &Claim<'_>, ipam: &mut Ipam, model: &Model) -> Result<Ipv4Addr, Told> {
    // Claims are made only for vSwitches of the model.
    let vswitch = model.vswitches.get(&claim.vswitch).ok_or(Told)?;
    ipam.take_lowest_free(vswitch, &claim.eni).map_err(|error| {
        claim.place.fault(
            error.to_string(),
            "use another vSwitch, or one with a larger CidrBlock",
        )
    })
}

fn mend(claim: &Claim<'_>, model: &Model) -> String {
    let usable = model
        .vswitches
        .get(&claim.vswitch)
        .map(|v| Ipam::usable(v.cidr_block));
    let range = usable.map(|usable| format!(" from {} to {}", usable.start(), usable.end()));
    format!(
        "name a free address{}, or none to get one assigned",
        range.unwrap_or_default()
    )
}
