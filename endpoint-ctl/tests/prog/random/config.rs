//! Configurations by chance: rules, listeners, servers and endpoints, the names staying the same.
//!
//! May import: std, endpoint-ctl (model), ipnet, fastrand.

use std::net::Ipv4Addr;

use endpoint_ctl::model::{
    Direction, Endpoint, Listener, Model, NetworkAclEntry, OnNoBackend, Policy, PolicyCondition,
    PolicyStatement, PortRange, ProtocolMatch, SecurityGroupRule, SecurityGroupType, Server,
    Transport,
};
use fastrand::Rng;
use ipnet::Ipv4Net;

const PEERS: [&str; 13] = [
    "0.0.0.0/0",
    "0.0.0.0/0",
    "10.0.0.0/8",
    "10.0.0.0/16",
    "10.0.1.0/24",
    "10.0.1.0/28",
    "10.0.1.10/32",
    "10.0.1.10/31",
    "10.0.9.0/24",
    "10.0.9.5/32",
    "10.0.2.0/23",
    "172.16.0.0/12",
    "128.0.0.0/1",
];

/// Makes `model` another one; `first` has what can be taken away and must come back.
pub(super) fn shuffle(model: &mut Model, first: &Model, rng: &mut Rng) {
    for group in model.security_groups.values_mut() {
        if !group.service_managed && rng.bool() {
            let name = group.id.as_str();
            group.rules = (0..rng.usize(0..9)).map(|n| rule(name, n, rng)).collect();
            if rng.u8(..4) > 0 {
                group.rules.push(SecurityGroupRule {
                    direction: Direction::Ingress,
                    policy: Policy::Accept,
                    priority: 5,
                    protocol: ProtocolMatch::All,
                    ports: PortRange::ANY,
                    source_ports: PortRange::ANY,
                    local: None,
                    peer: Ipv4Net::default().into(),
                    id: format!("{name}-rest"),
                });
            }
            group.group_type = *choose(
                &[SecurityGroupType::Normal, SecurityGroupType::Enterprise],
                rng,
            );
        }
    }
    for acl in model.network_acls.values_mut() {
        if rng.bool() {
            let name = acl.id.to_string();
            let mut entries = |direction: &str| -> Vec<_> {
                let id = |n| format!("{name}-{direction}-{n}");
                let mut made: Vec<_> = (0..rng.usize(0..8)).map(|n| entry(id(n), rng)).collect();
                if rng.u8(..4) > 0 {
                    made.push(NetworkAclEntry {
                        id: id(8),
                        policy: Policy::Accept,
                        protocol: ProtocolMatch::All,
                        ports: PortRange::ANY,
                        peer: Ipv4Net::default().into(),
                    });
                }
                made
            };
            acl.ingress = entries("in");
            acl.egress = entries("out");
        }
    }
    for vswitch in model.vswitches.values_mut() {
        vswitch
            .network_acl
            .clone_from(&first.vswitches[&vswitch.id].network_acl);
        if rng.u8(..4) == 0 {
            vswitch.network_acl = None;
        }
    }
    for (number, balancer) in model.load_balancers.values_mut().enumerate() {
        if rng.bool() {
            balancer.listeners = listeners(number, rng);
        }
    }
    model.endpoints.clone_from(&first.endpoints);
    model.endpoints.retain(|_, _| rng.u8(..12) > 0);
    let services: Vec<_> = model.services.keys().cloned().collect();
    for endpoint in model.endpoints.values_mut() {
        if rng.u8(..6) == 0 {
            endpoint.service = choose(&services, rng).clone();
        }
        regroup(endpoint, first, rng);
        endpoint.audit_mode = rng.u8(..4) == 0;
        if rng.u8(..6) == 0 {
            endpoint.policy.statements = (0..rng.usize(1..4)).map(|_| statement(rng)).collect();
        }
    }
}

/// Mostly one that lets in: what no statement allows is denied.
fn statement(rng: &mut Rng) -> PolicyStatement {
    let effect = *choose(&[Policy::Accept, Policy::Accept, Policy::Drop], rng);
    let mut conditions = Vec::new();
    if effect == Policy::Drop || rng.bool() {
        conditions.push(PolicyCondition::SourceIp {
            within: effect == Policy::Drop || rng.bool(),
            networks: (0..rng.usize(1..4)).map(|_| peer(rng).into()).collect(),
        });
    }
    PolicyStatement {
        effect,
        conditions,
        undecided: Vec::new(),
    }
}

