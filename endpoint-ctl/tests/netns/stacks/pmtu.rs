//! Links on the way, not the node's own, that take less than the ends believe: only the ICMP errors of
//! the routers before them, which the node passes on, let full packets become smaller.

use std::net::SocketAddr;

use xtask::lab::{Lab, Outcome};

use super::datagrams::{self, Datagrams, LARGE};
use super::files::Files;
use super::node::{ENI, NARROW_MTU, NAT, STRAIT_MTU, of};
use crate::capture::Capture;
use crate::dual_stack::{FAMILIES, Family};
use crate::scene::Scene;

const BYTES: usize = 10_000_000;
/// Where `b1` and where `far` serve: files over TCP, and datagrams.
pub(super) const NEAR_PORT: u16 = 81;
pub(super) const FAR_PORT: u16 = 82;
/// tracepath counts its ports up from here, and begins anew after so many.
pub(super) const TRACE_PORT: u16 = 7100;
pub(super) const TRACE_PORTS: u16 = 64;

/// Linux's own ways to get along without ICMP are off.
#[track_caller]
pub(super) fn depend_on_icmp(lab: &Lab) {
    for role in ["client-a", "client-r", "b1", "far"] {
        let settings = [("ipv4/tcp_mtu_probing", "0"), ("ipv4/ip_no_pmtu_disc", "0")];
        lab.ns(role).sysctl(&settings).expect("they are set");
    }
}

#[track_caller]
pub(super) fn is_found_out(scene: &Scene) {
    let [near, far] = ["b1", "far"].map(|role| Files::serve(&scene.lab, role));
    let captures = [("b1", "eth0", 1), ("far", "beyond", 2)].map(|(role, port, clients)| {
        let syn = "tcp[13] == 2 or ip6[53] == 2";
        let capture = Capture::verbose(&scene.lab, role, port, syn);
        (capture, clients)
    });
    for family in FAMILIES {
        let mtu = |role, pair| known_mtu(scene, role, of(family, pair));
        // Client R's first router tells the server.
        assert_eq!(mtu("b1", NAT), None);
        near.must_send(scene, "client-r", (family, NEAR_PORT), BYTES);
        assert_eq!(mtu("b1", NAT), Some(NARROW_MTU), "{family:?}");
        // The provider's router tells a client.
        assert_eq!(mtu("client-a", ENI), None);
        far.must_take(scene, "client-a", (family, FAR_PORT), BYTES);
        assert_eq!(mtu("client-a", ENI), Some(STRAIT_MTU), "{family:?}");
        // This client is told by both, first by its own.
        assert_eq!(mtu("client-r", ENI), None);
        far.must_take(scene, "client-r", (family, FAR_PORT), BYTES);
        assert_eq!(mtu("client-r", ENI), Some(STRAIT_MTU), "{family:?}");
    }
    for (capture, clients) in captures {
        assert_full_segments(&capture.stop(), clients);
    }
}

/// Datagrams in fragments, each of which may be too large for a link on the way: of IPv6, which no
/// router cuts, their sender must make smaller ones.
#[track_caller]
pub(super) fn is_found_out_by_fragments(scene: &Scene) {
    let _servers = ["b1", "far"].map(|role| Datagrams::serve(&scene.lab, role));
    for family in FAMILIES {
        for role in ["client-a", "client-r", "b1", "far"] {
            forget(scene, role);
        }
        for (role, port) in [("client-a", FAR_PORT), ("client-r", NEAR_PORT)] {
            let endpoint = SocketAddr::new(family.target().ip(), port);
            let again = datagrams::ask(scene, (role, endpoint), LARGE, 5);
            let again = again.expect("the same comes back");
            println!("{role}, {endpoint}: {again} were sent again");
        }
    }
}

/// Has a role forget the MTUs of paths.
#[track_caller]
fn forget(scene: &Scene, role: &str) {
    for family in ["-4", "-6"] {
        scene.must(role, &["ip", family, "route", "flush", "cache"]);
    }
}

/// Servers were asked for full segments by so many clients that knew no better, and not to fragment.
#[track_caller]
fn assert_full_segments(syns: &str, clients: usize) {
    for segment in ["mss 1460", "mss 1440"] {
        let told = syns.matches(segment).count();
        assert!(told >= clients, "{segment}, {told} times: {syns}");
    }
    assert!(syns.contains("flags [DF]"), "{syns}");
    assert!(!syns.contains("flags [none]"), "{syns}");
}

/// The MTU of the path that a role has learnt, if it has.
#[track_caller]
fn known_mtu(scene: &Scene, role: &str, address: &str) -> Option<u32> {
    let route = scene.must(role, &["ip", "route", "get", address]).stdout;
    let mut words = route.split_whitespace();
    words.find(|word| *word == "mtu")?;
    words.next()?.parse().ok()
}

/// tracepath shows the narrow links, though not the routers behind the node: an error comes from the
/// ENI, as everything does that passes it. The node itself says nothing: it drops what has no hop left.
#[track_caller]
pub(super) fn is_traced(scene: &Scene) {
    let port = TRACE_PORT.to_string();
    let trace = |role, family| {
        let argv = ["tracepath", "-n", "-m", "10", "-p", &port, of(family, ENI)];
        scene.must(role, &argv)
    };
    // It would begin with what the host has learnt.
    for role in ["client-a", "client-r"] {
        forget(scene, role);
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
