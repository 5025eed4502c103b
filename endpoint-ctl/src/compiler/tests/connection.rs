//! What connections become: their bandwidth, and where they lead.
//!
//! May import: model, the compiler's own.

use super::*;
use crate::model::TrafficControlMode;

fn endpoint(model: &mut Model) -> &mut Endpoint {
    model.endpoints.values_mut().next().expect("an endpoint")
}

#[test]
fn the_enis_of_an_endpoint_share_one_bandwidth() {
    let mut model = dual_stack();
    assert!(compiled(&model).limits.is_empty(), "nothing is limited");
    let endpoint = endpoint(&mut model);
    endpoint.limits.bandwidth = Some(50);
    endpoint.connection.traffic_control = TrafficControlMode::BandwidthLimit;
    let second = EndpointZone {
        eni: EniId::new("eni-2"),
        ip: [10, 0, 1, 101].into(),
        ipv6: None,
        connected: true,
        resource: None,
        replaced: None,
        ..endpoint.zones[0].clone()
    };
    endpoint.zones.push(second);
    let numbers = numbers(&model);
    let enis = ["eni", "eni-2"].map(|eni| numbers.eni(&EniId::new(eni)).expect("a number"));
    let rows = compiled(&model).limits.into_iter();
    let tick = Duration::from_millis(4);
    let rows: Vec<_> = rows
        .map(|(eni, limits)| (eni, limits.row(tick, &FlowLimits::default())))
        .map(|(eni, row)| (eni, row.rate, row.bucket))
        .collect();
    let first = u32::from(enis[0]);
    assert_eq!(rows, enis.map(|eni| (eni, 25_000, first)));
}

#[test]
fn a_bandwidth_limits_only_where_it_is_said_to() {
    let tick = Duration::from_millis(4);
    let rate = |model: &Model| {
        let limits = compiled(model).limits;
        let first = limits.values().next();
        first.map(|limits| limits.row(tick, &FlowLimits::default()).rate)
    };
    let mut model = model(Vec::new(), None);
    endpoint(&mut model).limits.bandwidth = Some(50);
    assert_eq!(rate(&model), None, "it scales");
    let limited = TrafficControlMode::BandwidthLimit;
    endpoint(&mut model).connection.traffic_control = limited;
    assert_eq!(rate(&model), Some(25_000));
    endpoint(&mut model).limits.bandwidth = None;
    assert_eq!(rate(&model), Some(3_072 * 500));
    let service = model.services.values_mut().next().expect("a service");
    service.connect_bandwidth = Some(100);
    assert_eq!(rate(&model), Some(50_000));
}

/// The model, with another load balancer that has taken the place of `nlb` at the endpoint.
fn moved() -> Model {
    let mut model = model(vec![server("10.0.0.11", 100)], None);
    let old = model.load_balancers.values().next().cloned();
    let mut new = old.expect("a load balancer");
    new.id = LoadBalancerId::new("nlb-2");
    for listener in &mut new.listeners {
        listener.servers = vec![server("10.0.0.12", 100)];
    }
    let service = model.services.values_mut().next().expect("a service");
    service.resources.push(ServiceResource {
        load_balancer: new.id.clone(),
        zone: None,
        auto_allocated: true,
    });
    let zone = &mut endpoint(&mut model).zones[0];
    zone.resource = Some(new.id.clone());
    zone.replaced = Some(LoadBalancerId::new("nlb"));
    model.load_balancers.insert(new.id.clone(), new);
    model
}

/// The servers that flows of the endpoint may go on at, and those that new ones come to.
fn servers(model: &Model) -> (BTreeSet<IpAddr>, BTreeSet<IpAddr>) {
    let (tables, numbers) = (compiled(model), numbers(model));
    let scope = numbers.vswitch_scope(&VSwitchId::new("vsw"));
    let eni = tables.addresses[&(scope, row_address(ip("10.0.1.100")))];
    let known = ["10.0.0.11", "10.0.0.12"].map(ip);
    let may_go_on = known.into_iter().filter(|server| {
        tables.targets.contains(&TargetAt {
            load_balancer: eni.load_balancer,
            protocol: 6,
            listener_port: 80,
            address: row_address(*server),
            port: 8080,
        })
    });
    let listeners = tables.listeners.iter();
    let mut listeners = listeners.filter(|(at, _)| at.load_balancer == eni.load_balancer);
    let new = listeners.next().map(|(_, row)| reached(&tables, row));
    (may_go_on.collect(), new.unwrap_or_default())
}

#[test]
fn flows_go_on_at_a_load_balancer_that_was_replaced() {
    let all = |texts: &[&str]| texts.iter().map(|text| ip(text)).collect::<BTreeSet<_>>();
    let (old, new) = ("10.0.0.11", "10.0.0.12");
    let mut model = moved();
    assert_eq!(servers(&model), (all(&[old, new]), all(&[new])));
    let network = ProviderNetworkId::new("another");
    let balancer = model.load_balancers.get_mut(&LoadBalancerId::new("nlb"));
    let of_old = &mut balancer.expect("nlb").provider_network;
    let before = std::mem::replace(of_old, network.clone());
    let mut other = model.provider_networks[&before].clone();
    other.id = network.clone();
    model.provider_networks.insert(network, other);
    assert_eq!(
        servers(&model),
        (all(&[new]), all(&[new])),
        "another network"
    );

    let mut model = moved();
    endpoint(&mut model).zones[0].replaced = None;
    assert_eq!(servers(&model), (all(&[new]), all(&[new])), "by force");
    let mut model = moved();
    endpoint(&mut model).zones[0].connected = false;
    assert_eq!(servers(&model), (all(&[]), all(&[])), "put out");
}