fn regroup(endpoint: &mut Endpoint, first: &Model, rng: &mut Rng) {
    let mut groups: Vec<_> = first
        .security_groups
        .values()
        .filter(|group| group.vpc == endpoint.vpc && !group.service_managed)
        .map(|group| group.id.clone())
        .collect();
    rng.shuffle(&mut groups);
    groups.truncate(rng.usize(1..=groups.len()));
    endpoint.security_groups = groups;
}

fn choose<'a, T>(from: &'a [T], rng: &mut Rng) -> &'a T {
    &from[rng.usize(0..from.len())]
}

fn policy(rng: &mut Rng) -> Policy {
    *choose(&[Policy::Accept, Policy::Accept, Policy::Drop], rng)
}

fn peer(rng: &mut Rng) -> Ipv4Net {
    choose(&PEERS, rng).parse().expect("a network")
}

/// Only TCP and UDP have ports to name.
fn traffic(rng: &mut Rng) -> (ProtocolMatch, PortRange) {
    let number = *choose(&[0, 0, 6, 6, 6, 17, 17, 1, 47], rng);
    if number == 0 {
        return (ProtocolMatch::All, PortRange::ANY);
    }
    let mut ports = PortRange::ANY;
    if matches!(number, 6 | 17) && rng.u8(..4) > 0 {
        let first: u16 = *choose(
            &[1, 53, 80, 81, 82, 85, 443, 1024, 1500, 8080, 8081, 40_000],
            rng,
        );
        let last = first.saturating_add(*choose(&[0, 0, 1, 4, 500, 10_000, 65_000], rng));
        ports = PortRange { first, last };
    }
    (ProtocolMatch::Number(number), ports)
}

fn rule(group: &str, number: usize, rng: &mut Rng) -> SecurityGroupRule {
    let (protocol, ports) = traffic(rng);
    let (direction, priority) = match rng.u8(..3) {
        // Beyond priority 1 the managed group's rule accepts everything.
        0 => (Direction::Egress, rng.u8(1..3)),
        _ => (Direction::Ingress, rng.u8(1..5)),
    };
    SecurityGroupRule {
        id: format!("{group}-{number}"),
        direction,
        policy: policy(rng),
        priority,
        protocol,
        ports,
        source_ports: PortRange::ANY,
        local: None,
        peer: peer(rng).into(),
    }
}

fn entry(id: String, rng: &mut Rng) -> NetworkAclEntry {
    let (protocol, ports) = traffic(rng);
    NetworkAclEntry {
        id,
        policy: policy(rng),
        protocol,
        ports,
        peer: peer(rng).into(),
    }
}

fn listeners(balancer: usize, rng: &mut Rng) -> Vec<Listener> {
    let mut made = Vec::new();
    let tcp = [80, 81, 82, 83, 443].map(|port| (Transport::Tcp, port));
    let udp = [53, 443].map(|port| (Transport::Udp, port));
    for (transport, port) in tcp.into_iter().chain(udp) {
        if rng.u8(..8) > 0 {
            made.push(Listener {
                transport,
                port,
                health_check: None,
                connection_drain_timeout: None,
                on_no_backend: *choose(&[OnNoBackend::Drop, OnNoBackend::Reject], rng),
                server_group: None,
                servers: servers(balancer, rng),
            });
        }
    }
    made
}

fn servers(balancer: usize, rng: &mut Rng) -> Vec<Server> {
    let network = [[10, 0, 1], [172, 16, 0]][balancer];
    let [a, b, c] = network;
    (0..rng.u8(0..5))
        .map(|n| Server {
            ip: Ipv4Addr::new(a, b, c, 10 + n * 3 + rng.u8(..3)).into(),
            port: *choose(&[80, 53, 8080, 8081], rng),
            weight: *choose(&[0, 1, 30, 100, 100], rng),
            zone: None,
            drain: false,
        })
        .collect()
}
