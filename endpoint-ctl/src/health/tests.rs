//! Drains by a clock that is told, and the whole on loopback.
//!
//! May import: model, tokio, std, the module's own.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use tokio::net::TcpListener;
use tokio::time::timeout;

use super::*;
use crate::model::{
    HealthCheck, HealthCheckKind, Hook, Listener, LoadBalancer, LoadBalancerId, OnNoBackend,
    ProviderNetwork, ProviderNetworkId, Server, Transport, Uplink,
};

const DRAIN: Duration = Duration::from_secs(30);
/// How long anything that must happen may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn server(last: u8) -> Server {
    Server {
        ip: IpAddr::from([127, 0, 0, last]),
        port: 8080,
        weight: 100,
        zone: None,
        drain: false,
    }
}

fn draining(last: u8) -> Server {
    Server {
        drain: true,
        ..server(last)
    }
}

/// One listener with these servers, on the interface `lo`.
fn model(drain: Option<Duration>, check: Option<HealthCheck>, servers: Vec<Server>) -> Model {
    let (network, balancer) = (ProviderNetworkId::new("pnet"), LoadBalancerId::new("nlb"));
    let mut model = Model::default();
    model.provider_networks.insert(
        network.clone(),
        ProviderNetwork {
            id: network.clone(),
            cidr_block: "127.0.0.0/8".parse().expect("a network"),
            ipv6_cidr_block: None,
            uplinks: vec![Uplink {
                node: None,
                interface: "lo".to_owned(),
                hook: Hook::default(),
                nat_addresses: Vec::new(),
            }],
        },
    );
    let listener = Listener {
        transport: Transport::Tcp,
        port: 80,
        health_check: check,
        connection_drain_timeout: drain,
        on_no_backend: OnNoBackend::Drop,
        server_group: None,
        servers,
    };
    model.load_balancers.insert(
        balancer.clone(),
        LoadBalancer {
            id: balancer,
            provider_network: network,
            listeners: vec![listener],
            zone_mappings: Vec::new(),
        },
    );
    model
}

fn drains(servers: Vec<Server>) -> Model {
    model(Some(DRAIN), None, servers)
}

/// The servers that are served, by the last byte of their address, with their weights.
fn weights(served: &Model) -> Vec<(u8, u8)> {
    let last = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => ip.octets()[3],
        IpAddr::V6(ip) => ip.octets()[15],
    };
    let targets = served.targets();
    targets
        .map(|(target, _, server)| (last(target.ip), server.weight))
        .collect()
}

/// Manifests one after the other, at seconds from the start.
struct Story {
    start: Moment,
    drains: Drains,
    model: Model,
}

impl Story {
    fn begin(model: Model) -> Self {
        let start = Moment::now();
        let drains = Drains::default().follow(&Model::default(), &model, start);
        Self {
            start,
            drains,
            model,
        }
    }

    fn moment(&self, seconds: u64) -> Moment {
        let later = Duration::from_secs(seconds);
        Moment {
            at: self.start.at + later,
            wall: self.start.wall + later,
        }
    }

    /// The manifest says this now.
    fn say(&mut self, seconds: u64, model: Model) -> &mut Self {
        self.drains = self
            .drains
            .follow(&self.model, &model, self.moment(seconds));
        self.model = model;
        self
    }

    /// What is served at that time, the drains having been looked at.
    fn served(&mut self, seconds: u64) -> Vec<(u8, u8)> {
        self.say(seconds, self.model.clone());
        let now = self.moment(seconds).at;
        weights(&self.drains.served(&self.model, &BTreeSet::new(), now))
    }
}

#[test]
fn a_server_that_is_gone_from_the_manifest_stays_until_its_deadline() {
    let mut story = Story::begin(drains(vec![server(1), server(2)]));
    assert_eq!(story.served(0), [(1, 100), (2, 100)]);
    story.say(10, drains(vec![server(1)]));
    assert_eq!(story.served(10), [(1, 100), (2, 0)]);
    // Another reload does not move the deadline.
    story.say(20, drains(vec![server(1), server(3)]));
    assert_eq!(story.served(39), [(1, 100), (3, 100), (2, 0)]);
    assert_eq!(story.served(40), [(1, 100), (3, 100)]);
    assert_eq!(story.drains, Drains::default());
}

