//! Network ACLs (F37): order, statelessness, and the exemption of the ENI's own vSwitch. Client R,
//! behind a router, is judged; clients A and B, in the vSwitch, are not.

use serde_json::json;
use xtask::lab::address::{BACKENDS, CLIENT_A, CLIENT_R, ENI_A};

use crate::capture::Capture;
use crate::manifest::{ANYWHERE, Manifest, accept, all, drop, icmp, server, tcp, tcp_range};
use crate::scene::Scene;

/// The client's own choice of ports.
const EPHEMERAL: (u16, u16) = (1024, 65_535);

/// Everyone is let in by the security group; b1 serves.
fn open() -> Manifest {
    Manifest::new()
        .group(accept(tcp(80)).from(ANYWHERE))
        .group(accept(icmp()).from(ANYWHERE))
        .listener(tcp(80), &[server(BACKENDS[0], 8080)])
}

#[test]
fn the_first_entry_that_matches_decides() {
    let no_r = drop(tcp(80)).from(CLIENT_R);
    let any = [accept(all()).from(ANYWHERE), accept(all()).to(ANYWHERE)];
    let [any_in, any_out] = &any;
    let denied_first = [no_r.clone(), any_in.clone(), any_out.clone()];
    let scene = Scene::new(&open().acl(&denied_first));
    scene.assert_silence("client-r", 80);
    scene.flow_log().one(&json!({
        "action": "REJECT", "direction": "in", "layer": "network-acl", "reason": "acl-ingress",
        "rule-id": "nacl-a-ingress-1", "srcaddr": CLIENT_R, "dstaddr": ENI_A, "dstport": 80,
    }));

    let allowed_first = [any_in.clone(), no_r, any_out.clone()];
    scene.reload(&open().acl(&allowed_first));
    scene.fetch("client-r");
}

#[test]
fn the_way_back_is_judged_on_its_own() {
    let inbound = accept(tcp(80)).from(CLIENT_R);
    let scene = Scene::new(&open().acl(std::slice::from_ref(&inbound)));
    let syns = "tcp dst port 8080 and tcp[tcpflags] & tcp-syn != 0";
    let capture = Capture::start(&scene.lab, "b1", "eth0", syns);
    scene.assert_silence("client-r", 80);
    let seen = capture.stop();
    assert!(seen.contains("Flags [S]"), "the SYN reaches b1: {seen:?}");
    scene.await_drops("acl-egress");
    let log = scene.flow_log();
    log.one(&json!({
        "action": "ACCEPT", "direction": "in", "srcaddr": CLIENT_R, "dstaddr": ENI_A,
        "dstport": 80, "nat-dstaddr": BACKENDS[0], "nat-dstport": 8080, "tcp-flags": 2,
    }));
    log.one(&json!({
        "action": "REJECT", "direction": "out", "layer": "network-acl", "reason": "acl-egress",
        "tcp-flags": 0x12,
    }));

    // The ports the client chose are destination ports on the way back.
    let (first, last) = EPHEMERAL;
    let outbound = accept(tcp_range(first, last)).to("10.0.9.0/24");
    scene.reload(&open().acl(&[inbound, outbound]));
    scene.fetch("client-r");
}

#[test]
fn a_refusal_on_the_way_back_is_told_in_the_clients_terms() {
    let scene = Scene::new(&open().acl(&[accept(all()).from(ANYWHERE)]));
    scene.assert_silence("client-r", 80);
    scene.await_drops("acl-egress");
    scene.flow_log().one(&json!({
        "action": "REJECT", "direction": "out", "reason": "acl-egress",
        "srcaddr": ENI_A, "srcport": 80, "dstaddr": CLIENT_R,
    }));
}

#[test]
fn an_empty_acl_denies_all_but_the_own_vswitch() {
    let scene = Scene::new(&open().acl(&[]));
    scene.assert_silence("client-r", 80);
    let ping = scene.run("client-r", &["ping", "-c2", "-i0.2", "-W1", ENI_A]);
    assert!(!ping.ok(), "{ping}");
    let log = scene.flow_log();
    for protocol in [1, 6] {
        let refused = log.one(&json!({
            "action": "REJECT", "reason": "acl-ingress", "srcaddr": CLIENT_R, "protocol": protocol,
        }));
        assert!(refused["rule-id"].is_string(), "{refused}");
    }

    for client in ["client-a", "client-b"] {
        scene.fetch(client);
        scene.must(client, &["ping", "-c1", "-W5", ENI_A]);
    }
    let log = scene.flow_log();
    assert!(
        log.all(&json!({"srcaddr": CLIENT_A, "action": "REJECT"}))
            .next()
            .is_none(),
        "{log}"
    );
}
