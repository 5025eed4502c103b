//! Giving every ENI its addresses, one of each family it has.
//!
//! Addresses that are named come first, then those that ENIs had before, then the lowest free ones:
//! so neither a new endpoint nor a changed order moves an existing ENI.
//! May import: std, ipnet, `model`, `context`, `fault`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::context::Context;
use super::fault::{FaultClass, Place, Told};
use crate::model::{
    EndpointId, EndpointZone, EniId, Ipam, IpamError, LoadBalancerId, Model, VSwitchId, ZoneId,
};

/// An ENI that wants an address of one family.
#[derive(Debug)]
pub(super) struct Claim<'a> {
    pub(super) endpoint: EndpointId,
    pub(super) zone: ZoneId,
    pub(super) vswitch: VSwitchId,
    /// The vSwitch's network of that family.
    pub(super) cidr_block: IpNet,
    pub(super) eni: EniId,
    /// The address it names, if any.
    pub(super) ip: Option<IpAddr>,
    pub(super) connected: bool,
    pub(super) resource: Option<LoadBalancerId>,
    pub(super) replaced: Option<LoadBalancerId>,
    pub(super) place: Place<'a>,
}

/// Assigns all addresses and completes the endpoints of the model with their zones. An ENI's claim
/// to an IPv4 address comes before its claim to an IPv6 one. Which addresses ENIs have, also those of
/// faulty endpoints, by vSwitch.
pub(super) fn assign(
    context: &mut Context<'_>,
    previous: Option<&Model>,
) -> BTreeMap<(VSwitchId, IpAddr), EniId> {
    let claims = std::mem::take(&mut context.claims);
    check_enis(&claims, &context.model);
    let mut ipam = Ipam::default();
    let mut given = take_what_was_before(&claims, &context.model, &mut ipam);
    let mut assigned: Vec<Option<IpAddr>> = vec![None; claims.len()];
    for (claim, slot) in claims.iter().zip(&mut assigned) {
        *slot = claim
            .ip
            .and_then(|ip| take_named(claim, ip, &mut ipam).ok());
    }
    let before = previous.map(addresses).unwrap_or_default();
    for (claim, slot) in automatic(&claims, &mut assigned) {
        *slot = take_kept(claim, &before, &mut ipam);
    }
    for (claim, slot) in automatic(&claims, &mut assigned).filter(|(_, slot)| slot.is_none()) {
        *slot = take_free(claim, &mut ipam).ok();
    }
    for (claim, ip) in claims.into_iter().zip(assigned) {
        if let Some(ip) = ip {
            given.insert((claim.vswitch.clone(), ip), claim.eni.clone());
            give(claim, ip, &mut context.model);
        }
    }
    given
}

