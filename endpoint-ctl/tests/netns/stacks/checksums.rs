//! Checksums that senders leave to their interfaces, at the TC hook: what the kernel makes of them
//! behind the node must be right. (What a node with XDP says of such senders is in `hooks`.)

use super::datagrams::{self, Datagrams};
use super::files::Files;
use super::node::{ENI, of};
use crate::capture::Capture;
use crate::dual_stack::FAMILIES;
use crate::scene::Scene;

/// The last links to the receivers, on which checksums are completed and large packets are cut: the
/// bridges' ports.
const LAST_LINKS: [(&str, &str); 2] = [("vswitch", "client-a"), ("pnet", "b1")];
/// What tcpdump says of a checksum that is wrong, or is not there.
const WRONG: [&str; 5] = ["incorrect", " bad ", "[bad ", "wrong ", "no cksum"];

#[track_caller]
pub(super) fn are_completed_right(scene: &Scene, files: &Files) {
    for (segment, port) in LAST_LINKS {
        assert_offloads(scene, port, "eth0", true);
        let off = ["tx", "off", "tso", "off", "gso", "off"];
        let argv = ["ethtool", "-K", port];
        scene.must(segment, &[&argv[..], &off].concat());
        assert_offloads(scene, segment, port, false);
    }
    let _echo = Datagrams::serve(&scene.lab, "b1");
    for family in FAMILIES {
        let captures = LAST_LINKS.map(|(_, role)| {
            let filter = "tcp or udp or icmp or icmp6";
            Capture::verbose(&scene.lab, role, "eth0", filter)
        });
        files.must_send(scene, "client-a", (family, 80), 200_000);
        files.must_take(scene, "client-a", (family, 80), 200_000);
        for size in [1, 1_000, 1_001] {
            let asked = datagrams::ask(scene, ("client-a", family.target()), size, 10);
            asked.expect("the same comes back");
        }
        scene.must("client-a", &["ping", "-c3", "-i0.1", of(family, ENI)]);
        for (capture, (_, role)) in captures.into_iter().zip(LAST_LINKS) {
            let right = |seen: &str, words: &str| seen.matches(words).count();
            // 200 kB are 139 full segments.
            let seen = capture.stop_after("all that was sent arrives", |seen| {
                right(seen, "(correct)") > 139 && right(seen, "udp sum ok") >= 30
            });
            let wrong: Vec<_> = seen
                .lines()
                .filter(|line| WRONG.iter().any(|word| line.contains(word)))
                .collect();
            assert!(wrong.is_empty(), "{family:?}, {role}: {wrong:#?}");
        }
    }
}

/// Whether an interface takes checksums and large packets.
#[track_caller]
fn assert_offloads(scene: &Scene, role: &str, interface: &str, on: bool) {
    let features = scene.must(role, &["ethtool", "-k", interface]).stdout;
    let state = if on { "on" } else { "off" };
    for feature in ["tx-checksumming", "tcp-segmentation-offload"] {
        assert!(
            features.contains(&format!("{feature}: {state}")),
            "{features}"
        );
    }
}
