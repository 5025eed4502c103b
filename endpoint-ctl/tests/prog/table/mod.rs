//! The table of packets: each with what it shows, where it arrives, and what must become of it.
//! One row after the other goes through both sides in one world, so later rows may build on what
//! earlier ones left behind.
//!
//! May import: endpoint-common, endpoint-ctl (model), packet, twins, world.

/// Steps, a line each: `where: "what it shows", frame => fate;`, or `then` and a change.
macro_rules! rows {
    (@made [$($made:expr,)*]) => {
        vec![$($made),*]
    };
    (@made [$($made:expr,)*] then $step:expr; $($rest:tt)*) => {
        rows!(@made [$($made,)* $step,] $($rest)*)
    };
    (@made [$($made:expr,)*] $leg:ident: $what:expr, $frame:expr => $fate:expr; $($rest:tt)*) => {
        rows!(@made [$($made,)* super::row($what, $leg, $frame, $fate),] $($rest)*)
    };
    ($($steps:tt)*) => {
        rows!(@made [] $($steps)*)
    };
}

mod answers;
mod audit;
mod flow;
mod generation;
mod ipv6;
mod limits;
mod link;
mod parse;
mod policy;
mod related;
mod reverse;
mod rules;
mod service;
mod told;

use std::collections::BTreeMap;

use endpoint_common::abi::flow::{FlowLimits, Side};
use endpoint_common::abi::reason::DropReason;
use endpoint_common::path::Outcome;
use endpoint_ctl::model::Model;

use crate::differences::hex;
use crate::icmp_error;
use crate::packet::{self, Arp, NODE, Packet};
use crate::packet6::{self, Packet6};
use crate::twins::Ran;
use crate::world::{Leg, World};
use told::Told;

/// So few that [`fill_up`] is quick, and enough for all rows before it.
const FLOWS: u32 = 256;

/// A row of the table, or a change between rows.
enum Step {
    Row {
        what: &'static str,
        on: Leg,
        frame: Frame,
        expect: Expect,
    },
    Change(fn(&mut World)),
    /// A change of the model, put in force as the next generation.
    Model(fn(&mut Model)),
}

