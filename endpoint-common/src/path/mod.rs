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
mod case;
mod echo;
mod flow;
mod forward;
mod frame;
mod judge;
mod nat;
mod parse;
mod policy;
mod select;
mod step;
mod tables;

pub use case::{Case, Judged};
pub use frame::{Frame, REACH};
pub use policy::{classify, policy_key};
pub use tables::{Account, Flow, Flows, Insert, Tables};

use crate::abi::event::DropEvent;
use crate::abi::flow::{Direction, FlowKey, ROLE_ECHO};
use crate::abi::mapped;
use crate::abi::meta::{Meta, Port};
use crate::abi::reason::DropReason;
use crate::abi::service::{AddressKey, KIND_ENI};
use crate::wire::{EthHdr, ether_type, protocol};
use parse::{Packet, Parsed};
use step::{Packed, Refusal, Step};

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
        ether_type::IPV4 => ipv4(frame, &context, to_us),
        ether_type::ARP => arp::answer(frame, &context),
        _ => Outcome::Pass,
    }
}

/// Parse, find or open the flow, judge if need be, send.
#[inline(always)]
fn ipv4<F: Frame, W: World>(frame: &mut F, context: &Context<'_, W>, to_us: bool) -> Outcome {
    let mut packet = Packet::blank();
    let fault = match parse::ipv4(frame, &mut packet) {
        Parsed::TooShort => return Outcome::Pass,
        Parsed::Faulty(reason) => Some(reason),
        Parsed::Whole if !to_us => Some(DropReason::NotUnicast),
        Parsed::Whole => None,
    };
    let step = match track(context, &packet, fault) {
        Ok(tracked) => known(frame, context, &packet, tracked),
        Err(step) => step,
    };
    match step.unpack() {
        Step::NotOurs => Outcome::Pass,
        Step::Sent(ifindex) if ifindex == context.at.ifindex => Outcome::Transmit,
        Step::Sent(ifindex) => Outcome::Redirect(ifindex),
        Step::Refused(refusal) => {
            tell(context, &packet, step);
            Outcome::Drop(refusal.reason)
        }
        Step::Opened => Outcome::Drop(DropReason::TableMissing),
    }
}

/// The packet's flow, made if it may be.
#[inline(always)]
fn track<W: World>(
    context: &Context<'_, W>,
    packet: &Packet,
    fault: Option<DropReason>,
) -> Result<W::Flow, Packed> {
    let key = packet.key(context.port.scope);
    if fault.is_none()
        && let Some(tracked) = context.world.flow(&key)
    {
        return Ok(tracked);
    }
    let step = unknown(context, packet, fault);
    if step != Packed::OPENED {
        return Err(step);
    }
    let opened = context.world.flow(&key);
    opened.ok_or(Step::Refused(Refusal::missing()).pack())
}

/// A packet of no known flow: whose address it is for, and if it is an ENI's, whether it may open
/// a flow.
#[inline(never)]
fn unknown<W: World>(
    context: &Context<'_, W>,
    packet: &Packet,
    fault: Option<DropReason>,
) -> Packed {
    let key = AddressKey {
        address: mapped(packet.dst),
        scope: context.port.scope,
        bank: context.meta.bank as u16,
        reserved: 0,
    };
    let Some(address) = context.world.address(&key) else {
        return Step::NotOurs.pack();
    };
    let step = context.world.with_case(|case| {
        case.begin_with_packet(packet, address);
        match fault.map_or_else(|| open(context, packet, case), Err) {
            Ok(()) => Packed::OPENED,
            Err(reason) => Step::Refused(Refusal {
                eni: address.eni,
                direction: Direction::In,
                reason,
                rule: case::deciding_rule(reason, &case.rules()),
            })
            .pack(),
        }
    });
    step.unwrap_or(Step::Refused(Refusal::missing()).pack())
}

/// The stages of a new flow. Nothing is left behind unless every one said yes.
#[inline(always)]
fn open<W: World>(
    context: &Context<'_, W>,
    packet: &Packet,
    case: &mut Case,
) -> Result<(), DropReason> {
    let (world, bank) = (context.world, context.meta.bank);
    if parse::is_martian(packet.src, packet.dst) {
        return Err(DropReason::MartianSource);
    }
    if case.eni.kind != KIND_ENI {
        return Err(DropReason::NoFlow);
    }
    judge::acl_in(world, bank, case)?;
    judge::group_in(world, bank, case)?;
    if packet.protocol == protocol::ICMP {
        judge::acl_out(world, bank, case);
        return flow::create_echo(context, packet, case);
    }
    select::listener(world, bank, case)?;
    if packet.protocol == protocol::TCP && !packet.opens_connection() {
        return Err(DropReason::TcpNotSyn);
    }
    select::backend(world, bank, case)?;
    judge::group_out(world, bank, case)?;
    judge::acl_out(world, bank, case);
    flow::create(context, packet, case)
}

