//! The packet programs: kernel glue around `endpoint_common::path`, nothing to think about.
//!
//! One XDP entry point serves consumer and provider interfaces alike: the flow table and the
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
    reason = "the entry points that the xdp macro writes are public and undocumented"
)]

mod config;
mod flow_memory;
mod frame;
mod maps;
mod world;

use aya_ebpf::bindings::xdp_action::{XDP_DROP, XDP_PASS};
use aya_ebpf::helpers::{bpf_jiffies64, bpf_redirect};
use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;
use aya_log_ebpf::debug;
use endpoint_common::abi::family::{Inet, Inet6};
use endpoint_common::abi::reason::DropReason;
use endpoint_common::path::{self, Arrival, Leg, Outcome, Turn, flows};

use frame::XdpFrame;
use world::KernelWorld;

/// The program for every bound interface: a packet's first leg.
#[xdp(frags)]
pub fn endpoint_xdp(ctx: XdpContext) -> u32 {
    let turn = path::arrive(&mut XdpFrame::new(&ctx), &KernelWorld, arrival(&ctx));
    follow(&ctx, turn)
}

/// Programs for the other legs, by the numbers of [`Leg`].
macro_rules! legs {
    ($($name:ident $leg:ident)+) => {
        $(
            #[xdp(frags)]
            pub fn $name(ctx: XdpContext) -> u32 {
                let mut frame = XdpFrame::new(&ctx);
                let turn = path::go(Leg::$leg, &mut frame, &KernelWorld, arrival(&ctx));
                follow(&ctx, turn)
            }
        )+
    };
}

legs! {
    endpoint_xdp_neighbour Neighbour
    endpoint_xdp_open Open
    endpoint_xdp_known Known
    endpoint_xdp_send Send
    endpoint_xdp_echo Echo
    endpoint_xdp_refuse Refuse
    endpoint_xdp_ipv6 Arrive6
    endpoint_xdp_related Related
    endpoint_xdp_fragment Fragment
}

#[inline(always)]
fn arrival(ctx: &XdpContext) -> Arrival {
    Arrival {
        ifindex: ctx.ingress_ifindex() as u32,
        tick: now(),
    }
}

/// Jiffies, which the verifier turns into a load.
#[inline(always)]
fn now() -> u32 {
    // SAFETY: the helper takes no arguments and only reads a clock.
    unsafe { bpf_jiffies64() as u32 }
}

/// Goes on to the next leg, or tells the kernel what becomes of the packet.
#[inline(always)]
fn follow(ctx: &XdpContext, turn: Turn) -> u32 {
    let outcome = match turn {
        Turn::Done(outcome) => outcome,
        Turn::Next(leg) => {
            // SAFETY: there is nothing on this program's stack that would need dropping.
            unsafe { maps::XDP_LEGS.tail_call(ctx, leg as u32) };
            // The loader fills every slot.
            Outcome::Drop(DropReason::TableMissing)
        }
    };
    if config::LOG.load() != 0 {
        log(ctx, outcome);
    }
    match outcome {
        Outcome::Pass => XDP_PASS,
        Outcome::Drop(_) => XDP_DROP,
        // Not XDP_TX: on veth that reaches only a peer with an XDP program of its own.
        Outcome::Transmit => redirect(ctx.ingress_ifindex() as u32),
        Outcome::Redirect(ifindex) => redirect(ifindex),
    }
}

#[inline(always)]
fn redirect(ifindex: u32) -> u32 {
    // SAFETY: the helper takes plain numbers and returns an XDP action.
    unsafe { bpf_redirect(ifindex, 0) as u32 }
}

#[inline(never)]
fn log(ctx: &XdpContext, outcome: Outcome) {
    let on = ctx.ingress_ifindex() as u32;
    match outcome {
        Outcome::Pass => debug!(ctx, "if {}: pass", on),
        Outcome::Drop(reason) => debug!(ctx, "if {}: drop, reason {}", on, reason as u8),
        Outcome::Transmit => debug!(ctx, "if {}: transmit", on),
        Outcome::Redirect(to) => debug!(ctx, "if {}: redirect to if {}", on, to),
    }
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

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // The path cannot panic; if it ever could, the verifier refuses this loop at load.
    loop {}
}

/// The licence GPL-only helpers ask for.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
