//! Which entries are free, which are half-open, how flows begin and end.
//!
//! The *free list* is a ring that every entry stands in once while it is free. The *half-open list*
//! is a ring of the flows opened last, a quarter as long as the table: a new flow takes the next
//! place, and if the one that stood there is still half-open, its entry. So a flood of flows that
//! nobody answers pushes out the oldest of their own kind, and never a flow that is established.
//!
//! May import: core, abi, memory, index.

use core::marker::PhantomData;

use super::index;
use super::memory::{Entry, FlowMemory, Repeated};
use crate::abi::event::EndCause;
use crate::abi::family::AddressFamily;
use crate::abi::flow::{
    CLOSING, ENDING, ESTABLISHED, FREE, FlowCommon, FlowLimits, KIND_ECHO, ListEnd, OPENING, Side,
    gives_way, is_live,
};
use crate::abi::reason::DropReason;
use crate::wire::protocol;

/// Bits of an entry's number in the free list; above them, which lap it was written in.
const NUMBER_BITS: u32 = 22;
const NUMBER_MASK: u32 = 0x003f_ffff;
const LAPS: u64 = 1023;
/// How often another CPU may be first before a list is given up.
const TRIES: u32 = 8;
/// Entries that a new flow looks at for an idle one when none is free.
const LOOK: u32 = 4;

/// An entry to fill in, and the place its flow takes in the half-open list.
#[derive(Clone, Copy)]
pub(crate) struct Taken {
    pub(crate) number: u32,
    pub(crate) place: u32,
}

/// Takes an entry for a new flow of `eni`: that of a flow that gives way, or a free one. Its phase is
/// [`OPENING`].
///
/// # Errors
/// The ENI's share or the whole table is full.
#[inline(always)]
pub(crate) fn take<A: AddressFamily, M: FlowMemory>(
    memory: &M,
    eni: u16,
    tick: u32,
) -> Result<Taken, DropReason> {
    let limit = limits(memory, eni).flows;
    let before = memory.count_flow(eni);
    if limit != 0 && before >= limit {
        memory.uncount_flow(eni);
        return Err(DropReason::FlowShareFull);
    }
    let opened = memory.blur(memory.advance::<A>(ListEnd::Opened, 1) as u32);
    let place = opened & memory.sizes().half_open.wrapping_sub(1);
    let found = match make_way::<A, M>(memory, place, tick) {
        NONE => take_free::<A, M>(memory),
        number => number,
    };
    let found = memory.blur(match found {
        NONE => look_for_idle::<A, M>(memory, tick),
        number => number,
    });
    let Some(entry) = memory.entry::<A>(found) else {
        memory.uncount_flow(eni);
        return Err(DropReason::FlowTableFull);
    };
    entry.set_phase(OPENING);
    Ok(Taken {
        number: found,
        place,
    })
}

/// No entry.
const NONE: u32 = u32::MAX;

/// Makes a filled entry a flow.
#[inline(always)]
pub(crate) fn open<A: AddressFamily, M: FlowMemory>(
    memory: &M,
    taken: Taken,
    entry: M::Entry<A>,
    phase: u32,
) {
    let serial = u64::from(entry.common().serial);
    memory.set_half_open_place::<A>(taken.place, (serial << 32) | u64::from(taken.number));
    entry.set_phase(phase);
}

/// Gives an entry back that did not become a flow.
#[inline(always)]
pub(crate) fn give_back<A: AddressFamily, M: FlowMemory>(memory: &M, number: u32, eni: u16) {
    memory.uncount_flow(eni);
    release::<A, M>(memory, number);
}

