//! A packet's whole way, in order: [`run`] is the only place that orders stages, and no stage
//! calls another stage.
//!
//! ethernet -> ARP, or IPv4 parse -> known flow: judge again if the generation changed -> rewrite ->
//! forward; no flow: whose address -> network ACL in -> security groups in -> listener -> backend ->
//! security groups out -> NAT port and flow -> rewrite -> forward.
//!
//! Every error toward an address of ours is a counted drop with a reason; what is not addressed to
//! us is left untouched.
//!
//! May import: core, abi, hash, wire.

mod arp;
mod echo;
mod flow;
mod forward;
mod frame;
mod judge;
mod nat;
mod parse;
mod policy;
mod select;
mod tables;

pub use frame::{Frame, REACH};
pub use judge::Judged;
pub use policy::classify;
pub use tables::{Account, Flow, Flows, Insert, Tables};

use crate::abi::event::DropEvent;
use crate::abi::flow::{Direction, FlowEntry, FlowKey, ROLE_ECHO, ROLE_REPLY};
use crate::abi::mapped;
use crate::abi::meta::{Meta, Port};
use crate::abi::reason::DropReason;
use crate::abi::service::{Address, AddressKey, Hop, KIND_ENI};
use crate::wire::{EthHdr, Ipv4Hdr, ether_type, protocol};
use judge::Denied;
use parse::Packet;

/// Everything the path asks for.
pub trait World: Tables + Flows + Account {}
impl<W: Tables + Flows + Account> World for W {}

/// Where and when a packet arrived.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// The interface it arrived on.
    pub ifindex: u32,
    /// Now, in ticks ([`crate::abi::TICK_SHIFT`]).
    pub tick: u32,
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Not ours: left untouched, up the host's own stack.
    Pass,
    /// Dropped and counted.
    Drop(DropReason),
    /// Rewritten; leaves by the interface it arrived on.
    Transmit,
    /// Rewritten; leaves by this interface.
    Redirect(u32),
}

/// What every stage may know about the packet's surroundings.
struct Context<'w, W> {
    world: &'w W,
    port: Port,
    meta: Meta,
    at: Arrival,
}

/// Takes one frame its whole way and says what becomes of it.
#[inline(always)]
pub fn run<F: Frame, W: World>(frame: &mut F, world: &W, at: Arrival) -> Outcome {
    let (Some(port), Some(meta)) = (world.port(at.ifindex), world.meta()) else {
        return Outcome::Pass;
    };
    let Some(eth) = frame.header::<EthHdr, 14>(0) else {
        return Outcome::Pass;
    };
    let to_us = eth.dst_addr == port.mac;
    if !to_us && !is_group(eth.dst_addr) {
        return Outcome::Pass;
    }
    let context = Context {
        world,
        port,
        meta,
        at,
    };
    match u16::from_be(eth.ether_type) {
        ether_type::IPV4 => ipv4(frame, &context, &eth, to_us),
        ether_type::ARP => arp::answer(frame, &context, &eth),
        _ => Outcome::Pass,
    }
}

/// Known flows, then whose address it is, then new flows.
#[inline(always)]
fn ipv4<F: Frame, W: World>(
    frame: &mut F,
    context: &Context<'_, W>,
    eth: &EthHdr,
    to_us: bool,
) -> Outcome {
    let Some(ip) = frame.header::<Ipv4Hdr, 20>(parse::IP_AT) else {
        return Outcome::Pass;
    };
    let mut packet = Packet::unparsed(eth, &ip);
    let mut fault = parse::ipv4(frame, &mut packet).err();
    let key = packet.key(context.port.scope);
    if to_us && fault.is_none() {
        if let Some(flow) = context.world.flow(&key) {
            return known(frame, context, &packet, flow);
        }
    } else if !to_us {
        fault = fault.or(Some(DropReason::NotUnicast));
    }
    match unknown(context, &packet, fault) {
        Unknown::NotOurs => Outcome::Pass,
        Unknown::Refused(reason) => Outcome::Drop(reason),
        Unknown::Opened => match context.world.flow(&key) {
            Some(flow) => known(frame, context, &packet, flow),
            None => refuse(
                context,
                &packet,
                &Refusal::inbound(0, DropReason::TableMissing, 0),
            ),
        },
    }
}

