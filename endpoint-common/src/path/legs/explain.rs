//! What would become of a packet: the stages of a known flow and of a new one, up to the first that would
//! leave something behind. No limit is asked, since asking takes a share of it.
//!
//! May import: core, abi, wire, the stages.

use super::arrive::{blank, link_layer};
use super::{known, open};
use crate::abi::explain::{Explanation, JUDGED};
use crate::abi::family::{AddressFamily, Inet, Inet6};
use crate::abi::flow::{Family, FlowEntry, FlowRules, KIND_ECHO, KIND_REVERSED, Side};
use crate::abi::reason::DropReason;
use crate::abi::service::Hop;
use crate::path::context::{Arrived, Scratch};
use crate::path::flows::{Entry, Found, find};
use crate::path::frame::Frame;
use crate::path::packet::Layers;
use crate::path::parse::{self, Parsed};
use crate::path::{Arrival, World, flow, forward, judge, track};
use crate::wire::{EthHdr, protocol};

/// Explains an IPv4 packet: first (`FLOW`) of the flow it belongs to, then (not `FLOW`) as one that opens a
/// flow. Together they would be too much for the verifier of Linux 6.1. `answer` says where the packet
/// arrives, without its tags; the rest of it is zero at first. `scratch` is nobody else's meanwhile.
#[inline(always)]
pub fn explain<const FLOW: bool, F: Frame, W: World>(
    frame: &mut F,
    world: &W,
    tick: u32,
    scratch: &mut Scratch,
    answer: &mut Explanation,
) {
    let Some(arrived) = arrived(frame, world, tick, answer) else {
        return;
    };
    scratch.arrived = arrived;
    let mut packet = blank::<Inet>();
    let parsed = parse::ipv4(frame, &mut packet);
    scratch.packet.src = Inet::wide(packet.src);
    scratch.packet.dst = Inet::wide(packet.dst);
    scratch.packet.layers = packet.layers;
    explain_ip::<FLOW, Inet, F, W>(frame, world, scratch, answer, parsed);
}

/// Explains an IPv6 packet; see [`explain`].
#[inline(always)]
pub fn explain6<const FLOW: bool, F: Frame, W: World>(
    frame: &mut F,
    world: &W,
    tick: u32,
    scratch: &mut Scratch,
    answer: &mut Explanation,
) {
    let Some(arrived) = arrived(frame, world, tick, answer) else {
        return;
    };
    scratch.arrived = arrived;
    scratch.packet.layers = Layers::at(EthHdr::LEN as u16, Family::V6);
    let parsed = parse::ipv6(frame, &mut scratch.packet);
    explain_ip::<FLOW, Inet6, F, W>(frame, world, scratch, answer, parsed);
}

#[inline(always)]
fn arrived<F: Frame, W: World>(
    frame: &F,
    world: &W,
    tick: u32,
    answer: &Explanation,
) -> Option<Arrived> {
    let eth = frame.header::<EthHdr, 14>(0)?;
    let at = Arrival {
        ifindex: answer.ifindex,
        tick,
    };
    link_layer(&eth, world, at, answer.tags)
}

#[inline(always)]
fn explain_ip<const FLOW: bool, A: AddressFamily, F: Frame, W: World>(
    frame: &F,
    world: &W,
    scratch: &mut Scratch,
    answer: &mut Explanation,
    parsed: Parsed,
) {
    answer.generation = scratch.arrived.meta.generation;
    let fault = match parsed {
        Parsed::Whole => 0,
        Parsed::Faulty(reason) => reason as u8,
        Parsed::NotOurs | Parsed::Solicitation | Parsed::Error | Parsed::LaterFragment => return,
    };
    if FLOW {
        let key = A::narrow(&scratch.packet.wide_key(scratch.arrived.port.scope));
        let found = find::<A, W>(world, scratch.arrived.meta.secret, &key);
        if let Some(found) = found.filter(|_| fault == 0) {
            of_flow::<A, F, W>(frame, world, scratch, answer, &found);
        }
        return;
    }
    scratch.case.listener = bytemuck::Zeroable::zeroed();
    if !open::begin(world, scratch) {
        return;
    }
    answer.outcome = JUDGED;
    answer.reason = if fault == 0 {
        new_flow::<A, F, W>(frame, world, scratch, answer)
    } else {
        fault
    };
    let case = &scratch.case;
    answer.rules = case.rules;
    answer.eni = case.eni;
    answer.listener = case.listener;
    answer.backend = case.backend;
    answer.backend_port = case.backend_port;
    answer.back_reason = case.back_verdict;
}

