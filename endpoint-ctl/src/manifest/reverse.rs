//! `Resources` of a reverse endpoint: what the hosts of the service's provider network may reach in
//! the VPC, and at which address of theirs (rows F48, F49, F52).
//!
//! May import: std, `model`, `context`, `fault`, `fields`, `ip`, `node`, `scalar`, `traffic`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::context::Context;
use super::fault::{Place, Told, Wrong};
use super::fields::Fields;
use super::node::Node;
use super::{ip, scalar, traffic};
use crate::model::{
    EndpointId, EndpointType, EniId, Model, ProviderNetworkId, ReverseResource, ServiceId,
    Transport, VSwitchId, VpcId, ZoneId,
};

const MOST_RESOURCES: usize = 100;

/// One resource, as written.
#[derive(Debug)]
pub(super) struct Resource<'a> {
    transport: Transport,
    ip: Ipv4Addr,
    port: u16,
    service_ip: Ipv4Addr,
    service_port: u16,
    zone: Option<ZoneId>,
    ip_place: Place<'a>,
    service_place: Place<'a>,
    zone_place: Place<'a>,
}

/// A resource that must not turn out to be an ENI.
#[derive(Debug)]
pub(super) struct Named<'a> {
    vpc: VpcId,
    ip: Ipv4Addr,
    place: Place<'a>,
}

/// What a service address is taken for.
#[derive(Debug)]
pub(super) struct Taken {
    endpoint: EndpointId,
    zone: ZoneId,
    listeners: Vec<(Transport, u16)>,
}

/// The service addresses that a model's resources have.
pub(super) fn taken(model: &Model) -> BTreeMap<(ProviderNetworkId, Ipv4Addr), Taken> {
    let mut all: BTreeMap<_, Taken> = BTreeMap::new();
    for endpoint in model.endpoints.values() {
        let Some(network) = model.provider_network(endpoint) else {
            continue;
        };
        for resource in &endpoint.resources {
            let taken = all.entry((network.clone(), resource.service_ip));
            let taken = taken.or_insert_with(|| Taken {
                endpoint: endpoint.id.clone(),
                zone: resource.zone.clone(),
                listeners: Vec::new(),
            });
            let listener = (resource.transport, resource.service_port);
            taken.listeners.push(listener);
        }
    }
    all
}

/// The endpoint that resources are of, as far as it is known.
pub(super) struct Owner<'o> {
    pub(super) id: &'o EndpointId,
    pub(super) vpc: Option<&'o VpcId>,
    pub(super) service: Option<&'o ServiceId>,
    /// Its zones.
    pub(super) zones: &'o [(ZoneId, VSwitchId)],
}

/// `Interface` or `Reverse`.
pub(super) fn endpoint_type(node: &Node<'_>) -> Result<EndpointType, Wrong> {
    const TYPES: [(&str, EndpointType); 2] = [
        ("Interface", EndpointType::Interface),
        ("Reverse", EndpointType::Reverse),
    ];
    let given = scalar::text(node)?;
    if given.eq_ignore_ascii_case("GatewayLoadBalancer") {
        return Err(Wrong::new(
            format!("{given:?} is not supported yet"),
            "write one of Interface, Reverse",
        ));
    }
    scalar::one_of(node, &TYPES)
}

/// Reads the resources, of which only a reverse endpoint has any. Faulty ones are told and left out;
/// whether there were any is said beside.
pub(super) fn read<'a>(
    fields: &mut Fields<'a>,
    endpoint_type: Option<EndpointType>,
) -> (Vec<Resource<'a>>, Result<(), Told>) {
    const FIELD: &str = "Resources";
    let mut sound = Vec::new();
    let mut count = 0;
    let read = fields.items(FIELD, |resource| {
        count += 1;
        sound.push(read_one(resource)?);
        Ok(())
    });
    let is_there = fields.has(FIELD);
    let place = fields.place_of(FIELD);
    let counted = match endpoint_type {
        Some(EndpointType::Reverse) if !is_there => Err(fields.missing(FIELD)),
        Some(EndpointType::Reverse) if count > MOST_RESOURCES || (count == 0 && read.is_ok()) => {
            Err(place.fault(
                format!("{count} resources"),
                format!("name 1 to {MOST_RESOURCES} that the service may reach"),
            ))
        }
        Some(EndpointType::Interface) if is_there => Err(place.fault(
            "only a reverse endpoint has resources",
            "remove them, or write EndpointType: Reverse",
        )),
        _ => Ok(()),
    };
    (sound, read.map(|_| ()).and(counted))
}

