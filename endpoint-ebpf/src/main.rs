//! The packet programs: kernel glue around `endpoint_common::path`, nothing to think about.
//!
//! One XDP entry point serves consumer and provider interfaces alike: the flow table and the
//! interface's row tell which side a packet is on.
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
mod frame;
mod maps;
mod world;

use aya_ebpf::bindings::xdp_action::{XDP_DROP, XDP_PASS};
use aya_ebpf::helpers::{bpf_ktime_get_coarse_ns, bpf_redirect};
use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;
use aya_log_ebpf::debug;
use endpoint_common::abi::TICK_SHIFT;
use endpoint_common::path::{self, Arrival, Outcome};

use frame::XdpFrame;
use world::KernelWorld;

/// The program for every bound interface.
#[xdp]
pub fn endpoint_xdp(ctx: XdpContext) -> u32 {
    // SAFETY: the helper takes no arguments and only reads a clock.
    let nanoseconds = unsafe { bpf_ktime_get_coarse_ns() };
    let at = Arrival {
        ifindex: ctx.ingress_ifindex() as u32,
        tick: (nanoseconds >> TICK_SHIFT) as u32,
    };
    let mut frame = XdpFrame::new(&ctx);
    let outcome = path::run(&mut frame, &KernelWorld, at);
    if config::LOG.load() != 0 {
        log(&ctx, at, outcome);
    }
    match outcome {
        Outcome::Pass => XDP_PASS,
        Outcome::Drop(_) => XDP_DROP,
        // Not XDP_TX: on veth that reaches only a peer with an XDP program of its own.
        Outcome::Transmit => redirect(at.ifindex),
        Outcome::Redirect(ifindex) => redirect(ifindex),
    }
}

#[inline(always)]
fn redirect(ifindex: u32) -> u32 {
    // SAFETY: the helper takes plain numbers and returns an XDP action.
    unsafe { bpf_redirect(ifindex, 0) as u32 }
}

#[inline(never)]
fn log(ctx: &XdpContext, at: Arrival, outcome: Outcome) {
    match outcome {
        Outcome::Pass => debug!(ctx, "if {}: pass", at.ifindex),
        Outcome::Drop(reason) => debug!(ctx, "if {}: drop, reason {}", at.ifindex, reason as u8),
        Outcome::Transmit => debug!(ctx, "if {}: transmit", at.ifindex),
        Outcome::Redirect(to) => debug!(ctx, "if {}: redirect to if {}", at.ifindex, to),
    }
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
