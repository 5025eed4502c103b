//! What is behind the ENIs, by chance: listeners at the edges of rules' ports, servers at the edges of
//! rules' networks, so that rules outbound are met as exactly as those inbound.
//!
//! May import: endpoint-ctl (model), fastrand, chance, packets.

use std::net::IpAddr;

use endpoint_ctl::model::{
    Endpoint, Listener, LoadBalancer, Model, OnNoBackend, PortRange, ProviderNetwork,
    ProviderNetworkId, Server, Transport,
};
use fastrand::Rng;

use super::chance::{beside, choose, edge, near};
use super::packets::{self, Edges};
use super::universe::balancer_id;

/// Adds a provider network, and a load balancer for each VPC.
pub(super) fn add(model: &mut Model, vpcs: usize, rng: &mut Rng) {
    let network = ProviderNetwork {
        id: ProviderNetworkId::new("pnet"),
        cidr_block: "10.0.0.0/8".parse().expect("a network"),
        ipv6_cidr_block: "fd00::/16".parse().ok(),
        uplinks: vec![endpoint_ctl::model::Uplink {
            node: None,
            interface: "pnet".to_owned(),
            hook: endpoint_ctl::model::Hook::default(),
            nat_addresses: ["10.255.0.1", "fd00:ff::1"]
                .map(|ip| ip.parse().expect("an address"))
                .into(),
        }],
    };
    for vpc in 0..vpcs {
        let id = balancer_id(vpc);
        let endpoints = model.endpoints.values();
        let its = endpoints.filter(|endpoint| {
            let service = model.services.get(&endpoint.service);
            service.is_some_and(|service| service.resources[0].load_balancer == id)
        });
        let edges: Vec<_> = its.flat_map(|one| packets::edges(model, one)).collect();
        let balancer = LoadBalancer {
            id: id.clone(),
            provider_network: network.id.clone(),
            listeners: listeners(&edges, rng),
            zone_mappings: Vec::new(),
        };
        model.load_balancers.insert(id, balancer);
    }
    model.provider_networks.insert(network.id.clone(), network);
}

fn listeners(edges: &[Edges], rng: &mut Rng) -> Vec<Listener> {
    let mut made: Vec<Listener> = Vec::new();
    for _ in 0..24 {
        let transport = choose(&[Transport::Tcp, Transport::Udp], rng);
        let port = beside_one(edges, rng).max(1);
        let is_new = |one: &Listener| (one.transport, one.port) != (transport, port);
        if made.iter().all(is_new) {
            made.push(Listener {
                transport,
                port,
                health_check: None,
                connection_drain_timeout: None,
                on_no_backend: OnNoBackend::Drop,
                server_group: None,
                servers: servers(edges, rng),
            });
        }
    }
    made
}

fn beside_one(edges: &[Edges], rng: &mut Rng) -> u16 {
    let limited: Vec<_> = edges
        .iter()
        .filter(|one| one.ports != PortRange::ANY)
        .collect();
    match limited.len() {
        0 => rng.u16(1..),
        count => beside(limited[rng.usize(..count)].ports, rng),
    }
}

/// Mostly one of each family; at times several, of which a hash chooses, or none.
fn servers(edges: &[Edges], rng: &mut Rng) -> Vec<Server> {
    let count = choose(
        &[1, 2, 2, 2, 2, 2, 2, if rng.u8(..16) == 0 { 6 } else { 2 }],
        rng,
    );
    let mut made: Vec<Server> = Vec::new();
    for number in 0..count {
        let is_v4 = (number + usize::from(count == 1) * rng.usize(..2)).is_multiple_of(2);
        let ip = somebody(edges, is_v4, rng);
        let port = beside_one(edges, rng).max(1);
        if made.iter().all(|one| (one.ip, one.port) != (ip, port)) {
            made.push(Server {
                ip,
                port,
                weight: choose(&[100, 100, 100, 100, 100, 100, 100, 0], rng),
                zone: None,
                drain: false,
            });
        }
    }
    made
}

fn somebody(edges: &[Edges], is_v4: bool, rng: &mut Rng) -> IpAddr {
    let nets = edges[rng.usize(..edges.len())].nets.iter();
    let nets: Vec<_> = nets.filter(|net| net.addr().is_ipv4() == is_v4).collect();
    match nets.len() {
        0 => {
            let mut all = std::iter::repeat_with(|| near(rng));
            all.find(|ip| ip.is_ipv4() == is_v4)
                .expect("one of each family is near")
        }
        count => edge(*nets[rng.usize(..count)], rng),
    }
}

/// The listener that a request of the endpoint's clients meets.
pub(super) fn listener<'m>(
    model: &'m Model,
    endpoint: &Endpoint,
    protocol: u8,
    port: u16,
) -> Option<&'m Listener> {
    let service = model.services.get(&endpoint.service)?;
    let balancer = model
        .load_balancers
        .get(&service.resources.first()?.load_balancer)?;
    let is_it = |one: &&Listener| one.transport.number() == protocol && one.port == port;
    balancer.listeners.iter().find(is_it)
}

/// The servers of a listener that take new flows of one family.
pub(super) fn takers(listener: &Listener, is_v4: bool) -> impl Iterator<Item = (IpAddr, u16)> {
    let all = listener.servers.iter();
    let takers = all.filter(move |one| one.weight > 0 && one.ip.is_ipv4() == is_v4);
    takers.map(|server| (server.ip, server.port))
}
