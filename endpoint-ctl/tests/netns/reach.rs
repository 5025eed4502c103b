//! Who reaches what: clients behind a router (F57), backends with the client's own address, UDP.

use serde_json::json;
use xtask::lab::address::{BACKEND_TWIN, BACKENDS, CLIENT_A, CLIENT_R, ENI_A};

use crate::manifest::{ANYWHERE, Manifest, accept, server, tcp, udp};
use crate::scene::Scene;

#[test]
fn a_client_behind_a_router_is_served() {
    let scene = Scene::new(&Manifest::web().group(accept(tcp(80)).from(CLIENT_R)));
    let answer = scene.fetch("client-r");
    scene.flow_log().one(&json!({
        "action": "ACCEPT", "direction": "in", "srcaddr": CLIENT_R,
        "nat-srcaddr": answer.peer, "nat-srcport": answer.peer_port,
    }));
    scene.assert_silence("client-a", 80);
}

#[test]
fn a_backend_may_have_the_clients_own_address() {
    let manifest = Manifest::new()
        .group(accept(tcp(80)).from(ANYWHERE))
        .listener(tcp(80), &[server(BACKEND_TWIN, 8080)]);
    let scene = Scene::new(&manifest);
    let answer = scene.fetch("client-a");
    assert_eq!(
        (answer.backend.as_str(), answer.own.as_str()),
        ("b1", CLIENT_A)
    );
    scene.flow_log().one(&json!({
        "action": "ACCEPT", "direction": "in", "srcaddr": CLIENT_A, "nat-dstaddr": CLIENT_A,
    }));
}

#[test]
fn datagrams_pass_both_ways() {
    let backend = [server(BACKENDS[0], 5201)];
    let manifest = Manifest::new()
        .group(accept(tcp(5201)).from(CLIENT_A))
        .group(accept(udp(5201)).from(CLIENT_A).named("sgr-udp"))
        .listener(tcp(5201), &backend)
        .listener(udp(5201), &backend);
    let scene = Scene::new(&manifest);
    let _server = scene.lab.iperf3_server("b1", 5201).expect("iperf3 serves");
    for reverse in [&[][..], &["-R"]] {
        let mut argv = vec!["iperf3", "-u", "-b2M", "-l1000", "-t1", "-J", "-c", ENI_A];
        argv.extend(reverse);
        let outcome = scene.must("client-a", &argv);
        let said: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("iperf3 -J");
        let sum = &said["end"]["sum"];
        assert!(sum["packets"].as_u64() > Some(100), "{said}");
        // On a loaded machine, a socket's buffer may run over; but for that, none is lost.
        assert!(sum["lost_percent"].as_f64() < Some(10.0), "{said}");
    }
    let log = scene.flow_log();
    for direction in ["in", "out"] {
        let wanted = json!({"action": "ACCEPT", "protocol": 17, "direction": direction});
        let packets = log
            .all(&wanted)
            .filter_map(|record| record["packets"].as_u64());
        assert!(packets.sum::<u64>() > 100, "{direction}: {log}");
        assert_eq!(log.one(&wanted)["rule-id"], "sgr-udp");
    }
}