fn read_one(mut fields: Fields<'_>) -> Result<Resource<'_>, Told> {
    let transport = fields.required("Protocol", traffic::transport);
    let ip = fields.required("ResourceIp", host);
    let port = |node| scalar::integer(node, 1..=u16::MAX);
    let resource_port = fields.required("ResourcePort", port);
    let service_ip = fields.required("ServiceIp", host);
    let service_port = fields.optional("ServicePort", port);
    let zone = fields.optional("ZoneId", |node| scalar::id(node).map(ZoneId::new));
    let _ = fields.optional("Description", scalar::label);
    let [ip_place, service_place, zone_place] =
        ["ResourceIp", "ServiceIp", "ZoneId"].map(|name| fields.place_of(name));
    fields.finish();
    let port = resource_port?;
    Ok(Resource {
        transport: transport?,
        ip: ip?,
        port,
        service_ip: service_ip?,
        service_port: service_port?.unwrap_or(port),
        zone: zone?,
        ip_place,
        service_place,
        zone_place,
    })
}

fn host(node: &Node<'_>) -> Result<Ipv4Addr, Wrong> {
    match ip::host_address(node)? {
        IpAddr::V4(ip) => Ok(ip),
        IpAddr::V6(ip) => Err(Wrong::new(
            format!("{ip} is IPv6, and a reverse endpoint is IPv4 only"),
            "write an IPv4 address",
        )),
    }
}

/// Checks the resources of an endpoint, each against all there is, and takes their addresses.
pub(super) fn claim<'a>(
    resources: Vec<Resource<'a>>,
    owner: &Owner<'_>,
    context: &mut Context<'a>,
) -> Result<Vec<ReverseResource>, Told> {
    let checked: Vec<_> = resources
        .into_iter()
        .map(|resource| claim_one(resource, owner, context))
        .collect();
    checked.into_iter().collect()
}

fn claim_one<'a>(
    resource: Resource<'a>,
    owner: &Owner<'_>,
    context: &mut Context<'a>,
) -> Result<ReverseResource, Told> {
    let in_vpc = in_vpc(&resource, owner, context);
    let zone = zone(&resource, owner, context);
    let free = is_free(&resource, owner, zone.as_ref().ok(), context);
    in_vpc?;
    let zone = zone?;
    free?;
    if let Some(vpc) = owner.vpc {
        context.resources.push(Named {
            vpc: vpc.clone(),
            ip: resource.ip,
            place: resource.ip_place,
        });
    }
    Ok(ReverseResource {
        transport: resource.transport,
        ip: resource.ip,
        port: resource.port,
        service_ip: resource.service_ip,
        service_port: resource.service_port,
        zone,
    })
}

fn in_vpc(resource: &Resource<'_>, owner: &Owner<'_>, context: &Context<'_>) -> Result<(), Told> {
    let vpc = owner.vpc.and_then(|id| context.model.vpcs.get(id));
    match vpc {
        Some(vpc) if !vpc.cidr_block.contains(&resource.ip) => Err(resource.ip_place.fault(
            format!(
                "{} is outside {} of {}",
                resource.ip, vpc.cidr_block, vpc.id
            ),
            "name a resource of the endpoint's VPC",
        )),
        _ => Ok(()),
    }
}

