//! What the bench measures the product against: the least that a NAT can cost, and a generator that
//! makes a new frame out of the one frame of a test run, so that no packet is rewritten twice.
//!
//! `bench_generate` writes flow i's headers over the frame, whatever the last run left there, and
//! goes on, by tail call, with the program under test: the product's, the floor, or one that only
//! returns, whose cost is the generator's own and is taken off the others'.
//!
//! May import: aya-ebpf, bytemuck, endpoint-common, frame.
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

use aya_ebpf::bindings::xdp_action::{XDP_ABORTED, XDP_PASS, XDP_TX};
use aya_ebpf::macros::{map, xdp};
use aya_ebpf::maps::{Array, HashMap, ProgramArray};
use aya_ebpf::programs::XdpContext;
use endpoint_common::abi::flow::{Family, FlowKey4, Half4};
use endpoint_common::hash::mix;
use endpoint_common::path::Frame;
use endpoint_common::wire::{
    EthHdr, Ipv4Hdr, Ipv4Tail, MacPair, TcpBytes, checksum, ether_type, protocol,
};

use frame::{PacketFrame, Xdp};

const IP_AT: usize = EthHdr::LEN;
const TCP_AT: usize = IP_AT + Ipv4Hdr::LEN;
/// Ethernet, IPv4 and TCP, without options.
const HEADERS: usize = TCP_AT + 20;
const TCP6_AT: usize = IP_AT + 40;
/// Ethernet, IPv6 and TCP, without options.
const HEADERS6: usize = TCP6_AT + 20;

/// Row 0: the headers to write. The bench fills it in.
#[map]
static TEMPLATE: Array<[[u8; HEADERS]; 1]> = Array::with_max_entries(1, 0);
/// The same for IPv6, in halves: whole, it would not fit onto the stack.
#[map]
static TEMPLATE6: Array<[[u8; HEADERS6 / 2]; 2]> = Array::with_max_entries(1, 0);
/// Row 0: how many packets there were; row 1: the number of flows, a power of two, less one; row 2:
/// not 0 for flows by chance, else each in its turn.
#[map]
static SEQUENCE: Array<u32> = Array::with_max_entries(3, 0);
/// Slot 0: the program under test.
#[map]
static UNDER_TEST: ProgramArray = ProgramArray::with_max_entries(1, 0);
/// The floor's flows; rows of the same size as a half of the product's.
#[map]
static FLOOR: HashMap<FlowKey4, Half4> = HashMap::with_max_entries(1024, 0);

/// See the module.
#[xdp(frags)]
pub fn bench_generate(ctx: XdpContext) -> u32 {
    let mut frame = PacketFrame::xdp(&ctx);
    let template = TEMPLATE.get(0);
    generate(
        &ctx,
        template.and_then(|of| restore(&mut frame, of, IP_AT + 12, TCP_AT)),
    )
}

/// The same for IPv6: the flow's number stands in the last four bytes of the source address.
#[xdp(frags)]
pub fn bench_generate6(ctx: XdpContext) -> u32 {
    let mut frame = PacketFrame::xdp(&ctx);
    let template = TEMPLATE6.get(0);
    generate(
        &ctx,
        template.and_then(|of| restore(&mut frame, of, IP_AT + 20, TCP6_AT)),
    )
}

#[inline(always)]
fn generate(ctx: &XdpContext, restored: Option<()>) -> u32 {
    if restored.is_some() {
        // SAFETY: there is nothing on this program's stack that would need dropping.
        unsafe { UNDER_TEST.tail_call(ctx, 0) };
    }
    XDP_ABORTED
}

/// Writes the headers of the next flow; each has its own client address and port: six bits of its
/// number make the port, the rest the address. Flows are met by chance, lest they lie in memory in
/// the order they are looked up in, which a prefetcher would see.
#[inline(always)]
fn restore<const N: usize, const PARTS: usize>(
    frame: &mut PacketFrame<Xdp>,
    template: &[[u8; N]; PARTS],
    address_at: usize,
    port_at: usize,
) -> Option<()> {
    let sequence = SEQUENCE.get_ptr_mut(0)?;
    let (mask, by_chance) = (*SEQUENCE.get(1)?, *SEQUENCE.get(2)? != 0);
    // SAFETY: a row of the map; test runs of one bench do not overlap.
    let number = unsafe {
        *sequence = (*sequence).wrapping_add(1);
        *sequence
    };
    let spread = if by_chance { mix(0, [number]) } else { number };
    let flow = spread & mask;
    for (place, part) in template.iter().enumerate() {
        frame.write(place * N, *part)?;
    }
    let address = (0x0a80_0000 | (flow >> 6)).to_be_bytes();
    frame.write(address_at, address)?;
    let port = (0x4000 | (flow as u16 & 0x3f)).to_be_bytes();
    frame.write(port_at, port)
}

/// Returns at once.
#[xdp(frags)]
pub fn bench_return(_: XdpContext) -> u32 {
    XDP_PASS
}

/// The floor: parse, one look-up, full NAT rewrite.
#[xdp(frags)]
pub fn bench_floor(ctx: XdpContext) -> u32 {
    let mut frame = PacketFrame::xdp(&ctx);
    match translate(&mut frame) {
        Some(()) => XDP_TX,
        None => XDP_ABORTED,
    }
}

#[inline(always)]
fn translate(frame: &mut PacketFrame<Xdp>) -> Option<()> {
    let eth: EthHdr = frame.header(0)?;
    let ip = frame.header::<Ipv4Hdr, 20>(IP_AT)?;
    let tcp: TcpBytes = bytemuck::cast(frame.read::<20>(TCP_AT)?);
    if eth.ether_type != ether_type::IPV4.to_be() || ip.vihl != 0x45 || ip.proto != protocol::TCP {
        return None;
    }
    let key = FlowKey4 {
        src: ip.src_addr,
        dst: ip.dst_addr,
        src_port: tcp.source,
        dst_port: tcp.dest,
        scope: 1,
        protocol: ip.proto,
        family: Family::V4 as u8,
    };
    // SAFETY: nobody writes the map while the bench runs.
    let to = unsafe { FLOOR.get(key) }?;
    let macs = MacPair {
        dst: to.state.client_mac,
        src: eth.dst_addr,
    };
    let addresses = u32::from(to.state.address_delta);
    let down = checksum::change([1, 0], [0, 0]);
    let tail = Ipv4Tail {
        ttl: ip.ttl.wrapping_sub(1),
        proto: ip.proto,
        check: checksum::apply(ip.check, addresses.wrapping_add(down)),
        src: to.src,
        dst: to.dst,
    };
    frame.write::<12>(0, bytemuck::cast(macs))?;
    frame.write::<12>(IP_AT + 8, bytemuck::cast(tail))?;
    frame.write::<4>(
        TCP_AT,
        bytemuck::cast([to.state.src_port, to.state.dst_port]),
    )?;
    let delta = addresses.wrapping_add(u32::from(to.state.port_delta));
    let check = checksum::apply(tcp.check, delta);
    frame.write(TCP_AT + 16, check)
}
