//! The service behind the endpoint: ports nobody serves, backends that take nothing new, backends
//! that are taken away.

use serde_json::json;
use xtask::lab::address::{BACKENDS, CLIENT_A, ENI_A};

use crate::dialogue::Dialogue;
use crate::manifest::{Manifest, Server, accept, all, server, tcp, udp};
use crate::scene::Scene;

fn serving(servers: &[Server]) -> Manifest {
    Manifest::new()
        .group(accept(all()).from(CLIENT_A))
        .listener(tcp(80), servers)
}

fn b1() -> Server {
    server(BACKENDS[0], 8080)
}

fn b2() -> Server {
    server(BACKENDS[1], 8080)
}

#[test]
fn a_port_that_nobody_serves_is_silent() {
    let scene = Scene::new(&serving(&[b1()]).listener(udp(53), &[b1()]));
    // A listener of another protocol is none.
    for port in [81, 53] {
        scene.assert_silence("client-a", port);
        scene.flow_log().one(&json!({
            "action": "REJECT", "layer": "service", "reason": "no-listener",
            "srcaddr": CLIENT_A, "dstaddr": ENI_A, "dstport": port, "rule-id": null,
        }));
    }
}

#[test]
fn a_service_whose_servers_all_have_weight_0_takes_nothing_new() {
    let scene = Scene::new(&serving(&[b1()]));
    let (mut old, _) = Dialogue::open(&scene, "client-a", 80);
    scene.reload(&serving(&[b1().weight(0), b2().weight(0)]));
    scene.assert_silence("client-a", 80);
    scene.await_drops("no-backend");
    scene.flow_log().one(&json!({
        "action": "REJECT", "layer": "service", "reason": "no-backend", "dstport": 80,
    }));
    // Weight 0 is for draining: what is there stays.
    old.must_answer();
}

#[test]
fn a_removed_backend_loses_its_flows_and_the_others_keep_theirs() {
    let scene = Scene::new(&serving(&[b1(), b2()]));
    let mut on_b1 = None;
    let mut on_b2 = None;
    // Which backend a connection gets is up to its port, which is the client's choice: a few are
    // tried until both have one. That 64 go to one of two has odds of 2 to the 63rd.
    for _ in 0..64 {
        let (dialogue, answer) = Dialogue::open(&scene, "client-a", 80);
        let kept = if answer.backend == "b1" {
            &mut on_b1
        } else {
            &mut on_b2
        };
        kept.get_or_insert(dialogue);
        if on_b1.is_some() && on_b2.is_some() {
            break;
        }
    }
    let mut on_b1 = on_b1.expect("a connection to b1");
    let mut on_b2 = on_b2.expect("a connection to b2");

    scene.reload(&serving(&[b2()]));
    on_b1.must_be_silent();
    scene.await_drops("backend-removed");
    scene.flow_log().one(&json!({
        "action": "REJECT", "direction": "in", "layer": "service", "reason": "backend-removed",
        "srcaddr": CLIENT_A, "dstaddr": ENI_A, "dstport": 80,
    }));
    assert_eq!(on_b2.must_answer().backend, "b2");
    for _ in 0..4 {
        assert_eq!(scene.fetch("client-a").backend, "b2");
    }
}
