//! Giving every ENI its address.
//!
//! Addresses that are named come first, then those that ENIs had before, then the lowest free ones:
//! so neither a new endpoint nor a changed order moves an existing ENI.
//! May import: std, `model`, `context`, `fault`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::context::Context;
use super::fault::{Place, Told};
use crate::model::{EndpointId, EndpointZone, EniId, Ipam, Model, VSwitch, VSwitchId, ZoneId};

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
        *slot = take_kept(claim, &before, &mut ipam, &context.model);
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

/// The claim's vSwitch; claims are made only for those the model has.
fn vswitch<'m>(claim: &Claim<'_>, model: &'m Model) -> Result<&'m VSwitch, Told> {
    model.vswitches.get(&claim.vswitch).ok_or(Told)
}

fn take_named(
    claim: &Claim<'_>,
    ip: Ipv4Addr,
    ipam: &mut Ipam,
    model: &Model,
) -> Result<Ipv4Addr, Told> {
    let vswitch = vswitch(claim, model)?;
    ipam.take(vswitch, ip, &claim.eni).map_err(|error| {
        let usable = Ipam::usable(vswitch.cidr_block);
        let (first, last) = (usable.start(), usable.end());
        claim.place.fault(
            error.to_string(),
            format!("name a free address from {first} to {last}, or none to get one assigned"),
        )
    })?;
    Ok(ip)
}

/// Takes the address the ENI had before, unless it cannot have it any more.
fn take_kept(
    claim: &Claim<'_>,
    before: &BTreeMap<&EniId, Ipv4Addr>,
    ipam: &mut Ipam,
    model: &Model,
) -> Option<Ipv4Addr> {
    let ip = *before.get(&claim.eni)?;
    let vswitch = vswitch(claim, model).ok()?;
    ipam.take(vswitch, ip, &claim.eni).ok()?;
    Some(ip)
}

fn take_free(claim: &Claim<'_>, ipam: &mut Ipam, model: &Model) -> Result<Ipv4Addr, Told> {
    let vswitch = vswitch(claim, model)?;
    ipam.take_lowest_free(vswitch, &claim.eni).map_err(|error| {
        claim.place.fault(
            error.to_string(),
            "use another vSwitch, or one with a larger CidrBlock",
        )
    })
}
