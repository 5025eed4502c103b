//! Stage: an ICMP echo request is answered in place. Echo flows are tracked like any other, so that
//! rules, accounting and flow logs need no second way.
//!
//! May import: core, abi, wire, frame, packet, context.

use super::context::Arrived;
use super::frame::Frame;
use super::packet::Packet;
use crate::abi::{Addr, unmapped};
use crate::wire::{Ipv4Tail, MacPair, checksum, icmp_type, icmpv6_type};

/// The TTL answers start with (RFC 1700).
const TTL: u8 = 64;

/// Turns the request in the frame into its reply (RFC 792, RFC 4443); `None` if the frame is too short.
/// Exchanging the addresses leaves the header's sum as it is; TTL and type change.
#[inline(always)]
pub(super) fn answer<F: Frame>(
    frame: &mut F,
    arrived: &Arrived,
    packet: &Packet<Addr>,
) -> Option<()> {
    let layers = &packet.layers;
    let ip_at = usize::from(layers.ip_at);
    let macs = MacPair {
        dst: arrived.link.src,
        src: arrived.link.dst,
    };
    frame.write::<12>(0, bytemuck::cast(macs))?;
    let (request, reply) = if layers.is_v4() {
        let ttl = checksum::change([layers.ttl, 0], [TTL, 0]);
        let tail = Ipv4Tail {
            ttl: TTL,
            proto: layers.protocol,
            check: checksum::apply(layers.ip_check, ttl),
            src: unmapped(packet.dst),
            dst: unmapped(packet.src),
        };
        frame.write::<12>(ip_at.wrapping_add(8), bytemuck::cast(tail))?;
        (icmp_type::ECHO_REQUEST, icmp_type::ECHO_REPLY)
    } else {
        frame.write(ip_at.wrapping_add(7), [TTL])?;
        let addresses = bytemuck::cast([packet.dst, packet.src]);
        frame.write::<32>(ip_at.wrapping_add(8), addresses)?;
        (icmpv6_type::ECHO_REQUEST, icmpv6_type::ECHO_REPLY)
    };
    if layers.is_later_fragment() {
        return Some(());
    }
    let change = checksum::change([request, 0], [reply, 0]);
    let [c0, c1] = checksum::apply(layers.l4_check, change);
    frame.write(usize::from(layers.l4_at), [reply, 0, c0, c1])
}
