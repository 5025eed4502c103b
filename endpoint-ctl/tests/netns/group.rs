//! Security groups, inbound and outbound (F16, F34-F36): who is let in, what silence is, and what
//! the flow log says of both.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use xtask::lab::address::{BACKENDS, CLIENT_A, CLIENT_B, ENI_A};

use crate::capture::Capture;
use crate::manifest::{ANYWHERE, Manifest, accept, all, drop, tcp};
use crate::scene::Scene;

fn open_to_a() -> Manifest {
    Manifest::web().group(accept(tcp(80)).from(CLIENT_A).named("sgr-web-from-a"))
}

#[test]
fn an_allowed_client_is_served_and_another_meets_silence() {
    let scene = Scene::new(&open_to_a());
    scene.fetch("client-a");

    let from_eni = format!("src host {ENI_A} and not arp");
    let capture = Capture::start(&scene.lab, "client-b", "eth0", &from_eni);
    scene.assert_silence("client-b", 80);
    let back = capture.stop();
    assert_eq!(back, "", "neither RST nor ICMP may come back");
    scene.await_drops("group-ingress");
}

#[test]
fn a_group_without_rules_lets_nobody_in() {
    let scene = Scene::new(&Manifest::web());
    for client in ["client-a", "client-b", "client-r"] {
        scene.assert_silence(client, 80);
    }
    let log = scene.flow_log();
    for client in [CLIENT_A, CLIENT_B] {
        let record = log.one(&json!({
            "srcaddr": client, "dstaddr": ENI_A, "dstport": 80, "action": "REJECT",
            "reason": "group-ingress", "layer": "security-group",
        }));
        let rule = record["rule-id"].as_str().unwrap_or_default();
        assert!(rule.contains("default"), "the default decided: {record}");
    }
}

#[test]
fn a_drop_beats_an_accept_of_equal_priority() {
    let accepts = open_to_a().group(accept(tcp(80)).from(ANYWHERE).priority(5));
    let scene = Scene::new(
        &accepts
            .clone()
            .group(drop(tcp(80)).from(CLIENT_B).priority(5).named("sgr-no-b")),
    );
    scene.fetch("client-a");
    scene.fetch("client-r");
    scene.assert_silence("client-b", 80);
    let log = scene.flow_log();
    log.one(&json!({"srcaddr": CLIENT_B, "action": "REJECT", "rule-id": "sgr-no-b"}));

    // One priority later, the accept comes first.
    scene.reload(&accepts.group(drop(tcp(80)).from(CLIENT_B).priority(6)));
    scene.fetch("client-b");
}

#[test]
fn the_flow_log_tells_who_was_let_in_and_who_was_not_and_why() {
    let scene = Scene::new(&open_to_a());
    // Records count in whole seconds, and their clock is a coarse one.
    let began = seconds() - 1;
    let answer = scene.fetch("client-a");
    scene.assert_silence("client-b", 80);
    let log = scene.flow_log();

    // What the log calls the NAT tuple is what the backend saw.
    let request = log.one(&json!({
        "action": "ACCEPT", "direction": "in", "protocol": 6, "layer": "security-group",
        "rule-id": "sgr-web-from-a", "reason": null, "endpoint-id": "ep-a",
        "srcaddr": CLIENT_A, "dstaddr": ENI_A, "dstport": 80,
        "nat-srcaddr": answer.peer, "nat-srcport": answer.peer_port,
        "nat-dstaddr": answer.own, "nat-dstport": 8080,
    }));
    let reply = log.one(&json!({
        "action": "ACCEPT", "direction": "out",
        "srcaddr": ENI_A, "srcport": 80, "dstaddr": CLIENT_A, "dstport": request["srcport"],
        "nat-srcaddr": answer.own, "nat-srcport": 8080,
        "nat-dstaddr": answer.peer, "nat-dstport": answer.peer_port,
    }));
    for record in [request, reply] {
        // SYN, ACK and FIN at least, either way.
        let flags = record["tcp-flags"].as_u64().unwrap_or_default();
        assert_eq!(flags & 0x13, 0x13, "flags of a whole connection: {record}");
        let time = |field: &str| record[field].as_u64().unwrap_or_default();
        assert!(
            began <= time("start") && time("start") <= time("end"),
            "{began}: {record}"
        );
        assert!(time("end") <= seconds() + 1, "{record}");
    }

    let refused = log.one(&json!({
        "action": "REJECT", "direction": "in", "protocol": 6, "layer": "security-group",
        "reason": "group-ingress", "srcaddr": CLIENT_B, "dstaddr": ENI_A, "dstport": 80,
        "tcp-flags": 2, "generation": 1, "endpoint-id": "ep-a", "nat-srcaddr": null,
    }));
    assert!(refused["rule-id"].is_string(), "{refused}");
    assert!(
        log.all(&json!({"srcaddr": CLIENT_B, "action": "ACCEPT"}))
            .next()
            .is_none(),
        "{log}"
    );
}

/// Unix time.
fn seconds() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("after 1970").as_secs()
}

#[test]
fn an_egress_drop_of_priority_1_beats_the_managed_group() {
    let deny = drop(all())
        .to(ANYWHERE)
        .priority(1)
        .named("sgr-nothing-out");
    let scene = Scene::new(&open_to_a().group(deny));
    scene.assert_silence("client-a", 80);
    scene.await_drops("group-egress");
    scene.flow_log().one(&json!({
        "action": "REJECT", "direction": "in", "layer": "security-group",
        "reason": "group-egress", "rule-id": "sgr-nothing-out",
        "srcaddr": CLIENT_A, "dstaddr": ENI_A, "dstport": 80,
    }));
}

#[test]
fn an_egress_drop_of_priority_2_does_not() {
    let deny = drop(all()).to(ANYWHERE).priority(2);
    let scene = Scene::new(&open_to_a().group(deny));
    scene.fetch("client-a");
}

#[test]
fn an_egress_rule_is_about_the_backend() {
    let deny = drop(all()).to(BACKENDS[0]).priority(1);
    let both = [
        crate::manifest::server(BACKENDS[0], 8080),
        crate::manifest::server(BACKENDS[1], 8080),
    ];
    let manifest = Manifest::new()
        .group(accept(tcp(80)).from(CLIENT_A))
        .group(accept(tcp(81)).from(CLIENT_A))
        .group(deny)
        .listener(tcp(80), &both[..1])
        .listener(tcp(81), &both[1..]);
    let scene = Scene::new(&manifest);
    scene.assert_silence("client-a", 80);
    let answer = scene.fetch_port("client-a", 81);
    assert_eq!(answer.backend, "b2");
}
