//! Stage: a new flow, both directions, with a NAT port of its own. The reply direction goes in
//! first: its key holds the NAT port, so adding it is what reserves the port.
//!
//! May import: core, abi, hash, tables, parse, nat.

use super::Context;
use super::judge::{Denied, Judged};
use super::nat;
use super::parse::Packet;
use super::select::tuple_words;
use super::tables::{Flows, Insert, Tables};
use crate::abi::flow::{FlowEntry, FlowKey, ROLE_REPLY, ROLE_REQUEST};
use crate::abi::reason::DropReason;
use crate::abi::service::{Address, Backend, Listener};
use crate::abi::unmapped;
use crate::hash::mix;

/// NAT ports start here: below are well-known ones.
pub(super) const NAT_PORT_FIRST: u16 = 1024;
/// How many NAT ports one address has toward one backend.
pub(super) const NAT_PORTS: u32 = 64_512;
/// How many ports a new flow tries.
const TRIES: u32 = 16;

/// Adds both directions of a judged flow.
#[inline(always)]
pub(super) fn create<W: Tables + Flows>(
    context: &Context<'_, W>,
    packet: &Packet,
    eni: &Address,
    listener: &Listener,
    backend: &Backend,
    judged: &Judged,
) -> Result<(), Denied> {
    let key = packet.key(context.port.scope);
    let mut reply = blank(context, eni, judged.reply_verdict);
    reply.src = key.dst;
    reply.dst = key.src;
    reply.src_port = key.dst_port;
    reply.dst_port = key.src_port;
    reply.role = ROLE_REPLY;
    reply.peer_scope = key.scope;
    reply.rules = [judged.reply_acl, 0, 0];
    reply.hop = eni.hop as u16;
    reply.client_mac = packet.src_mac;
    let reply_key = reserve(context, packet, listener, backend, &mut reply)?;

    let mut request = blank(context, eni, judged.verdict);
    request.src = reply_key.dst;
    request.dst = reply_key.src;
    request.src_port = reply_key.dst_port;
    request.dst_port = reply_key.src_port;
    request.role = ROLE_REQUEST;
    request.peer_scope = reply_key.scope;
    request.rules = judged.rules;
    request.hop = backend.hop as u16;
    request.client_mac = packet.src_mac;
    (request.ip_delta, request.l4_delta) = nat::deltas(&key, &request);
    match context.world.insert(&key, &request) {
        Insert::Done => Ok(()),
        // Another CPU made the same flow meanwhile; its reply direction stands, ours goes.
        Insert::Exists => {
            context.world.remove(&reply_key);
            Ok(())
        }
        Insert::Full => {
            context.world.remove(&reply_key);
            Err((DropReason::FlowTableFull, 0))
        }
    }
}

/// Adds the reply direction under the first NAT address and port that is free toward the backend.
#[inline(always)]
fn reserve<W: Tables + Flows>(
    context: &Context<'_, W>,
    packet: &Packet,
    listener: &Listener,
    backend: &Backend,
    reply: &mut FlowEntry,
) -> Result<FlowKey, Denied> {
    let mut hash = mix(context.meta.seed, tuple_words(&packet.request()));
    let mut key = FlowKey {
        src: unmapped(backend.address),
        dst: [0; 4],
        src_port: backend.port,
        dst_port: [0; 2],
        scope: listener.scope as u16,
        protocol: packet.ip.proto,
        reserved: 0,
    };
    for _ in 0..TRIES {
        let index = (hash >> 16)
            .checked_rem(listener.nat_count)
            .ok_or((DropReason::NatExhausted, 0))?;
        let address = context
            .world
            .nat_address(context.meta.bank, listener.nat_first.wrapping_add(index))
            .ok_or((DropReason::TableMissing, 0))?;
        let port = (hash & 0xffff).checked_rem(NAT_PORTS).unwrap_or(0) as u16;
        key.dst = unmapped(address);
        key.dst_port = NAT_PORT_FIRST.wrapping_add(port).to_be_bytes();
        (reply.ip_delta, reply.l4_delta) = nat::deltas(&key, reply);
        match context.world.insert(&key, reply) {
            Insert::Done => return Ok(key),
            Insert::Exists => hash = mix(hash, [1]),
            Insert::Full => return Err((DropReason::FlowTableFull, 0)),
        }
    }
    Err((DropReason::NatExhausted, 0))
}

/// An entry with what both directions and echo flows have in common.
#[inline(always)]
pub(super) fn blank<W>(context: &Context<'_, W>, eni: &Address, verdict: u8) -> FlowEntry {
    FlowEntry {
        src: [0; 4],
        dst: [0; 4],
        src_port: [0; 2],
        dst_port: [0; 2],
        ip_delta: 0,
        l4_delta: 0,
        packets: 0,
        bytes: 0,
        generation: context.meta.generation,
        verdict,
        role: 0,
        peer_scope: 0,
        last_seen: context.at.tick,
        created: context.at.tick,
        rules: [0; 3],
        eni: eni.eni,
        hop: 0,
        client_mac: [0; 6],
        tcp_flags: 0,
        reserved: 0,
    }
}
