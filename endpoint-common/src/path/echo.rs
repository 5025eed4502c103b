//! Stage: an ICMP echo request is answered in place. Echo flows are tracked like any other, so that
//! rules, accounting and flow logs need no second way.
//!
//! May import: core, wire, frame, parse.

use super::frame::Frame;
use super::parse::{IP_AT, Packet};
use crate::wire::{Ipv4Tail, MacPair, checksum, icmp_type};

/// The TTL answers start with (RFC 1700).
const TTL: u8 = 64;

/// Turns the request in the frame into its reply (RFC 792); `None` if the frame is too short.
/// Exchanging the addresses leaves the header's sum as it is; TTL and type change.
#[inline(always)]
pub(super) fn answer<F: Frame>(frame: &mut F, packet: &Packet) -> Option<()> {
    let macs = MacPair {
        dst: packet.src_mac,
        src: packet.dst_mac,
    };
    frame.write::<12>(0, bytemuck::cast(macs))?;
    let ttl = checksum::change([packet.ttl, 0], [TTL, 0]);
    let tail = Ipv4Tail {
        ttl: TTL,
        proto: packet.protocol,
        check: checksum::apply(packet.ip_check, ttl),
        src: packet.dst,
        dst: packet.src,
    };
    frame.write::<12>(IP_AT.wrapping_add(8), bytemuck::cast(tail))?;
    let change = checksum::change([icmp_type::ECHO_REQUEST, 0], [icmp_type::ECHO_REPLY, 0]);
    let [c0, c1] = checksum::apply(packet.l4_check, change);
    frame.write(
        usize::from(packet.l4_at),
        [icmp_type::ECHO_REPLY, 0, c0, c1],
    )
}
