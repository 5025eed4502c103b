//! The kinds `ProviderNetwork` and `LoadBalancer`.
//!
//! May import: std, `model`, `context`, `fault`, `fields`, `health_check`, `ip`, `kind`, `network`,
//! `scalar`, `server_group`, `traffic`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use super::context::Context;
use super::fault::{FaultClass, Told};
use super::fields::Fields;
use super::{about, health_check, ip, scalar, server_group, traffic, uplink};
use crate::model::{
    About, HealthCheck, Kind, Listener, LoadBalancer, LoadBalancerId, OnNoBackend, PartAbout,
    ProviderNetwork, ProviderNetworkId, Server, Transport, ZoneId, ZoneMapping,
};

/// Reads a `ProviderNetwork`.
pub(super) fn network<'a>(mut fields: Fields<'a>, context: &mut Context<'a>) -> Result<(), Told> {
    let id = fields.required("ProviderNetworkId", |node| {
        scalar::id(node).map(ProviderNetworkId::new)
    });
    let cidr_block = fields.required("CidrBlock", ip::ipv4_cidr);
    let ipv6_cidr_block = fields.optional("Ipv6CidrBlock", ip::ipv6_cidr);
    let ipv4_only = matches!(ipv6_cidr_block, Ok(None));
    let uplinks = uplink::read(&mut fields, ipv4_only, context);
    let about = about::read(&mut fields, Kind::ProviderNetwork);
    fields.finish();

    let network = ProviderNetwork {
        id: id?,
        cidr_block: cidr_block?,
        ipv6_cidr_block: ipv6_cidr_block?,
        uplinks: uplinks?,
    };
    context.describe(Kind::ProviderNetwork, network.id.as_str(), about?);
    context
        .model
        .provider_networks
        .insert(network.id.clone(), network);
    Ok(())
}

/// Reads a `LoadBalancer`.
pub(super) fn load_balancer<'a>(
    mut fields: Fields<'a>,
    context: &mut Context<'a>,
) -> Result<(), Told> {
    let id = fields.required("LoadBalancerId", |node| {
        scalar::id(node).map(LoadBalancerId::new)
    });
    let network = fields.required("ProviderNetworkId", |node| {
        scalar::id(node).map(ProviderNetworkId::new)
    });
    let network_place = fields.place_of("ProviderNetworkId");
    let network = network.and_then(|id| {
        context.find(
            Kind::ProviderNetwork,
            &context.model.provider_networks,
            &id,
            &network_place,
        )
    });
    let mut seen = BTreeSet::new();
    let mut parts = BTreeMap::new();
    let listeners = fields.required_items("Listeners", |listener| {
        read_listener(listener, network.ok(), context, &mut seen, &mut parts)
    });
    let zone_mappings = fields.items("ZoneMappings", read_zone_mapping);
    let about = about::read(&mut fields, Kind::LoadBalancer);
    fields.finish();

    let provider_network = network?.id.clone();
    let balancer = LoadBalancer {
        id: id?,
        provider_network,
        listeners: listeners?,
        zone_mappings: zone_mappings?,
    };
    let about = About { parts, ..about? };
    context.describe(Kind::LoadBalancer, balancer.id.as_str(), about);
    context
        .model
        .load_balancers
        .insert(balancer.id.clone(), balancer);
    Ok(())
}

fn read_zone_mapping(mut fields: Fields<'_>) -> Result<ZoneMapping, Told> {
    let zone = fields.required("ZoneId", |node| scalar::id(node).map(ZoneId::new));
    let vswitch = fields.optional("VSwitchId", |node| scalar::id(node).map(str::to_owned));
    fields.finish();
    Ok(ZoneMapping {
        zone: zone?,
        vswitch: vswitch?,
    })
}

