//! Whose address is asked for, and by which interface packets to it arrive.
//!
//! May import: model, std, question.

use std::net::IpAddr;

use super::question::Question;
use crate::model::{
    Endpoint, EndpointZone, Model, NodeId, ProviderNetwork, ProviderNetworkId, ReverseResource,
    VSwitch, VpcId,
};

/// See the module.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target<'m> {
    /// An ENI, in its vSwitch.
    Eni(&'m Endpoint, &'m EndpointZone, &'m VSwitch),
    /// The address in a provider network at which its hosts reach resources.
    Resource(
        &'m Endpoint,
        &'m EndpointZone,
        &'m ReverseResource,
        &'m ProviderNetwork,
    ),
    /// A NAT address, which only answers are for.
    Nat(&'m ProviderNetwork),
}

impl<'m> Target<'m> {
    /// The VPC, or the provider network, that the address is in.
    pub(super) fn network(&self) -> &'m str {
        match self {
            Self::Eni(endpoint, ..) => endpoint.vpc.as_str(),
            Self::Resource(.., network) | Self::Nat(network) => network.id.as_str(),
        }
    }

    /// The interface packets to it arrive on.
    pub(super) fn interface(&self) -> &'m str {
        match self {
            Self::Eni(.., vswitch) => vswitch.interface.as_deref().unwrap_or_default(),
            Self::Resource(.., network) | Self::Nat(network) => {
                network.interface().map_or("", String::as_str)
            }
        }
    }

    /// Whether it is the resource at the question's port.
    fn is_at(&self, question: &Question) -> bool {
        let Self::Resource(_, _, resource, _) = self else {
            return false;
        };
        let asked = (question.protocol.number(), question.port());
        asked == (resource.transport.number(), resource.service_port)
    }

    /// The ENI, if it is one's.
    pub(super) fn eni(&self) -> Option<(&'m Endpoint, &'m EndpointZone)> {
        match self {
            Self::Eni(endpoint, zone, _) | Self::Resource(endpoint, zone, ..) => {
                Some((endpoint, zone))
            }
            Self::Nat(_) => None,
        }
    }
}

/// Whose address a question's target is, in the VPC or provider network that it names, if it does.
///
/// # Errors
/// Nobody's, or that of several; with the mend.
pub(super) fn find<'m>(model: &'m Model, question: &Question) -> Result<Target<'m>, String> {
    let (address, within) = (question.to.ip, question.vpc.as_deref());
    if let Some(name) = within {
        known(model, name)?;
    }
    let all = of_address(model, address);
    let is_within = |target: &&Target<'m>| within.is_none_or(|name| target.network() == name);
    let found: Vec<&Target<'m>> = all.iter().filter(is_within).collect();
    match found.as_slice() {
        [one] => Ok(**one),
        [] => Err(nobodys(model, address, within, &all)),
        [first, rest @ ..] if rest.iter().all(|one| one.interface() == first.interface()) => {
            // Resources at several ports of one address.
            let asked = found.iter().find(|target| target.is_at(question));
            Ok(**asked.unwrap_or(first))
        }
        several => Err(format!(
            "--to {address} is in {}: name one of them with --vpc",
            names(several.iter().map(|target| target.network()))
        )),
    }
}

fn known(model: &Model, name: &str) -> Result<(), String> {
    let vpcs = model.vpcs.keys().map(VpcId::as_str);
    let networks = model
        .provider_networks
        .keys()
        .map(ProviderNetworkId::as_str);
    let all: Vec<_> = vpcs.chain(networks).collect();
    if all.contains(&name) {
        return Ok(());
    }
    Err(format!(
        "--vpc {name}: there is no such VPC or provider network; there are {}",
        names(all.into_iter())
    ))
}

fn nobodys(model: &Model, address: IpAddr, within: Option<&str>, all: &[Target<'_>]) -> String {
    if let (Some(name), [_, ..]) = (within, all) {
        let places = names(all.iter().map(Target::network));
        return format!("--to {address} is no address of ours in {name}: it is in {places}");
    }
    let enis = model
        .endpoints
        .values()
        .flat_map(|endpoint| &endpoint.zones);
    let same = enis.flat_map(EndpointZone::addresses);
    let same: Vec<_> = same
        .filter(|ip| ip.is_ipv4() == address.is_ipv4())
        .collect();
    let known = same.iter().take(8).map(ToString::to_string);
    let known = known.collect::<Vec<_>>().join(", ");
    let more = if same.len() > 8 { ", ..." } else { "" };
    format!(
        "--to {address} is no address of this node, which leaves packets to it untouched; name that of an ENI ({known}{more}), a ServiceIp or a NAT address"
    )
}

/// Where an address is that nothing at this node leads to: at another node, or nowhere yet.
pub(super) fn elsewhere(declared: &Model, address: IpAddr, here: &NodeId) -> Option<String> {
    let zones = declared.endpoints.values().flat_map(|one| &one.zones);
    let its = zones.filter(|zone| zone.addresses().any(|own| own == address));
    let mut placed = its.filter_map(|zone| Some((zone, declared.vswitches.get(&zone.vswitch)?)));
    let (zone, vswitch) = placed.find(|(_, vswitch)| !vswitch.is_at(here))?;
    let bound = match (&vswitch.interface, &vswitch.node) {
        (Some(interface), Some(node)) => {
            format!("is bound to {interface} of node {node}: ask there")
        }
        _ => "is bound to no interface, so nothing arrives there".to_owned(),
    };
    Some(format!(
        "{address} is that of {} in {}, which {bound}",
        zone.eni, vswitch.id
    ))
}

/// Each once, joined by commas.
fn names<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut all: Vec<_> = names.collect();
    all.sort_unstable();
    all.dedup();
    all.join(", ")
}

fn of_address(model: &Model, address: IpAddr) -> Vec<Target<'_>> {
    let mut found = Vec::new();
    for endpoint in model.endpoints.values() {
        for zone in &endpoint.zones {
            let vswitch = model.vswitches.get(&zone.vswitch);
            let is_its = zone.addresses().any(|own| own == address);
            if let Some(vswitch) = vswitch.filter(|_| is_its) {
                found.push(Target::Eni(endpoint, zone, vswitch));
            }
        }
        let network = model.provider_network(endpoint);
        let network = network.and_then(|id| model.provider_networks.get(id));
        for (zone, resource) in endpoint.reversed() {
            if let Some(network) = network
                && IpAddr::V4(resource.service_ip) == address
            {
                found.push(Target::Resource(endpoint, zone, resource, network));
            }
        }
    }
    for network in model.provider_networks.values() {
        if network.nat_addresses().any(|nat| nat == address) {
            found.push(Target::Nat(network));
        }
    }
    found
}
