//! What a small model of both families becomes.
//!
//! May import: model, the compiler's own.

mod connection;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use endpoint_common::abi::flow::{Family, FlowLimits};
use endpoint_common::abi::service::{
    KIND_ENI, KIND_NAT, KIND_REVERSE, LISTENER_REJECTS, Listener as ListenerRow,
};

use super::*;
use crate::model::{
    AddressIpVersion, Connection, EndpointId, EndpointLimits, EndpointPolicy, EndpointService,
    EndpointType, EniId, Hook, Listener, LoadBalancer, LoadBalancerId, OnNoBackend, Payer, Policy,
    ProviderNetwork, ProviderNetworkId, ReverseResource, SecurityGroup, SecurityGroupId,
    SecurityGroupType, Server, ServiceId, ServiceResource, Transport, Uplink, VSwitch, VSwitchId,
    Vpc, VpcId, ZoneId, managed_group,
};

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn server(text: &str, weight: u8) -> Server {
    Server {
        ip: ip(text),
        port: 8080,
        weight,
        zone: None,
        drain: false,
    }
}

fn provider(model: &mut Model, servers: Vec<Server>, version: AddressIpVersion) {
    let (network, balancer) = (ProviderNetworkId::new("pnet"), LoadBalancerId::new("nlb"));
    model.provider_networks.insert(
        network.clone(),
        ProviderNetwork {
            id: network.clone(),
            cidr_block: "10.0.0.0/16".parse().expect("a network"),
            ipv6_cidr_block: "fd00::/64".parse().ok(),
            uplinks: vec![Uplink {
                node: None,
                interface: "provider".to_owned(),
                hook: Hook::default(),
                nat_addresses: ["fd00::a1", "10.0.0.1", "fd00::a2", "10.0.0.2", "fd00::a3"]
                    .map(ip)
                    .into(),
            }],
        },
    );
    model.load_balancers.insert(
        balancer.clone(),
        LoadBalancer {
            id: balancer.clone(),
            provider_network: network,
            listeners: vec![Listener {
                transport: Transport::Tcp,
                port: 80,
                health_check: None,
                connection_drain_timeout: None,
                on_no_backend: OnNoBackend::Drop,
                server_group: None,
                servers,
            }],
            zone_mappings: Vec::new(),
        },
    );
    let id = ServiceId::new("epsrv");
    let service = EndpointService {
        id: id.clone(),
        name: "service".to_owned(),
        resources: vec![ServiceResource {
            load_balancer: balancer,
            zone: None,
            auto_allocated: true,
        }],
        address_ip_version: version,
        auto_accept: true,
        payer: Payer::default(),
        users: BTreeSet::new(),
        zone_affinity: true,
        connect_bandwidth: None,
        domain: None,
    };
    model.services.insert(id, service);
}

fn consumer(model: &mut Model, ipv6: Option<&str>, version: AddressIpVersion) {
    let (vpc, vswitch) = (VpcId::new("vpc"), VSwitchId::new("vsw"));
    let cidr_block = "10.0.1.0/24".parse().expect("a network");
    let ipv6_cidr_block = "fd00:0:0:1::/64".parse().ok();
    model.vpcs.insert(
        vpc.clone(),
        Vpc {
            id: vpc.clone(),
            cidr_block,
            ipv6_cidr_block,
        },
    );
    model.vswitches.insert(
        vswitch.clone(),
        VSwitch {
            id: vswitch.clone(),
            vpc: vpc.clone(),
            zone: ZoneId::new("z"),
            cidr_block,
            ipv6_cidr_block,
            node: None,
            interface: Some("vsw".to_owned()),
            hook: Hook::default(),
            network_acl: None,
        },
    );
    let id = EndpointId::new("ep");
    let managed = managed_group(&id, EndpointType::Interface, &vpc);
    let group = SecurityGroup {
        id: SecurityGroupId::new("sg"),
        vpc: vpc.clone(),
        group_type: SecurityGroupType::Normal,
        service_managed: false,
        inner_access: Policy::Accept,
        members: Vec::new(),
        rules: Vec::new(),
    };
    let endpoint = Endpoint {
        id: id.clone(),
        zone_affinity: false,
        private_dns: false,
        connection: Connection {
            accepted: true,
            ..Connection::default()
        },
        vpc,
        service: ServiceId::new("epsrv"),
        endpoint_type: EndpointType::Interface,
        resources: Vec::new(),
        address_ip_version: version,
        security_groups: vec![group.id.clone()],
        managed_group: managed.id.clone(),
        policy: EndpointPolicy::default(),
        audit_mode: false,
        limits: EndpointLimits::default(),
        zones: vec![EndpointZone {
            zone: ZoneId::new("z"),
            vswitch,
            eni: EniId::new("eni"),
            ip: [10, 0, 1, 100].into(),
            ipv6: ipv6.map(|text| text.parse().expect("an address")),
            connected: true,
            resource: None,
            replaced: None,
        }],
    };
    model.endpoints.insert(id, endpoint);
    for group in [group, managed] {
        model.security_groups.insert(group.id.clone(), group);
    }
}

