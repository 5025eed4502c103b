//! An admitted packet leaves: next hop -> rewrite -> account. Echo requests are answered.
//!
//! May import: core, abi, the stages.

use super::find_again;
use crate::abi::family::AddressFamily;
use crate::abi::flow::{Direction, FlowState, Side};
use crate::abi::reason::DropReason;
use crate::path::case::deciding_rule;
use crate::path::context::{Arrived, Refusal, Scratch};
use crate::path::flows::{Entry, Found};
use crate::path::frame::Frame;
use crate::path::packet::Layers;
use crate::path::{Outcome, Turn, World, echo, forward, nat};

/// Rewrites a packet as its half says, addresses it to the hop and accounts it.
#[inline(always)]
pub(super) fn send<A: AddressFamily, F: Frame, W: World>(
    frame: &mut F,
    world: &W,
    arrived: &Arrived,
    layers: &Layers,
    found: &Found<A, W>,
    state: &FlowState,
) -> Result<Outcome, DropReason> {
    let hop = forward::hop(world, layers, state)?;
    let target = found.entry.target(found.side);
    if !found.is_current() {
        return Err(DropReason::FlowChanged);
    }
    forward::address(frame, &hop, state)
        .and_then(|()| nat::rewrite::<A, F>(frame, layers, state, target))
        .ok_or(DropReason::Truncated)?;
    found.entry.record(found.side, layers.bytes, arrived.tick);
    world.accepted(state.eni, state.direction(), layers.bytes);
    Ok(if hop.ifindex == arrived.port.ifindex {
        Outcome::Transmit
    } else {
        Outcome::Redirect(hop.ifindex)
    })
}

/// A packet whose flow was admitted or tracked on an earlier leg.
#[inline(always)]
pub(super) fn sending<A: AddressFamily, F: Frame, W: World>(
    frame: &mut F,
    world: &W,
    scratch: &mut Scratch,
) -> Result<Turn, Refusal> {
    let found = find_again::<A, W>(world, scratch)?;
    let state = found.entry.state(found.side);
    let Scratch {
        arrived, packet, ..
    } = scratch;
    send::<A, F, W>(frame, world, arrived, &packet.layers, &found, &state)
        .map(Turn::Done)
        .map_err(|reason| Refusal::of_flow(found.number(), &state, reason))
}

/// An admitted echo request: turned into its answer, if that may leave. Both are accounted.
#[inline(always)]
pub(super) fn echoing<A: AddressFamily, F: Frame, W: World>(
    frame: &mut F,
    world: &W,
    scratch: &mut Scratch,
) -> Result<Turn, Refusal> {
    let found = find_again::<A, W>(world, scratch)?;
    let Scratch {
        arrived, packet, ..
    } = scratch;
    let entry = found.entry;
    let bytes = packet.layers.bytes;
    let answers = entry.state(Side::Back);
    entry.record(Side::Forward, bytes, arrived.tick);
    world.accepted(answers.eni, Direction::In, bytes);
    if let Some(reason) = DropReason::from_number(answers.verdict) {
        return Err(Refusal {
            rule: deciding_rule(reason, &entry.common().rules),
            ..Refusal::of_flow(found.number(), &answers, reason)
        });
    }
    if echo::answer(frame, arrived, packet).is_none() {
        return Err(Refusal::of_flow(
            found.number(),
            &answers,
            DropReason::Truncated,
        ));
    }
    entry.record(Side::Back, bytes, arrived.tick);
    world.accepted(answers.eni, Direction::Out, bytes);
    Ok(Turn::Done(Outcome::Transmit))
}