/// Takes the addresses that were given before, in the vSwitches that are claimed from: those of ENIs, and
/// of hosts that are resources. Which ENIs have them.
fn take_what_was_before(
    claims: &[Claim<'_>],
    model: &Model,
    ipam: &mut Ipam,
) -> BTreeMap<(VSwitchId, IpAddr), EniId> {
    let claimed: BTreeSet<_> = claims
        .iter()
        .map(|claim| (&claim.vswitch, claim.cidr_block))
        .collect();
    let mut given = BTreeMap::new();
    let mut take = |ip: IpAddr, owner: &EniId, vswitch: &VSwitchId| {
        let nets = claimed.iter().filter(|(id, _)| *id == vswitch);
        for (_, net) in nets.filter(|(_, net)| net.contains(&ip)) {
            // Of two owners the first is enough.
            let _ = ipam.take(vswitch, *net, ip, owner);
        }
    };
    for endpoint in model.endpoints.values() {
        for zone in &endpoint.zones {
            for ip in zone.addresses() {
                take(ip, &zone.eni, &zone.vswitch);
                given.insert((zone.vswitch.clone(), ip), zone.eni.clone());
            }
        }
        for resource in &endpoint.resources {
            let host = EniId::new(format!("a resource of {}", endpoint.id));
            let vswitches = model.vswitches.values();
            for vswitch in vswitches.filter(|vswitch| vswitch.vpc == endpoint.vpc) {
                take(resource.ip.into(), &host, &vswitch.id);
            }
        }
    }
    given
}

fn give(claim: Claim<'_>, ip: IpAddr, model: &mut Model) {
    let Some(endpoint) = model.endpoints.get_mut(&claim.endpoint) else {
        return;
    };
    match ip {
        IpAddr::V4(ip) => endpoint.zones.push(EndpointZone {
            zone: claim.zone,
            vswitch: claim.vswitch,
            eni: claim.eni,
            ip,
            ipv6: None,
            connected: claim.connected,
            resource: claim.resource,
            replaced: claim.replaced,
        }),
        IpAddr::V6(ip) => {
            let mut zones = endpoint.zones.iter_mut();
            if let Some(zone) = zones.find(|zone| zone.eni == claim.eni) {
                zone.ipv6 = Some(ip);
            }
        }
    }
}

/// Ids of endpoints and zones are joined by a dash that either may contain.
fn check_enis(claims: &[Claim<'_>], model: &Model) {
    let before = model.endpoints.values();
    let before = before.flat_map(|endpoint| &endpoint.zones);
    let mut seen: BTreeSet<_> = before.map(|zone| &zone.eni).collect();
    let per_eni = claims
        .iter()
        .filter(|claim| matches!(claim.cidr_block, IpNet::V4(_)));
    for claim in per_eni {
        if !seen.insert(&claim.eni) {
            let eni = &claim.eni;
            claim.place.fault(
                format!("another endpoint's zone makes the ENI id {eni} too"),
                "choose another EndpointId or ZoneId",
            );
        }
    }
}

/// Addresses by ENI and whether they are IPv6.
type Before<'m> = BTreeMap<(&'m EniId, bool), IpAddr>;

fn addresses(model: &Model) -> Before<'_> {
    let zones = model
        .endpoints
        .values()
        .flat_map(|endpoint| &endpoint.zones);
    zones
        .flat_map(|zone| zone.addresses().map(|ip| ((&zone.eni, ip.is_ipv6()), ip)))
        .collect()
}

fn automatic<'c, 'a>(
    claims: &'c [Claim<'a>],
    assigned: &'c mut [Option<IpAddr>],
) -> impl Iterator<Item = (&'c Claim<'a>, &'c mut Option<IpAddr>)> {
    claims
        .iter()
        .zip(assigned)
        .filter(|(claim, _)| claim.ip.is_none())
}

fn take_named(claim: &Claim<'_>, ip: IpAddr, ipam: &mut Ipam) -> Result<IpAddr, Told> {
    let taken = ipam.take(&claim.vswitch, claim.cidr_block, ip, &claim.eni);
    taken.map_err(|error| {
        let usable = Ipam::usable(claim.cidr_block);
        let (first, last) = (usable.start(), usable.end());
        let class = match error {
            IpamError::Used { .. } => FaultClass::Taken,
            _ => FaultClass::Wrong,
        };
        claim.place.fault_as(
            class,
            error.to_string(),
            format!("name a free address from {first} to {last}, or none to get one assigned"),
        )
    })?;
    Ok(ip)
}

/// Takes the address the ENI had before, unless it cannot have it any more.
fn take_kept(claim: &Claim<'_>, before: &Before<'_>, ipam: &mut Ipam) -> Option<IpAddr> {
    let is_ipv6 = matches!(claim.cidr_block, IpNet::V6(_));
    let ip = *before.get(&(&claim.eni, is_ipv6))?;
    let taken = ipam.take(&claim.vswitch, claim.cidr_block, ip, &claim.eni);
    taken.ok().map(|()| ip)
}

fn take_free(claim: &Claim<'_>, ipam: &mut Ipam) -> Result<IpAddr, Told> {
    let taken = ipam.take_lowest_free(&claim.vswitch, claim.cidr_block, &claim.eni);
    taken.map_err(|error| {
        claim.place.fault_as(
            FaultClass::Exhausted,
            error.to_string(),
            "use another vSwitch, or one with a larger CidrBlock",
        )
    })
}
