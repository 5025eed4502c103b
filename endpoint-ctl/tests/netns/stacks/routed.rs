//! What needs routers on either side: narrow links, and a choice of ways.

use super::node::{
    FAR, SERVERS, assert_no_drops, at_both_hooks, listener, manifest, ready, spec, with_client_r,
    with_far,
};
use super::{datagrams, pmtu, routers};
use crate::dual_stack::SERVER_PORT;
use crate::scene::WEB_PORT;

#[test]
fn narrow_links_are_found_out_and_a_change_of_routers_is_followed() {
    at_both_hooks(|hook| {
        let b1 = &SERVERS[..1];
        let mut listeners = vec![
            listener("TCP", 80, b1, SERVER_PORT),
            listener("TCP", pmtu::NEAR_PORT, b1, WEB_PORT),
            listener("TCP", pmtu::FAR_PORT, &[FAR], WEB_PORT),
            listener("UDP", pmtu::NEAR_PORT, b1, datagrams::PORT),
            listener("UDP", pmtu::FAR_PORT, &[FAR], datagrams::PORT),
        ];
        let ports = pmtu::TRACE_PORT..pmtu::TRACE_PORT + pmtu::TRACE_PORTS;
        listeners.extend(ports.map(|port| listener("UDP", port, &[FAR], port)));
        let spec = with_far(with_client_r(spec(hook, 1)));
        let scene = ready(&spec, &manifest(hook, &listeners, ""));
        pmtu::depend_on_icmp(&scene.lab);
        pmtu::is_found_out(&scene);
        assert_no_drops(&scene);
        pmtu::is_found_out_by_fragments(&scene);
        pmtu::is_traced(&scene);
        // Errors about later fragments, which say no more than that about the first; a last fragment,
        // small enough for the link that took none of the others; what had no hop left.
        let expected = ["icmp-unrelated", "fragment-unknown", "ttl-expired"];
        let status = scene.status();
        for drop in status["drops"].as_array().expect("drops") {
            assert!(
                expected.iter().any(|reason| drop["reason"] == *reason),
                "{status}"
            );
        }
        routers::are_followed(&scene);
    });
}
