//! A packet's whole way, in order: [`run`] is the only place that orders stages, and no stage
//! calls another stage.
//!
//! ethernet -> ARP, or IP parse -> NDP -> known flow: judge again if the generation changed -> rewrite ->
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
mod ndp;
mod parse;
mod policy;
mod select;
mod step;
mod tables;

pub use case::Judged;
pub use frame::{Frame, REACH};
pub use policy::{PolicyKey, classify};
pub use tables::{Account, Flow, Flows, Insert, Scratch, Tables};

use crate::abi::event::DropEvent;
use crate::abi::flow::{Direction, FlowKey, ROLE_ECHO};
use crate::abi::meta::{Meta, Port};
use crate::abi::reason::DropReason;
use crate::abi::service::{AddressKey, KIND_ENI};
use crate::wire::{EthHdr, ether_type, protocol};
use case::Case;
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
    let ether_type = u16::from_be(eth.ether_type);
    if ether_type == ether_type::ARP {
        return arp::answer(frame, &context);
    }
    let outcome = world.with_scratch(|scratch| match ether_type {
        ether_type::IPV4 => ip::<F, W, true>(frame, &context, scratch, to_us),
        ether_type::IPV6 => ip::<F, W, false>(frame, &context, scratch, to_us),
        _ => Outcome::Pass,
    });
    outcome.unwrap_or(Outcome::Drop(DropReason::TableMissing))
}

/// Parse, find or open the flow, judge if need be, send.
#[inline(always)]
fn ip<F: Frame, W: World, const V4: bool>(
    frame: &mut F,
    context: &Context<'_, W>,
    scratch: &mut Scratch,
    to_us: bool,
) -> Outcome {
    let fault = match parse::ip::<F, V4>(frame, &mut scratch.packet) {
        Parsed::NotOurs => return Outcome::Pass,
        Parsed::Solicitation => return ndp::answer(frame, context, &scratch.packet),
        Parsed::Faulty(reason) => Some(reason),
        Parsed::Whole if !to_us => Some(DropReason::NotUnicast),
        Parsed::Whole => None,
    };
    let step = match track::<W, V4>(context, scratch, fault) {
        Ok(tracked) => known::<F, W, V4>(frame, context, scratch, tracked),
        Err(step) => step,
    };
    match step.unpack() {
        Step::NotOurs => Outcome::Pass,
        Step::Sent(ifindex) if ifindex == context.at.ifindex => Outcome::Transmit,
        Step::Sent(ifindex) => Outcome::Redirect(ifindex),
        Step::Refused(refusal) => {
            tell(context, &scratch.packet, step);
            Outcome::Drop(refusal.reason)
        }
        Step::Opened => Outcome::Drop(DropReason::TableMissing),
    }
}

/// The packet's flow, made if it may be.
#[inline(always)]
fn track<W: World, const V4: bool>(
    context: &Context<'_, W>,
    scratch: &mut Scratch,
    fault: Option<DropReason>,
) -> Result<W::Flow, Packed> {
    scratch.key = scratch.packet.key(context.port.scope);
    if fault.is_none()
        && let Some(tracked) = context.world.flow::<V4>(&scratch.key)
    {
        return Ok(tracked);
    }
    let step = unknown::<W, V4>(context, scratch, fault);
    if step != Packed::OPENED {
        return Err(step);
    }
    let opened = context.world.flow::<V4>(&scratch.key);
    opened.ok_or(Step::Refused(Refusal::missing()).pack())
}

/// A packet of no known flow: whose address it is for, and if it is an ENI's, whether it may open
/// a flow.
#[inline(never)]
fn unknown<W: World, const V4: bool>(
    context: &Context<'_, W>,
    scratch: &mut Scratch,
    fault: Option<DropReason>,
) -> Packed {
    let key = AddressKey {
        address: scratch.packet.dst,
        scope: context.port.scope,
        bank: context.meta.bank as u16,
        reserved: 0,
    };
    let Some(address) = context.world.address(&key) else {
        return Step::NotOurs.pack();
    };
    scratch.case.begin_with_packet(&scratch.packet, address);
    match fault.map_or_else(|| open::<W, V4>(context, scratch), Err) {
        Ok(()) => Packed::OPENED,
        Err(reason) => Step::Refused(Refusal {
            eni: address.eni,
            direction: Direction::In,
            reason,
            rule: case::deciding_rule(reason, &scratch.case.rules()),
        })
        .pack(),
    }
}