#[test]
fn a_server_that_is_to_drain_has_its_flows_until_its_deadline() {
    let mut story = Story::begin(drains(vec![server(1), server(2)]));
    story.say(10, drains(vec![server(1), draining(2)]));
    assert_eq!(story.served(10), [(1, 100), (2, 0)]);
    assert_eq!(story.served(39), [(1, 100), (2, 0)]);
    assert_eq!(story.served(40), [(1, 100)]);
    assert_eq!(story.served(1_000), [(1, 100)]);
    // It has drained: gone from the manifest, it is gone at once.
    story.say(1_001, drains(vec![server(1)]));
    assert_eq!(story.served(1_001), [(1, 100)]);
    assert_eq!(story.drains, Drains::default());
}

#[test]
fn a_server_that_is_to_drain_and_then_gone_keeps_its_deadline() {
    let mut story = Story::begin(drains(vec![server(1), draining(2)]));
    story.say(20, drains(vec![server(1)]));
    assert_eq!(story.served(29), [(1, 100), (2, 0)]);
    assert_eq!(story.served(30), [(1, 100)]);
}

#[test]
fn a_server_that_comes_back_takes_new_flows_again() {
    let both = || drains(vec![server(1), server(2)]);
    let mut story = Story::begin(both());
    story.say(10, drains(vec![server(1)])).say(20, both());
    assert_eq!(story.served(20), [(1, 100), (2, 100)]);
    // The next time it begins anew.
    story.say(50, drains(vec![server(1)]));
    assert_eq!(story.served(79), [(1, 100), (2, 0)]);
    assert_eq!(story.served(80), [(1, 100)]);
}

#[test]
fn without_draining_a_server_is_gone_at_once() {
    let one = |servers| model(None, None, servers);
    let mut story = Story::begin(one(vec![server(1), server(2)]));
    story.say(10, one(vec![server(1)]));
    assert_eq!(story.served(10), [(1, 100)]);
    // Switched off while one drains: the same.
    let mut story = Story::begin(drains(vec![server(1), server(2)]));
    story
        .say(10, drains(vec![server(1)]))
        .say(11, one(vec![server(1)]));
    assert_eq!(story.served(11), [(1, 100)]);
}

#[test]
fn a_new_timeout_moves_the_deadline() {
    let timeout = |seconds| model(Some(Duration::from_secs(seconds)), None, vec![server(1)]);
    let mut story = Story::begin(drains(vec![server(1), server(2)]));
    story.say(10, drains(vec![server(1)])).say(20, timeout(60));
    assert_eq!(story.served(69), [(1, 100), (2, 0)]);
    story.say(69, timeout(15));
    assert_eq!(story.served(69), [(1, 100)]);
}

#[test]
fn nobody_drains_from_a_listener_that_is_gone_or_on_another_network() {
    let mut story = Story::begin(drains(vec![server(1), server(2)]));
    let mut moved = drains(vec![server(1)]);
    for balancer in moved.load_balancers.values_mut() {
        balancer.provider_network = ProviderNetworkId::new("other");
    }
    story.say(10, moved);
    assert_eq!(story.served(10), [(1, 100)]);

    let mut story = Story::begin(drains(vec![server(1), server(2)]));
    let mut gone = drains(Vec::new());
    for balancer in gone.load_balancers.values_mut() {
        balancer.listeners.clear();
    }
    story.say(10, gone);
    assert_eq!(story.served(10), []);
    story.say(11, drains(vec![server(1)]));
    assert_eq!(story.served(11), [(1, 100)]);
}

#[test]
fn unhealthy_servers_take_nothing_new_unless_they_are_not_probed() {
    let unhealthy = |model: &Model| {
        let (target, ..) = model.targets().next().expect("a target");
        weights(&Drains::default().served(model, &[target].into(), Instant::now()))
    };
    let servers = || vec![server(1), server(2)];
    assert_eq!(
        unhealthy(&model(None, Some(check()), servers())),
        [(1, 0), (2, 100)]
    );
    assert_eq!(
        unhealthy(&model(None, None, servers())),
        [(1, 100), (2, 100)]
    );
}

fn check() -> HealthCheck {
    HealthCheck {
        kind: HealthCheckKind::Tcp,
        connect_port: None,
        healthy_threshold: 2,
        unhealthy_threshold: 2,
        connect_timeout: Duration::from_secs(2),
        interval: Duration::from_millis(50),
    }
}

async fn await_change(health: &mut Health) -> Change {
    let change = timeout(PATIENCE, health.changed()).await;
    change.expect("a change in time")
}

