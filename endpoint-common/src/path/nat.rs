//! Stage: rewriting addresses and ports, with all checksums, as a flow entry says.
//!
//! May import: core, abi, wire, frame, parse, tables.

use super::frame::Frame;
use super::parse::{IP_AT, Packet};
use super::tables::Flow;
use crate::abi::flow::{FlowEntry, FlowKey};
use crate::abi::unmapped;
use crate::wire::{Ipv4Tail, checksum, protocol};

/// The TTL and what follows it in an IPv4 header.
const TTL_AT: usize = IP_AT.wrapping_add(8);
/// The hop limit of an IPv6 header.
const HOP_LIMIT_AT: usize = IP_AT.wrapping_add(7);
/// The addresses of an IPv6 header.
const ADDRESSES_AT: usize = IP_AT.wrapping_add(8);

/// Notes in `to` by how much its addresses and ports change the checksums of the packets of `from`.
#[inline(always)]
pub(super) fn note_deltas<const V4: bool>(from: &FlowKey, to: &mut FlowEntry) {
    let addresses = if V4 {
        checksum::change32(unmapped(from.src), unmapped(to.src))
            .wrapping_add(checksum::change32(unmapped(from.dst), unmapped(to.dst)))
    } else {
        checksum::change128(from.src, to.src).wrapping_add(checksum::change128(from.dst, to.dst))
    };
    let ports = checksum::change(from.src_port, to.state.src_port)
        .wrapping_add(checksum::change(from.dst_port, to.state.dst_port));
    to.state.address_delta = checksum::fold(addresses);
    to.state.port_delta = checksum::fold(ports);
}

/// Rewrites the packet; `None` if the frame is shorter than it parsed. The TTL must be above 1.
#[inline(always)]
pub(super) fn rewrite<F: Frame, T: Flow>(frame: &mut F, packet: &Packet, flow: T) -> Option<()> {
    let state = flow.state();
    let addresses = u32::from(state.address_delta);
    let ttl = packet.ttl.wrapping_sub(1);
    if let Some([src, dst]) = flow.addresses4() {
        let down = checksum::change([1, 0], [0, 0]);
        let tail = Ipv4Tail {
            ttl,
            proto: packet.protocol,
            check: checksum::apply(packet.ip_check, addresses.wrapping_add(down)),
            src,
            dst,
        };
        frame.write::<12>(TTL_AT, bytemuck::cast(tail))?;
    } else {
        frame.write(HOP_LIMIT_AT, [ttl])?;
        frame.write::<32>(ADDRESSES_AT, bytemuck::cast(flow.addresses6()?))?;
    }
    let l4_at = usize::from(packet.l4_at);
    frame.write::<4>(l4_at, bytemuck::cast([state.src_port, state.dst_port]))?;
    let delta = addresses.wrapping_add(u32::from(state.port_delta));
    if packet.protocol == protocol::TCP {
        let check = checksum::apply(packet.l4_check, delta);
        frame.write(l4_at.wrapping_add(16), check)
    } else {
        let check = checksum::apply_udp(packet.l4_check, delta);
        frame.write(l4_at.wrapping_add(6), check)
    }
}
