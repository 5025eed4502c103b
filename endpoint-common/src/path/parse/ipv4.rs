//! The IPv4 header (RFC 791), options skipped.
//!
//! May import: core, abi, wire, frame, the stage's own.

use super::{IP_AT, Packet, Parsed, transport};
use crate::abi::mapped;
use crate::abi::reason::DropReason;
use crate::path::frame::Frame;
use crate::wire::{Ipv4Hdr, protocol};

const MORE_FRAGMENTS_OR_OFFSET: u16 = 0x3fff;

#[inline(always)]
pub(super) fn parse<F: Frame>(frame: &F, packet: &mut Packet) -> Parsed {
    let Some(ip) = frame.header::<Ipv4Hdr, 20>(IP_AT) else {
        return Parsed::NotOurs;
    };
    packet.src = mapped(ip.src_addr);
    packet.dst = mapped(ip.dst_addr);
    packet.ip_check = ip.check;
    packet.ttl = ip.ttl;
    packet.protocol = ip.proto;
    packet.bytes = u32::from(u16::from_be_bytes(ip.tot_len));
    let header = usize::from(ip.vihl & 0x0f).wrapping_mul(4);
    let total = packet.bytes as usize;
    if ip.vihl >> 4 != 4 || header < Ipv4Hdr::LEN || total < header {
        return Parsed::Faulty(DropReason::Malformed);
    }
    if IP_AT.wrapping_add(total) > frame.len() {
        return Parsed::Faulty(DropReason::Truncated);
    }
    if u16::from_be_bytes(ip.frags) & MORE_FRAGMENTS_OR_OFFSET != 0 {
        return Parsed::Faulty(DropReason::Fragment);
    }
    if ip.proto == protocol::ICMPV6 {
        return Parsed::Faulty(DropReason::ProtocolUnsupported);
    }
    let at = IP_AT.wrapping_add(header);
    transport::parse(frame, at, total.wrapping_sub(header), packet)
}
