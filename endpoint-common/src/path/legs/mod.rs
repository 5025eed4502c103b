//! The order of stages, leg by leg; the only place that has it.
//!
//! May import: core, abi, wire, every stage.

mod arrive;
mod explain;
mod known;
mod open;
mod send;

pub use arrive::arrive;
pub use explain::{explain, explain6, judge_flow};

use super::context::{Arrived, Exit, Refusal, Scratch};
use super::flows::{Found, find};
use super::frame::Frame;
use super::{Arrival, Leg, Outcome, Turn, World, answer, fragment, judge, vlan};
use crate::abi::Addr;
use crate::abi::counter::DropKey;
use crate::abi::event::DropEvent;
use crate::abi::family::{AddressFamily, Inet, Inet6};
use crate::abi::reason::DropReason;
use crate::abi::service::{AddressKey, KIND_ENI};
use crate::wire::protocol;
use arrive::{arrive6, neighbour, tagged};
use known::known;
use open::open;
use send::{echoing, relating, sending};

/// What must be there is not.
pub(super) const MISSING: Turn = Turn::Done(Outcome::Drop(DropReason::TableMissing));

#[inline(always)]
pub(super) fn address_key(arrived: &Arrived, address: Addr) -> AddressKey {
    AddressKey {
        address,
        scope: arrived.port.scope,
        bank: arrived.meta.bank as u16,
        reserved: 0,
    }
}

/// The half that the packet at rest belongs to.
#[inline(always)]
pub(super) fn find_again<A: AddressFamily, W: World>(
    world: &W,
    scratch: &Scratch,
) -> Result<Found<A, W>, Refusal> {
    let key = A::narrow(&scratch.packet.wide_key(scratch.arrived.port.scope));
    find::<A, W>(world, scratch.arrived.meta.secret, &key).ok_or(Refusal {
        reason: DropReason::FlowChanged as u8,
        ..Refusal::MISSING
    })
}

/// Travels one leg.
#[inline(always)]
pub fn go<F: Frame, W: World>(leg: Leg, frame: &mut F, world: &W, at: Arrival) -> Turn {
    if leg == Leg::Arrive6 {
        return arrive6(frame, world, at);
    }
    if leg == Leg::Tagged && F::TAGS {
        return tagged(frame, world, at);
    }
    let Some(mut scratch) = world.scratch() else {
        return MISSING;
    };
    let scratch = &mut *scratch;
    let is_v4 = scratch.packet.layers.is_v4();
    let next = match leg {
        // The first is gone already, and where the kernel takes tags off the second has no frames.
        Leg::Arrive6 | Leg::Tagged => Ok(MISSING),
        Leg::Tag => Ok(tag(frame, scratch)),
        Leg::Neighbour => Ok(Turn::Done(neighbour(frame, world, &scratch.arrived))),
        Leg::Tell => Ok(tell(world, scratch)),
        Leg::Answer if is_v4 => Ok(answering::<Inet, F, W>(frame, world, scratch)),
        Leg::Answer => Ok(answering::<Inet6, F, W>(frame, world, scratch)),
        Leg::Fragment if is_v4 => Ok(follow_first::<Inet, W>(world, scratch)),
        Leg::Fragment => Ok(follow_first::<Inet6, W>(world, scratch)),
        Leg::Related if is_v4 => relating::<Inet, F, W>(frame, world, scratch),
        Leg::Related => relating::<Inet6, F, W>(frame, world, scratch),
        Leg::Open => open::<Inet, W>(world, scratch),
        Leg::Open6 => open::<Inet6, W>(world, scratch),
        Leg::Known => known::<Inet, W>(world, scratch),
        Leg::Known6 => known::<Inet6, W>(world, scratch),
        Leg::Send if is_v4 => sending::<Inet, F, W>(frame, world, scratch),
        Leg::Send => sending::<Inet6, F, W>(frame, world, scratch),
        Leg::Echo if is_v4 => echoing::<Inet, F, W>(frame, world, scratch),
        Leg::Echo => echoing::<Inet6, F, W>(frame, world, scratch),
    };
    let turn = next.unwrap_or_else(|refusal| {
        scratch.refusal = refusal;
        if refuse(world, scratch) {
            return Turn::Next(Leg::Tell);
        }
        dropped(scratch)
    });
    if F::TAGS && leg != Leg::Tag && scratch.arrived.tags.any() {
        return with_tags(scratch, turn);
    }
    turn
}

/// What leaves by the VLAN it arrived on needs its tags again.
#[inline(always)]
fn with_tags(scratch: &mut Scratch, turn: Turn) -> Turn {
    let kind = match turn {
        Turn::Done(Outcome::Pass) => Exit::PASS,
        Turn::Done(Outcome::Transmit) => Exit::TRANSMIT,
        Turn::Done(Outcome::Answer(_)) => Exit::ANSWER,
        Turn::Done(Outcome::Drop(_) | Outcome::Redirect(_)) | Turn::Next(_) => return turn,
    };
    scratch.exit = Exit {
        tags: scratch.arrived.tags,
        kind,
        ifindex: 0,
    };
    Turn::Next(Leg::Tag)
}

