//! Rules are swapped whole, under traffic, again and again: what both sets let through loses nothing,
//! what neither does never passes, and what they differ about changes exactly at the swap.
//! Imports `manifest`, `scene`.
//!
//! `SWAPS=100 cargo xtask test netns` swaps that often instead.

mod node;
mod sets;
mod streams;

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use endpoint_common::abi::flow::Direction;
use endpoint_common::abi::reason::DropReason;
use endpoint_ctl::dataplane::AttachMode;
use serde_json::Value;
use xtask::lab::address::{BACKENDS, CLIENT_A, NODE};
use xtask::lab::{Host, Lab, LabSpec, Segment, Wire, inside};

use crate::scene::Scene;
use node::Node;
use sets::{Kind, SETS};
use streams::{Arrived, LIVE, PACKET_BYTES, Progress, Sent, Stream};

const SWAPS: usize = 1_000;
/// At the other hook, and by the daemon.
const SWAPS_AT_XDP: usize = 100;
const RELOADS: usize = 12;
/// Beats between two swaps at least: each generation judges so many packets of every stream.
const BEATS: u64 = 5;
/// Every so many swaps one set follows another of its kind, which moves both sets to the other banks.
const SHIFT: usize = 50;

fn swaps(default: usize) -> usize {
    std::env::var("SWAPS").map_or(default, |text| text.parse().expect("SWAPS is a number"))
}

/// A client, the node and one server, joined by cables.
fn spec() -> LabSpec {
    let port = |role, segment, ip, length| Host::new(role).port("eth0", segment, &[(ip, length)]);
    let node = Host::new("node").port("vsw-a", "vswitch", &[]);
    LabSpec {
        segments: ["vswitch", "pnet"]
            .map(|name| Segment::new(name, Wire::Cable))
            .into(),
        hosts: vec![
            port("client-a", "vswitch", CLIENT_A, 24),
            node.port("provider", "pnet", &[(NODE, 16)]).xdp(),
            port("b1", "pnet", BACKENDS[0], 16),
        ],
        ipv6: false,
        offloads: false,
    }
}

/// A swap, in beats: those that were over when it began, and when it had ended.
#[derive(Debug, Clone, Copy)]
struct Swap {
    began: u64,
    ended: u64,
    /// Whether what the sets differ about changed.
    flips: bool,
}

/// Runs the streams while `swap` puts sets in force, by their place in [`SETS`]; tells what was sent,
/// what arrived, and when was swapped.
fn under_traffic(
    lab: &Lab,
    swaps: usize,
    mut swap: impl FnMut(usize) -> Result<Kind>,
) -> Result<(Sent, Arrived, Vec<Swap>)> {
    let progress = Progress::default();
    thread::scope(|scope| {
        let server = scope.spawn(|| inside(lab.ns("b1"), || streams::serve(&progress)));
        thread::sleep(Duration::from_millis(200));
        let client = scope.spawn(|| inside(lab.ns("client-a"), || streams::send(&progress)));
        let beats = |least: u64| {
            while progress.beats.load(Ordering::Acquire) < least && !client.is_finished() {
                thread::sleep(Duration::from_micros(200));
            }
            progress.beats.load(Ordering::Acquire)
        };
        let mut swapping = || -> Result<Vec<Swap>> {
            let (mut done, mut before) = (Vec::new(), SETS[0].0);
            let mut place = 0;
            // All live flows are there, and have been answered.
            let mut least = 2 * LIVE;
            for number in 1..=swaps {
                place += if number % SHIFT == 0 { 2 } else { 1 };
                let began = beats(least);
                let kind = swap(place % SETS.len())?;
                let ended = progress.beats.load(Ordering::Acquire);
                let flips = kind != before;
                done.push(Swap {
                    began,
                    ended,
                    flips,
                });
                (before, least) = (kind, ended + 1 + BEATS);
            }
            beats(least);
            Ok(done)
        };
        let swapped = swapping();
        progress.ends.store(true, Ordering::Relaxed);
        let sent = client.join().expect("the client does not panic");
        progress.closed.store(true, Ordering::Relaxed);
        let arrived = server.join().expect("the server does not panic");
        Ok((
            sent.context("client")?,
            arrived.context("server")?,
            swapped?,
        ))
    })
}

