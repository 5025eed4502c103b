//! An endpoint is deleted and added again (F17).

use serde_json::json;
use xtask::lab::address::{CLIENT_A, ENI_A};

use crate::capture::Capture;
use crate::dialogue::Dialogue;
use crate::manifest::{Manifest, accept, all};
use crate::scene::Scene;

/// curl's exit status when it cannot connect, and when the time is up.
const CANNOT_CONNECT: [i32; 2] = [7, 28];

#[test]
fn a_deleted_endpoint_is_gone_and_an_added_one_works() {
    let manifest = Manifest::web().group(accept(all()).from(CLIENT_A));
    let scene = Scene::new(&manifest);
    let (mut dialogue, _) = Dialogue::open(&scene, "client-a", 80);
    assert_arp_is_answered(&scene);

    scene.reload(&manifest.clone().without_endpoint());
    dialogue.must_be_silent();
    scene.await_drops("endpoint-gone");
    let log = scene.flow_log();
    log.one(&json!({
        "action": "REJECT", "layer": "service", "reason": "endpoint-gone", "direction": "in",
        "endpoint-id": "ep-a", "srcaddr": CLIENT_A, "dstaddr": ENI_A, "dstport": 80,
    }));
    assert_arp_is_not_answered(&scene);
    let url = format!("http://{ENI_A}/");
    let fetched = scene.run("client-a", &["curl", "-sS", "--max-time", "2", &url]);
    let code = fetched.status.code().unwrap_or_default();
    assert!(CANNOT_CONNECT.contains(&code), "{fetched}");

    scene.reload(&manifest);
    scene.fetch("client-a");
    assert_arp_is_answered(&scene);
}

/// Client A forgets what it knew and asks for the endpoint's MAC address: it gets one.
#[track_caller]
fn assert_arp_is_answered(scene: &Scene) {
    scene.must("client-a", &["ip", "neigh", "flush", "all"]);
    scene.must("client-a", &["ping", "-c1", "-W5", ENI_A]);
    let known = scene.must("client-a", &["ip", "neigh", "show", ENI_A]);
    assert!(known.stdout.contains("lladdr"), "{known}");
}

/// The same, but nobody answers, though it is seen to ask.
#[track_caller]
fn assert_arp_is_not_answered(scene: &Scene) {
    let filter = format!("arp host {ENI_A}");
    let capture = Capture::start(&scene.lab, "client-a", "eth0", &filter);
    scene.must("client-a", &["ip", "neigh", "flush", "all"]);
    let ping = scene.run("client-a", &["ping", "-c1", "-W2", ENI_A]);
    assert!(!ping.ok(), "{ping}");
    let seen = capture.stop();
    assert!(seen.contains("Request who-has"), "it asks: {seen:?}");
    assert!(!seen.contains("Reply"), "somebody answers: {seen}");
}
