//! What an endpoint's IP families ask of the service, the networks and the servers it joins
//! (row F13).
//!
//! May import: std, `model`, `context`, `fault`, `fields`, `ip`.

use std::net::IpAddr;

use super::context::Context;
use super::fault::{Place, Told};
use super::fields::Fields;
use super::ip::{self, Family};
use crate::model::{
    AddressIpVersion, EndpointService, EndpointType, LoadBalancer, ServiceId, Uplink, Vpc, VpcId,
};

/// Reads `AddressIpVersion`: a reverse endpoint cannot be dual-stack (row F52).
pub(super) fn read(
    fields: &mut Fields<'_>,
    endpoint_type: Option<EndpointType>,
) -> Result<AddressIpVersion, Told> {
    let version = fields.defaulted(
        "AddressIpVersion",
        AddressIpVersion::default(),
        ip::address_version,
    )?;
    if endpoint_type == Some(EndpointType::Reverse) && version == AddressIpVersion::DualStack {
        return Err(fields.place_of("AddressIpVersion").fault(
            "a reverse endpoint cannot be dual-stack",
            "write AddressIpVersion: IPv4",
        ));
    }
    Ok(version)
}

/// Checks what an endpoint of this version needs; `place` is where the version stands, `whole` the
/// endpoint's own. What is not known has been told.
pub(super) fn check(
    version: AddressIpVersion,
    service: Option<&ServiceId>,
    vpc: Option<&VpcId>,
    (place, whole): (&Place<'_>, &Place<'_>),
    context: &Context<'_>,
) -> Result<(), Told> {
    let model = &context.model;
    let service = service.and_then(|id| model.services.get(id));
    let vpc = vpc.and_then(|id| model.vpcs.get(id));
    let checks = match version {
        AddressIpVersion::Ipv4 => [Ok(()), Ok(()), Ok(())],
        AddressIpVersion::DualStack => [
            service.map_or(Ok(()), |service| offers_both(service, place)),
            vpc.map_or(Ok(()), |vpc| has_both(vpc, place)),
            can_be_nated(service, Family::V6, place, context),
        ],
    };
    let ipv4 = can_be_nated(service, Family::V4, whole, context);
    checks.into_iter().chain([ipv4]).collect()
}

fn offers_both(service: &EndpointService, place: &Place<'_>) -> Result<(), Told> {
    if service.address_ip_version == AddressIpVersion::DualStack {
        return Ok(());
    }
    Err(place.fault(
        format!("{} is IPv4 only", service.id),
        "write IPv4, or AddressIpVersion: DualStack at the service",
    ))
}

fn has_both(vpc: &Vpc, place: &Place<'_>) -> Result<(), Told> {
    if vpc.ipv6_cidr_block.is_some() {
        return Ok(());
    }
    Err(place.fault(
        format!("{} has no Ipv6CidrBlock", vpc.id),
        "write IPv4, or add an Ipv6CidrBlock to the VPC and to the vSwitches of the endpoint",
    ))
}

/// Servers of a family need a NAT address of the same to be spoken to from.
fn can_be_nated(
    service: Option<&EndpointService>,
    family: Family,
    place: &Place<'_>,
    context: &Context<'_>,
) -> Result<(), Told> {
    let resources = service.into_iter().flat_map(|service| &service.resources);
    let balancers = &context.model.load_balancers;
    let mut found = resources.filter_map(|resource| balancers.get(&resource.load_balancer));
    found.try_for_each(|balancer| has_nat_address(balancer, family, place, context))
}

fn has_nat_address(
    balancer: &LoadBalancer,
    family: Family,
    place: &Place<'_>,
    context: &Context<'_>,
) -> Result<(), Told> {
    let networks = &context.model.provider_networks;
    let Some(network) = networks.get(&balancer.provider_network) else {
        return Ok(());
    };
    let is_of = |ip: &IpAddr| Family::of(*ip) == family;
    let lacks = |uplink: &&Uplink| !uplink.nat_addresses.iter().any(is_of);
    let Some(uplink) = network.uplinks.iter().find(lacks) else {
        return Ok(());
    };
    let mut servers = balancer.listeners.iter().flat_map(|one| &one.servers);
    if !servers.any(|server| is_of(&server.ip)) {
        return Ok(());
    }
    let name = family.name();
    let node = uplink.node.as_ref();
    let at = node.map_or_else(String::new, |node| format!(" at {node}"));
    Err(place.fault(
        format!(
            "{} has {name} servers, but {} has no {name} NAT address{at}",
            balancer.id, network.id
        ),
        format!("add one to NatAddresses of {}", network.id),
    ))
}