/// Whether every datagram of a stream arrived, in order, each once.
#[track_caller]
fn assert_whole(stream: Stream, sent: &Sent, arrived: &Arrived) {
    let numbers = arrived.get(&stream).map_or(&[][..], Vec::as_slice);
    let mut wanted = 1..=sent.beats;
    let wrong = numbers
        .iter()
        .find(|number| wanted.next() != Some(**number));
    assert_eq!(wrong, None, "{stream:?} arrives out of order, or not");
    assert_eq!(numbers.len() as u64, sent.beats, "{stream:?} lost its last");
}

/// Whether what a stream's packets met changed with the swaps that change it, and never else: the
/// verdict after the swap holds for all that was sent once it had ended, and before that there is one
/// change and no more.
#[track_caller]
fn assert_flips(stream: Stream, sent: &Sent, arrived: &Arrived, swaps: &[Swap]) {
    let numbers = arrived.get(&stream).map_or(&[][..], Vec::as_slice);
    assert!(
        numbers.is_sorted_by(|a, b| a < b),
        "{stream:?} is out of order"
    );
    let mut here = vec![false; usize::try_from(sent.beats).expect("beats") + 1];
    for number in numbers {
        here[usize::try_from(*number).expect("a beat")] = true;
    }
    let beats = (1..here.len()).skip(1);
    let changes: Vec<_> = beats.filter(|beat| here[*beat] != here[beat - 1]).collect();
    let flips: Vec<_> = swaps.iter().filter(|swap| swap.flips).collect();
    assert_eq!(
        changes.len(),
        flips.len(),
        "{stream:?} changes, and swaps that change it"
    );
    for (change, Swap { began, ended, .. }) in changes.iter().zip(&flips) {
        // The first that met the new rules was under way during the swap, or sent next after it.
        let change = *change as u64;
        assert!(
            (*began..=ended + 1).contains(&change),
            "{stream:?} changes at {change}, the swap took {began} to {ended}"
        );
    }
}

/// What every run must come to.
#[track_caller]
fn assert_all(sent: &Sent, arrived: &Arrived, swaps: &[Swap]) {
    for stream in [Stream::Steady, Stream::Fresh, Stream::Live] {
        assert_whole(stream, sent, arrived);
    }
    for stream in [Stream::Steady, Stream::Live] {
        assert_eq!(sent.answers[&stream], sent.beats, "answers to {stream:?}");
    }
    assert_eq!(
        arrived.get(&Stream::Never),
        None,
        "what neither set lets through"
    );
    for stream in [Stream::Differs, Stream::DiffersFresh] {
        assert_flips(stream, sent, arrived, swaps);
    }
}

/// Packets that went in and out, and those that rules dropped, in and out.
fn expected(sent: &Sent, arrived: &Arrived) -> [u64; 4] {
    let count = |stream| {
        arrived
            .get(&stream)
            .map_or(0, |numbers| numbers.len() as u64)
    };
    let passed: u64 = arrived.values().map(|numbers| numbers.len() as u64).sum();
    let answers: u64 = sent.answers.values().sum();
    let answered: u64 = [Stream::Steady, Stream::Live, Stream::Differs]
        .map(count)
        .iter()
        .sum();
    [passed, answers, 6 * sent.beats - passed, answered - answers]
}