/// Waits for a change of what is served, and has it followed.
async fn serve_next(health: &mut Health) -> Vec<(u8, u8)> {
    while await_change(health).await == Change::Shown {}
    let plan = health.plan_again(Moment::now());
    let weights = weights(&plan.served);
    health.follow(plan);
    weights
}

fn states(health: &Health) -> Vec<(&'static str, String)> {
    let targets = health.targets().into_iter();
    targets.map(|view| (view.state, view.reason)).collect()
}

#[tokio::test]
async fn a_server_falls_and_rises_with_its_port() {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let listening = bind(0).await.expect("a port");
    let port = listening.local_addr().expect("its address").port();
    let one = Server { port, ..server(1) };
    let mut health = Health::start().expect("netlink");
    let plan = health.plan(model(None, Some(check()), vec![one]), Moment::now());
    assert_eq!(weights(&plan.served), [(1, 100)]);
    health.follow(plan);
    assert_eq!(states(&health), [("unknown", "not probed yet".to_owned())]);
    assert_eq!(await_change(&mut health).await, Change::Shown);
    assert_eq!(
        states(&health),
        [("healthy", "the last probe passed".to_owned())]
    );

    drop(listening);
    assert_eq!(serve_next(&mut health).await, [(1, 0)]);
    assert_eq!(
        states(&health),
        [("unhealthy", "connection refused".to_owned())]
    );

    // A reload does not forget what is known of it, nor does another way to probe it.
    let slower = HealthCheck {
        interval: Duration::from_millis(60),
        ..check()
    };
    let desired = model(None, Some(slower), vec![Server { port, ..server(1) }]);
    let plan = health.plan(desired, Moment::now());
    assert_eq!(weights(&plan.served), [(1, 0)]);
    health.follow(plan);

    let _listening = bind(port).await.expect("the port again");
    assert_eq!(serve_next(&mut health).await, [(1, 100)]);
}

#[tokio::test]
async fn a_server_that_is_not_probed_any_more_counts_as_healthy() {
    // Nobody listens on the discard port.
    let one = || {
        vec![Server {
            port: 9,
            ..server(1)
        }]
    };
    let mut health = Health::start().expect("netlink");
    health.follow(health.plan(model(None, Some(check()), one()), Moment::now()));
    assert_eq!(serve_next(&mut health).await, [(1, 0)]);
    let plan = health.plan(model(None, None, one()), Moment::now());
    assert_eq!(weights(&plan.served), [(1, 100)]);
    health.follow(plan);
    assert_eq!(
        states(&health),
        [("unknown", "health checks are off".to_owned())]
    );
    // And on again, it begins anew.
    let plan = health.plan(model(None, Some(check()), one()), Moment::now());
    assert_eq!(weights(&plan.served), [(1, 100)]);
}

#[tokio::test]
async fn a_deadline_calls_for_another_model_and_a_failure_to_serve_it_for_another_attempt() {
    let short = |servers| model(Some(Duration::from_millis(300)), None, servers);
    let mut health = Health::start().expect("netlink");
    for desired in [short(vec![server(1), server(2)]), short(vec![server(1)])] {
        let plan = health.plan(desired, Moment::now());
        health.follow(plan);
    }
    let [named, leaving] = health.targets().try_into().expect("two targets");
    assert_eq!((named.state, leaving.state), ("unknown", "draining"));
    assert!(leaving.draining_until.is_some(), "{leaving:?}");

    assert_eq!(await_change(&mut health).await, Change::Served);
    health.postpone();
    let soon = timeout(RETRY_AFTER / 2, health.changed()).await;
    assert!(soon.is_err(), "not at once");
    assert_eq!(serve_next(&mut health).await, [(1, 100)]);
    assert_eq!(health.targets().len(), 1);
    let never = timeout(Duration::from_millis(500), health.changed()).await;
    assert!(never.is_err(), "nothing is left to wait for: {never:?}");
}

#[tokio::test]
async fn reports_of_a_task_that_was_replaced_do_not_count() {
    let mut health = Health::start().expect("netlink");
    let desired = || {
        model(
            None,
            Some(check()),
            vec![Server {
                port: 9,
                ..server(1)
            }],
        )
    };
    health.follow(health.plan(desired(), Moment::now()));
    let model = desired();
    let (target, ..) = model.targets().next().expect("a target");
    let report = |task| Report {
        target: target.clone(),
        task,
        state: State::Unhealthy,
        reason: "made up".to_owned(),
        when: jiff::Timestamp::now(),
    };
    assert_eq!(health.take(report(0)), None);
    assert_eq!(health.take(report(1)), Some(Change::Served));
}