/// A packet of a flow we track.
#[inline(always)]
fn known<F: Frame, W: World>(
    frame: &mut F,
    context: &Context<'_, W>,
    packet: &Packet,
    tracked: W::Flow,
) -> Packed {
    let key = packet.key(context.port.scope);
    judge_if_new_generation(context, &key, tracked);
    let entry = tracked.entry();
    if let Some(reason) = DropReason::from_number(entry.verdict) {
        return Step::Refused(Refusal::of_flow(&entry, reason)).pack();
    }
    if entry.role != ROLE_ECHO {
        return send(frame, context, packet, tracked);
    }
    account(context, packet, tracked);
    let key = key.echo_answers();
    match context.world.flow(&key) {
        Some(reply) => {
            judge_if_new_generation(context, &key, reply);
            echo(frame, context, packet, reply)
        }
        None => Step::Refused(Refusal::missing()).pack(),
    }
}

#[inline(always)]
fn judge_if_new_generation<W: World>(context: &Context<'_, W>, key: &FlowKey, tracked: W::Flow) {
    if tracked.entry().generation != context.meta.generation {
        judge_again(context, key, tracked);
    }
}

/// Notes what the generation in force says of a flow that an earlier one judged.
#[inline(never)]
fn judge_again<W: World>(context: &Context<'_, W>, key: &FlowKey, tracked: W::Flow) {
    let judged = judge::again(context.world, context.meta.bank, key, &tracked.entry());
    tracked.judge(context.meta.generation, &judged);
}

/// Rewrites a packet as its flow says, addresses it to the hop and accounts it. The entry is read
/// anew where its fields are needed, so that few of them live at once.
#[inline(never)]
fn send<F: Frame, W: World>(
    frame: &mut F,
    context: &Context<'_, W>,
    packet: &Packet,
    tracked: W::Flow,
) -> Packed {
    let hop = match forward::hop(context.world, packet, &tracked.entry()) {
        Ok(hop) => hop,
        Err(reason) => return Step::Refused(Refusal::of_flow(&tracked.entry(), reason)).pack(),
    };
    let addressed = forward::address(frame, &hop, &tracked.entry());
    if addressed
        .and_then(|()| nat::rewrite(frame, packet, &tracked.entry()))
        .is_none()
    {
        let refusal = Refusal::of_flow(&tracked.entry(), DropReason::Truncated);
        return Step::Refused(refusal).pack();
    }
    account(context, packet, tracked);
    Step::Sent(hop.ifindex).pack()
}

/// Turns an echo request into its answer and accounts that to `reply`, if it may leave.
#[inline(never)]
fn echo<F: Frame, W: World>(
    frame: &mut F,
    context: &Context<'_, W>,
    packet: &Packet,
    reply: W::Flow,
) -> Packed {
    let entry = reply.entry();
    if let Some(reason) = DropReason::from_number(entry.verdict) {
        return Step::Refused(Refusal::of_flow(&entry, reason)).pack();
    }
    if echo::answer(frame, packet).is_none() {
        return Step::Refused(Refusal::of_flow(&entry, DropReason::Truncated)).pack();
    }
    account(context, packet, reply);
    Step::Sent(context.at.ifindex).pack()
}

#[inline(always)]
fn account<W: World>(context: &Context<'_, W>, packet: &Packet, tracked: W::Flow) {
    tracked.record(packet.bytes, context.at.tick, packet.tcp_flags);
    let entry = tracked.entry();
    context
        .world
        .accepted(entry.eni, step::direction(&entry), packet.bytes);
}

/// Counts and tells a drop.
#[inline(never)]
fn tell<W: World>(context: &Context<'_, W>, packet: &Packet, step: Packed) {
    let Step::Refused(refusal) = step.unpack() else {
        return;
    };
    context.world.dropped(&DropEvent {
        src: mapped(packet.src),
        dst: mapped(packet.dst),
        src_port: packet.src_port,
        dst_port: packet.dst_port,
        bytes: packet.bytes,
        tick: context.at.tick,
        generation: context.meta.generation,
        rule: refusal.rule,
        eni: refusal.eni,
        reason: refusal.reason as u8,
        direction: refusal.direction as u8,
        protocol: packet.protocol,
        tcp_flags: packet.tcp_flags,
        reserved: [0; 6],
    });
}

/// Whether a MAC address is a group (multicast or broadcast) address.
#[inline(always)]
fn is_group(mac: [u8; 6]) -> bool {
    let [first, ..] = mac;
    first & 1 != 0
}
