//! What the bench of whole veth paths sends and counts with: `bench_send` makes each live frame of
//! a test run the next packet of one of its flows and sends it out by the interface it pretends to
//! have come from; `bench_sink` takes what arrives at the far end. `bench_cross` stands where the
//! product would, and only sends on: what it costs, every node at the XDP hook of a veth costs.
//!
//! May import: aya-ebpf, endpoint-common, frame.
#![no_std]
#![no_main]
#![feature(asm_experimental_arch, core_intrinsics)]
#![expect(
    internal_features,
    reason = "only an intrinsic tells whether a number is known when compiled"
)]
#![allow(
    missing_docs,
    unreachable_pub,
    reason = "the entry points that the xdp macro writes are public and undocumented"
)]

mod frame;
mod object;

use aya_ebpf::bindings::xdp_action::{XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX};
use aya_ebpf::helpers::bpf_redirect;
use aya_ebpf::macros::{map, xdp};
use aya_ebpf::maps::{Array, HashMap, PerCpuArray};
use aya_ebpf::programs::XdpContext;
use endpoint_common::hash::mix;
use endpoint_common::path::Frame;
use endpoint_common::wire::{EthHdr, Ipv4Hdr, UdpHdr, checksum, ether_type, protocol};

use frame::{PacketFrame, Xdp};

const IP_AT: usize = EthHdr::LEN;
const UDP_AT: usize = IP_AT + Ipv4Hdr::LEN;
/// Ethernet, IPv4 and UDP, without options.
const HEADERS: usize = UDP_AT + UdpHdr::LEN;

/// Row 0: the headers to write, as they are right for source port 0. The bench fills it in.
#[map]
static TEMPLATE: Array<[u8; HEADERS]> = Array::with_max_entries(1, 0);
/// Row 0: how many packets were made; row 1: the number of flows, a power of two, less one; row 2:
/// the source port of the first flow; row 3: not 0 for flows in their turn, else by chance.
#[map]
static SEQUENCE: Array<u32> = Array::with_max_entries(4, 0);
/// Row 0: the UDP destination port, in host order, that the sink takes.
#[map]
static WANTED: Array<u32> = Array::with_max_entries(1, 0);
/// Row 0: how many packets the sink took.
#[map]
static ARRIVED: PerCpuArray<u64> = PerCpuArray::with_max_entries(1, 0);
/// By the interface IPv4 packets arrive on: the one they leave by, in the machine's byte order, and
/// the MAC addresses that they leave with, destination first.
#[map]
static CROSSINGS: HashMap<u32, ([u8; 4], [u8; 12])> = HashMap::with_max_entries(2, 0);

/// See the module.
#[xdp]
pub fn bench_send(ctx: XdpContext) -> u32 {
    match make(&mut PacketFrame::xdp(&ctx)) {
        Some(()) => XDP_TX,
        None => XDP_ABORTED,
    }
}

/// Writes all headers: the frame's memory comes back as its last receiver left it.
#[inline(always)]
fn make(frame: &mut PacketFrame<Xdp>) -> Option<()> {
    let sequence = SEQUENCE.get_ptr_mut(0)?;
    // SAFETY: a row of the map; the bench has one test run at a time, on one CPU.
    let number = unsafe {
        *sequence = (*sequence).wrapping_add(1);
        *sequence
    };
    let in_turn = *SEQUENCE.get(3)? != 0;
    let spread = if in_turn { number } else { mix(0, [number]) };
    let flow = spread & *SEQUENCE.get(1)?;
    let port = ((*SEQUENCE.get(2)? + flow) as u16).to_be_bytes();
    let headers = *TEMPLATE.get(0)?;
    let check = [headers[UDP_AT + 6], headers[UDP_AT + 7]];
    frame.write(0, headers)?;
    frame.write(UDP_AT, port)?;
    let check = checksum::apply_udp(check, checksum::change([0, 0], port));
    frame.write(UDP_AT + 6, check)
}

/// See the module. What is not for the wanted port goes on as if nobody were here.
#[xdp]
pub fn bench_sink(ctx: XdpContext) -> u32 {
    let frame = PacketFrame::xdp(&ctx);
    match (is_wanted(&frame), ARRIVED.get_ptr_mut(0)) {
        (Some(true), Some(arrived)) => {
            // SAFETY: this CPU's own row, and the program is not interrupted by itself.
            unsafe { *arrived += 1 };
            XDP_DROP
        }
        _ => XDP_PASS,
    }
}

#[inline(always)]
fn is_wanted(frame: &PacketFrame<Xdp>) -> Option<bool> {
    let wanted = *WANTED.get(0)? as u16;
    Some(
        frame.read(12)? == ether_type::IPV4.to_be_bytes()
            && frame.read(IP_AT + 9)? == [protocol::UDP]
            && frame.read(UDP_AT + 2)? == wanted.to_be_bytes(),
    )
}

/// See the module. What is not IPv4 is the stack's.
#[xdp(frags)]
pub fn bench_cross(ctx: XdpContext) -> u32 {
    let mut frame = PacketFrame::xdp(&ctx);
    match cross(&mut frame, ctx.ingress_ifindex() as u32) {
        // SAFETY: the helper takes plain numbers and returns an action of the hook.
        Some(ifindex) => unsafe { bpf_redirect(ifindex, 0) as u32 },
        None => XDP_PASS,
    }
}

#[inline(always)]
fn cross(frame: &mut PacketFrame<Xdp>, on: u32) -> Option<u32> {
    if frame.read(12)? != ether_type::IPV4.to_be_bytes() {
        return None;
    }
    // SAFETY: nobody writes the map while packets come.
    let (ifindex, macs) = unsafe { CROSSINGS.get(on) }?;
    frame.write(0, *macs)?;
    Some(u32::from_ne_bytes(*ifindex))
}
