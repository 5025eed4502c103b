//! A host that is a client of the service and serves it: with a leg in the vSwitch and a leg in the
//! provider's network.

use super::files::{Files, who_serves};
use super::node::{
    BOTH, BOTH_SERVING, NAT, assert_no_drops, at_both_hooks, listener, manifest, of, ready, spec,
    with_both,
};
use crate::flow_table::FAMILIES;
use crate::scene::WEB_PORT;

#[test]
fn a_host_may_be_served_by_itself() {
    at_both_hooks(|hook| {
        // At port 81 it is served even by the address that it asks from.
        let servers = [(80, BOTH_SERVING), (81, BOTH)];
        let listeners = servers.map(|(port, server)| listener("TCP", port, &[server], WEB_PORT));
        let scene = ready(&with_both(spec(hook, 0)), &manifest(hook, &listeners, ""));
        let files = Files::serve(&scene.lab, "both");
        for family in FAMILIES {
            for (port, server) in servers {
                let answer = who_serves(&scene, "both", family, port);
                let (peer, own) = (answer.peer.as_str(), answer.own.as_str());
                assert_eq!((peer, own), (of(family, NAT), of(family, server)));
                files.must_send(&scene, "both", (family, port), 1_000_000);
                files.must_take(&scene, "both", (family, port), 1_000_000);
            }
            // Another client of the same server changes nothing.
            who_serves(&scene, "client-a", family, 80);
        }
        let clients: Vec<_> = scene
            .flows()
            .iter()
            .map(|flow| flow["client"].to_string())
            .collect();
        for ip in BOTH {
            assert!(clients.contains(&format!("\"{ip}\"")), "{clients:?}");
        }
        assert_no_drops(&scene);
    });
}