/// A frame gets the tags that it leaves with.
#[inline(always)]
fn tag<F: Frame>(frame: &mut F, scratch: &Scratch) -> Turn {
    let exit = scratch.exit;
    if vlan::put_on(frame, exit.tags).is_none() {
        return MISSING;
    }
    Turn::Done(match exit.kind {
        Exit::PASS => Outcome::Pass,
        Exit::ANSWER => Outcome::Answer(scratch.refusal.drop_reason()),
        Exit::REDIRECT => Outcome::Redirect(exit.ifindex),
        _ => Outcome::Transmit,
    })
}

/// A later fragment: on with the ports of the first one, if that was let through.
#[inline(always)]
fn follow_first<A: AddressFamily, W: World>(world: &W, scratch: &mut Scratch) -> Turn {
    if fragment::adopt_ports(world, scratch) {
        return Turn::Next(knowing::<A>());
    }
    scratch.refusal.reason = DropReason::FragmentUnknown as u8;
    Turn::Next(opening::<A>())
}

/// Where packets of known flows go that need more than rewriting.
#[inline(always)]
fn knowing<A: AddressFamily>() -> Leg {
    if A::V4 { Leg::Known } else { Leg::Known6 }
}

/// Where packets of no known flow go.
#[inline(always)]
fn opening<A: AddressFamily>() -> Leg {
    if A::V4 { Leg::Open } else { Leg::Open6 }
}

/// Counts a drop; whether it is told, too. Beside the legs, so that it is verified once in each.
#[inline(never)]
fn refuse<W: World>(world: &W, scratch: &Scratch) -> bool {
    let Scratch {
        arrived,
        packet,
        refusal,
        ..
    } = scratch;
    let what = DropKey {
        eni: refusal.eni,
        reason: refusal.reason,
        direction: refusal.direction,
    };
    world.dropped(what, refusal.rule, packet.layers.bytes, arrived.tick)
}

/// A packet that audit mode lets pass goes on, and is told first, if it is.
#[inline(always)]
fn audited<W: World>(world: &W, scratch: &mut Scratch, refusal: Refusal) -> Turn {
    scratch.refusal = refusal;
    scratch.refusal.audited = 1;
    if note(world, scratch, refusal.eni, true) {
        return Turn::Next(Leg::Tell);
    }
    Turn::Next(going_on(scratch))
}

/// Counts a packet that audit mode lets pass; whether it is told, if it can be.
#[inline(never)]
fn note<W: World>(world: &W, scratch: &Scratch, eni: u16, can_be_told: bool) -> bool {
    let (bytes, tick) = (scratch.packet.layers.bytes, scratch.arrived.tick);
    world.audited(eni, bytes, tick, can_be_told)
}

/// Where an admitted packet goes.
#[inline(always)]
fn going_on(scratch: &Scratch) -> Leg {
    if protocol::is_icmp(scratch.packet.layers.protocol) {
        Leg::Echo
    } else {
        Leg::Send
    }
}

/// Tells of a drop that is counted, or of what audit mode lets pass.
#[inline(always)]
fn tell<W: World>(world: &W, scratch: &Scratch) -> Turn {
    let Scratch {
        arrived,
        packet,
        refusal,
        ..
    } = scratch;
    let layers = &packet.layers;
    world.tell(&DropEvent {
        src: packet.src,
        dst: packet.dst,
        src_port: layers.src_port,
        dst_port: layers.dst_port,
        bytes: layers.bytes,
        tick: arrived.tick,
        generation: arrived.meta.generation,
        rule: refusal.rule,
        eni: refusal.eni,
        reason: refusal.reason,
        direction: refusal.direction,
        protocol: layers.protocol,
        tcp_flags: layers.tcp_flags,
        audited: u8::from(refusal.audited != 0),
        reserved: 0,
        flow: refusal.flow,
    });
    if refusal.audited != 0 {
        return Turn::Next(going_on(scratch));
    }
    dropped(scratch)
}

/// A packet whose drop is counted and, if it is to be, told: its sender may be owed an answer.
#[inline(always)]
fn dropped(scratch: &Scratch) -> Turn {
    if answer::is_due(scratch) {
        return Turn::Next(Leg::Answer);
    }
    Turn::Done(Outcome::Drop(scratch.refusal.drop_reason()))
}

/// Whether the network ACL lets the ENI answer what it refused.
#[inline(always)]
fn may_return<A: AddressFamily, W: World>(world: &W, scratch: &mut Scratch) -> bool {
    let case = &mut scratch.case;
    if case.eni.kind != KIND_ENI {
        return false;
    }
    case.back_verdict = 0;
    judge::acl_out::<A, W>(world, scratch.arrived.meta.bank, case);
    case.back_verdict == 0
}

/// The packet becomes the answer that its sender gets, if it may have one.
#[inline(always)]
fn answering<A: AddressFamily, F: Frame, W: World>(
    frame: &mut F,
    world: &W,
    scratch: &mut Scratch,
) -> Turn {
    if scratch.refusal.drop_reason() == DropReason::NoBackend && !may_return::<A, W>(world, scratch)
    {
        return Turn::Done(Outcome::Drop(DropReason::NoBackend));
    }
    Turn::Done(answer::answer::<A, F>(frame, scratch))
}
