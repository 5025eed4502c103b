//! Backends that fail and come back: who notices, how soon, and who does not notice at all.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use xtask::lab::address::{BACKENDS, CLIENT_A, ENI_A, NODE};

use crate::capture::Capture;
use crate::manifest::{Manifest, Server, accept, all, server, tcp};
use crate::scene::{Scene, WEB_PORT};
use crate::stream::Stream;
use crate::waiting::{PATIENCE, eventually};
use crate::web;

const OVER_TCP: &str = "HealthCheckInterval: 5, HealthCheckConnectTimeout: 1";
const OVER_HTTP: &str = "HealthCheckInterval: 5, HealthCheckConnectTimeout: 1, \
                         HealthCheckType: HTTP, HealthCheckUrl: /health";
/// Two probes, each an interval and its timeout after the one before: no failure may take longer
/// to be seen.
const FALL: Duration = Duration::from_secs(2 * (5 + 1));
/// What a loaded machine may add.
const SLACK: Duration = Duration::from_secs(5);

fn web_servers() -> [Server; 3] {
    BACKENDS.map(|ip| server(ip, WEB_PORT))
}

fn probed(fields: &'static str) -> Manifest {
    Manifest::new()
        .group(accept(all()).from(CLIENT_A))
        .listener(tcp(80), &web_servers())
        .probed(fields)
}

fn scene(fields: &'static str) -> Scene {
    let scene = Scene::new(&probed(fields));
    for ip in BACKENDS {
        scene.await_state(ip, "healthy", PATIENCE);
    }
    scene
}

#[test]
fn a_killed_backend_is_left_within_its_fall_time_and_the_others_do_not_notice() {
    let scene = Scene::new(&probed(OVER_TCP).listener(tcp(5201), &[server(BACKENDS[1], 5201)]));
    let _iperf = scene.lab.iperf3_server("b2", 5201).expect("iperf3 serves");
    for ip in BACKENDS {
        scene.await_state(ip, "healthy", PATIENCE);
    }
    let stream = Stream::start(&scene, "client-a", 5201, 25);
    let mut on_b2 = scene.dialogue_with("b2");

    scene.stop_server("b1");
    let killed = Instant::now();
    let target = fetch_until_unhealthy(&scene, killed);
    assert_eq!(target["reason"], "connection refused", "{target}");
    scene.assert_served_without(30, &["b1"]);
    assert_eq!(on_b2.must_answer().backend, "b2");
    assert!(stream.is_running(), "the stream must span all that");
    let log = scene.daemon.log();
    let told = "10.0.50.11:8080 of nlb-a tcp/80 is unhealthy: connection refused";
    assert!(log.contains(told), "{log}");
    let table = scene.daemon.ctl(["status"]).expect("status must answer");
    let row = table
        .stdout
        .lines()
        .find(|line| line.contains("10.0.50.11:8080"));
    let row = row.unwrap_or_else(|| panic!("{table}"));
    for cell in ["nlb-a tcp/80", "unhealthy", "connection refused"] {
        assert!(row.contains(cell), "{cell} is missing in {row}");
    }
    stream.must_end_well();

    let _again = web::serve(&scene.lab, "b1", WEB_PORT);
    scene.await_state(BACKENDS[0], "healthy", FALL + SLACK);
    scene.dialogue_with("b1");
    assert_eq!(on_b2.must_answer().backend, "b2");
}

/// A client that goes on asking, until the node has seen that b1 is gone: every failure is one of
/// b1's share, and none comes later than that.
fn fetch_until_unhealthy(scene: &Scene, killed: Instant) -> Value {
    let url = format!("http://{ENI_A}/");
    let (mut served, mut failed) = (0, 0);
    loop {
        let target = scene.target(BACKENDS[0]);
        if target["state"] == "unhealthy" {
            assert!(served > 10 && failed > 0, "{served} served, {failed} not");
            return target;
        }
        let late = killed.elapsed();
        assert!(late < FALL + SLACK, "after {late:?}: {target}");
        let fetched = scene.run("client-a", &["curl", "-sS", "--max-time", "5", &url]);
        match web::answers(&fetched.stdout).next() {
            Some(answer) => {
                assert_ne!(answer.backend, "b1", "it is gone");
                served += 1;
            }
            None => failed += 1,
        }
    }
}