/// The flow the packet belongs to, and what a packet of it meets.
#[inline(always)]
fn of_flow<A: AddressFamily, F: Frame, W: World>(
    frame: &F,
    world: &W,
    scratch: &mut Scratch,
    answer: &mut Explanation,
    found: &Found<A, W>,
) {
    let entry = found.entry;
    answer.flow = found.number().wrapping_add(1);
    answer.flow_side = found.side as u8;
    for (half, side) in answer.entry.halves.iter_mut().zip(Side::BOTH) {
        half.key = A::widen(&entry.key(side));
        half.state = entry.state(side);
    }
    let common = entry.common();
    answer.entry.common = common;
    let [forward, back] = [Side::Forward, Side::Back].map(|side| entry.state(side));
    let generation = scratch.arrived.meta.generation;
    if entry.state(found.side).generation == generation {
        answer.flow_verdicts = [forward.verdict, back.verdict];
        answer.flow_rules = common.rules;
    } else {
        let verdict = known::judged::<A, W>(world, scratch, entry);
        answer.flow_verdicts = [verdict, scratch.case.back_verdict];
        answer.flow_rules = scratch.case.rules;
    }
    let layers = &scratch.packet.layers;
    let [verdict, back_verdict] = answer.flow_verdicts;
    let is_back = found.side as u8 == Side::Back as u8;
    let verdict = if is_back { back_verdict } else { verdict };
    answer.begins_anew = u8::from(if verdict == 0 {
        track::is_over(common.phase, found.side, layers)
    } else {
        track::may_open(found.side, layers)
    });
    answer.flow_reason = if verdict != 0 {
        verdict
    } else if common.kind == KIND_ECHO {
        back_verdict
    } else {
        let row = if is_back { back.hop } else { forward.hop };
        leaves(frame, world, layers, row, &mut answer.hop)
    };
}

/// What a packet meets that opens a flow: 0 or a [`DropReason`].
#[inline(always)]
fn new_flow<A: AddressFamily, F: Frame, W: World>(
    frame: &F,
    world: &W,
    scratch: &mut Scratch,
    answer: &mut Explanation,
) -> u8 {
    let is_reversed = match open::judged::<A, W>(world, scratch) {
        Ok(is_reversed) => is_reversed,
        Err(reason) => return reason as u8,
    };
    scratch.halves[0].key = scratch.packet.wide_key(scratch.arrived.port.scope);
    let hash = flow::first_choice::<A>(scratch);
    let Scratch {
        arrived,
        packet,
        case,
        ..
    } = scratch;
    if protocol::is_icmp(packet.layers.protocol) {
        // The ENI answers, or is kept from it.
        return case.back_verdict;
    }
    let bank = arrived.meta.bank;
    match flow::candidate(world, bank, &case.listener, hash) {
        Ok((address, port)) => (answer.nat, answer.nat_port) = (address, port),
        Err(reason) => return reason as u8,
    }
    if is_reversed {
        case.nat_port = answer.nat_port;
        judge::acl_from_resource::<A, W>(world, bank, case);
    }
    if let Some(hop) = world.hop(u32::from(case.eni.hop)) {
        answer.back_hop = hop;
    }
    leaves(
        frame,
        world,
        &packet.layers,
        case.backend_hop,
        &mut answer.hop,
    )
}

/// Whether a packet can leave by a hop, which is noted as it is: 0 or a [`DropReason`].
#[inline(always)]
fn leaves<F: Frame, W: World>(
    frame: &F,
    world: &W,
    layers: &Layers,
    row: u16,
    noted: &mut Hop,
) -> u8 {
    if let Some(hop) = world.hop(u32::from(row)) {
        *noted = hop;
    }
    match forward::hop(world, layers, row) {
        Ok(hop) if forward::is_too_big(frame, &hop, layers) => DropReason::PacketTooBig as u8,
        Ok(_) => 0,
        Err(reason) => reason as u8,
    }
}

/// What the generation in force says of a flow, wherever that was recorded: by side 0 or a
/// [`DropReason`], and the rules that say so. `None` if there is no generation.
pub fn judge_flow<W: World>(
    world: &W,
    scratch: &mut Scratch,
    flow: &FlowEntry,
) -> Option<([u8; 2], FlowRules)> {
    scratch.arrived.meta = world.meta()?;
    for (half, recorded) in scratch.halves.iter_mut().zip(&flow.halves) {
        half.key = recorded.key;
    }
    let [forward, _] = &flow.halves;
    let is_reversed = flow.common.kind == KIND_REVERSED;
    let index = forward.state.eni;
    let verdict = if forward.key.is_v4() {
        known::judged_by_keys::<Inet, W>(world, scratch, is_reversed, index)
    } else {
        known::judged_by_keys::<Inet6, W>(world, scratch, false, index)
    };
    Some(([verdict, scratch.case.back_verdict], scratch.case.rules))
}
