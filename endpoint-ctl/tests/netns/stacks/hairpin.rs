//! A host that is a client of the service and serves it: with a leg in the vSwitch and a leg in the
//! provider's network.

use super::files::{Files, who_serves};
use super::node::{BOTH, BOTH_SERVING, NAT, of};
use crate::dual_stack::FAMILIES;
use crate::scene::Scene;

/// Where it serves at the address that it has for that.
pub(super) const AT_OWN: u16 = 81;
/// Where it serves at the very address that it asks from.
pub(super) const AT_CLIENTS: u16 = 82;

#[track_caller]
pub(super) fn is_served_by_itself(scene: &Scene) {
    let files = Files::serve(&scene.lab, "both");
    for family in FAMILIES {
        for (port, server) in [(AT_OWN, BOTH_SERVING), (AT_CLIENTS, BOTH)] {
            let answer = who_serves(scene, "both", family, port);
            let (peer, own) = (answer.peer.as_str(), answer.own.as_str());
            assert_eq!((peer, own), (of(family, NAT), of(family, server)));
            files.must_send(scene, "both", (family, port), 1_000_000);
            files.must_take(scene, "both", (family, port), 1_000_000);
        }
        // Another client of the same server changes nothing.
        who_serves(scene, "client-a", family, AT_OWN);
    }
    let flows = scene.flows();
    for ip in BOTH {
        let of_itself = |flow: &serde_json::Value| flow["client"] == ip && flow["backend"] == ip;
        assert!(flows.iter().any(of_itself), "{ip}: {flows:?}");
    }
}