/// The zone whose ENI speaks to the resource: the one that is named, else that of the resource's own
/// vSwitch, else the only one.
fn zone(resource: &Resource<'_>, owner: &Owner<'_>, context: &Context<'_>) -> Result<ZoneId, Told> {
    let zones = owner.zones;
    if zones.is_empty() {
        return Err(Told);
    }
    let list = || {
        let names: Vec<_> = zones.iter().map(|(zone, _)| zone.as_str()).collect();
        names.join(", ")
    };
    if let Some(named) = &resource.zone {
        if zones.iter().any(|(zone, _)| zone == named) {
            return Ok(named.clone());
        }
        return Err(resource.zone_place.fault(
            format!("zone {named} is not one of the endpoint's"),
            format!("write one of {}", list()),
        ));
    }
    let is_in = |id| {
        let vswitch = context.model.vswitches.get(id);
        vswitch.is_some_and(|vswitch| vswitch.cidr_block.contains(&resource.ip))
    };
    let own = zones.iter().find(|(_, vswitch)| is_in(vswitch));
    match (own, zones) {
        (Some((zone, _)), _) | (None, [(zone, _)]) => Ok(zone.clone()),
        (None, _) => Err(resource.zone_place.fault(
            format!("{} is in no vSwitch of the endpoint", resource.ip),
            format!(
                "add `ZoneId:` of the ENI that reaches it, one of {}",
                list()
            ),
        )),
    }
}

/// Takes the service address and port, if nobody has them.
fn is_free(
    resource: &Resource<'_>,
    owner: &Owner<'_>,
    zone: Option<&ZoneId>,
    context: &mut Context<'_>,
) -> Result<(), Told> {
    let Some(network) = network(owner, context) else {
        return Ok(());
    };
    let (ip, place) = (resource.service_ip, &resource.service_place);
    if let Some(user) = user_of(ip, &network, context) {
        return Err(place.fault(
            format!("{ip} is {user}"),
            format!("choose an address of {network} that nobody has"),
        ));
    }
    let Some(zone) = zone else {
        return Err(Told);
    };
    let taken = context.service_addresses.entry((network, ip));
    let taken = taken.or_insert_with(|| Taken {
        endpoint: owner.id.clone(),
        zone: zone.clone(),
        listeners: Vec::new(),
    });
    if (&taken.endpoint, &taken.zone) != (owner.id, zone) {
        return Err(place.fault(
            format!("{ip} leads to zone {} of {}", taken.zone, taken.endpoint),
            "choose an address for each zone of each endpoint",
        ));
    }
    let listener = (resource.transport, resource.service_port);
    if taken.listeners.contains(&listener) {
        return Err(place.fault(
            format!("{ip} leads to another resource at this protocol and port"),
            "choose another ServicePort or ServiceIp",
        ));
    }
    taken.listeners.push(listener);
    Ok(())
}

fn network(owner: &Owner<'_>, context: &Context<'_>) -> Option<ProviderNetworkId> {
    let service = context.model.services.get(owner.service?)?;
    let resource = service.resources.first()?;
    let balancer = context.model.load_balancers.get(&resource.load_balancer)?;
    Some(balancer.provider_network.clone())
}

/// Who has the address in the provider network, other than resources.
fn user_of(ip: Ipv4Addr, network: &ProviderNetworkId, context: &Context<'_>) -> Option<String> {
    let ip = IpAddr::V4(ip);
    let found = context.model.provider_networks.get(network)?;
    if found.nat_addresses().any(|nat| nat == ip) {
        return Some(format!("a NAT address of {network}"));
    }
    let mut balancers = context.model.load_balancers.values();
    let balancer = balancers.find(|balancer| {
        let mut servers = balancer.listeners.iter().flat_map(|one| &one.servers);
        balancer.provider_network == *network && servers.any(|server| server.ip == ip)
    })?;
    Some(format!("a server of {}", balancer.id))
}

/// Checks that no resource is one of the ENIs, once these have their addresses.
pub(super) fn check_enis(enis: &BTreeMap<(VSwitchId, IpAddr), EniId>, context: &Context<'_>) {
    for ((vswitch, ip), eni) in enis {
        let vswitch = context.model.vswitches.get(vswitch);
        let is_it = |resource: &&Named<'_>| {
            IpAddr::V4(resource.ip) == *ip
                && vswitch.is_some_and(|vswitch| vswitch.vpc == resource.vpc)
        };
        for resource in context.resources.iter().filter(is_it) {
            resource.place.fault(
                format!("{ip} is the address of {eni}"),
                "name a host, or write another `ip:` at the ENI's zone",
            );
        }
    }
}
