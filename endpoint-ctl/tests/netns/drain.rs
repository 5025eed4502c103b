//! Backends that are taken out with care: old connections end in their own time, or at a deadline.

use std::time::{Duration, Instant};

use serde_json::Value;
use xtask::lab::address::{BACKENDS, CLIENT_A};

use crate::dialogue::Dialogue;
use crate::manifest::{Manifest, Server, accept, all, server, tcp};
use crate::scene::{Scene, WEB_PORT};

/// `Manifest::drains` says so.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Asked for the last time so long before the deadline.
const MARGIN: Duration = Duration::from_secs(3);

fn serving(servers: &[Server]) -> Manifest {
    Manifest::new()
        .group(accept(all()).from(CLIENT_A))
        .listener(tcp(80), servers)
        .drains()
}

fn b1() -> Server {
    server(BACKENDS[0], WEB_PORT)
}

fn b2() -> Server {
    server(BACKENDS[1], WEB_PORT)
}

/// Connections to b1 and b2, of which b1 then drains; `after` is what `status` says of b1 once it
/// has drained.
fn drain_b1(by: &Manifest, after: &Value) {
    let scene = Scene::new(&serving(&[b1(), b2()]));
    let (mut on_b1, mut on_b2) = (scene.dialogue_with("b1"), scene.dialogue_with("b2"));
    scene.reload(by);
    let begun = Instant::now();
    let target = scene.target(BACKENDS[0]);
    assert_eq!(target["state"], "draining", "{target}");
    assert!(target["draining-until"].is_string(), "{target}");
    let table = scene.daemon.ctl(["status"]).expect("status must answer");
    assert!(table.stdout.contains("draining until "), "{table}");

    scene.assert_served_without(20, &["b1"]);
    while begun.elapsed() < TIMEOUT.saturating_sub(MARGIN) {
        assert_eq!(on_b1.must_answer().backend, "b1");
        std::thread::sleep(Duration::from_millis(500));
    }
    // Another reload does not give it more time.
    scene.reload(&by.clone().listener(tcp(81), &[b2()]));
    assert_eq!(on_b1.must_answer().backend, "b1");
    assert_eq!(
        scene.dropped("backend-removed"),
        0,
        "nothing was cut so far"
    );

    await_cut(&scene, &mut on_b1, begun);
    assert_eq!(scene.target(BACKENDS[0])["state"], *after);
    let log = scene.daemon.log();
    let told = "10.0.50.11:8080 of nlb-a tcp/80 has drained";
    assert!(log.contains(told), "{log}");
    assert_eq!(on_b2.must_answer().backend, "b2");
    scene.assert_served_without(10, &["b1"]);

    // Back again, and without a past.
    scene.reload(&serving(&[b1(), b2()]));
    scene.dialogue_with("b1");
}

/// From its deadline on, b1's old connection meets nothing but silence.
fn await_cut(scene: &Scene, on_b1: &mut Dialogue, begun: Instant) {
    let left = (TIMEOUT + Duration::from_secs(1)).saturating_sub(begun.elapsed());
    std::thread::sleep(left);
    on_b1.must_be_silent();
    scene.await_drops("backend-removed");
}

#[test]
fn a_backend_that_is_to_drain_keeps_old_connections_until_its_deadline() {
    drain_b1(&serving(&[b1().drain(), b2()]), &Value::from("drained"));
}

#[test]
fn a_backend_that_is_gone_from_the_manifest_keeps_old_connections_until_its_deadline() {
    drain_b1(&serving(&[b2()]), &Value::Null);
}
