//! Stage: a new flow, both directions, with a NAT port of its own. The reply direction goes in
//! first: its key holds the NAT port, so adding it is what reserves the port.
//!
//! May import: core, abi, hash, tables, parse, case, nat, select (the tuple's hash).

use super::Context;
use super::case::Case;
use super::nat;
use super::parse::Packet;
use super::select::tuple_hash;
use super::tables::{Flows, Insert, Tables};
use crate::abi::flow::{FlowKey, ROLE_ECHO, ROLE_REPLY, ROLE_REQUEST};
use crate::abi::reason::DropReason;
use crate::hash::mix;

/// NAT ports start here: below are well-known ones.
const NAT_PORT_FIRST: u16 = 1024;
/// How many NAT ports one address has toward one backend.
const NAT_PORTS: u32 = 64_512;
/// How many ports a new flow tries.
const TRIES: u32 = 16;

/// Adds both directions of a judged flow; `reply_key` is memory for the key of the reply direction.
#[inline(never)]
pub(super) fn create<W: Tables + Flows, const V4: bool>(
    context: &Context<'_, W>,
    packet: &Packet,
    key: &FlowKey,
    reply_key: &mut FlowKey,
    case: &mut Case,
) -> Result<(), DropReason> {
    begin_reply(context, packet, case);
    reserve::<W, V4>(context, reply_key, case)?;
    let (rules, hop) = (case.rules(), case.backend_hop);
    let entry = &mut case.entry;
    entry.state.verdict = 0;
    entry.src = reply_key.dst;
    entry.dst = reply_key.src;
    entry.state.src_port = reply_key.dst_port;
    entry.state.dst_port = reply_key.src_port;
    entry.state.role = ROLE_REQUEST;
    entry.state.peer_scope = reply_key.scope;
    entry.state.rules = rules;
    entry.state.hop = hop;
    nat::note_deltas::<V4>(key, entry);
    match context.world.insert::<V4>(key, entry) {
        Insert::Done => Ok(()),
        // Another CPU made the same flow meanwhile; its reply direction stands, ours goes.
        Insert::Exists => {
            context.world.remove::<V4>(reply_key);
            Ok(())
        }
        Insert::Full => {
            context.world.remove::<V4>(reply_key);
            Err(DropReason::FlowTableFull)
        }
    }
}

/// Adds the reply direction under the first NAT address and port that is free toward the backend.
#[inline(never)]
fn reserve<W: Tables + Flows, const V4: bool>(
    context: &Context<'_, W>,
    key: &mut FlowKey,
    case: &mut Case,
) -> Result<(), DropReason> {
    let mut hash = tuple_hash::<V4>(context.meta.seed, case);
    key.src = case.backend;
    key.src_port = case.backend_port;
    key.scope = case.listener.scope as u16;
    key.protocol = case.protocol;
    key.family = case.family;
    for _ in 0..TRIES {
        let index = (hash >> 16)
            .checked_rem(case.listener.nat_count)
            .ok_or(DropReason::NatExhausted)?;
        key.dst = context
            .world
            .nat_address(
                context.meta.bank,
                case.listener.nat_first.wrapping_add(index),
            )
            .ok_or(DropReason::TableMissing)?;
        let port = (hash & 0xffff).checked_rem(NAT_PORTS).unwrap_or(0) as u16;
        key.dst_port = NAT_PORT_FIRST.wrapping_add(port).to_be_bytes();
        nat::note_deltas::<V4>(key, &mut case.entry);
        match context.world.insert::<V4>(key, &case.entry) {
            Insert::Done => return Ok(()),
            Insert::Exists => hash = mix(hash, [1]),
            Insert::Full => return Err(DropReason::FlowTableFull),
        }
    }
    Err(DropReason::NatExhausted)
}

/// Adds both directions of an echo flow, which is answered at the ENI and needs no NAT.
#[inline(never)]
pub(super) fn create_echo<W: Tables + Flows, const V4: bool>(
    context: &Context<'_, W>,
    packet: &Packet,
    key: &FlowKey,
    reply_key: &mut FlowKey,
    case: &mut Case,
) -> Result<(), DropReason> {
    *reply_key = key.echo_answers();
    begin_reply(context, packet, case);
    if context.world.insert::<V4>(reply_key, &case.entry) == Insert::Full {
        return Err(DropReason::FlowTableFull);
    }
    let rules = case.rules();
    let entry = &mut case.entry;
    entry.state.verdict = 0;
    entry.src = key.src;
    entry.dst = key.dst;
    entry.state.src_port = key.src_port;
    entry.state.dst_port = key.dst_port;
    entry.state.role = ROLE_ECHO;
    entry.state.rules = rules;
    if context.world.insert::<V4>(key, entry) == Insert::Full {
        context.world.remove::<V4>(reply_key);
        return Err(DropReason::FlowTableFull);
    }
    Ok(())
}

/// Begins the entry of the direction back to the client, field by field: a whole one would first
/// be made on the stack.
#[inline(always)]
fn begin_reply<W>(context: &Context<'_, W>, packet: &Packet, case: &mut Case) {
    let (verdict, rules) = (case.reply_verdict, case.reply_rules());
    let (eni, hop) = (case.eni.eni, case.eni.hop as u16);
    let entry = &mut case.entry;
    entry.src = packet.dst;
    entry.dst = packet.src;
    entry.state.src_port = packet.dst_port;
    entry.state.dst_port = packet.src_port;
    entry.state.address_delta = 0;
    entry.state.port_delta = 0;
    entry.state.packets = 0;
    entry.state.bytes = 0;
    entry.state.generation = context.meta.generation;
    entry.state.verdict = verdict;
    entry.state.role = ROLE_REPLY;
    entry.state.peer_scope = context.port.scope;
    entry.state.last_seen = context.at.tick;
    entry.state.created = context.at.tick;
    entry.state.rules = rules;
    entry.state.eni = eni;
    entry.state.hop = hop;
    entry.state.client_mac = packet.src_mac;
    entry.state.tcp_flags = 0;
    entry.state.reserved = 0;
}
