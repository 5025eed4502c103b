//! The node's own sockets are never reachable through an ENI address (F06), not even when the node
//! owns that address.

use std::fs::{self, File};

use serde_json::json;
use xtask::lab::address::{CLIENT_A, ENI_A, NODE};
use xtask::lab::{Outcome, Process, spawn_command};

use crate::manifest::{Manifest, accept, all};
use crate::scene::Scene;
use crate::waiting::eventually;
use crate::web;

/// A port that the service does not listen on, but the node does.
const PORT: u16 = 9999;

#[test]
fn a_listener_of_the_node_is_out_of_reach() {
    let scene = Scene::new(&Manifest::web().group(accept(all()).from(CLIENT_A)));
    let _nginx = web::serve(&scene.lab, "node", 8081);
    let heard = scene.file("heard");
    let netcat = listen(&scene, &heard);

    // It does serve others: that it hears nothing from a client means something.
    knock(&scene, "b2", NODE, "direct");
    eventually("nc hears b2", || {
        let heard = fs::read_to_string(&heard).unwrap_or_default();
        (heard == "direct\n").then_some(()).ok_or(heard)
    });

    assert_out_of_reach(&scene);
    let owned = format!("{ENI_A}/24");
    scene.must("node", &["ip", "addr", "add", &owned, "dev", "vsw-a"]);
    assert_out_of_reach(&scene);

    assert_fragments_get_nowhere(&scene);

    assert!(netcat.is_running(), "it still waits for somebody");
    assert_eq!(fs::read_to_string(&heard).expect("readable"), "direct\n");
    for port in [PORT, 8081] {
        scene.flow_log().one(&json!({
            "action": "REJECT", "layer": "service", "reason": "no-listener",
            "srcaddr": CLIENT_A, "dstaddr": ENI_A, "dstport": port,
        }));
    }
    // The way to the service and the echo at the ENI are as ever.
    scene.must("client-a", &["ping", "-c2", "-i0.2", "-W5", ENI_A]);
    scene.fetch("client-a");
}

/// A listener on every address of the node, which writes what it hears to `heard`.
fn listen(scene: &Scene, heard: &std::path::Path) -> Process {
    let mut command = scene.lab.ns("node").command("nc");
    command
        .args(["-l", "-k", "-n", "0.0.0.0", &PORT.to_string()])
        .stdout(File::create(heard).expect("the lab's directory takes files"));
    let process = spawn_command(command).expect("nc must start");
    let listening = format!(":{PORT}");
    eventually("nc listens on the node", || {
        let sockets = scene.must("node", &["ss", "-ltn"]);
        let there = sockets.stdout.contains(&listening);
        there.then_some(()).ok_or_else(|| sockets.to_string())
    });
    process
}

#[track_caller]
fn assert_out_of_reach(scene: &Scene) {
    for port in [PORT, 8081] {
        scene.assert_silence("client-a", port);
    }
    let knocked = knock(scene, "client-a", ENI_A, "through the endpoint");
    assert!(!knocked.ok(), "{knocked}");
    scene.await_drops("no-listener");
}

/// The node's stack would put them together and answer.
#[track_caller]
fn assert_fragments_get_nowhere(scene: &Scene) {
    let long = format!("head -c 3000 /dev/zero | nc -n -u -w1 {ENI_A} {PORT}");
    scene.run("client-a", &["sh", "-c", &long]);
    scene.await_drops("fragment-unknown");
}

/// Says `word` to the listener.
fn knock(scene: &Scene, role: &str, address: &str, word: &str) -> Outcome {
    let script = format!("echo {word} | nc -n -w1 {address} {PORT}");
    scene.run(role, &["sh", "-c", &script])
}
