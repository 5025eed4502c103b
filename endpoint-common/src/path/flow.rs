//! Stage: a new flow, both halves, with a NAT port of its own. The back half goes into the index
//! first: its key holds the NAT port, so adding it is what reserves the port.
//!
//! May import: core, abi, hash, wire, tables, context, case, nat, flows, rate.

use core::marker::PhantomData;

use super::World;
use super::context::Scratch;
use super::flows::arena::{self, Taken};
use super::flows::index::{Linked, link, unlink};
use super::flows::{Entry, Repeated};
use super::tables::Tables;
use super::{nat, rate};
use crate::abi::Addr;
use crate::abi::family::AddressFamily;
use crate::abi::flow::{
    Direction, FlowCommon, FlowKey, HALF_OPEN, Half6, KIND_ECHO, KIND_FORWARDED, KIND_REVERSED,
    OUT, SETTLED, Side,
};
use crate::abi::reason::DropReason;
use crate::abi::service::Listener;
use crate::hash::mix;
use crate::wire::{Port, protocol};

/// NAT ports start here: below are well-known ones.
const NAT_PORT_FIRST: u16 = 1024;
/// How many NAT ports one address has toward one backend.
const NAT_PORTS: u32 = 64_512;
/// How many ports a new flow tries.
const TRIES: u32 = 32;

/// Opens the flow of a judged packet.
#[inline(always)]
pub(super) fn create<A: AddressFamily, W: World>(
    world: &W,
    scratch: &mut Scratch,
) -> Result<(), DropReason> {
    let eni = scratch.case.eni.eni;
    let is_echo = protocol::is_icmp(scratch.packet.layers.protocol);
    let (bytes, tick) = (scratch.packet.layers.bytes, scratch.arrived.tick);
    // First of all: excess must not cost another flow its entry.
    let way = if scratch.case.is_reversed::<A>() {
        Direction::Out
    } else {
        Direction::In
    };
    rate::ask(world, eni, way, bytes, tick)?;
    if is_echo {
        rate::ask(world, eni, Direction::Out, bytes, tick)?;
    }
    let taken = arena::take::<A, W>(world, eni, tick)?;
    let created = fill::<A, W>(world, scratch, taken, is_echo);
    if let Ok(true) = created {
        return Ok(());
    }
    arena::give_back::<A, W>(world, taken.number, eni);
    created.map(|_| ())
}

/// Fills an entry in and makes it found. `false`: another CPU made the same flow meanwhile; its entry
/// stands.
#[inline(always)]
fn fill<A: AddressFamily, W: World>(
    world: &W,
    scratch: &mut Scratch,
    taken: Taken,
    is_echo: bool,
) -> Result<bool, DropReason> {
    let entry = world
        .entry::<A>(taken.number)
        .ok_or(DropReason::TableMissing)?;
    let limited = rate::flag(world, scratch.case.eni.eni);
    begin::<A, W>(entry, scratch, is_echo, limited);
    if !is_echo {
        reserve::<A, W>(world, scratch, taken.number)?;
    }
    let [forward, back] = &mut scratch.halves;
    if is_echo {
        write_half::<A, W>(entry, Side::Back, back, &forward.key);
    }
    write_half::<A, W>(entry, Side::Forward, forward, &back.key);
    match link::<A, W>(world, taken.number, Side::Forward) {
        Linked::Done => {
            arena::open::<A, W>(world, taken, entry, HALF_OPEN);
            Ok(true)
        }
        linked @ (Linked::Taken | Linked::Full) => {
            if !is_echo {
                unlink::<A, W>(world, taken.number, Side::Back);
            }
            if linked == Linked::Taken {
                Ok(false)
            } else {
                Err(DropReason::FlowTableFull)
            }
        }
    }
}

/// The part of an entry that does not depend on the NAT port; the halves are left in the scratch. Field
/// by field: a whole one would first be made on the stack.
#[inline(always)]
fn begin<A: AddressFamily, W: World>(
    entry: W::Entry<A>,
    scratch: &mut Scratch,
    is_echo: bool,
    limited: u8,
) {
    let Scratch {
        arrived,
        packet,
        case,
        halves: [forward, back],
        ..
    } = scratch;
    let before = entry.common();
    let is_reversed = case.is_reversed::<A>();
    entry.set_common(&FlowCommon {
        rules: case.rules,
        phase: before.phase,
        serial: before.serial.wrapping_add(1),
        created: arrived.tick,
        kind: if is_echo {
            KIND_ECHO
        } else if is_reversed {
            KIND_REVERSED
        } else {
            KIND_FORWARDED
        },
        tcp_flags: [packet.layers.tcp_flags, 0],
        audited: case.audited,
        reserved2: [0; 3],
    });
    forward.key = packet.wide_key(arrived.port.scope);
    back.key = forward.key.reversed();
    for (half, verdict) in [(&mut *forward, 0), (&mut *back, case.back_verdict)] {
        half.state.bytes = 0;
        half.state.packets = 0;
        half.state.last_seen = arrived.tick;
        half.state.generation = arrived.meta.generation;
        half.state.verdict = verdict;
        half.state.eni = case.eni.eni;
        half.state.client_mac = arrived.link.src;
    }
    // A datagram needs no answer to be followed by another one.
    forward.state.flags = if packet.layers.protocol == protocol::UDP {
        SETTLED | limited
    } else {
        limited
    };
    back.state.flags = limited;
    let leaving = if is_reversed {
        &mut *forward
    } else {
        &mut *back
    };
    leaving.state.flags |= OUT;
    forward.state.hop = case.backend_hop;
    back.state.hop = case.eni.hop;
}