#[test]
fn a_backend_that_says_it_is_sick_gets_no_new_flows_and_keeps_its_old_ones() {
    let scene = scene(OVER_HTTP);
    let mut on_b1 = scene.dialogue_with("b1");
    web::set_sick(&scene.lab, "b1", WEB_PORT, true);
    let target = scene.await_state(BACKENDS[0], "unhealthy", FALL + SLACK);
    assert_eq!(target["reason"], "answered HTTP 500", "{target}");
    scene.assert_served_without(20, &["b1"]);
    assert_eq!(on_b1.must_answer().backend, "b1");
    let generation = scene.daemon.generation().expect("status has a generation");

    // A reload changes nothing about that.
    scene.reload(&probed(OVER_HTTP).listener(tcp(81), &web_servers()));
    assert_eq!(scene.target(BACKENDS[0])["state"], "unhealthy");
    scene.assert_served_without(10, &["b1"]);

    web::set_sick(&scene.lab, "b1", WEB_PORT, false);
    scene.await_state(BACKENDS[0], "healthy", FALL + SLACK);
    scene.dialogue_with("b1");
    assert_eq!(on_b1.must_answer().backend, "b1");
    let now = scene.daemon.generation().expect("status has a generation");
    assert_eq!(
        now,
        generation + 2,
        "one for the reload, one for the recovery"
    );
}

#[test]
fn without_any_healthy_backend_there_is_none() {
    let scene = scene(OVER_TCP);
    let mut on_b2 = scene.dialogue_with("b2");
    for role in ["b1", "b3"] {
        scene.stop_server(role);
    }
    // b2 serves on, but the node cannot know: its probes meet silence.
    let node = format!("{NODE}/32");
    scene.must("b2", &["ip", "route", "add", "blackhole", &node]);
    for ip in BACKENDS {
        let target = scene.await_state(ip, "unhealthy", FALL + SLACK);
        let silent = ip == BACKENDS[1];
        let reason = if silent {
            "no answer within 1 s"
        } else {
            "connection refused"
        };
        assert_eq!(target["reason"], reason, "{target}");
    }
    scene.assert_silence("client-a", 80);
    scene.await_drops("no-backend");
    scene.flow_log().one(&json!({
        "action": "REJECT", "layer": "service", "reason": "no-backend", "dstport": 80,
    }));
    let log = scene.daemon.log();
    assert!(
        log.contains("nlb-a tcp/80 (IPv4) has no server left that takes new flows"),
        "{log}"
    );
    assert_eq!(on_b2.must_answer().backend, "b2");
}

#[test]
fn a_node_without_an_address_there_cannot_probe_and_says_so() {
    let scene = scene(OVER_TCP);
    let cidr = format!("{NODE}/16");
    scene.must("node", &["ip", "addr", "del", &cidr, "dev", "provider"]);
    scene.stop_server("b1");
    let target = scene.await_state(BACKENDS[0], "unknown", FALL + SLACK);
    assert_eq!(
        target["reason"], "this node has no IPv4 address of its own on provider to probe from",
        "{target}"
    );
    // Nobody knows better, so it is served: its clients hear from itself that it is gone.
    std::thread::sleep(FALL);
    assert_eq!(scene.target(BACKENDS[0])["state"], "unknown");

    scene.must("node", &["ip", "addr", "add", &cidr, "dev", "provider"]);
    scene.await_state(BACKENDS[0], "unhealthy", FALL + SLACK);
    scene.await_state(BACKENDS[1], "healthy", FALL + SLACK);
    scene.assert_served_without(10, &["b1"]);
}

/// Another interface of the node leads to the same addresses, with a better route.
#[test]
fn probes_take_the_providers_interface_whatever_the_routes_say() {
    let scene = Scene::new(&probed(OVER_TCP));
    let decoy = ["ip", "addr", "add", "10.0.50.240/24", "dev", "vsw-a"];
    scene.must("node", &decoy);
    let route = scene.must("node", &["ip", "route", "get", BACKENDS[0]]);
    assert!(route.stdout.contains("dev vsw-a"), "{route}");
    let filter = format!("tcp dst port {WEB_PORT} and tcp[tcpflags] = tcp-syn");
    let capture = Capture::start(&scene.lab, "b1", "eth0", &filter);
    eventually("b1 is probed anew", || {
        let before = scene.target(BACKENDS[0]);
        (before["state"] == "healthy")
            .then_some(())
            .ok_or_else(|| before.to_string())
    });
    std::thread::sleep(FALL);
    let seen = capture.stop();
    assert!(seen.lines().count() >= 2, "two probes at least: {seen:?}");
    let from_node = format!("IP {NODE}.");
    assert!(seen.lines().all(|line| line.contains(&from_node)), "{seen}");
    for ip in BACKENDS {
        assert_eq!(scene.target(ip)["state"], "healthy", "{ip}");
    }
}
