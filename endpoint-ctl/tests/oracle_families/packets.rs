//! Packets by chance: on and beside the edges of the rules that an ENI has, or anywhere.
//!
//! May import: endpoint-ctl (model), ipnet, fastrand, chance.

use std::net::IpAddr;

use endpoint_ctl::model::{
    Endpoint, EndpointZone, Model, Peer, PolicyCondition, PortRange, ProtocolMatch,
    SecurityGroupId, VSwitch,
};
use fastrand::Rng;
use ipnet::IpNet;

use super::chance::{PROTOCOLS, beside, choose, edge, near, port};

/// What rules are asked: who is at the other side, and what is sent. Ports are 0 where there are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) peer: IpAddr,
    pub(crate) protocol: u8,
    pub(crate) source_port: u16,
    pub(crate) port: u16,
}

/// A rule of any layer, as far as it has edges.
#[derive(Debug, Clone)]
pub(crate) struct Edges {
    protocol: ProtocolMatch,
    pub(crate) ports: PortRange,
    source_ports: PortRange,
    pub(crate) nets: Vec<IpNet>,
}

impl Edges {
    fn of_networks(nets: impl IntoIterator<Item = IpNet>) -> Self {
        Self {
            protocol: ProtocolMatch::All,
            ports: PortRange::ANY,
            source_ports: PortRange::ANY,
            nets: nets.into_iter().collect(),
        }
    }
}

/// All that an endpoint's packets are judged by.
pub(crate) fn edges(model: &Model, endpoint: &Endpoint) -> Vec<Edges> {
    let ids = endpoint.security_groups.iter();
    let groups = ids.filter_map(|id| model.security_groups.get(id));
    let rules = groups.flat_map(|group| &group.rules).map(|rule| Edges {
        protocol: rule.protocol,
        ports: rule.ports,
        source_ports: rule.source_ports,
        nets: peers(model, &rule.peer),
    });
    let mut edges: Vec<_> = rules.collect();
    let zones = endpoint.zones.iter();
    for vswitch in zones.filter_map(|zone| model.vswitches.get(&zone.vswitch)) {
        edges.push(Edges::of_networks(vswitch.cidr_blocks()));
        edges.extend(entries(model, vswitch));
    }
    let own = endpoint.security_groups.iter();
    edges.extend(own.map(|id| Edges::of_networks(members(model, id))));
    edges.push(Edges::of_networks(sources(endpoint)));
    edges
}

fn entries<'m>(model: &'m Model, vswitch: &VSwitch) -> impl Iterator<Item = Edges> + use<'m> {
    let id = vswitch.network_acl.as_ref();
    let acl = id.and_then(|id| model.network_acls.get(id));
    let both = acl
        .into_iter()
        .flat_map(|acl| acl.ingress.iter().chain(&acl.egress));
    both.map(|entry| Edges {
        protocol: entry.protocol,
        ports: entry.ports,
        source_ports: PortRange::ANY,
        nets: vec![entry.peer],
    })
}

fn peers(model: &Model, peer: &Peer) -> Vec<IpNet> {
    match peer {
        Peer::Cidr(net) => vec![*net],
        Peer::PrefixList(id) => {
            let list = model.prefix_lists.get(id);
            list.map_or_else(Vec::new, |list| list.entries.clone())
        }
        Peer::Group(id) => members(model, id),
    }
}

fn members(model: &Model, id: &SecurityGroupId) -> Vec<IpNet> {
    let listed = model.security_groups.get(id).into_iter();
    let listed = listed.flat_map(|group| group.members.iter().copied());
    let has_group = |endpoint: &&Endpoint| endpoint.security_groups.contains(id);
    let endpoints = model.endpoints.values().filter(has_group);
    let zones = endpoints.flat_map(|endpoint| &endpoint.zones);
    let enis = zones.flat_map(EndpointZone::addresses).map(IpNet::from);
    listed.chain(enis).collect()
}

/// The networks that an endpoint's policy names.
fn sources(endpoint: &Endpoint) -> Vec<IpNet> {
    let statements = endpoint.policy.statements.iter();
    let conditions = statements.flat_map(|one| &one.conditions);
    let networks = conditions.flat_map(|condition| match condition {
        PolicyCondition::SourceIp { networks, .. } => networks.as_slice(),
        PolicyCondition::SourceVpc { .. } => &[],
    });
    networks.copied().collect()
}

/// A packet of the family of `eni`, beside an edge of one of these rules.
pub(crate) fn packet(edges: &[Edges], eni: IpAddr, rng: &mut Rng) -> Packet {
    let rule = &edges[rng.usize(..edges.len())];
    let protocol = match (rule.protocol, rng.u8(..4)) {
        (ProtocolMatch::Number(number), 0..3) => number,
        _ => choose(&[6, 6, 17, 17, PROTOCOLS[rng.usize(..6)]], rng),
    };
    let mut beside_port = |range: PortRange| match rng.u8(..4) {
        _ if !matches!(protocol, 6 | 17) => 0,
        0 => port(rng),
        _ => beside(range, rng),
    };
    let (port, source_port) = (beside_port(rule.ports), beside_port(rule.source_ports));
    Packet {
        peer: peer(rule, eni, rng),
        protocol,
        source_port,
        port,
    }
}

fn peer(rule: &Edges, eni: IpAddr, rng: &mut Rng) -> IpAddr {
    let is_of = |ip: &IpAddr| ip.is_ipv4() == eni.is_ipv4();
    let nets: Vec<_> = rule.nets.iter().filter(|net| is_of(&net.addr())).collect();
    if !nets.is_empty() && rng.u8(..6) > 0 {
        return edge(*nets[rng.usize(..nets.len())], rng);
    }
    std::iter::repeat_with(|| near(rng))
        .find(is_of)
        .expect("one of each family is near")
}