enum Frame {
    Packet(Packet),
    Bytes(Vec<u8>),
    /// The answer to what came out of an earlier row, changed a little.
    AnswerTo(&'static str, fn(Packet) -> Packet),
    Packet6(Packet6),
    /// The answer to an IPv6 frame.
    Answer6To(&'static str),
    /// An ICMP error about what came out of an earlier row, with so many bytes of its transport.
    ErrorAbout(&'static str, usize),
}

/// What must become of a packet.
#[derive(Clone, Copy)]
enum Expect {
    /// Left untouched.
    Pass,
    /// Answered in place.
    Answer,
    /// Sent to this leg.
    To(Leg),
    /// Sent back out where it came from, as a forwarded packet.
    Back,
    /// Sent, and the frame fulfils this.
    ToAs(Leg, fn(&Packet) -> bool),
    /// Sent, as an ICMP error that quotes what went into the row of this name.
    Quotes(Leg, &'static str),
    /// Sent, and its last bytes are these.
    ToWith(Leg, &'static [u8]),
    /// Sent, and told that in audit mode this rule would have refused it.
    AuditTo(Leg, DropReason, &'static str),
    /// Answered in place, and told that likewise.
    AuditAnswer(DropReason, &'static str),
    /// Dropped, no rule being the cause, and its sender is told this.
    Tells(DropReason, Told),
    /// Dropped, no rule being the cause.
    Drop(DropReason),
    /// Dropped by the rule of this name.
    DropBy(DropReason, &'static str),
}

fn row(what: &'static str, on: Leg, frame: impl Into<Frame>, expect: Expect) -> Step {
    let frame = frame.into();
    Step::Row {
        what,
        on,
        frame,
        expect,
    }
}

/// The answer to what came out of the row of this name, changed a little.
fn answer(to: &'static str, change: fn(Packet) -> Packet) -> Frame {
    Frame::AnswerTo(to, change)
}

/// The answer to the IPv6 frame that came out of the row of this name.
fn answer6(to: &'static str) -> Frame {
    Frame::Answer6To(to)
}

/// An ICMP error about the frame that came out of the row of this name.
fn about(what: &'static str) -> Frame {
    Frame::ErrorAbout(what, usize::MAX / 2)
}

/// The same, quoting only 8 bytes of the transport.
fn about_briefly(what: &'static str) -> Frame {
    Frame::ErrorAbout(what, 8)
}

fn as_is(packet: Packet) -> Packet {
    packet
}

impl From<Packet> for Frame {
    fn from(packet: Packet) -> Self {
        Self::Packet(packet)
    }
}

impl From<Packet6> for Frame {
    fn from(packet: Packet6) -> Self {
        Self::Packet6(packet)
    }
}

impl From<Arp> for Frame {
    fn from(arp: Arp) -> Self {
        Self::Bytes(arp.bytes())
    }
}

impl From<Vec<u8>> for Frame {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

#[test]
fn every_packet_of_the_table_has_the_same_fate_on_both_sides() {
    go_through(World::new(FLOWS));
}

#[test]
fn every_packet_of_the_table_has_that_fate_with_vlan_tags_too() {
    go_through(World::on_a_trunk(FLOWS));
}

fn go_through(mut world: World) {
    let mut outputs = BTreeMap::new();
    let mut inputs = BTreeMap::new();
    let stranger = packet::udp("10.0.1.201:9", "10.0.1.20:9");
    outputs.insert("a stranger's packet", stranger.bytes());
    let mut wrong = Vec::new();
    let parts: [fn() -> Vec<Step>; 13] = [
        link::steps,
        parse::steps,
        rules::steps,
        service::steps,
        flow::steps,
        ipv6::steps,
        related::steps,
        limits::steps,
        reverse::steps,
        answers::steps,
        audit::steps,
        policy::steps,
        generation::steps,
    ];
    for step in parts.iter().flat_map(|part| part()) {
        match step {
            Step::Change(change) => change(&mut world),
            Step::Model(change) => world.change(change),
            Step::Row {
                what,
                on,
                frame,
                expect,
            } => {
                let Some(frame) = bytes(frame, on, &outputs) else {
                    wrong.push(format!("{what}: the row it answers failed"));
                    continue;
                };
                let fate = world.run(on, &frame).and_then(|ran| {
                    let checked = check(&world, &frame, &ran, expect);
                    let checked = checked.and_then(|()| check_quote(&ran, expect, &inputs));
                    inputs.insert(what, frame.clone());
                    let earlier = outputs.insert(what, ran.frame);
                    assert!(earlier.is_none(), "two rows are called {what:?}");
                    checked
                });
                wrong.extend(
                    fate.err()
                        .map(|error| format!("{what}, on {on:?}:\n{error}")),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{} packets", outputs.len());
    flood(&mut world);
    fill_share(&mut world);
    fill_up(&mut world);
    let tables = world.twins.compare_tables();
    tables.unwrap_or_else(|error| panic!("after the table:\n{error}"));
    assert_every_reason_was_seen(&world);
}

fn assert_every_reason_was_seen(world: &World) {
    let seen = world.twins.drops();
    let missing: Vec<_> = DropReason::ALL
        .iter()
        // Takes two CPUs.
        .filter(|reason| **reason != DropReason::FlowChanged && !seen.contains_key(reason))
        .collect();
    assert!(missing.is_empty(), "no packet was dropped for {missing:?}");
}

/// The frame; `None` if there is nothing to answer.
fn bytes(frame: Frame, on: Leg, outputs: &BTreeMap<&str, Vec<u8>>) -> Option<Vec<u8>> {
    match frame {
        Frame::Bytes(bytes) => Some(bytes),
        Frame::Packet(packet) if packet.to == NODE => Some(packet.at_mac(on.mac()).bytes()),
        Frame::Packet(packet) => Some(packet.bytes()),
        Frame::Packet6(packet) if packet.is_to_node() => Some(packet.at_mac(on.mac()).bytes()),
        Frame::Packet6(packet) => Some(packet.bytes()),
        Frame::Answer6To(what) => Some(packet6::answer(outputs.get(what)?)?.bytes()),
        Frame::ErrorAbout(what, quoted) => {
            let mut error = icmp_error::about(outputs.get(what)?, 1, quoted)?;
            error[..6].copy_from_slice(&on.mac());
            Some(error)
        }
        Frame::AnswerTo(what, change) => {
            let answer = packet::answer(outputs.get(what)?)?;
            Some(change(answer).bytes())
        }
    }
}

fn check(world: &World, before: &[u8], ran: &Ran, expect: Expect) -> Result<(), String> {
    let (outcome, rule) = match expect {
        Expect::Pass => (Outcome::Pass, ""),
        Expect::Answer | Expect::AuditAnswer(..) | Expect::Back => (Outcome::Transmit, ""),
        Expect::To(leg)
        | Expect::ToAs(leg, _)
        | Expect::AuditTo(leg, ..)
        | Expect::ToWith(leg, _)
        | Expect::Quotes(leg, _) => (Outcome::Redirect(leg.ifindex()), ""),
        Expect::Tells(reason, _) => (Outcome::Answer(reason), ""),
        Expect::Drop(reason) => (Outcome::Drop(reason), ""),
        Expect::DropBy(reason, rule) => (Outcome::Drop(reason), rule),
    };
    let number = ran.event.map_or(0, |event| event.rule);
    let by = world.rule_name(number);
    if (ran.outcome, by) != (outcome, rule) {
        return Err(format!(
            "expected {outcome:?} {rule}\nboth say {:?} {by}\nin  {}\nout {}",
            ran.outcome,
            hex(before),
            hex(&ran.frame)
        ));
    }
    let told = ran
        .audit
        .map_or((0, ""), |event| (event.reason, world.rule_name(event.rule)));
    let audit = match expect {
        Expect::AuditTo(_, reason, rule) | Expect::AuditAnswer(reason, rule) => {
            (reason as u8, rule)
        }
        _ => (0, ""),
    };
    if told != audit {
        return Err(format!("audit expected {audit:?}, both say {told:?}"));
    }
    let holds = match expect {
        Expect::Tells(_, what) => return told::check(before, &ran.frame, what),
        Expect::ToWith(_, end) if !ran.frame.ends_with(end) => {
            return Err(format!("does not end with {end:x?}: {}", hex(&ran.frame)));
        }
        Expect::ToAs(_, holds) => holds,
        _ => return Ok(()),
    };
    let out = packet::read(&ran.frame).ok_or("not an IPv4 frame")?;
    if holds(&out) {
        Ok(())
    } else {
        Err(format!("out came {out:?}, {}", hex(&ran.frame)))
    }
}

/// An error must come from where its receiver sent to, and quote what it sent, all sums right.
fn check_quote(ran: &Ran, expect: Expect, inputs: &BTreeMap<&str, Vec<u8>>) -> Result<(), String> {
    let Expect::Quotes(_, what) = expect else {
        return Ok(());
    };
    let sent = inputs.get(what).ok_or("no such row")?;
    let quote = icmp_error::quote(&ran.frame).ok_or("quotes nothing")?;
    let (expected, found) = (icmp_error::ends(sent), icmp_error::ends(&quote));
    if expected.is_none() || expected != found {
        return Err(format!("quotes {found:x?}, not {expected:x?}"));
    }
    // All but what routers change.
    let ttl = if sent[12..14] == [8, 0] { 22 } else { 21 };
    let (mut sent, mut quote) = (sent[14..].to_vec(), quote[14..].to_vec());
    for packet in [&mut sent, &mut quote] {
        packet[ttl - 14] = 0;
        if ttl == 22 {
            packet[10..12].fill(0);
        }
    }
    if !sent.starts_with(&quote) {
        return Err(format!("quotes {}\nnot    {}", hex(&quote), hex(&sent)));
    }
    Ok(())
}

/// Opens flows, and leaves them half-open: the table never gets full of them.
fn flood(world: &mut World) {
    for port in 20_000..22_000 {
        let outcome = hand_shake(world, port, 1);
        assert!(
            matches!(outcome, Outcome::Redirect(_)),
            "{port}: {outcome:?}"
        );
    }
}

/// Opens flows by whole handshakes until the table is full; then it stays full.
fn fill_up(world: &mut World) {
    let opened = (22_000..24_000).find(|port| hand_shake(world, *port, 3) == FULL);
    let opened = opened.expect("the table gets full") - 22_000;
    assert!(u32::from(opened) > FLOWS / 2, "only {opened} flows fitted");
    flood_in_vain(world);
    let flows = world.twins.flows().into_iter();
    let flows = flows.filter(|flow| flow.half(Side::Forward).key.is_v4());
    assert_eq!(flows.count(), FLOWS as usize);
}

const FULL: Outcome = Outcome::Drop(DropReason::FlowTableFull);

fn flood_in_vain(world: &mut World) {
    for port in 24_000..25_000 {
        assert_eq!(hand_shake(world, port, 1), FULL, "{port}");
    }
}

/// The first `steps` of SYN, its answer, and the answer to that; what became of the SYN.
fn hand_shake(world: &mut World, port: u16, steps: u32) -> Outcome {
    let client = format!("10.0.2.77:{port}");
    let request = packet::tcp(&client, "10.0.2.100:80").at_mac(Leg::VswA2.mac());
    let mut run = |leg, packet: Packet| {
        let ran = world.run(leg, &packet.bytes());
        ran.unwrap_or_else(|error| panic!("port {port}:\n{error}"))
    };
    let opened = run(Leg::VswA2, request.clone().syn());
    if steps == 1 || !matches!(opened.outcome, Outcome::Redirect(_)) {
        return opened.outcome;
    }
    let answer = packet::answer(&opened.frame).expect("a packet");
    let answered = run(Leg::ProviderA, answer.flags(packet::SYN | packet::ACK));
    assert!(
        matches!(answered.outcome, Outcome::Redirect(_)),
        "{port}: {answered:?}"
    );
    let confirmed = run(Leg::VswA2, request.flags(packet::ACK));
    assert!(
        matches!(confirmed.outcome, Outcome::Redirect(_)),
        "{port}: {confirmed:?}"
    );
    opened.outcome
}

/// A share that is full refuses new flows, and lets old ones live.
fn fill_share(world: &mut World) {
    let eni = world
        .twins
        .flows()
        .iter()
        .map(|flow| flow.half(Side::Forward))
        .find_map(|half| {
            (half.key.dst == endpoint_common::abi::mapped([10, 0, 2, 100]))
                .then_some(half.state.eni)
        });
    let eni = eni.expect("a flow of the ENI");
    let share = |flows| FlowLimits {
        flows,
        ..FlowLimits::default()
    };
    world.twins.set_limits(eni, share(1));
    let refused = hand_shake(world, 26_000, 1);
    assert_eq!(refused, Outcome::Drop(DropReason::FlowShareFull));
    world.twins.set_limits(eni, share(0));
}
