//! Stage: rewriting addresses and ports, with both checksums, as a flow entry says.
//!
//! May import: core, abi, wire, frame, parse.

use super::frame::Frame;
use super::parse::{IP_AT, Packet};
use crate::abi::flow::FlowEntry;
use crate::wire::{Ipv4Tail, checksum, protocol};

/// Where the part of the IPv4 header that NAT and forwarding change begins: the TTL.
const TTL_AT: usize = IP_AT.wrapping_add(8);

/// The sums by which a header's checksum and the transport's change when the flow's packets are
/// rewritten; the header's includes the TTL going down by one.
#[inline(always)]
pub(super) fn deltas(from: &crate::abi::flow::FlowKey, to: &FlowEntry) -> (u16, u16) {
    let addresses =
        checksum::change32(from.src, to.src).wrapping_add(checksum::change32(from.dst, to.dst));
    let ports = checksum::change(from.src_port, to.src_port)
        .wrapping_add(checksum::change(from.dst_port, to.dst_port));
    let ttl = checksum::change([1, 0], [0, 0]);
    (
        checksum::fold(addresses.wrapping_add(ttl)),
        checksum::fold(addresses.wrapping_add(ports)),
    )
}

/// Rewrites the packet; `None` if the frame is shorter than it parsed. The TTL must be above 1.
#[inline(always)]
pub(super) fn rewrite<F: Frame>(frame: &mut F, packet: &Packet, entry: &FlowEntry) -> Option<()> {
    let tail = Ipv4Tail {
        ttl: packet.ttl.wrapping_sub(1),
        proto: packet.protocol,
        check: checksum::apply(packet.ip_check, u32::from(entry.ip_delta)),
        src: entry.src,
        dst: entry.dst,
    };
    frame.write::<12>(TTL_AT, bytemuck::cast(tail))?;
    let l4_at = usize::from(packet.l4_at);
    frame.write::<4>(l4_at, bytemuck::cast([entry.src_port, entry.dst_port]))?;
    let delta = u32::from(entry.l4_delta);
    if packet.protocol == protocol::TCP {
        frame.write(
            l4_at.wrapping_add(16),
            checksum::apply(packet.l4_check, delta),
        )
    } else {
        frame.write(
            l4_at.wrapping_add(6),
            checksum::apply_udp(packet.l4_check, delta),
        )
    }
}
