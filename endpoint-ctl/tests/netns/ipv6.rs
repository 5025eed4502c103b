//! The example with both families, as it stands: the same endpoint by IPv6.

use serde_json::json;
use xtask::lab::LabSpec;

use crate::scene::Scene;

const ENI: &str = "fd00:0:0:101::100";
const CLIENT_A: &str = "fd00:0:0:101::10";
const CLIENT_B: &str = "fd00:0:0:101::11";
const SERVERS: [&str; 3] = ["fd00:0:0:150::11", "fd00:0:0:150::12", "fd00:0:0:150::13"];

const NOT_PROBED: &str = "    HealthCheckConfig: { HealthCheckEnabled: false }\n    Servers:";

/// The example, its IPv6 servers being one: iperf3 needs both its connections at one place.
fn manifest() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/dual-stack.yaml");
    let text = std::fs::read_to_string(path).expect(path);
    let others = [SERVERS[1], SERVERS[2]].map(|ip| format!("ServerIp: {ip},"));
    let lines = text
        .lines()
        .filter(|line| !others.iter().any(|other| line.contains(other)));
    lines
        .map(|line| line.replace("Port: 8080", "Port: 5201"))
        // An iperf3 server takes one client at a time, and a probe is one.
        .map(|line| line.replace("    Servers:", NOT_PROBED))
        .collect::<Vec<_>>()
        .join("\n")
}

fn scene() -> Scene {
    let spec = LabSpec::standard().with_ipv6();
    let scene = Scene::built_as(&spec, &manifest(), &[]);
    let addresses = [
        ("client-a", "eth0", format!("{CLIENT_A}/64")),
        ("client-b", "eth0", format!("{CLIENT_B}/64")),
        ("b1", "eth0", format!("{}/56", SERVERS[0])),
        ("node", "provider", "fd00:0:0:150::250/56".to_owned()),
    ];
    for (role, device, address) in addresses {
        scene.must(
            role,
            &["ip", "addr", "add", &address, "dev", device, "nodad"],
        );
    }
    crate::waiting::eventually("the IPv6 backend is found", || {
        let status = scene.daemon.ctl_json(&["status"]).expect("status");
        let hops = status["hops"].as_array().expect("hops").clone();
        let found = hops.iter().find(|hop| hop["backend"] == SERVERS[0]);
        match found.map(|hop| hop["mac"].is_string()) {
            Some(true) => Ok(()),
            _ => Err(format!("{hops:?}")),
        }
    });
    scene
}

#[test]
fn an_endpoint_serves_both_families() {
    let scene = scene();
    let told = scene.explain(CLIENT_A, ENI, "icmpv6");
    assert_eq!(told["verdict"], "accepted", "{told:#}");
    scene.must("client-a", &["ping", "-6", "-c2", "-W2", "-s1400", ENI]);
    let told = scene.explain(CLIENT_A, &format!("[{ENI}]:80"), "tcp");
    assert_eq!(told["verdict"], "accepted", "{told:#}");
    assert_eq!(told["backend"]["ip"], SERVERS[0], "{told:#}");
    let _server = scene.lab.iperf3_server("b1", 5201).expect("iperf3 serves");
    for reverse in [&[][..], &["-R"]] {
        let mut argv = vec!["iperf3", "-6", "-t1", "-J", "-p80", "-c", ENI];
        argv.extend(reverse);
        let said: serde_json::Value =
            serde_json::from_str(&scene.must("client-a", &argv).stdout).expect("iperf3 -J");
        let bytes = said["end"]["sum_received"]["bytes"].as_u64();
        assert!(bytes > Some(1_000_000), "{said}");
    }
    let refused = scene.run(
        "client-b",
        &[
            "iperf3",
            "-6",
            "-t1",
            "-p80",
            "--connect-timeout",
            "1500",
            "-c",
            ENI,
        ],
    );
    assert!(!refused.ok(), "{refused}");
    let log = scene.flow_log();
    log.one(&json!({
        "action": "ACCEPT", "direction": "in", "protocol": 58, "srcaddr": CLIENT_A, "dstaddr": ENI,
    }));
    let accepted = json!({
        "action": "ACCEPT", "direction": "in", "protocol": 6, "srcaddr": CLIENT_A, "dstaddr": ENI,
        "nat-dstaddr": SERVERS[0], "rule-id": "sgr-web-from-a-ipv6",
    });
    assert_eq!(log.all(&accepted).count(), 4, "{log}");
    log.one(&json!({
        "action": "REJECT", "protocol": 6, "srcaddr": CLIENT_B, "reason": "group-ingress",
        "rule-id": "default-ingress",
    }));
}
