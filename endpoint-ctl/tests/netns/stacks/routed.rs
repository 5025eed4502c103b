//! What needs routers on either side: narrow links, and a choice of ways.

use super::node::{
    FAR, SERVERS, assert_no_drops, at_both_hooks, listener, manifest, ready, spec, with_client_r,
    with_far,
};
use super::{pmtu, routers};
use crate::flow_table::SERVER_PORT;
use crate::scene::WEB_PORT;

#[test]
fn narrow_links_are_found_out_and_a_change_of_routers_is_followed() {
    at_both_hooks(|hook| {
        let b1 = &SERVERS[..1];
        let mut listeners = vec![
            listener("TCP", 80, b1, SERVER_PORT),
            listener("TCP", pmtu::NEAR_PORT, b1, WEB_PORT),
            listener("TCP", pmtu::FAR_PORT, &[FAR], WEB_PORT),
        ];
        let ports = pmtu::TRACE_PORT..pmtu::TRACE_PORT + pmtu::TRACE_PORTS;
        listeners.extend(ports.map(|port| listener("UDP", port, &[FAR], port)));
        let spec = with_far(with_client_r(spec(hook, 1)));
        let scene = ready(&spec, &manifest(hook, &listeners, ""));
        pmtu::depend_on_icmp(&scene.lab);
        pmtu::is_found_out(&scene);
        assert_no_drops(&scene);
        pmtu::is_traced(&scene);
        // What has no hop left is dropped, and nothing else.
        let status = scene.status();
        let drops = status["drops"].as_array().expect("drops");
        let expired = drops.iter().all(|drop| drop["reason"] == "ttl-expired");
        assert!(expired, "{drops:?}");
        routers::are_followed(&scene);
    });
}
