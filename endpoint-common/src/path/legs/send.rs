//! An admitted packet leaves: next hop -> rewrite -> account. Echo requests are answered.
//!
//! May import: core, abi, wire, the stages.

use super::{find_again, opening};
use crate::abi::family::AddressFamily;
use crate::abi::flow::{Direction, FlowState, Side};
use crate::abi::reason::DropReason;
use crate::abi::service::Hop;
use crate::path::context::{Arrived, Exit, Refusal, Scratch};
use crate::path::flows::{Entry, Found, find};
use crate::path::frame::Frame;
use crate::path::packet::Layers;
use crate::path::{Leg, Outcome, Turn, World, echo, forward, fragment, mss, nat, related};
use crate::wire::checksum;

/// Rewrites a packet as its half says, addresses it to the hop, which is returned, and accounts it.
/// `first` may refuse the hop or change the transport's bytes, and says by how much that changes their sum.
#[inline(always)]
pub(super) fn send<A: AddressFamily, F: Frame, W: World>(
    frame: &mut F,
    world: &W,
    arrived: &Arrived,
    layers: &Layers,
    found: &Found<A, W>,
    state: &FlowState,
    first: impl FnOnce(&mut F, &Hop) -> Result<u16, DropReason>,
) -> Result<Hop, DropReason> {
    let hop = forward::hop(world, layers, state.hop)?;
    if forward::is_too_big(frame, &hop, layers) {
        return Err(DropReason::PacketTooBig);
    }
    let target = found.entry.target(found.side);
    if !found.is_current() {
        return Err(DropReason::FlowChanged);
    }
    let change = u32::from(first(frame, &hop)?);
    let rest = checksum::fold(change.wrapping_add(u32::from(state.port_delta)));
    forward::address(frame, &hop, state)
        .and_then(|()| nat::rewrite::<A, F>(frame, layers, state, target, rest))
        .ok_or(DropReason::Truncated)?;
    found.entry.record(found.side, layers.bytes, arrived.tick);
    world.accepted(state.eni, state.direction(), layers.bytes);
    Ok(hop)
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
    let layers = &packet.layers;
    let clamp = |frame: &mut F, hop: &Hop| {
        let back = found.entry.state(found.side.other());
        let back_mtu = world
            .hop(u32::from(back.hop))
            .map_or(hop.mtu, |hop| hop.mtu);
        let mtu = hop.mtu.min(back_mtu);
        Ok(mss::clamp::<A, F>(frame, layers, mtu))
    };
    let sent = send::<A, F, W>(frame, world, arrived, layers, &found, &state, clamp);
    let hop = sent.map_err(|reason| Refusal {
        mtu: world.hop(u32::from(state.hop)).map_or(0, |hop| hop.mtu),
        ..Refusal::of_flow(found.number(), &state, reason)
    })?;
    fragment::remember(world, scratch);
    Ok(leave::<F>(scratch, &hop))
}

/// An ICMP error: goes with the packets that answer the one it quotes, if that is of a flow.
#[inline(always)]
pub(super) fn relating<A: AddressFamily, F: Frame, W: World>(
    frame: &mut F,
    world: &W,
    scratch: &mut Scratch,
) -> Result<Turn, Refusal> {
    let Scratch {
        arrived,
        packet,
        halves: [half, _],
        refusal,
        ..
    } = scratch;
    let layers = &packet.layers;
    let quote = related::quoted::<A, F>(frame, layers, arrived.port.scope, &mut half.key);
    let found = quote.and_then(|quote| {
        let key = A::narrow(&half.key);
        find::<A, W>(world, arrived.meta.secret, &key).map(|found| (quote, found))
    });
    let Some((quote, found)) = found else {
        // Whose address it is for is asked all the same: if nobody's, it is none of ours.
        refusal.reason = DropReason::IcmpUnrelated as u8;
        return Ok(Turn::Next(opening::<A>()));
    };
    let state = found.entry.state(found.side);
    let refuse = |reason| Refusal::of_flow(found.number(), &state, reason);
    if let Some(reason) = DropReason::from_number(state.verdict) {
        return Err(Refusal {
            rule: found.entry.common().rules.deciding(reason),
            ..refuse(reason)
        });
    }
    // Nothing is judged again for an error: it comes again with the next packet that causes it, which
    // is.
    if state.generation != arrived.meta.generation || !found.is_current() {
        return Err(refuse(DropReason::FlowChanged));
    }
    let hop = forward::hop(world, layers, state.hop).map_err(refuse)?;
    let target = found.entry.target(found.side);
    forward::address(frame, &hop, &state)
        .and_then(|()| related::rewrite::<A, F>(frame, layers, &quote, &state, target))
        .ok_or_else(|| refuse(DropReason::Truncated))?;
    found.entry.record(found.side, layers.bytes, arrived.tick);
    world.accepted(state.eni, state.direction(), layers.bytes);
    Ok(leave::<F>(scratch, &hop))
}

/// By which interface a rewritten packet leaves, if it needs no VLAN tags.
#[inline(always)]
pub(super) fn leaving(hop: &Hop, arrived: &Arrived) -> Outcome {
    if hop.ifindex == arrived.port.ifindex && !arrived.tags.any() {
        Outcome::Transmit
    } else {
        Outcome::Redirect(hop.ifindex)
    }
}

/// Whether frames to the hop need VLAN tags from us.
#[inline(always)]
pub(super) fn needs_tags<F: Frame>(hop: &Hop) -> bool {
    F::TAGS && hop.trunk != 0
}

/// How a rewritten packet leaves.
#[inline(always)]
fn leave<F: Frame>(scratch: &mut Scratch, hop: &Hop) -> Turn {
    if needs_tags::<F>(hop) {
        scratch.exit = Exit {
            tags: hop.tags,
            kind: Exit::REDIRECT,
            ifindex: hop.trunk,
        };
        return Turn::Next(Leg::Tag);
    }
    Turn::Done(leaving(hop, &scratch.arrived))
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
            rule: entry.common().rules.deciding(reason),
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
    fragment::remember(world, scratch);
    Ok(Turn::Done(Outcome::Transmit))
}