/// Ends the half-open flow in a place of the half-open list and takes its entry; [`NONE`] if there is
/// none.
#[inline(never)]
fn make_way<A: AddressFamily, M: FlowMemory>(memory: &M, place: u32, tick: u32) -> u32 {
    let stands = memory.half_open_place::<A>(place);
    let (number, serial) = (stands as u32, (stands >> 32) as u32);
    let Some(entry) = memory.entry::<A>(number) else {
        return NONE;
    };
    let common = entry.common();
    let is_it = stands != 0 && common.serial == serial && gives_way(common.phase);
    if is_it && end::<A, M>(memory, number, EndCause::Evicted, tick) {
        number
    } else {
        NONE
    }
}

/// Takes the next entry off the free list.
#[inline(never)]
fn take_free<A: AddressFamily, M: FlowMemory>(memory: &M) -> u32 {
    let entries = memory.sizes().entries;
    for _ in 0..TRIES {
        let at = memory.list_end::<A>(ListEnd::Taken);
        // At first all entries are free, each in its own place, without having been put there.
        let returned = memory
            .list_end::<A>(ListEnd::Returned)
            .wrapping_add(u64::from(entries));
        if at >= returned {
            return NONE;
        }
        let place = at as u32 & entries.wrapping_sub(1);
        let value = memory.free_place::<A>(place);
        let number = if at < u64::from(entries) {
            place
        } else if value >> NUMBER_BITS == lap(at, entries) {
            value & NUMBER_MASK
        } else {
            // Whoever moved the list's end has not written the place yet.
            return NONE;
        };
        if memory.advance_from::<A>(ListEnd::Taken, at) {
            return number;
        }
    }
    NONE
}

/// Puts an entry on the free list.
#[inline(never)]
fn release<A: AddressFamily, M: FlowMemory>(memory: &M, number: u32) {
    if let Some(entry) = memory.entry::<A>(number) {
        entry.set_phase(FREE);
    }
    let entries = memory.sizes().entries;
    let at = memory
        .advance::<A>(ListEnd::Returned, 1)
        .wrapping_add(u64::from(entries));
    let value = (lap(at, entries) << NUMBER_BITS) | number;
    memory.set_free_place::<A>(at as u32 & entries.wrapping_sub(1), value);
}

/// What tells a place written in this lap from one of an earlier lap; never 0.
#[inline(always)]
fn lap(at: u64, entries: u32) -> u32 {
    let lap = at >> entries.trailing_zeros();
    ((lap % LAPS) as u32).wrapping_add(1)
}

/// Ends a flow: out of the index, told, not counted any more. `false` if another CPU did, or if there
/// is none. The entry is the caller's, to use or to release.
#[inline(never)]
pub(crate) fn end<A: AddressFamily, M: FlowMemory>(
    memory: &M,
    number: u32,
    cause: EndCause,
    tick: u32,
) -> bool {
    let Some(entry) = memory.entry::<A>(number) else {
        return false;
    };
    let common = entry.common();
    if !is_live(common.phase) || !entry.change_phase(common.phase, ENDING) {
        return false;
    }
    index::unlink::<A, M>(memory, number, Side::Forward);
    if common.kind != KIND_ECHO {
        index::unlink::<A, M>(memory, number, Side::Back);
    }
    memory.uncount_flow(entry.state(Side::Forward).eni);
    memory.ended::<A>(entry, number, cause, tick);
    true
}

/// Ends a flow and frees its entry.
#[inline(always)]
pub(crate) fn end_and_release<A: AddressFamily, M: FlowMemory>(
    memory: &M,
    number: u32,
    cause: EndCause,
    tick: u32,
) {
    if end::<A, M>(memory, number, cause, tick) {
        release::<A, M>(memory, number);
    }
}

/// An ENI's limits, or those for all.
#[inline(always)]
fn limits<M: FlowMemory>(memory: &M, eni: u16) -> FlowLimits {
    let own = memory.limits(eni);
    if own.half_open == 0 {
        let FlowLimits {
            flows,
            rate,
            burst,
            bucket,
            ..
        } = own;
        FlowLimits {
            flows,
            rate,
            burst,
            bucket,
            ..memory.limits(0)
        }
    } else {
        own
    }
}