fn model(servers: Vec<Server>, ipv6: Option<&str>) -> Model {
    let version = match ipv6 {
        Some(_) => AddressIpVersion::DualStack,
        None => AddressIpVersion::Ipv4,
    };
    let mut model = Model::default();
    provider(&mut model, servers, version);
    consumer(&mut model, ipv6, version);
    model
}

const ENI_IPV6: &str = "fd00:0:0:1::100";

pub(super) fn dual_stack() -> Model {
    let servers = [
        ("fd00::11", 100),
        ("10.0.0.11", 100),
        ("fd00::12", 50),
        ("10.0.0.12", 0),
    ];
    model(
        servers.map(|(ip, weight)| server(ip, weight)).into(),
        Some(ENI_IPV6),
    )
}

fn numbers(model: &Model) -> Numbers {
    let mut numbers = Numbers::default();
    numbers.assign(model);
    numbers
}

fn compiled(model: &Model) -> Tables {
    compile(model, &numbers(model), 1, &Capacity::default()).expect("a model that fits")
}

fn listener(tables: &Tables, family: Family) -> Option<&ListenerRow> {
    let mut rows = tables.listeners.iter();
    rows.find(|(at, _)| at.family == family).map(|(_, row)| row)
}

/// The backends in a listener's Maglev table.
fn reached(tables: &Tables, row: &ListenerRow) -> BTreeSet<IpAddr> {
    let slots = row.first as usize..(row.first + row.slots) as usize;
    let backends = tables.maglev[slots].iter();
    backends
        .map(|index| tables.backends[*index as usize].address)
        .map(|address| IpAddr::from(address).to_canonical())
        .collect()
}

#[test]
fn an_eni_has_a_row_for_each_of_its_addresses_with_rule_sets_of_its_family() {
    let model = dual_stack();
    let tables = compiled(&model);
    let scope = numbers(&model).vswitch_scope(&VSwitchId::new("vsw"));
    let row = |address: &str| tables.addresses[&(scope, row_address(ip(address)))];
    let (four, six) = (row("10.0.1.100"), row(ENI_IPV6));
    for row in [four, six] {
        assert_eq!((row.kind, row.acl_in, row.acl_out), (KIND_ENI, 0, 0));
    }
    assert_eq!(
        (four.eni, four.load_balancer, four.hop),
        (six.eni, six.load_balancer, six.hop)
    );
    assert_ne!(four.group_out, six.group_out);
}

#[test]
fn each_family_has_its_own_backends_and_nat_addresses() {
    let tables = compiled(&dual_stack());
    let nat = |row: &ListenerRow| -> Vec<IpAddr> {
        let rows = row.nat_first as usize..(row.nat_first + row.nat_count) as usize;
        let addresses = tables.nat_addresses[rows].iter();
        addresses
            .map(|row| IpAddr::from(*row).to_canonical())
            .collect()
    };
    let four = listener(&tables, Family::V4).expect("an IPv4 listener");
    let six = listener(&tables, Family::V6).expect("an IPv6 listener");
    assert_eq!(reached(&tables, four), BTreeSet::from([ip("10.0.0.11")]));
    assert_eq!(
        reached(&tables, six),
        ["fd00::11", "fd00::12"].map(ip).into()
    );
    assert_eq!(nat(four), ["10.0.0.1", "10.0.0.2"].map(ip));
    assert_eq!(nat(six), ["fd00::a1", "fd00::a2", "fd00::a3"].map(ip));
    assert_eq!(tables.targets.len(), 4);
    let owned = tables.addresses.values();
    assert_eq!(owned.filter(|row| row.kind == KIND_NAT).count(), 5);
}

