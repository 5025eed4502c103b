//! A packet of a known flow that means more than its bytes: judged again if the generation changed ->
//! bandwidth -> tracked.
//!
//! May import: core, abi, the stages.

use super::{audited, find_again, going_on, note, opening};
use crate::abi::event::EndCause;
use crate::abi::family::AddressFamily;
use crate::abi::flow::{FlowKey, FlowRules, FlowState, KIND_ECHO, KIND_REVERSED, LIMITED, Side};
use crate::abi::reason::DropReason;
use crate::abi::service::{AddressKey, KIND_ENI, KIND_NAT, KIND_REVERSE};
use crate::path::case::Case;
use crate::path::context::{Refusal, Scratch};
use crate::path::flows::{Entry, Found, arena};
use crate::path::{Turn, World, judge, rate, track};

/// A packet of a known flow: judged again if the generation changed, and tracked.
#[inline(always)]
pub(super) fn known<A: AddressFamily, W: World>(
    world: &W,
    scratch: &mut Scratch,
) -> Result<Turn, Refusal> {
    let found = find_again::<A, W>(world, scratch)?;
    let is_old = found.entry.state(found.side).generation != scratch.arrived.meta.generation;
    // Kept in the scratch, where the verifier does not follow either value through all that comes.
    scratch.refusal.audited = 0;
    if is_old {
        judge_again::<A, W>(world, scratch, found.entry);
    }
    let begins_anew = match tracked::<A, W>(world, scratch, &found) {
        Ok(begins_anew) => begins_anew,
        Err(refusal) => {
            if scratch.refusal.audited != 0 {
                // One packet is told of once.
                note(world, scratch, refusal.eni, false);
            }
            return Err(refusal);
        }
    };
    if begins_anew {
        return Ok(anew::<A, W>(world, scratch, found.number()));
    }
    if scratch.refusal.audited != 0 {
        let reason = DropReason::from_number(scratch.case.audited);
        let reason = reason.unwrap_or(DropReason::TableMissing);
        let refusal = Refusal {
            rule: scratch.case.rules.deciding(reason),
            ..Refusal::of_flow(found.number(), &found.entry.state(found.side), reason)
        };
        return Ok(audited(world, scratch, refusal));
    }
    Ok(Turn::Next(going_on(scratch)))
}

/// Tracks a packet whose flow is judged, if it may pass; whether it begins the flow anew.
#[inline(always)]
fn tracked<A: AddressFamily, W: World>(
    world: &W,
    scratch: &Scratch,
    found: &Found<A, W>,
) -> Result<bool, Refusal> {
    let state = found.entry.state(found.side);
    let layers = &scratch.packet.layers;
    if let Some(reason) = DropReason::from_number(state.verdict) {
        if !track::may_open(found.side, layers) {
            return Err(Refusal {
                rule: found.entry.common().rules.deciding(reason),
                ..Refusal::of_flow(found.number(), &state, reason)
            });
        }
        return Ok(true);
    }
    limited::<A, W>(world, scratch, found, &state)?;
    let sender = scratch.arrived.link.src;
    Ok(track::follow::<A, _>(
        found.entry,
        found.side,
        layers,
        sender,
    ))
}

/// Takes the packet's share of its endpoint's bandwidth; an echo request's answer takes one too.
#[inline(always)]
fn limited<A: AddressFamily, W: World>(
    world: &W,
    scratch: &Scratch,
    found: &Found<A, W>,
    state: &FlowState,
) -> Result<(), Refusal> {
    if state.flags & LIMITED == 0 {
        return Ok(());
    }
    let (bytes, tick) = (scratch.packet.layers.bytes, scratch.arrived.tick);
    rate::ask(world, state.eni, state.direction(), bytes, tick)
        .map_err(|reason| Refusal::of_flow(found.number(), state, reason))?;
    if found.entry.common().kind != KIND_ECHO {
        return Ok(());
    }
    let answers = found.entry.state(Side::Back);
    rate::ask(world, answers.eni, answers.direction(), bytes, tick)
        .map_err(|reason| Refusal::of_flow(found.number(), &answers, reason))
}

