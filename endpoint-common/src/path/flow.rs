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
use crate::abi::unmapped;
use crate::hash::mix;

/// NAT ports start here: below are well-known ones.
const NAT_PORT_FIRST: u16 = 1024;
/// How many NAT ports one address has toward one backend.
const NAT_PORTS: u32 = 64_512;
/// How many ports a new flow tries.
const TRIES: u32 = 16;

/// Adds both directions of a judged flow.
#[inline(never)]
pub(super) fn create<W: Tables + Flows>(
    context: &Context<'_, W>,
    packet: &Packet,
    case: &mut Case,
) -> Result<(), DropReason> {
    begin_reply(context, packet, case);
    let reply_key = reserve(context, case)?;
    let key = packet.key(context.port.scope);
    let (rules, hop) = (case.rules(), case.backend_hop);
    let entry = &mut case.entry;
    entry.verdict = 0;
    entry.src = reply_key.dst;
    entry.dst = reply_key.src;
    entry.src_port = reply_key.dst_port;
    entry.dst_port = reply_key.src_port;
    entry.role = ROLE_REQUEST;
    entry.peer_scope = reply_key.scope;
    entry.rules = rules;
    entry.hop = hop;
    (entry.ip_delta, entry.l4_delta) = nat::deltas(&key, entry);
    match context.world.insert(&key, entry) {
        Insert::Done => Ok(()),
        // Another CPU made the same flow meanwhile; its reply direction stands, ours goes.
        Insert::Exists => {
            context.world.remove(&reply_key);
            Ok(())
        }
        Insert::Full => {
            context.world.remove(&reply_key);
            Err(DropReason::FlowTableFull)
        }
    }
}

/// Adds the reply direction under the first NAT address and port that is free toward the backend.
#[inline(always)]
fn reserve<W: Tables + Flows>(
    context: &Context<'_, W>,
    case: &mut Case,
) -> Result<FlowKey, DropReason> {
    let mut hash = tuple_hash(context.meta.seed, case);
    let mut key = FlowKey {
        src: case.backend,
        dst: [0; 4],
        src_port: case.backend_port,
        dst_port: [0; 2],
        scope: case.listener.scope as u16,
        protocol: case.protocol,
        reserved: 0,
    };
    for _ in 0..TRIES {
        let index = (hash >> 16)
            .checked_rem(case.listener.nat_count)
            .ok_or(DropReason::NatExhausted)?;
        let address = context
            .world
            .nat_address(
                context.meta.bank,
                case.listener.nat_first.wrapping_add(index),
            )
            .ok_or(DropReason::TableMissing)?;
        let port = (hash & 0xffff).checked_rem(NAT_PORTS).unwrap_or(0) as u16;
        key.dst = unmapped(address);
        key.dst_port = NAT_PORT_FIRST.wrapping_add(port).to_be_bytes();
        (case.entry.ip_delta, case.entry.l4_delta) = nat::deltas(&key, &case.entry);
        match context.world.insert(&key, &case.entry) {
            Insert::Done => return Ok(key),
            Insert::Exists => hash = mix(hash, [1]),
            Insert::Full => return Err(DropReason::FlowTableFull),
        }
    }
    Err(DropReason::NatExhausted)
}

/// Adds both directions of an echo flow, which is answered at the ENI and needs no NAT.
#[inline(never)]
pub(super) fn create_echo<W: Tables + Flows>(
    context: &Context<'_, W>,
    packet: &Packet,
    case: &mut Case,
) -> Result<(), DropReason> {
    let key = packet.key(context.port.scope);
    let reply_key = key.echo_answers();
    begin_reply(context, packet, case);
    if context.world.insert(&reply_key, &case.entry) == Insert::Full {
        return Err(DropReason::FlowTableFull);
    }
    let rules = case.rules();
    let entry = &mut case.entry;
    entry.verdict = 0;
    entry.src = key.src;
    entry.dst = key.dst;
    entry.src_port = key.src_port;
    entry.dst_port = key.dst_port;
    entry.role = ROLE_ECHO;
    entry.rules = rules;
    if context.world.insert(&key, entry) == Insert::Full {
        context.world.remove(&reply_key);
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
    entry.src_port = packet.dst_port;
    entry.dst_port = packet.src_port;
    entry.ip_delta = 0;
    entry.l4_delta = 0;
    entry.packets = 0;
    entry.bytes = 0;
    entry.generation = context.meta.generation;
    entry.verdict = verdict;
    entry.role = ROLE_REPLY;
    entry.peer_scope = context.port.scope;
    entry.last_seen = context.at.tick;
    entry.created = context.at.tick;
    entry.rules = rules;
    entry.eni = eni;
    entry.hop = hop;
    entry.client_mac = packet.src_mac;
    entry.tcp_flags = 0;
    entry.reserved = 0;
}