/// Writes a half whose packets are rewritten to the other half's key, turned round.
#[inline(always)]
fn write_half<A: AddressFamily, W: World>(
    entry: W::Entry<A>,
    side: Side,
    half: &mut Half6,
    other: &FlowKey,
) {
    let deltas = nat::deltas(&half.key, other);
    half.state.src_port = other.dst_port;
    half.state.dst_port = other.src_port;
    half.state.address_delta = deltas.addresses();
    half.state.port_delta = deltas.ports();
    entry.set_half(side, &half.key, other);
    entry.set_state(side, &half.state);
}

/// Puts the back half into the index under the first NAT address and port that is free toward the
/// backend.
#[inline(always)]
fn reserve<A: AddressFamily, W: World>(
    world: &W,
    scratch: &mut Scratch,
    number: u32,
) -> Result<(), DropReason> {
    let mut search = PortSearch {
        hash: first_choice::<A>(scratch),
        scratch,
        number,
        refusal: DropReason::NatExhausted as u8,
        family: PhantomData::<A>,
    };
    world.repeat(TRIES, &mut search);
    match DropReason::from_number(search.refusal) {
        None => Ok(()),
        Some(reason) => Err(reason),
    }
}

/// A search for a free NAT port.
struct PortSearch<'s, A> {
    scratch: &'s mut Scratch,
    hash: u32,
    number: u32,
    /// Why there is none so far; 0 once there is one.
    refusal: u8,
    family: PhantomData<A>,
}

impl<A: AddressFamily, W: World> Repeated<W> for PortSearch<'_, A> {
    #[inline(always)]
    fn turn(&mut self, world: &W) -> bool {
        match try_port::<A, W>(world, self.scratch, self.number, self.hash) {
            Ok(Linked::Done) => self.refusal = 0,
            Ok(Linked::Taken) => {
                self.hash = mix(self.hash, [1]);
                return true;
            }
            Ok(Linked::Full) => self.refusal = DropReason::FlowTableFull as u8,
            Err(reason) => self.refusal = reason as u8,
        }
        false
    }
}

/// Where the search for a NAT port begins: nobody can foresee it.
#[inline(always)]
pub(super) fn first_choice<A: AddressFamily>(scratch: &Scratch) -> u32 {
    let Scratch {
        arrived,
        halves: [forward, _],
        ..
    } = scratch;
    let hash = A::hash_wide(arrived.meta.secret, &forward.key);
    (hash >> 32) as u32 ^ hash as u32
}

/// The NAT address and port that a turn of the search tries.
#[inline(always)]
pub(super) fn candidate<T: Tables>(
    tables: &T,
    bank: u32,
    listener: &Listener,
    hash: u32,
) -> Result<(Addr, Port), DropReason> {
    let index = (hash >> 16)
        .checked_rem(listener.nat_count)
        .ok_or(DropReason::NatExhausted)?;
    let row = listener.nat_first.wrapping_add(index);
    let address = tables
        .nat_address(bank, row)
        .ok_or(DropReason::TableMissing)?;
    let port = (hash & 0xffff).checked_rem(NAT_PORTS).unwrap_or(0) as u16;
    Ok((address, NAT_PORT_FIRST.wrapping_add(port).to_be_bytes()))
}

#[inline(never)]
fn try_port<A: AddressFamily, W: World>(
    world: &W,
    scratch: &mut Scratch,
    number: u32,
    hash: u32,
) -> Result<Linked, DropReason> {
    let Scratch {
        arrived,
        case,
        halves: [forward, back],
        ..
    } = scratch;
    let entry = world.entry::<A>(number).ok_or(DropReason::TableMissing)?;
    let (address, port) = candidate(world, arrived.meta.bank, &case.listener, hash)?;
    back.key.src = case.backend;
    back.key.src_port = case.backend_port;
    back.key.dst = address;
    back.key.dst_port = port;
    back.key.scope = case.listener.scope as u16;
    write_half::<A, W>(entry, Side::Back, back, &forward.key);
    Ok(link::<A, W>(world, number, Side::Back))
}