/// Ends the flow that a packet begins anew.
#[inline(always)]
fn anew<A: AddressFamily, W: World>(world: &W, scratch: &mut Scratch, number: u32) -> Turn {
    let tick = scratch.arrived.tick;
    arena::end_and_release::<A, W>(world, number, EndCause::Replaced, tick);
    scratch.refusal.reason = 0;
    Turn::Next(opening::<A>())
}

/// Notes what the generation in force says of a flow that an earlier one judged. Whether it refuses
/// what audit mode lets pass, and another rule or none did so before.
#[inline(always)]
fn judge_again<A: AddressFamily, W: World>(world: &W, scratch: &mut Scratch, entry: W::Entry<A>) {
    let verdict = judged::<A, W>(world, scratch, entry);
    let Scratch {
        arrived,
        case,
        refusal,
        ..
    } = scratch;
    let generation = arrived.meta.generation;
    let before = entry.common();
    let before = audited_by(before.audited, &before.rules);
    let is_news = case.audited != 0 && audited_by(case.audited, &case.rules) != before;
    refusal.audited = u32::from(is_news);
    entry.set_rules(case.rules);
    entry.set_audited(case.audited);
    let limited = rate::flag(world, entry.state(Side::Forward).eni);
    for side in Side::BOTH {
        let flags = entry.state(side).flags;
        entry.set_flags(side, (flags & !LIMITED) | limited);
    }
    entry.judge(Side::Forward, generation, verdict);
    entry.judge(Side::Back, generation, case.back_verdict);
}

/// What the generation in force says of a flow: 0 or a [`DropReason`]. What it says of the way back, and
/// by which rules, is left in the case.
#[inline(always)]
pub(super) fn judged<A: AddressFamily, W: World>(
    world: &W,
    scratch: &mut Scratch,
    entry: W::Entry<A>,
) -> u8 {
    let [forward, back] = &mut scratch.halves;
    forward.key = A::widen(&entry.key(Side::Forward));
    back.key = A::widen(&entry.key(Side::Back));
    let is_reversed = A::V4 && entry.common().kind == KIND_REVERSED;
    judged_by_keys::<A, W>(world, scratch, is_reversed, entry.state(Side::Forward).eni)
}

/// The same of a flow of the ENI with this index whose keys are in the scratch.
#[inline(always)]
pub(super) fn judged_by_keys<A: AddressFamily, W: World>(
    world: &W,
    scratch: &mut Scratch,
    is_reversed: bool,
    index: u16,
) -> u8 {
    let Scratch {
        arrived,
        case,
        halves: [forward, back],
        ..
    } = scratch;
    let bank = arrived.meta.bank;
    case.begin_with_flow(&forward.key, &back.key);
    let kind = if is_reversed { KIND_REVERSE } else { KIND_ENI };
    // The ENI of a reverse endpoint is where answers arrive.
    let hears =
        !is_reversed || take_row(world, bank, &back.key, case) && case.eni.is(KIND_NAT, index);
    let verdict = if hears && take_row(world, bank, &forward.key, case) && case.eni.is(kind, index)
    {
        judge::again::<A, W>(world, bank, case)
    } else {
        case.back_verdict = DropReason::EndpointGone as u8;
        Err(DropReason::EndpointGone)
    };
    verdict.map_or_else(|reason| reason as u8, |()| 0)
}

/// What audit mode let pass, and which rule would have refused it.
#[inline(always)]
fn audited_by(reason: u8, rules: &FlowRules) -> (u8, u32) {
    let rule = DropReason::from_number(reason).map_or(0, |reason| rules.deciding(reason));
    (reason, rule)
}

/// Takes the row of the address that packets with this key arrive at into the case, if there is one.
#[inline(never)]
fn take_row<W: World>(world: &W, bank: u32, key: &FlowKey, case: &mut Case) -> bool {
    let at = AddressKey {
        address: key.dst,
        scope: key.scope,
        bank: bank as u16,
        reserved: 0,
    };
    let Some(row) = world.address(&at) else {
        return false;
    };
    case.eni = row;
    true
}