/// What a packet of no known flow turned out to be.
enum Unknown {
    NotOurs,
    Refused(DropReason),
    Opened,
}

/// A packet of no known flow: whose address it is for, and if it is an ENI's, whether it may open
/// a flow. Apart from the fast path so that its stack is used only here.
#[inline(never)]
fn unknown<W: World>(
    context: &Context<'_, W>,
    packet: &Packet,
    fault: Option<DropReason>,
) -> Unknown {
    let key = AddressKey {
        address: mapped(packet.ip.dst_addr),
        scope: context.port.scope,
        bank: context.meta.bank as u16,
    };
    let Some(address) = context.world.address(&key) else {
        return Unknown::NotOurs;
    };
    let opened = if let Some(reason) = fault {
        Err((reason, 0))
    } else if parse::is_martian(packet.ip.src_addr, packet.ip.dst_addr) {
        Err((DropReason::MartianSource, 0))
    } else if address.kind != KIND_ENI {
        Err((DropReason::NoFlow, 0))
    } else if packet.ip.proto == protocol::ICMP {
        echo::admit(context, packet, &address)
    } else {
        admit(context, packet, &address)
    };
    match opened {
        Ok(()) => Unknown::Opened,
        Err((reason, rule)) => {
            refuse(
                context,
                packet,
                &Refusal::inbound(address.eni, reason, rule),
            );
            Unknown::Refused(reason)
        }
    }
}

/// The stages of a new TCP or UDP flow. Nothing is left behind unless every one said yes.
#[inline(always)]
fn admit<W: World>(context: &Context<'_, W>, packet: &Packet, eni: &Address) -> Result<(), Denied> {
    let (world, bank) = (context.world, context.meta.bank);
    let request = packet.request();
    let mut judged = Judged::default();
    judge::consumer_leg(world, bank, eni, &request, &mut judged)?;
    let listener = select::listener(world, bank, eni.load_balancer, &request)?;
    if packet.ip.proto == protocol::TCP && !packet.opens_connection() {
        return Err((DropReason::TcpNotSyn, 0));
    }
    let backend = select::backend(world, bank, &listener, &request)?;
    judge::service_leg(world, bank, eni, &request, &backend, &mut judged)?;
    judge::reply(world, bank, eni, &request, &mut judged);
    flow::create(context, packet, eni, &listener, &backend, &judged)
}

/// A packet of a flow we track.
#[inline(always)]
fn known<F: Frame, W: World>(
    frame: &mut F,
    context: &Context<'_, W>,
    packet: &Packet,
    tracked: W::Flow,
) -> Outcome {
    let mut entry = tracked.entry();
    if entry.generation != context.meta.generation {
        judge_again(context, &packet.key(context.port.scope), tracked);
        entry = tracked.entry();
    }
    if let Some(reason) = DropReason::from_number(entry.verdict) {
        return refuse(context, packet, &Refusal::of_flow(&entry, reason));
    }
    if entry.role == ROLE_ECHO {
        return echo(frame, context, packet, tracked);
    }
    let sent = forward::hop(context.world, packet, &entry).and_then(|hop| {
        send(frame, packet, &entry, &hop)
            .ok_or(DropReason::Truncated)
            .map(|()| hop)
    });
    match sent {
        Err(reason) => refuse(context, packet, &Refusal::of_flow(&entry, reason)),
        Ok(hop) => {
            account(context, packet, tracked, &entry);
            if hop.ifindex == context.at.ifindex {
                Outcome::Transmit
            } else {
                Outcome::Redirect(hop.ifindex)
            }
        }
    }
}

