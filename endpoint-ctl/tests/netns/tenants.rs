//! Two VPCs that use the same addresses, on two interfaces of one node.

use serde_json::json;
use xtask::lab::address::{BACKENDS, CLIENT_A, ENI_A};
use xtask::lab::{Host, LabSpec, Port, Segment, Wire};

use crate::manifest::{Manifest, accept, server, tcp};
use crate::scene::Scene;
use crate::waiting::eventually;

/// The standard lab, and a second vSwitch with a client that has client A's address.
fn spec() -> LabSpec {
    let mut spec = LabSpec::standard();
    spec.segments.push(Segment::new("vswitch-b", Wire::Bridge));
    let node = spec.hosts.iter_mut().find(|host| host.role == "node");
    let node = node.expect("the standard lab has a node");
    node.ports.push(Port::new("vsw-b", "vswitch-b", &[]));
    spec.with_host(Host::new("twin-a").port("eth0", "vswitch-b", &[(CLIENT_A, 24)]))
}

/// The port both clients connect from.
const SOURCE: &str = "40000";

#[test]
fn equal_tuples_in_two_vpcs_are_kept_apart() {
    let tenant = |manifest: Manifest, backend| {
        manifest
            .group(accept(tcp(80)).from(CLIENT_A))
            .listener(tcp(80), &[server(backend, 8080)])
    };
    let first = tenant(Manifest::of("a"), BACKENDS[0]);
    let second = tenant(Manifest::of("b"), BACKENDS[1]);
    let scene = Scene::built_as(&spec(), &first.text_beside(&second), &[]);
    let url = format!("http://{ENI_A}/");
    let argv = [
        "curl",
        "-sS",
        "--max-time",
        "15",
        "--local-port",
        SOURCE,
        &url,
    ];
    for (client, backend, endpoint) in [("client-a", "b1", "ep-a"), ("twin-a", "b2", "ep-b")] {
        let answer = scene.must(client, &argv);
        assert!(
            answer.stdout.starts_with(&format!("served-by {backend} ")),
            "{answer}"
        );
        scene.flow_log().one(&json!({
            "action": "ACCEPT", "direction": "in", "endpoint-id": endpoint,
            "srcaddr": CLIENT_A, "srcport": 40_000, "dstaddr": ENI_A, "dstport": 80,
        }));
    }

    // A tenant that shuts its door shuts nobody else's.
    let shut = Manifest::of("b").listener(tcp(80), &[server(BACKENDS[1], 8080)]);
    let reloaded = scene.daemon.reload(&first.text_beside(&shut));
    reloaded.expect("the manifest must come into force");
    scene.assert_silence("twin-a", 80);
    scene.fetch("client-a");
    eventually("only the second endpoint drops", || {
        let drops = scene.status()["drops"].clone();
        let enis = drops.as_array().map_or(0, Vec::len);
        (enis == 1).then_some(()).ok_or_else(|| drops.to_string())
    });
}
