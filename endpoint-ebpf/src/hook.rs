//! What the kernel is told about a packet, hook by hook: the next leg by tail call, or its fate.
//!
//! May import: aya-ebpf, aya-log-ebpf, endpoint-common, config, maps.

use core::arch::asm;
use core::ptr;

use aya_ebpf::EbpfContext;
use aya_ebpf::bindings::bpf_func_id::BPF_FUNC_tail_call;
use aya_ebpf::bindings::xdp_action::{XDP_DROP, XDP_PASS};
use aya_ebpf::bindings::{TC_ACT_SHOT, TC_ACT_UNSPEC};
use aya_ebpf::helpers::bpf_redirect;
use aya_ebpf::maps::ProgramArray;
use aya_ebpf::programs::{TcContext, XdpContext};
use aya_log_ebpf::debug;
use endpoint_common::abi::reason::DropReason;
use endpoint_common::path::{Leg, Outcome, Turn};

use crate::{config, maps};

/// Goes on to the next leg, or says what becomes of the packet.
#[inline(always)]
fn follow<C: EbpfContext>(ctx: &C, legs: &ProgramArray, turn: Turn, on: u32) -> Outcome {
    let outcome = match turn {
        Turn::Done(outcome) => outcome,
        Turn::Next(leg) => {
            enter(ctx, legs, leg);
            // The loader fills every slot.
            Outcome::Drop(DropReason::TableMissing)
        }
    };
    if config::LOG.load() != 0 {
        log(ctx, on, outcome);
    }
    outcome
}

/// Tail calls, each with its number in the instruction: the kernel then jumps to the program, where it
/// would else look its address up and jump there through a retpoline.
macro_rules! tail_calls {
    ($ctx:ident $legs:ident $leg:ident: $($name:ident)+) => {
        match $leg {
            $(
                // SAFETY: `bpf_tail_call` of a context and a map; there is nothing on this program's
                // stack that would need dropping. The number is no operand, lest calls be joined.
                Leg::$name => unsafe {
                    asm!(
                        "r3 = {leg}",
                        "call {tail_call}",
                        leg = const Leg::$name as u32,
                        tail_call = const BPF_FUNC_tail_call,
                        inlateout("r1") $ctx => _,
                        inlateout("r2") $legs => _,
                        lateout("r0") _,
                        lateout("r3") _,
                        lateout("r4") _,
                        lateout("r5") _,
                    );
                },
            )+
        }
    };
}

/// Goes on with a leg's program; returns if there is none.
#[inline(always)]
fn enter<C: EbpfContext>(ctx: &C, legs: &ProgramArray, leg: Leg) {
    let (ctx, legs) = (ctx.as_ptr(), ptr::from_ref(legs));
    tail_calls! { ctx legs leg:
        Neighbour Open Known Send Echo Tell Arrive6 Related Fragment Open6 Answer Tagged Tag
    }
}

#[inline(always)]
pub(crate) fn follow_xdp(ctx: &XdpContext, turn: Turn) -> u32 {
    let on = ctx.ingress_ifindex() as u32;
    match follow(ctx, &maps::XDP_LEGS, turn, on) {
        Outcome::Pass => XDP_PASS,
        Outcome::Drop(_) => XDP_DROP,
        // Not XDP_TX: on veth that reaches only a peer with an XDP program of its own.
        Outcome::Transmit | Outcome::Answer(_) => redirect(on) as u32,
        Outcome::Redirect(ifindex) => redirect(ifindex) as u32,
    }
}

#[inline(always)]
pub(crate) fn follow_tc(ctx: &TcContext, turn: Turn) -> i32 {
    let (on, _) = arrival_tc(ctx);
    match follow(ctx, &maps::TC_LEGS, turn, on) {
        // Other programs of the hook, then the host's stack.
        Outcome::Pass => TC_ACT_UNSPEC,
        Outcome::Drop(_) => TC_ACT_SHOT,
        Outcome::Transmit | Outcome::Answer(_) => redirect(on) as i32,
        Outcome::Redirect(ifindex) => redirect(ifindex) as i32,
    }
}

/// The interface an skb arrived on, and whether it has a VLAN tag.
#[inline(always)]
pub(crate) fn arrival_tc(ctx: &TcContext) -> (u32, bool) {
    // SAFETY: the context of the running program.
    unsafe { ((*ctx.skb.skb).ifindex, (*ctx.skb.skb).vlan_present != 0) }
}

#[inline(always)]
fn redirect(ifindex: u32) -> i64 {
    // SAFETY: the helper takes plain numbers and returns an action of the hook.
    unsafe { bpf_redirect(ifindex, 0) }
}

#[inline(never)]
fn log<C: EbpfContext>(ctx: &C, on: u32, outcome: Outcome) {
    match outcome {
        Outcome::Pass => debug!(ctx, "if {}: pass", on),
        Outcome::Drop(reason) => debug!(ctx, "if {}: drop, reason {}", on, reason as u8),
        Outcome::Answer(reason) => debug!(ctx, "if {}: answer, reason {}", on, reason as u8),
        Outcome::Transmit => debug!(ctx, "if {}: transmit", on),
        Outcome::Redirect(to) => debug!(ctx, "if {}: redirect to if {}", on, to),
    }
}