fn read_listener(
    mut fields: Fields<'_>,
    network: Option<&ProviderNetwork>,
    context: &Context<'_>,
    seen: &mut BTreeSet<(u8, u16)>,
    parts: &mut BTreeMap<String, PartAbout>,
) -> Result<Listener, Told> {
    let transport = fields.required("ListenerProtocol", traffic::transport);
    let port = fields.required("ListenerPort", |node| scalar::integer(node, 1..=u16::MAX));
    let on_no_backend = fields.defaulted("OnNoBackend", OnNoBackend::default(), |node| {
        let words = [("drop", OnNoBackend::Drop), ("reject", OnNoBackend::Reject)];
        scalar::one_of(node, &words)
    });
    let network_id = network.map(|network| &network.id);
    let server_group =
        server_group::of_listener(&mut fields, transport.as_ref().ok(), network_id, context);
    let backends = if let Ok(None) = server_group {
        read_backends(
            &mut fields,
            transport.as_ref().ok().copied(),
            network,
            &mut BTreeMap::new(),
        )
    } else {
        // Those of the group, once all is read.
        Ok(Backends::default())
    };
    let about = about::described(&mut fields);
    let port_place = fields.place_of("ListenerPort");
    fields.finish();

    let (transport, port) = (transport?, port?);
    if !seen.insert((transport.number(), port)) {
        return Err(port_place.fault_as(
            FaultClass::Taken,
            format!("port {port} has a listener of this protocol already"),
            "choose another port, or put the servers into one listener",
        ));
    }
    let backends = backends?;
    let listener = Listener {
        transport,
        port,
        health_check: backends.health_check,
        connection_drain_timeout: backends.drain,
        on_no_backend: on_no_backend?,
        server_group: server_group?,
        servers: backends.servers,
    };
    describe_part(parts, listener.name(), about?);
    Ok(listener)
}

/// Keeps what is said of a part, if anything is.
fn describe_part(parts: &mut BTreeMap<String, PartAbout>, name: String, about: PartAbout) {
    if about != PartAbout::default() {
        parts.insert(name, about);
    }
}

/// Servers, how they are probed, and how long they drain.
#[derive(Debug, Default)]
pub(super) struct Backends {
    pub(super) health_check: Option<HealthCheck>,
    pub(super) drain: Option<Duration>,
    pub(super) servers: Vec<Server>,
}

/// Reads what a listener has by itself, or a group has for listeners. `parts` takes what is said of servers.
pub(super) fn read_backends(
    fields: &mut Fields<'_>,
    transport: Option<Transport>,
    network: Option<&ProviderNetwork>,
    parts: &mut BTreeMap<String, PartAbout>,
) -> Result<Backends, Told> {
    let health_check = health_check::read(fields, transport);
    let drain = read_drain(fields);
    let nat = network.map_or_else(Vec::new, |network| network.nat_addresses().collect());
    let drains = !matches!(drain, Ok(None));
    let mut seen = BTreeSet::new();
    let servers = fields.items("Servers", |server| {
        let (server, about) = read_server(server, &nat, drains, &mut seen)?;
        describe_part(parts, server.name(), about);
        Ok(server)
    });
    Ok(Backends {
        health_check: health_check?,
        drain: drain?,
        servers: servers?,
    })
}

/// How long a listener's servers drain, if they do.
fn read_drain(fields: &mut Fields<'_>) -> Result<Option<Duration>, Told> {
    const DEFAULT: u64 = 300;
    let enabled = fields.defaulted("ConnectionDrainEnabled", false, scalar::boolean);
    let timeout = fields.defaulted("ConnectionDrainTimeout", DEFAULT, |node| {
        scalar::integer(node, 10..=900)
    });
    let (enabled, timeout) = (enabled?, Duration::from_secs(timeout?));
    Ok(enabled.then_some(timeout))
}

fn read_server(
    mut fields: Fields<'_>,
    nat: &[IpAddr],
    drains: bool,
    seen: &mut BTreeSet<(IpAddr, u16)>,
) -> Result<(Server, PartAbout), Told> {
    let ip = fields.required("ServerIp", ip::host_address);
    let port = fields.required("Port", |node| scalar::integer(node, 1..=u16::MAX));
    let weight = fields.defaulted("Weight", 100, |node| scalar::integer(node, 0..=100));
    let zone = fields.optional("ZoneId", |node| scalar::id(node).map(ZoneId::new));
    let drain = fields.defaulted("Drain", false, scalar::boolean);
    let about = about::described(&mut fields);
    let ip_place = fields.place_of("ServerIp");
    let drain_place = fields.place_of("Drain");
    fields.finish();

    let drain = match drain {
        Ok(true) if !drains => Err(drain_place.fault(
            "the listener has no ConnectionDrainEnabled",
            "add `ConnectionDrainEnabled: true` to it, write Weight: 0 to keep old flows without \
             a deadline, or remove the server to cut them at once",
        )),
        read => read,
    };
    let ip = ip?;
    if nat.contains(&ip) {
        return Err(ip_place.fault(
            format!("{ip} is a NAT address of the provider network"),
            "name the server's own address, or take it out of NatAddresses",
        ));
    }
    let port = port?;
    if !seen.insert((ip, port)) {
        return Err(ip_place.fault_as(
            FaultClass::Taken,
            format!("{ip} port {port} is a server of this listener already"),
            "remove one of the two; Weight makes a server take more",
        ));
    }
    let server = Server {
        ip,
        port,
        weight: weight?,
        zone: zone?,
        drain: drain?,
    };
    Ok((server, about?))
}
