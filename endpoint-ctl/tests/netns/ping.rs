//! Echo at the ENI (F15).

use serde_json::json;
use xtask::lab::address::{CLIENT_A, CLIENT_B, ENI_A};

use crate::manifest::{Manifest, accept, icmp, tcp};
use crate::scene::Scene;

#[test]
fn a_full_frame_is_echoed_unfragmented() {
    let scene = Scene::new(&Manifest::web().group(accept(icmp()).from(CLIENT_A)));
    let full = ["ping", "-c3", "-i0.2", "-W5", "-s1472", "-Mdo", ENI_A];
    let ping = scene.must("client-a", &full);
    assert!(ping.stdout.contains(" 0% packet loss"), "{ping}");
    // 1,472 bytes and the headers of ICMP and IP, three times, either way.
    let log = scene.flow_log();
    for (direction, from, to) in [("in", CLIENT_A, ENI_A), ("out", ENI_A, CLIENT_A)] {
        log.one(&json!({
            "action": "ACCEPT", "direction": direction, "protocol": 1,
            "srcaddr": from, "dstaddr": to, "packets": 3, "bytes": 4500,
        }));
    }
}

#[test]
fn a_denied_client_gets_no_echo() {
    let manifest = Manifest::web()
        .group(accept(icmp()).from(CLIENT_A))
        .group(accept(tcp(80)).from(CLIENT_B));
    let scene = Scene::new(&manifest);
    let ping = scene.run("client-b", &["ping", "-c3", "-i0.2", "-W1", ENI_A]);
    assert!(!ping.ok(), "{ping}");
    assert!(
        ping.stdout
            .contains("3 packets transmitted, 0 received, 100% packet loss"),
        "{ping}"
    );
    scene.flow_log().one(&json!({
        "action": "REJECT", "reason": "group-ingress", "protocol": 1, "srcaddr": CLIENT_B,
        "packets": 3, "bytes": 252,
    }));
    scene.fetch("client-b");
}