fn swap_tables(mode: AttachMode, count: usize) {
    let lab = Lab::new(&spec()).expect("the lab must come up");
    let mut node = Node::new(&lab, mode).expect("the node must come up");
    let (start, mut longest) = (Instant::now(), Duration::ZERO);
    let swap = |place| {
        let start = Instant::now();
        let kind = node.swap(place);
        longest = longest.max(start.elapsed());
        kind
    };
    let ran = under_traffic(&lab, count, swap);
    let (sent, arrived, swaps) = ran.unwrap_or_else(|error| panic!("{error:#}"));
    let flips = swaps.iter().filter(|swap| swap.flips).count();
    println!(
        "{mode}: {count} swaps, {flips} of them flips, between sets of {} rules ({:?} nodes) in {:.1} s, \
         the longest took {longest:?}; {} datagrams of each of 6 streams, {LIVE} live flows, {:?} answers",
        sets::RULES,
        node.rows(),
        start.elapsed().as_secs_f64(),
        sent.beats,
        sent.answers
    );
    assert_all(&sent, &arrived, &swaps);
    let [in_packets, out_packets, dropped_in, dropped_out] = expected(&sent, &arrived);
    let counters = node.counters();
    let found = [counters.accepted_in, counters.accepted_out];
    let found = found.map(|counter| (counter.packets, counter.bytes));
    let wanted = [in_packets, out_packets].map(|packets| (packets, packets * PACKET_BYTES));
    assert_eq!(found, wanted, "the ENI's counters");
    let drops = node.drops();
    let packets = |ours: fn(DropReason, Direction) -> bool| -> u64 {
        let ours = drops.iter().filter(|(reason, at, _)| ours(*reason, *at));
        ours.map(|(.., packets)| packets).sum()
    };
    let of_requests =
        packets(|reason, at| (reason, at) == (DropReason::GroupIngress, Direction::In));
    assert_eq!(of_requests, dropped_in, "{drops:?}");
    // An answer that was under way meets a flow that is cut, or one that has begun anew since.
    let late = packets(|reason, at| match reason {
        DropReason::GroupIngress => at == Direction::Out,
        reason => reason == DropReason::NoFlow,
    });
    assert_eq!(late, dropped_out, "{drops:?}");
    assert_eq!(packets(|_, _| true), of_requests + late, "{drops:?}");
    assert!(longest < node::LONGEST, "{longest:?}");
}

#[test]
fn a_thousand_swaps_lose_and_let_through_nothing_wrong_at_tc() {
    swap_tables(AttachMode::Tc, swaps(SWAPS));
}

#[test]
fn swaps_lose_and_let_through_nothing_wrong_at_xdp() {
    swap_tables(AttachMode::Native, swaps(SWAPS_AT_XDP));
}

/// The same by the daemon, which reads 10,000 rules from its file each time.
#[test]
fn whole_reloads_lose_and_let_through_nothing_wrong() {
    let texts = SETS.map(|(kind, filling)| sets::manifest(kind, filling).text());
    let room = ["--rules", "65536", "--policy-rows", "262144"];
    let scene = Scene::without_servers(&spec(), &texts[0], &room);
    let swap = |place: usize| {
        scene.daemon.reload(&texts[place])?;
        Ok(SETS[place].0)
    };
    let start = Instant::now();
    let ran = under_traffic(&scene.lab, swaps(RELOADS), swap);
    let (sent, arrived, swaps) = ran.unwrap_or_else(|error| panic!("{error:#}"));
    println!(
        "{} reloads of {} rules in {:.1} s; {} datagrams of each of 6 streams",
        swaps.len(),
        sets::RULES,
        start.elapsed().as_secs_f64(),
        sent.beats
    );
    assert_all(&sent, &arrived, &swaps);
    let status = scene.status();
    let number = |row: &Value| row["packets"].as_u64().expect("a number");
    let eni = &status["enis"][0];
    let drops = status["drops"].as_array().expect("drops");
    let drops = drops.iter().map(number).sum();
    let [in_packets, out_packets, dropped_in, dropped_out] = expected(&sent, &arrived);
    assert_eq!(
        [number(&eni["in"]), number(&eni["out"]), drops],
        [in_packets, out_packets, dropped_in + dropped_out],
        "{status}"
    );
}