/// The stages of a new flow. Nothing is left behind unless every one said yes.
#[inline(always)]
fn open<W: World, const V4: bool>(
    context: &Context<'_, W>,
    scratch: &mut Scratch,
) -> Result<(), DropReason> {
    let (world, bank) = (context.world, context.meta.bank);
    let Scratch {
        packet,
        key,
        reply_key,
        case,
    } = scratch;
    if packet.is_martian::<V4>() {
        return Err(DropReason::MartianSource);
    }
    if case.eni.kind != KIND_ENI {
        return Err(DropReason::NoFlow);
    }
    judge::acl_in::<W, V4>(world, bank, case)?;
    judge::group_in::<W, V4>(world, bank, case)?;
    if protocol::is_icmp(packet.protocol) {
        judge::acl_out::<W, V4>(world, bank, case);
        return flow::create_echo::<W, V4>(context, packet, key, reply_key, case);
    }
    select::listener(world, bank, case)?;
    if packet.protocol == protocol::TCP && !packet.opens_connection() {
        return Err(DropReason::TcpNotSyn);
    }
    select::backend::<W, V4>(world, bank, case)?;
    judge::group_out::<W, V4>(world, bank, case)?;
    judge::acl_out::<W, V4>(world, bank, case);
    flow::create::<W, V4>(context, packet, key, reply_key, case)
}

/// A packet of a flow we track.
#[inline(always)]
fn known<F: Frame, W: World, const V4: bool>(
    frame: &mut F,
    context: &Context<'_, W>,
    scratch: &mut Scratch,
    tracked: W::Flow,
) -> Packed {
    let Scratch {
        packet,
        key,
        reply_key,
        case,
    } = scratch;
    judge_if_new_generation::<W, V4>(context, key, tracked, case);
    let state = tracked.state();
    if let Some(reason) = DropReason::from_number(state.verdict) {
        return Step::Refused(Refusal::of_flow(&state, reason)).pack();
    }
    if state.role != ROLE_ECHO {
        return send(frame, context, packet, tracked);
    }
    account(context, packet, tracked);
    *reply_key = key.echo_answers();
    match context.world.flow::<V4>(reply_key) {
        Some(reply) => {
            judge_if_new_generation::<W, V4>(context, reply_key, reply, case);
            echo(frame, context, packet, reply)
        }
        None => Step::Refused(Refusal::missing()).pack(),
    }
}

#[inline(always)]
fn judge_if_new_generation<W: World, const V4: bool>(
    context: &Context<'_, W>,
    key: &FlowKey,
    tracked: W::Flow,
    case: &mut Case,
) {
    if tracked.state().generation != context.meta.generation {
        judge_again::<W, V4>(context, key, tracked, case);
    }
}

/// Notes what the generation in force says of a flow that an earlier one judged.
#[inline(never)]
fn judge_again<W: World, const V4: bool>(
    context: &Context<'_, W>,
    key: &FlowKey,
    tracked: W::Flow,
    case: &mut Case,
) {
    let bank = context.meta.bank;
    tracked.copy_to(&mut case.entry);
    let judged = judge::again::<W, V4>(context.world, bank, key, case);
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
    let hop = match forward::hop(context.world, packet, &tracked.state()) {
        Ok(hop) => hop,
        Err(reason) => return Step::Refused(Refusal::of_flow(&tracked.state(), reason)).pack(),
    };
    let addressed = forward::address(frame, &hop, &tracked.state());
    if addressed
        .and_then(|()| nat::rewrite(frame, packet, tracked))
        .is_none()
    {
        let refusal = Refusal::of_flow(&tracked.state(), DropReason::Truncated);
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
    let state = reply.state();
    if let Some(reason) = DropReason::from_number(state.verdict) {
        return Step::Refused(Refusal::of_flow(&state, reason)).pack();
    }
    if echo::answer(frame, packet).is_none() {
        return Step::Refused(Refusal::of_flow(&state, DropReason::Truncated)).pack();
    }
    account(context, packet, reply);
    Step::Sent(context.at.ifindex).pack()
}

#[inline(always)]
fn account<W: World>(context: &Context<'_, W>, packet: &Packet, tracked: W::Flow) {
    tracked.record(packet.bytes, context.at.tick, packet.tcp_flags);
    let state = tracked.state();
    context
        .world
        .accepted(state.eni, step::direction(&state), packet.bytes);
}

/// Counts and tells a drop.
#[inline(never)]
fn tell<W: World>(context: &Context<'_, W>, packet: &Packet, step: Packed) {
    let Step::Refused(refusal) = step.unpack() else {
        return;
    };
    context.world.dropped(&DropEvent {
        src: packet.src,
        dst: packet.dst,
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