#[test]
fn a_listener_without_servers_of_a_family_is_there_without_backend() {
    let only_four = compiled(&model(vec![server("10.0.0.11", 1)], Some(ENI_IPV6)));
    let six = listener(&only_four, Family::V6).expect("an IPv6 listener");
    assert_eq!(six.slots, 0);
    let only_six = compiled(&model(vec![server("fd00::11", 1)], Some(ENI_IPV6)));
    let four = listener(&only_six, Family::V4).expect("an IPv4 listener");
    assert_eq!(four.slots, 0);
}

#[test]
fn what_no_eni_reaches_over_ipv6_takes_no_rows() {
    let servers = ["10.0.0.11", "fd00::11"].map(|ip| server(ip, 100));
    let tables = compiled(&model(servers.into(), None));
    assert_eq!(listener(&tables, Family::V6), None);
    assert_eq!(tables.backends.len(), 1);
    assert_eq!(tables.maglev, [0]);
}

/// The listener's servers of weight 0, which [`crate::health`] also gives to those that are
/// unhealthy or drain.
#[test]
fn a_server_of_weight_0_keeps_its_flows_and_gets_no_others() {
    let servers = |weights: [u8; 3]| -> Vec<Server> {
        let addresses = ["10.0.0.11", "10.0.0.12", "10.0.0.13"];
        let servers = addresses.into_iter().zip(weights);
        servers.map(|(ip, weight)| server(ip, weight)).collect()
    };
    let with = |weights| compiled(&model(servers(weights), None));
    let all = with([100, 100, 50]);
    let one_rests = with([100, 0, 50]);
    let all_rest = with([0, 0, 0]);
    let row = |tables| *listener(tables, Family::V4).expect("an IPv4 listener");
    assert_eq!(one_rests.targets, all.targets);
    let reached = reached(&one_rests, &row(&one_rests));
    assert_eq!(reached, ["10.0.0.11", "10.0.0.13"].map(ip).into());
    // All unhealthy is as good as none there: not as good as all healthy.
    assert_eq!(all_rest.targets, all.targets);
    assert_eq!(row(&all_rest).slots, 0);
    // Nobody's slots change but those of the one that rests.
    let (before, after) = (all.maglev.iter(), one_rests.maglev.iter());
    assert!(before.zip(after).all(|(old, new)| old == new || *old == 1));
}

#[test]
fn what_meets_no_backend_is_carried_in_the_listeners_row() {
    for (choice, flags) in [
        (OnNoBackend::Drop, 0),
        (OnNoBackend::Reject, LISTENER_REJECTS),
    ] {
        let mut model = dual_stack();
        for balancer in model.load_balancers.values_mut() {
            balancer.listeners[0].on_no_backend = choice;
        }
        let tables = compiled(&model);
        assert_eq!(tables.listeners.len(), 2);
        assert!(tables.listeners.values().all(|row| row.flags == flags));
    }
}

#[test]
fn ipv6_servers_move_no_ipv4_client() {
    let four = ["10.0.0.11", "10.0.0.12"].map(|ip| server(ip, 100));
    let before = compiled(&model(four.clone().into(), None));
    let mut mixed = vec![server("fd00::11", 100)];
    mixed.extend(four);
    mixed.push(server("fd00::12", 100));
    let after = compiled(&model(mixed, Some(ENI_IPV6)));
    let table = |tables: &Tables| -> Vec<_> {
        let row = listener(tables, Family::V4).expect("an IPv4 listener");
        let slots = row.first as usize..(row.first + row.slots) as usize;
        let backends = tables.maglev[slots].iter();
        backends
            .map(|index| tables.backends[*index as usize].address)
            .collect()
    };
    assert_eq!(table(&before), table(&after));
}

