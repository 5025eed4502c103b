//! Millions of SYNs from nobody, while connections talk: none of these is lost, the table and the
//! daemon stay within their bounds, and every SYN is counted.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::echo::Echo;
use super::flood::Flood;
use super::maps::{self, Map};
use super::talk::{Connection, Talk};
use crate::dual_stack::{Family, one_vpc, table_use};
use crate::scene::Scene;

const CONNECTIONS: u64 = 1000;
/// 100,000, rounded up to a power of two.
const FLOWS: &str = "100000";
const SIZE: u64 = 131_072;
/// A quarter of the table may be half-open.
const HALF_OPEN: u64 = SIZE / 4;
/// SYNs of a sender's between two looks at everything.
const PART: u64 = 250_000;
/// The whole flood must be over by then; half a minute is what it takes two idle CPUs.
const LIMIT: Duration = Duration::from_mins(4);
/// Memory of the daemon's own, in KiB.
const MEMORY: u64 = 100 * 1024;

#[test]
fn a_flood_of_syns_harms_no_connection() {
    flood(Family::V4, 5_000_000);
}

#[test]
fn a_flood_of_ipv6_syns_harms_no_connection() {
    flood(Family::V6, 1_000_000);
}

#[track_caller]
fn flood(family: Family, syns: u64) {
    let scene = one_vpc(&["--flows", FLOWS]);
    let _echo = Echo::start(&scene.lab, "b1");
    let open = (0..CONNECTIONS).map(|_| Connection::must_open(&scene, family));
    let open: Vec<_> = open.collect();
    assert_eq!(table_use(&scene, family), (CONNECTIONS, SIZE));
    let control = Map::of(&scene, "FLOW_CONTROL");
    let now = || Counted::now(&scene, family, &control);
    let before = now();
    let talk = Talk::start(open);
    answer_few(&scene);

    let start = Instant::now();
    let mut senders = [1, 2].map(|seed| Flood::new(&scene, family, seed));
    let mut sent = 0;
    // What a full queue on the way lost never came to the endpoint.
    let (mut counted, mut most) = (before.since(before), 0);
    while counted.opened < syns {
        assert!(start.elapsed() < LIMIT, "{sent} SYNs after {LIMIT:?}");
        sent += std::thread::scope(|scope| {
            let threads = senders.each_mut().map(|one| scope.spawn(|| one.send(PART)));
            threads
                .map(|thread| thread.join().expect("it sends"))
                .iter()
                .sum::<u64>()
        });
        let (used, size) = table_use(&scene, family);
        assert!(
            used <= HALF_OPEN + CONNECTIONS && size == SIZE,
            "{used} of {size}"
        );
        most = most.max(used);
        counted = now().since(before);
    }
    let took = start.elapsed();
    let during = talk.answers();
    let (mut open, talked) = talk.stop();
    let counted = now().since(before);
    let memory = memory(&scene);
    println!(
        "{family:?}: {sent} SYNs sent in {took:.1?}, {counted:?}; at most {most} entries; \
         {during} answers meanwhile, slowest {:?}; KiB: {} and {} of tables",
        talked.slowest, memory.own, memory.tables
    );

    assert_eq!(talked.faults, Vec::<String>::new());
    assert!(
        during >= CONNECTIONS * took.as_secs() / 2,
        "{during} answers"
    );
    for connection in &mut open {
        connection.ask().expect("every connection lives");
    }
    // Every packet that came was accepted or refused. Neighbours' questions are neither.
    let unaccounted = counted.came.abs_diff(counted.accepted + counted.refused);
    assert!(unaccounted < 100, "{unaccounted} of {counted:?}");
    // A refusal is rare: a SYN finds room, if need be that of the oldest one.
    assert!(counted.refused < counted.opened / 1000, "{counted:?}");
    assert!(memory.own < MEMORY, "{memory:?}");
}

/// Has the server's namespace answer one SYN of sixteen: answering takes longer than all the rest.
#[track_caller]
fn answer_few(scene: &Scene) {
    let rules = "table netdev flood {\nchain ingress {\n\
                 type filter hook ingress device eth0 priority 0\n\
                 tcp flags & (syn | ack) == syn numgen inc mod 16 != 0 drop\n}\n}\n";
    scene.must("b1", &["nft", rules]);
}

/// What came to the endpoint's side of the node.
#[derive(Debug, Clone, Copy)]
struct Counted {
    /// Frames that came.
    came: u64,
    /// Packets toward the endpoint that were accepted.
    accepted: u64,
    /// Packets toward it that were refused.
    refused: u64,
    /// SYNs that asked the table for an entry.
    opened: u64,
}

impl Counted {
    #[track_caller]
    fn now(scene: &Scene, family: Family, control: &Map) -> Self {
        let status = scene.status();
        let link = ["ip", "-s", "-j", "link", "show", "vsw-a"];
        let link = scene.must("node", &link);
        let link: Value = serde_json::from_str(link.stdout()).expect("JSON");
        let drops = status["drops"].as_array().expect("drops").iter();
        let refused = drops.filter(|drop| drop["direction"] == "in");
        Self {
            came: number(&link[0]["stats64"]["rx"]["packets"]),
            accepted: number(&status["enis"][0]["in"]["packets"]),
            refused: refused.map(|drop| number(&drop["packets"])).sum(),
            opened: maps::opened(scene, family, control),
        }
    }

    fn since(self, before: Self) -> Self {
        Self {
            came: self.came - before.came,
            accepted: self.accepted - before.accepted,
            refused: self.refused - before.refused,
            opened: self.opened - before.opened,
        }
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

/// The daemon's memory, in KiB.
#[derive(Debug)]
struct Memory {
    /// Its own.
    own: u64,
    /// The tables that it has mapped.
    tables: u64,
}

#[track_caller]
fn memory(scene: &Scene) -> Memory {
    let path = format!("/proc/{}/status", scene.daemon.pid());
    let status = std::fs::read_to_string(&path).expect("the daemon runs");
    let kib = |field: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let words = line.and_then(|line| line.split_whitespace().next());
        words.and_then(|word| word.parse().ok()).expect(field)
    };
    Memory {
        own: kib("RssAnon:"),
        tables: kib("RssFile:") + kib("RssShmem:"),
    }
}
