//! A reload under traffic: what it leaves alone goes on without a loss, what it forbids is cut, and
//! one that is refused changes nothing.

use serde_json::{Value, json};
use xtask::lab::address::{BACKENDS, CLIENT_A, CLIENT_B};

use crate::flow_log::has_fields;
use crate::manifest::{ANYWHERE, Manifest, accept, icmp, server, tcp};
use crate::scene::Scene;
use crate::stream::Stream;
use crate::waiting::eventually;

/// How long the streams run, in seconds: what happens meanwhile takes four on an idle machine.
const SECONDS: u32 = 12;

/// A's stream goes to port 5201, b's to 5202: an iperf3 server takes one client at a time.
fn only_a() -> Manifest {
    let web = server(BACKENDS[1], 8080);
    Manifest::new()
        .group(accept(tcp(5201)).from(CLIENT_A).named("sgr-a"))
        .listener(tcp(80), &[web])
        .listener(tcp(5201), &[server(BACKENDS[0], 5201)])
        .listener(tcp(5202), &[server(BACKENDS[0], 5202)])
}

fn a_and_b() -> Manifest {
    only_a()
        .group(accept(tcp(5202)).from(CLIENT_B).named("sgr-b"))
        .group(accept(tcp(80)).from(CLIENT_B).named("sgr-b-web"))
}

/// The flow that carries a client's data: the one with the most bytes.
fn stream_of(scene: &Scene, client: &str) -> Option<Value> {
    let mut flows = scene.flows();
    flows.retain(|flow| flow["client"] == client && flow["eni-port"] != 80);
    flows.into_iter().max_by_key(bytes_in)
}

fn bytes_in(flow: &Value) -> u64 {
    flow["bytes-in"].as_u64().unwrap_or_default()
}

/// Waits until a client's stream has moved on from `before`.
#[track_caller]
fn await_progress(scene: &Scene, client: &str, before: u64) -> Value {
    eventually(
        &format!("{client}'s stream moves on from {before} bytes"),
        || {
            let flow = stream_of(scene, client).ok_or("no flow")?;
            if bytes_in(&flow) > before + 1_000_000 {
                Ok(flow)
            } else {
                Err(flow.to_string())
            }
        },
    )
}

#[test]
fn a_reload_cuts_what_it_forbids_and_nothing_else() {
    let scene = Scene::new(&a_and_b());
    let serve = |port| scene.lab.iperf3_server("b1", port).expect("iperf3 serves");
    let _servers = [serve(5201), serve(5202)];
    let of_a = Stream::start(&scene, "client-a", 5201, SECONDS);
    let of_b = Stream::start(&scene, "client-b", 5202, SECONDS);
    let before = await_progress(&scene, CLIENT_A, 0);
    await_progress(&scene, CLIENT_B, 0);

    // B's rules go; what changes besides is no matter to A.
    let unrelated = only_a()
        .group(accept(icmp()).from(ANYWHERE))
        .listener(tcp(443), &[server(BACKENDS[2], 8080)]);
    scene.reload(&unrelated);
    eventually("b's stream is cut", || {
        let flow = stream_of(&scene, CLIENT_B).ok_or("no flow")?;
        let cut = has_fields(&flow, &json!({"state": "cut", "reason": "group-ingress"}));
        cut.then_some(()).ok_or_else(|| flow.to_string())
    });
    let stalled = stream_of(&scene, CLIENT_B).map(|flow| bytes_in(&flow));
    let after = await_progress(&scene, CLIENT_A, bytes_in(&before));
    let still = stream_of(&scene, CLIENT_B).map(|flow| bytes_in(&flow));
    assert_eq!(stalled, still, "not a byte of b passes any more");
    scene.await_drops("group-ingress");
    for field in ["client-port", "nat", "nat-port", "backend", "rule-id"] {
        assert_eq!(
            before[field], after[field],
            "{field} of {before} and {after}"
        );
    }
    assert_eq!(after["generation"], 2, "judged again: {after}");

    // A manifest with faults is refused, and A does not notice.
    refuse_a_bad_manifest(&scene);
    await_progress(&scene, CLIENT_A, bytes_in(&after));

    // Allowed again, B connects anew.
    scene.assert_silence("client-b", 80);
    scene.reload(&a_and_b());
    scene.fetch("client-b");
    assert!(of_a.is_running(), "A's stream must span all that");
    of_a.must_end_well();
    drop(of_b);
}

fn refuse_a_bad_manifest(scene: &Scene) {
    let generation = scene.daemon.generation().expect("status has a generation");
    let bad = a_and_b().group(accept(tcp(80)).from("10.0.1.300"));
    let bad = bad
        .text()
        .replace("Interface: provider", "Interfaces: provider");
    scene.daemon.request_reload(&bad).expect("asked");
    let status = eventually("status shows the refusal", || {
        let status = scene.status();
        status["error"]
            .is_string()
            .then_some(status.clone())
            .ok_or(status.to_string())
    });
    let error = status["error"].as_str().unwrap_or_default();
    for fault in [
        "10.0.1.300/32",
        "Interfaces: unknown field",
        "Interface is missing",
    ] {
        assert!(error.contains(fault), "{fault} is missing in {error}");
    }
    assert_eq!(status["generation"], generation, "{status}");
    let table = scene.daemon.ctl(["status"]).expect("status must answer");
    assert!(table.stdout.contains("10.0.1.300/32"), "{table}");
}

#[test]
fn a_good_reload_after_a_bad_one_clears_the_error() {
    let scene = Scene::new(&a_and_b());
    refuse_a_bad_manifest(&scene);
    scene.fetch("client-b");
    scene.reload(&a_and_b());
    let status = scene.status();
    assert_eq!(status["error"], Value::Null, "{status}");
}

#[test]
fn a_reload_that_names_a_missing_interface_changes_nothing() {
    let scene = Scene::new(&a_and_b());
    let absent = only_a().on("absent0").text();
    scene.daemon.request_reload(&absent).expect("asked");
    let status = eventually("status shows the refusal", || {
        let status = scene.status();
        status["error"]
            .is_string()
            .then_some(status.clone())
            .ok_or(status.to_string())
    });
    assert!(
        status["error"]
            .as_str()
            .unwrap_or_default()
            .contains("absent0"),
        "{status}"
    );
    assert_eq!(status["generation"], 1, "{status}");
    scene.fetch("client-b");
}
