//! A backend that dies at once and in silence, under load. (One whose port closes is in `health`.)

use std::time::{Duration, Instant};

use serde_json::Value;

use super::node::{Listener, SERVERS, at_both_hooks, listener, manifest, ready, spec};
use crate::dual_stack::{FAMILIES, SERVER_PORT};
use crate::flow_table::{Connection, Echo, Talk};
use crate::scene::Scene;
use crate::waiting::{PATIENCE, eventually_within};

const PROBED: &str = "HealthCheckInterval: 5, HealthCheckConnectTimeout: 1";
/// Two probes, each an interval and its timeout after the one before, and what a loaded machine adds.
const FALL: Duration = Duration::from_secs(2 * (5 + 1) + 5);
/// Connections of each family.
const CONNECTIONS: usize = 45;
/// How long a new connection is given: its first packet is sent again only after a second.
const LIMIT: Duration = Duration::from_millis(300);

#[test]
fn a_dead_backend_takes_only_its_own_flows_with_it() {
    at_both_hooks(|hook| {
        let listeners = [Listener {
            health_check: PROBED,
            ..listener("TCP", 80, &SERVERS, SERVER_PORT)
        }];
        let scene = ready(&spec(hook, 3), &manifest(hook, &listeners, ""));
        let _servers = ["b1", "b2", "b3"].map(|role| Echo::start(&scene.lab, role));
        await_states(&scene, PATIENCE, "healthy", &SERVERS.concat());
        let connections: Vec<_> = FAMILIES
            .into_iter()
            .flat_map(|family| (0..CONNECTIONS).map(move |_| family))
            .map(|family| Connection::must_open(&scene, family))
            .collect();
        let flows = scene.flows();
        let on_dead = connections.iter().map(|one| is_on_dead(&flows, one));
        let on_dead: Vec<bool> = on_dead.collect();
        let share = on_dead.iter().filter(|on| **on).count();
        assert!(share > 5 && share < CONNECTIONS * 2 - 5, "{share}");
        let talk = Talk::start(connections);

        scene.must("pnet", &["ip", "link", "set", "b1", "down"]);
        let died = Instant::now();
        let (served, failed) = open_until_seen(&scene, died);
        let fall = died.elapsed();
        println!("{hook:?}: seen after {fall:?}; meanwhile {served} served, {failed} not");
        assert!(served * 2 > failed, "{served} served, {failed} not");
        await_states(&scene, Duration::ZERO, "healthy", &SERVERS[1..].concat());

        let new: Vec<_> = FAMILIES
            .into_iter()
            .flat_map(|family| (0..CONNECTIONS).map(move |_| family))
            .map(|family| Connection::must_open(&scene, family))
            .collect();
        let flows = scene.flows();
        assert!(new.iter().all(|one| !is_on_dead(&flows, one)), "{flows:?}");

        let (_connections, talked) = talk.stop();
        println!(
            "{hook:?}: {} answers, slowest {:?}",
            talked.answers, talked.slowest
        );
        let number = |fault: &String| fault.split(',').next()?.parse::<usize>().ok();
        let mut dead: Vec<_> = talked.faults.iter().filter_map(number).collect();
        dead.sort_unstable();
        let expected: Vec<_> = (0..on_dead.len())
            .filter(|number| on_dead[*number])
            .collect();
        assert_eq!(dead, expected, "{:?}", talked.faults);
        assert!(
            talked.slowest < Duration::from_secs(2),
            "{:?}",
            talked.slowest
        );
    });
}

/// Whether b1 serves a connection, as `flows` tells it.
#[track_caller]
fn is_on_dead(flows: &[Value], connection: &Connection) -> bool {
    let client = connection.client().expect("it is connected");
    let ip = client.ip().to_string();
    let mine = flows
        .iter()
        .find(|flow| flow["client"] == ip && flow["client-port"] == client.port());
    let mine = mine.unwrap_or_else(|| panic!("no {client} in {flows:?}"));
    SERVERS[0].iter().any(|server| mine["backend"] == *server)
}

/// Opens connections until b1 is seen to be dead; how many were served, and how many were not.
#[track_caller]
fn open_until_seen(scene: &Scene, died: Instant) -> (usize, usize) {
    let (mut served, mut failed) = (0, 0);
    while states(scene, &SERVERS[0])
        .iter()
        .any(|state| state != "unhealthy")
    {
        let late = died.elapsed();
        assert!(
            late < FALL,
            "after {late:?}: {:?}",
            states(scene, &SERVERS[0])
        );
        for family in FAMILIES {
            match Connection::open(scene, family, LIMIT) {
                Ok(_) => served += 1,
                Err(_) => failed += 1,
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    (served, failed)
}

/// What `status` says of servers.
#[track_caller]
fn states(scene: &Scene, servers: &[&str]) -> Vec<String> {
    let status = scene.status();
    let targets = status["targets"].as_array().expect("targets");
    let state = |ip: &&str| {
        let found = targets.iter().find(|target| target["server-ip"] == **ip);
        let found = found.unwrap_or_else(|| panic!("no {ip} in {status}"));
        found["state"].as_str().unwrap_or_default().to_owned()
    };
    servers.iter().map(state).collect()
}

#[track_caller]
fn await_states(scene: &Scene, limit: Duration, wanted: &str, servers: &[&str]) {
    eventually_within(limit, wanted, || {
        let states = states(scene, servers);
        if states.iter().all(|state| state == wanted) {
            Ok(())
        } else {
            Err(format!("{servers:?} are {states:?}"))
        }
    });
}