/// Whether a live flow has been idle for longer than it may.
#[inline(always)]
fn is_idle<A: AddressFamily, M: FlowMemory>(
    memory: &M,
    entry: M::Entry<A>,
    common: &FlowCommon,
    tick: u32,
) -> bool {
    let (forward, back) = (entry.state(Side::Forward), entry.state(Side::Back));
    let limits = limits(memory, forward.eni);
    let protocol = A::widen(&entry.key(Side::Forward)).protocol;
    let limit = if common.kind == KIND_ECHO {
        limits.icmp
    } else if common.phase == CLOSING {
        limits.closing
    } else if common.phase != ESTABLISHED {
        limits.half_open
    } else if protocol == protocol::TCP {
        limits.established
    } else {
        limits.udp
    };
    let since = |seen: u32| tick.wrapping_sub(seen);
    // A clock read before the other CPU's: no age, not a great one.
    let age = since(forward.last_seen).min(since(back.last_seen));
    limit != 0 && age >= limit && age < 1 << 31
}

/// Looks at the next few entries and takes an idle flow's.
#[inline(never)]
fn look_for_idle<A: AddressFamily, M: FlowMemory>(memory: &M, tick: u32) -> u32 {
    let at = memory.advance::<A>(ListEnd::Looked, u64::from(LOOK)) as u32;
    for step in 0..LOOK {
        let number = at.wrapping_add(step) & memory.sizes().entries.wrapping_sub(1);
        let Some(entry) = memory.entry::<A>(number) else {
            continue;
        };
        let common = entry.common();
        if is_live(common.phase)
            && is_idle::<A, M>(memory, entry, &common, tick)
            && end::<A, M>(memory, number, EndCause::Idle, tick)
        {
            return number;
        }
    }
    NONE
}

/// Looks at the next `count` entries of a family's table: ends idle flows, and puts a half back into
/// the index that has fallen out of it. Call it often enough to come round in good time.
#[inline(always)]
pub fn reap<A: AddressFamily, M: FlowMemory>(memory: &M, count: u32, tick: u32) {
    let mut reaping = Reaping {
        at: memory.blur(memory.advance::<A>(ListEnd::Looked, u64::from(count)) as u32),
        tick,
        family: PhantomData::<A>,
    };
    memory.repeat(count, &mut reaping);
}

struct Reaping<A> {
    at: u32,
    tick: u32,
    family: PhantomData<A>,
}

impl<A: AddressFamily, M: FlowMemory> Repeated<M> for Reaping<A> {
    #[inline(always)]
    fn turn(&mut self, memory: &M) -> bool {
        let number = self.at & memory.sizes().entries.wrapping_sub(1);
        self.at = self.at.wrapping_add(1);
        look_at::<A, M>(memory, number, self.tick);
        true
    }
}

#[inline(never)]
fn look_at<A: AddressFamily, M: FlowMemory>(memory: &M, number: u32, tick: u32) {
    let Some(entry) = memory.entry::<A>(number) else {
        return;
    };
    let common = entry.common();
    if !is_live(common.phase) {
        return;
    }
    if is_idle::<A, M>(memory, entry, &common, tick) {
        end_and_release::<A, M>(memory, number, EndCause::Idle, tick);
        return;
    }
    heal::<A, M>(memory, number, Side::Forward);
    if common.kind != KIND_ECHO {
        heal::<A, M>(memory, number, Side::Back);
    }
}

/// Puts a half back into the index.
#[inline(always)]
fn heal<A: AddressFamily, M: FlowMemory>(memory: &M, number: u32, side: Side) {
    if index::is_linked::<A, M>(memory, number, side) {
        return;
    }
    index::link::<A, M>(memory, number, side);
    // It may have ended meanwhile, and nobody would take out what was not in.
    let phase = memory
        .entry::<A>(number)
        .map_or(FREE, |entry| entry.common().phase);
    if !is_live(phase) {
        index::unlink::<A, M>(memory, number, side);
    }
}