/// Rewrites a packet as its flow says and addresses it to the hop.
#[inline(always)]
fn send<F: Frame>(frame: &mut F, packet: &Packet, entry: &FlowEntry, hop: &Hop) -> Option<()> {
    nat::rewrite(frame, packet, entry)?;
    forward::address(frame, hop, entry)
}

/// Notes what the generation in force says of a flow that an earlier one judged.
#[inline(never)]
fn judge_again<W: World>(context: &Context<'_, W>, key: &FlowKey, tracked: W::Flow) {
    let judged = judge::again(context.world, context.meta.bank, key, &tracked.entry());
    tracked.judge(context.meta.generation, &judged);
}

/// Answers an ICMP echo request in place; both directions are accounted to its flow.
#[inline(never)]
fn echo<F: Frame, W: World>(
    frame: &mut F,
    context: &Context<'_, W>,
    packet: &Packet,
    tracked: W::Flow,
) -> Outcome {
    let entry = tracked.entry();
    account(context, packet, tracked, &entry);
    let key = echo::reply_key(packet, context.port.scope);
    let Some(back) = context.world.flow(&key) else {
        let refusal = Refusal::of_flow(&entry, DropReason::TableMissing);
        return refuse(context, packet, &refusal);
    };
    if back.entry().generation != context.meta.generation {
        judge_again(context, &key, back);
    }
    let reply = back.entry();
    if let Some(reason) = DropReason::from_number(reply.verdict) {
        return refuse(context, &packet.echoed(), &Refusal::of_flow(&reply, reason));
    }
    if echo::answer(frame, packet).is_none() {
        return refuse(
            context,
            packet,
            &Refusal::of_flow(&reply, DropReason::Truncated),
        );
    }
    account(context, packet, back, &reply);
    Outcome::Transmit
}

#[inline(always)]
fn account<W: World>(
    context: &Context<'_, W>,
    packet: &Packet,
    tracked: W::Flow,
    entry: &FlowEntry,
) {
    tracked.record(packet.bytes, context.at.tick, packet.tcp_flags);
    context
        .world
        .accepted(entry.eni, direction(entry), packet.bytes);
}

#[inline(always)]
fn direction(entry: &FlowEntry) -> Direction {
    if entry.role == ROLE_REPLY {
        Direction::Out
    } else {
        Direction::In
    }
}

/// Who refused a packet, and why.
struct Refusal {
    eni: u16,
    direction: Direction,
    reason: DropReason,
    rule: u32,
}

impl Refusal {
    #[inline(always)]
    fn inbound(eni: u16, reason: DropReason, rule: u32) -> Self {
        Self {
            eni,
            direction: Direction::In,
            reason,
            rule,
        }
    }

    #[inline(always)]
    fn of_flow(entry: &FlowEntry, reason: DropReason) -> Self {
        Self {
            eni: entry.eni,
            direction: direction(entry),
            reason,
            rule: judge::deciding_rule(reason, &entry.rules),
        }
    }
}

/// Counts and tells a drop.
#[inline(never)]
fn refuse<W: World>(context: &Context<'_, W>, packet: &Packet, refusal: &Refusal) -> Outcome {
    context.world.dropped(&DropEvent {
        src: mapped(packet.ip.src_addr),
        dst: mapped(packet.ip.dst_addr),
        src_port: packet.src_port,
        dst_port: packet.dst_port,
        bytes: packet.bytes,
        tick: context.at.tick,
        generation: context.meta.generation,
        rule: refusal.rule,
        eni: refusal.eni,
        reason: refusal.reason as u8,
        direction: refusal.direction as u8,
        protocol: packet.ip.proto,
        tcp_flags: packet.tcp_flags,
        reserved: [0; 6],
    });
    Outcome::Drop(refusal.reason)
}

/// Whether a MAC address is a group (multicast or broadcast) address.
#[inline(always)]
fn is_group(mac: [u8; 6]) -> bool {
    let [first, ..] = mac;
    first & 1 != 0
}