#[test]
fn the_same_model_gives_the_same_tables() {
    assert_eq!(compiled(&dual_stack()), compiled(&dual_stack()));
}

#[test]
fn both_families_count_against_the_capacity() {
    let model = dual_stack();
    let fits = |capacity: Capacity| compile(&model, &numbers(&model), 1, &capacity);
    let needed = |capacity| fits(capacity).expect_err("too small").needed;
    let whole = Capacity::default();
    let small = |change: fn(&mut Capacity)| {
        let mut capacity = whole;
        change(&mut capacity);
        needed(capacity)
    };
    assert_eq!(small(|capacity| capacity.nat_addresses = 4), 5);
    assert_eq!(small(|capacity| capacity.backends = 3), 4);
    // Two servers of IPv6, and one of IPv4 that takes flows.
    assert_eq!(
        small(|capacity| capacity.maglev_slots = TABLE_SLOTS),
        TABLE_SLOTS as usize + 1
    );
    assert_eq!(small(|capacity| capacity.service_rows = 6), 7);
}

/// The model, whose endpoint is a reverse one to two ports of one host.
fn reversed() -> Model {
    let mut model = model(Vec::new(), None);
    let resource = |port: u16, service_port: u16| ReverseResource {
        transport: Transport::Tcp,
        ip: [10, 0, 1, 10].into(),
        port,
        service_ip: [10, 0, 0, 9].into(),
        service_port,
        zone: ZoneId::new("z"),
    };
    for endpoint in model.endpoints.values_mut() {
        endpoint.endpoint_type = EndpointType::Reverse;
        endpoint.resources = vec![resource(443, 8443), resource(22, 22)];
    }
    model
}

#[test]
fn a_reverse_endpoint_is_a_load_balancer_of_the_provider_network() {
    let model = reversed();
    let (tables, numbers) = (compiled(&model), numbers(&model));
    let vswitch = VSwitchId::new("vsw");
    let (inner, outer) = (
        numbers.vswitch_scope(&vswitch),
        numbers.provider_scope(&ProviderNetworkId::new("pnet")),
    );
    let service = tables.addresses[&(outer, row_address(ip("10.0.0.9")))];
    let eni = tables.addresses[&(inner, row_address(ip("10.0.1.100")))];
    assert_eq!((service.kind, eni.kind), (KIND_REVERSE, KIND_NAT));
    assert_eq!((service.eni, service.group_in), (eni.eni, 0));
    assert_ne!(service.group_out, 0);
    let callers = HopTo::Callers(ProviderNetworkId::new("pnet"));
    assert_eq!(Ok(service.hop), numbers.hop(&callers));
    let balancer = numbers.load_balancer(&LoadBalancerId::new("nlb"));
    assert_ne!(service.load_balancer, balancer);

    let listeners: Vec<_> = tables
        .listeners
        .iter()
        .filter(|(at, _)| at.load_balancer == service.load_balancer)
        .collect();
    let ports: Vec<_> = listeners.iter().map(|(at, _)| at.port).collect();
    assert_eq!(ports, [22, 8443]);
    for (at, row) in listeners {
        assert_eq!(reached(&tables, row), [ip("10.0.1.10")].into());
        assert_eq!((row.slots, row.scope), (1, u32::from(inner)));
        let nat = row.nat_first as usize..(row.nat_first + row.nat_count) as usize;
        assert_eq!(tables.nat_addresses[nat], [row_address(ip("10.0.1.100"))]);
        let backend = tables.backends[tables.maglev[row.first as usize] as usize];
        let port = if at.port == 22 { 22_u16 } else { 443 };
        assert_eq!(backend.port, port.to_be_bytes());
        let hop = HopTo::Resource(vswitch.clone(), ip("10.0.1.10"));
        assert_eq!(Ok(backend.hop), numbers.hop(&hop).map(u32::from));
        assert!(tables.targets.contains(&TargetAt {
            load_balancer: service.load_balancer,
            protocol: 6,
            listener_port: at.port,
            address: row_address(ip("10.0.1.10")),
            port,
        }));
    }
}
