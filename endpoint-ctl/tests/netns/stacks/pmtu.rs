//! Links on the way, not the node's own, that take less than the ends believe: only the ICMP errors of
//! the routers before them, which the node passes on, let full packets become smaller.

use super::files::Files;
use super::node::{
    ENI, FAR, Hook, NARROW_MTU, NAT, SERVERS, STRAIT_MTU, assert_no_drops, at_both_hooks, listener,
    manifest, of, ready, spec, with_client_r, with_far,
};
use crate::capture::Capture;
use crate::flow_table::{FAMILIES, Family};
use crate::scene::{Scene, WEB_PORT};
use xtask::lab::Outcome;

const BYTES: usize = 10_000_000;
/// Where `b1` and where `far` serves.
const NEAR_PORT: u16 = 80;
const FAR_PORT: u16 = 81;
/// tracepath counts its ports up from here, and begins anew after so many.
const TRACE_PORT: u16 = 7100;
const TRACE_PORTS: u16 = 64;

fn scene(hook: Hook) -> Scene {
    let mut listeners = vec![
        listener("TCP", NEAR_PORT, &SERVERS[..1], WEB_PORT),
        listener("TCP", FAR_PORT, &[FAR], WEB_PORT),
    ];
    let ports = TRACE_PORT..TRACE_PORT + TRACE_PORTS;
    listeners.extend(ports.map(|port| listener("UDP", port, &[FAR], port)));
    let spec = with_far(with_client_r(spec(hook, 1)));
    let scene = ready(&spec, &manifest(hook, &listeners, ""));
    for role in ["client-a", "client-r", "b1", "far"] {
        // Linux's own ways to get along without ICMP are off.
        let settings = [("ipv4/tcp_mtu_probing", "0"), ("ipv4/ip_no_pmtu_disc", "0")];
        scene.lab.ns(role).sysctl(&settings).expect("they are set");
    }
    scene
}

#[test]
fn a_narrow_link_before_a_client_is_found_out_by_the_server() {
    at_both_hooks(|hook| {
        let scene = scene(hook);
        let files = Files::serve(&scene.lab, "b1");
        let syns = Capture::verbose(&scene.lab, "b1", "eth0", "tcp[13] == 2 or ip6[53] == 2");
        for family in FAMILIES {
            assert_eq!(known_mtu(&scene, "b1", of(family, NAT)), None);
            files.must_send(&scene, "client-r", (family, NEAR_PORT), BYTES);
            let learnt = known_mtu(&scene, "b1", of(family, NAT));
            assert_eq!(learnt, Some(NARROW_MTU), "{family:?}");
            // This way, the client's first router tells it.
            files.must_take(&scene, "client-r", (family, NEAR_PORT), BYTES);
        }
        assert_full_segments(&syns.stop());
        assert_no_drops(&scene);
    });
}

#[test]
fn a_narrow_link_before_a_server_is_found_out_by_the_client() {
    at_both_hooks(|hook| {
        let scene = scene(hook);
        let files = Files::serve(&scene.lab, "far");
        let syns = Capture::verbose(&scene.lab, "far", "beyond", "tcp[13] == 2 or ip6[53] == 2");
        for family in FAMILIES {
            assert_eq!(known_mtu(&scene, "client-a", of(family, ENI)), None);
            files.must_take(&scene, "client-a", (family, FAR_PORT), BYTES);
            let learnt = known_mtu(&scene, "client-a", of(family, ENI));
            assert_eq!(learnt, Some(STRAIT_MTU), "{family:?}");
            // This way, the server's first router tells it.
            files.must_send(&scene, "client-a", (family, FAR_PORT), BYTES);
            // Both links at once, each of which is told of by its router.
            files.must_take(&scene, "client-r", (family, FAR_PORT), BYTES);
            let learnt = known_mtu(&scene, "client-r", of(family, ENI));
            assert_eq!(learnt, Some(STRAIT_MTU), "{family:?}");
        }
        assert_full_segments(&syns.stop());
        assert_no_drops(&scene);
        trace(&scene);
    });
}

/// tracepath shows the narrow links, though not the routers behind the node: an error comes from the
/// ENI, as everything does that passes it. The node itself says nothing: it drops what has no hop left.
#[track_caller]
fn trace(scene: &Scene) {
    let port = TRACE_PORT.to_string();
    let trace = |role, family| {
        let argv = ["tracepath", "-n", "-m", "10", "-p", &port, of(family, ENI)];
        scene.must(role, &argv)
    };
    // It would begin with what the host has learnt.
    for role in ["client-a", "client-r"] {
        for family in ["-4", "-6"] {
            scene.must(role, &["ip", family, "route", "flush", "cache"]);
        }
    }
    std::thread::scope(|scope| {
        for family in FAMILIES {
            scope.spawn(move || {
                let traced = trace("client-a", family);
                assert_trace(&traced, family, &[STRAIT_MTU], 4);
            });
            scope.spawn(move || {
                let traced = trace("client-r", family);
                assert_trace(&traced, family, &[NARROW_MTU, STRAIT_MTU], 6);
            });
        }
    });
    // Nothing but what had no hop left.
    let drops = scene.status()["drops"].clone();
    let drops = drops.as_array().expect("drops");
    assert!(
        drops.iter().all(|drop| drop["reason"] == "ttl-expired"),
        "{drops:?}"
    );
}

#[track_caller]
fn assert_trace(traced: &Outcome, family: Family, mtus: &[u32], hops: u8) {
    println!("{traced}");
    let told: Vec<String> = ["reached".to_owned(), format!("hops {hops} ")]
        .into_iter()
        .chain(mtus.iter().map(|mtu| format!("pmtu {mtu}")))
        .collect();
    for told in told {
        assert!(traced.stdout.contains(&told), "{told}: {traced}");
    }
    let last = traced
        .stdout
        .lines()
        .filter(|line| line.contains("reached"));
    assert!(last.clone().count() == 1, "{traced}");
    assert!(
        last.clone().all(|line| line.contains(of(family, ENI))),
        "{traced}"
    );
}

/// The MTU of the path that a role has learnt, if it has.
#[track_caller]
fn known_mtu(scene: &Scene, role: &str, address: &str) -> Option<u32> {
    let route = scene.must(role, &["ip", "route", "get", address]).stdout;
    let mut words = route.split_whitespace();
    words.find(|word| *word == "mtu")?;
    words.next()?.parse().ok()
}

/// Servers were asked for full segments by either client before it knew better, and not to fragment.
#[track_caller]
fn assert_full_segments(syns: &str) {
    for segment in ["mss 1460", "mss 1440"] {
        assert!(syns.matches(segment).count() >= 2, "{segment}: {syns}");
    }
    assert!(syns.contains("flags [DF]"), "{syns}");
    assert!(!syns.contains("flags [none]"), "{syns}");
}
