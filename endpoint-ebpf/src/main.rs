//! The packet programs: kernel glue around `endpoint_common::path`, nothing to think about.
//!
//! Each hook has the same programs, XDP and TC, over its own frame. One entry point serves consumer and provider interfaces alike: the flow table and the
//! interface's row tell which side a packet is on. The legs of its way are programs of their own.
//!
//! May import: aya-ebpf, aya-log-ebpf, endpoint-common.
#![no_std]
#![no_main]
#![feature(asm_experimental_arch, core_intrinsics)]
#![expect(
    internal_features,
    reason = "the stable atomics offer no add on a target without compare-and-swap"
)]
#![allow(
    missing_docs,
    unreachable_pub,
    reason = "the entry points that the macros write are public and undocumented"
)]

mod config;
mod flow_memory;
mod frame;
mod hook;
mod maps;
mod object;
mod skb;
mod world;

use aya_ebpf::bindings::xdp_action::XDP_PASS;
use aya_ebpf::helpers::bpf_jiffies64;
use aya_ebpf::macros::{classifier, xdp};
use aya_ebpf::programs::{TcContext, XdpContext};
use endpoint_common::abi::explain::Explanation;
use endpoint_common::abi::family::{Inet, Inet6};
use endpoint_common::path::{self, Arrival, Leg, Outcome, Scratch, Turn, flows};

use frame::PacketFrame;
use world::KernelWorld;

/// A packet's first leg at the XDP hook.
#[xdp(frags)]
pub fn endpoint_xdp(ctx: XdpContext) -> u32 {
    let at = arrival(ctx.ingress_ifindex() as u32);
    let turn = path::arrive(&mut PacketFrame::xdp(&ctx), &KernelWorld, at);
    hook::follow_xdp(&ctx, turn)
}

/// A packet's first leg at the TC hook.
#[classifier]
pub fn endpoint_tc(ctx: TcContext) -> i32 {
    let (ifindex, is_tagged) = hook::arrival_tc(&ctx);
    if is_tagged {
        // The tag stands beside the frame here; at XDP its ether type would be none of ours.
        return hook::follow_tc(&ctx, Turn::Done(Outcome::Pass));
    }
    let turn = path::arrive(&mut PacketFrame::skb(&ctx), &KernelWorld, arrival(ifindex));
    hook::follow_tc(&ctx, turn)
}

/// Programs for the other legs, by the numbers of [`Leg`], for both hooks.
macro_rules! legs {
    ($($xdp:ident $tc:ident $leg:ident)+) => {
        $(
            #[xdp(frags)]
            pub fn $xdp(ctx: XdpContext) -> u32 {
                let at = arrival(ctx.ingress_ifindex() as u32);
                let turn = path::go(Leg::$leg, &mut PacketFrame::xdp(&ctx), &KernelWorld, at);
                hook::follow_xdp(&ctx, turn)
            }

            #[classifier]
            pub fn $tc(ctx: TcContext) -> i32 {
                let (ifindex, _) = hook::arrival_tc(&ctx);
                let mut frame = PacketFrame::skb(&ctx);
                let turn = path::go(Leg::$leg, &mut frame, &KernelWorld, arrival(ifindex));
                hook::follow_tc(&ctx, turn)
            }
        )+
    };
}

legs! {
    endpoint_xdp_neighbour endpoint_tc_neighbour Neighbour
    endpoint_xdp_open endpoint_tc_open Open
    endpoint_xdp_open6 endpoint_tc_open6 Open6
    endpoint_xdp_known endpoint_tc_known Known
    endpoint_xdp_known6 endpoint_tc_known6 Known6
    endpoint_xdp_send endpoint_tc_send Send
    endpoint_xdp_echo endpoint_tc_echo Echo
    endpoint_xdp_tell endpoint_tc_tell Tell
    endpoint_xdp_ipv6 endpoint_tc_ipv6 Arrive6
    endpoint_xdp_related endpoint_tc_related Related
    endpoint_xdp_fragment endpoint_tc_fragment Fragment
    endpoint_xdp_answer endpoint_tc_answer Answer
    endpoint_xdp_tagged endpoint_tc_tagged Tagged
    endpoint_xdp_tag endpoint_tc_tag Tag
}

#[inline(always)]
fn arrival(ifindex: u32) -> Arrival {
    Arrival {
        ifindex,
        tick: now(),
    }
}

/// Jiffies, which the verifier turns into a load.
#[inline(always)]
fn now() -> u32 {
    // SAFETY: the helper takes no arguments and only reads a clock.
    unsafe { bpf_jiffies64() as u32 }
}

/// Entries of each family's table that one run of [`endpoint_reap`] looks at.
const REAPED: u32 = 32;

/// Looks for idle flows. No interface has it: the daemon runs it, often enough to come round.
#[xdp(frags)]
pub fn endpoint_reap(_: XdpContext) -> u32 {
    let tick = now();
    if let Some(clock) = maps::CLOCK.get_ptr_mut(0) {
        // SAFETY: a live, aligned word that only this program writes.
        unsafe { clock.write_volatile(tick) };
    }
    flows::reap::<Inet, _>(&KernelWorld, REAPED, tick);
    flows::reap::<Inet6, _>(&KernelWorld, REAPED, tick);
    XDP_PASS
}

/// Programs that say what would become of a packet, by family and by whether they look at its flow. No
/// interface has them: the daemon runs them, on a packet that never was.
macro_rules! explain {
    ($($program:ident $path:ident $of_flow:literal)+) => {
        $(
            #[xdp(frags)]
            pub fn $program(ctx: XdpContext) -> u32 {
                if let Some((scratch, answer)) = explained() {
                    let mut frame = PacketFrame::xdp(&ctx);
                    path::$path::<$of_flow, _, _>(&mut frame, &KernelWorld, now(), scratch, answer);
                }
                XDP_PASS
            }
        )+
    };
}

explain! {
    endpoint_explain_flow explain true
    endpoint_explain_open explain false
    endpoint_explain_flow6 explain6 true
    endpoint_explain_open6 explain6 false
}

/// The memory to explain in.
#[inline(always)]
fn explained() -> Option<(&'static mut Scratch, &'static mut Explanation)> {
    let scratch = maps::EXPLAIN_SCRATCH.get_ptr_mut(0)?;
    let answer = maps::EXPLAIN.get_ptr_mut(0)?;
    // SAFETY: rows of live maps, each borrowed once: the daemon runs one of these programs at a time, and
    // no other touches them. Any bytes are a valid scratch and a valid explanation.
    Some(unsafe { (&mut *scratch, &mut *answer) })
}
