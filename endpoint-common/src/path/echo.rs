//! Stage: ICMP echo requests to an ENI are answered in place. They are tracked like any flow, so
//! that rules, accounting and flow logs need no second way.
//!
//! May import: core, abi, wire, frame, tables, parse, judge, flow.

use super::Context;
use super::flow::blank;
use super::frame::Frame;
use super::judge::{self, Denied, Judged};
use super::parse::{IP_AT, Packet};
use super::tables::{Flows, Insert, Tables};
use crate::abi::flow::{FlowEntry, FlowKey, ROLE_ECHO, ROLE_REPLY};
use crate::abi::reason::DropReason;
use crate::abi::service::Address;
use crate::wire::{checksum, icmp_type};

/// The TTL answers start with (RFC 1700).
const TTL: u8 = 64;

/// The key under which the answers of `packet`'s flow are accounted.
#[inline(always)]
pub(super) fn reply_key(packet: &Packet, scope: u16) -> FlowKey {
    packet.echoed().key(scope)
}

/// Judges an echo request of no known flow, and adds the flow.
#[inline(always)]
pub(super) fn admit<W: Tables + Flows>(
    context: &Context<'_, W>,
    packet: &Packet,
    eni: &Address,
) -> Result<(), Denied> {
    let request = packet.request();
    let mut judged = Judged::default();
    judge::consumer_leg(context.world, context.meta.bank, eni, &request, &mut judged)?;
    judge::reply(context.world, context.meta.bank, eni, &request, &mut judged);
    let (there, back) = (
        packet.key(context.port.scope),
        reply_key(packet, context.port.scope),
    );
    let mut answers = entry(
        context,
        packet,
        eni,
        judged.reply_verdict,
        [judged.reply_acl, 0, 0],
    );
    answers.role = ROLE_REPLY;
    answers.src = there.dst;
    answers.dst = there.src;
    answers.dst_port = there.src_port;
    if context.world.insert(&back, &answers) == Insert::Full {
        return Err((DropReason::FlowTableFull, 0));
    }
    let mut requests = entry(context, packet, eni, judged.verdict, judged.rules);
    requests.src = there.src;
    requests.dst = there.dst;
    requests.src_port = there.src_port;
    if context.world.insert(&there, &requests) == Insert::Full {
        context.world.remove(&back);
        return Err((DropReason::FlowTableFull, 0));
    }
    Ok(())
}

#[inline(always)]
fn entry<W>(
    context: &Context<'_, W>,
    packet: &Packet,
    eni: &Address,
    verdict: u8,
    rules: [u32; 3],
) -> FlowEntry {
    let mut entry = blank(context, eni, verdict);
    entry.role = ROLE_ECHO;
    entry.peer_scope = context.port.scope;
    entry.rules = rules;
    entry.hop = eni.hop as u16;
    entry.client_mac = packet.src_mac;
    entry
}

/// Turns the request in the frame into its reply (RFC 792); `None` if the frame is too short.
/// Exchanging the addresses leaves the header's sum as it is; TTL and type change.
#[inline(always)]
pub(super) fn answer<F: Frame>(frame: &mut F, packet: &Packet) -> Option<()> {
    let ([t0, t1, t2, t3, t4, t5], [f0, f1, f2, f3, f4, f5]) = (packet.src_mac, packet.dst_mac);
    frame.write(0, [t0, t1, t2, t3, t4, t5, f0, f1, f2, f3, f4, f5])?;
    let ttl = checksum::change([packet.ip.ttl, 0], [TTL, 0]);
    let [c0, c1] = checksum::apply(packet.ip.check, ttl);
    let ([s0, s1, s2, s3], [d0, d1, d2, d3]) = (packet.ip.dst_addr, packet.ip.src_addr);
    let rest = [TTL, packet.ip.proto, c0, c1, s0, s1, s2, s3, d0, d1, d2, d3];
    frame.write(IP_AT.wrapping_add(8), rest)?;
    let change = checksum::change([icmp_type::ECHO_REQUEST, 0], [icmp_type::ECHO_REPLY, 0]);
    let [c0, c1] = checksum::apply(packet.l4_check, change);
    frame.write(packet.l4_at, [icmp_type::ECHO_REPLY, 0, c0, c1])
}
