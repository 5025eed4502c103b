//! The kinds `ProviderNetwork` and `LoadBalancer`.
//!
//! May import: std, `model`, `context`, `fault`, `fields`, `health_check`, `ip`, `kind`, `network`,
//! `scalar`, `traffic`.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use super::context::Context;
use super::fault::Told;
use super::fields::Fields;
use super::{about, health_check, ip, scalar, traffic};
use crate::model::{
    Hook, Kind, Listener, LoadBalancer, LoadBalancerId, OnNoBackend, ProviderNetwork,
    ProviderNetworkId, Server, ZoneId,
};

const MOST_NAT_ADDRESSES: usize = 64;

/// Reads a `ProviderNetwork`.
pub(super) fn network<'a>(mut fields: Fields<'a>, context: &mut Context<'a>) -> Result<(), Told> {
    let id = fields.required("ProviderNetworkId", |node| {
        scalar::id(node).map(ProviderNetworkId::new)
    });
    let cidr_block = fields.required("CidrBlock", ip::ipv4_cidr);
    let ipv6_cidr_block = fields.optional("Ipv6CidrBlock", ip::ipv6_cidr);
    let interface = fields.required("Interface", scalar::interface);
    let hook = fields.defaulted("Hook", Hook::default(), super::network::hook);
    let nat_addresses = nat_addresses(&mut fields, matches!(ipv6_cidr_block, Ok(None)));
    let about = about::read(&mut fields, Kind::ProviderNetwork);
    let interface_place = fields.place_of("Interface");
    fields.finish();

    let interface = interface?;
    context.take_interface(&interface, &interface_place)?;
    let network = ProviderNetwork {
        id: id?,
        cidr_block: cidr_block?,
        ipv6_cidr_block: ipv6_cidr_block?,
        interface,
        hook: hook?,
        nat_addresses: nat_addresses?,
    };
    context.describe(Kind::ProviderNetwork, network.id.as_str(), about?);
    context
        .model
        .provider_networks
        .insert(network.id.clone(), network);
    Ok(())
}

fn nat_addresses(fields: &mut Fields<'_>, ipv4_only: bool) -> Result<Vec<IpAddr>, Told> {
    const FIELD: &str = "NatAddresses";
    let mut seen = BTreeSet::new();
    let addresses = fields.values(FIELD, |place, node| {
        let ip = place.tell(ip::host_address(node))?;
        if ip.is_ipv6() && ipv4_only {
            return Err(place.fault(
                format!("{ip} is IPv6, but the network has no Ipv6CidrBlock"),
                "add `Ipv6CidrBlock:` to it, or remove the address",
            ));
        }
        if seen.insert(ip) {
            Ok(ip)
        } else {
            Err(place.fault(format!("{ip} is given twice"), "remove one of the two"))
        }
    })?;
    if !fields.has(FIELD) {
        return Err(fields.missing(FIELD));
    }
    let count = addresses.len();
    if (1..=MOST_NAT_ADDRESSES).contains(&count) {
        return Ok(addresses);
    }
    Err(fields.place_of(FIELD).fault(
        format!("{count} NAT addresses"),
        format!("name 1 to {MOST_NAT_ADDRESSES} free addresses of the provider network"),
    ))
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
    let nat = network.map_or(&[][..], |network| &network.nat_addresses);
    let mut seen = BTreeSet::new();
    let listeners = fields.required_items("Listeners", |listener| {
        read_listener(listener, nat, &mut seen)
    });
    let about = about::read(&mut fields, Kind::LoadBalancer);
    fields.finish();

    let provider_network = network?.id.clone();
    let balancer = LoadBalancer {
        id: id?,
        provider_network,
        listeners: listeners?,
    };
    context.describe(Kind::LoadBalancer, balancer.id.as_str(), about?);
    context
        .model
        .load_balancers
        .insert(balancer.id.clone(), balancer);
    Ok(())
}

fn read_listener(
    mut fields: Fields<'_>,
    nat: &[IpAddr],
    seen: &mut BTreeSet<(u8, u16)>,
) -> Result<Listener, Told> {
    let transport = fields.required("ListenerProtocol", traffic::transport);
    let port = fields.required("ListenerPort", |node| scalar::integer(node, 1..=u16::MAX));
    let health_check = health_check::read(&mut fields, transport.as_ref().ok().copied());
    let connection_drain_timeout = read_drain(&mut fields);
    let on_no_backend = fields.defaulted("OnNoBackend", OnNoBackend::default(), |node| {
        let words = [("drop", OnNoBackend::Drop), ("reject", OnNoBackend::Reject)];
        scalar::one_of(node, &words)
    });
    let drains = !matches!(connection_drain_timeout, Ok(None));
    let mut backends = BTreeSet::new();
    let servers = fields.items("Servers", |server| {
        read_server(server, nat, drains, &mut backends)
    });
    let _ = fields.optional("Description", scalar::label);
    let port_place = fields.place_of("ListenerPort");
    fields.finish();

    let (transport, port) = (transport?, port?);
    if !seen.insert((transport.number(), port)) {
        return Err(port_place.fault(
            format!("port {port} has a listener of this protocol already"),
            "choose another port, or put the servers into one listener",
        ));
    }
    Ok(Listener {
        transport,
        port,
        health_check: health_check?,
        connection_drain_timeout: connection_drain_timeout?,
        on_no_backend: on_no_backend?,
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
) -> Result<Server, Told> {
    let ip = fields.required("ServerIp", ip::host_address);
    let port = fields.required("Port", |node| scalar::integer(node, 1..=u16::MAX));
    let weight = fields.defaulted("Weight", 100, |node| scalar::integer(node, 0..=100));
    let zone = fields.optional("ZoneId", |node| scalar::id(node).map(ZoneId::new));
    let drain = fields.defaulted("Drain", false, scalar::boolean);
    let _ = fields.optional("Description", scalar::label);
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
        return Err(ip_place.fault(
            format!("{ip} port {port} is a server of this listener already"),
            "remove one of the two; Weight makes a server take more",
        ));
    }
    Ok(Server {
        ip,
        port,
        weight: weight?,
        zone: zone?,
        drain: drain?,
    })
}
