//! The IPv4 header (RFC 791), options skipped.
//!
//! May import: core, abi, wire, frame, packet, the stage's own.

use super::{Parsed, note_fragment, transport};
use crate::abi::reason::DropReason;
use crate::path::frame::Frame;
use crate::path::packet::Packet;
use crate::wire::{Ipv4, Ipv4Hdr, protocol};

const MORE_FRAGMENTS_OR_OFFSET: u16 = 0x3fff;
const OFFSET: u16 = 0x1fff;

/// Parses what stands at the packet's `ip_at`.
#[inline(always)]
pub(in crate::path) fn parse<F: Frame>(frame: &F, packet: &mut Packet<Ipv4>) -> Parsed {
    let ip_at = usize::from(packet.layers.ip_at);
    let Some(ip) = frame.header::<Ipv4Hdr, 20>(ip_at) else {
        return Parsed::NotOurs;
    };
    packet.src = ip.src_addr;
    packet.dst = ip.dst_addr;
    let layers = &mut packet.layers;
    layers.ip_check = ip.check;
    layers.ttl = ip.ttl;
    layers.protocol = ip.proto;
    layers.bytes = u32::from(u16::from_be_bytes(ip.tot_len));
    let header = usize::from(ip.vihl & 0x0f).wrapping_mul(4);
    let total = layers.bytes as usize;
    if ip.vihl >> 4 != 4 || header < Ipv4Hdr::LEN || total < header {
        return Parsed::Faulty(DropReason::Malformed);
    }
    if !frame.holds(ip_at.wrapping_add(total)) {
        return Parsed::Faulty(DropReason::Truncated);
    }
    let fragment = u16::from_be_bytes(ip.frags);
    if fragment & MORE_FRAGMENTS_OR_OFFSET != 0 {
        let offset = (fragment & OFFSET).wrapping_mul(8);
        let id = u32::from(u16::from_ne_bytes(ip.id));
        if let Err(reason) = note_fragment(layers, offset, id) {
            return Parsed::Faulty(reason);
        }
    }
    if ip.proto == protocol::ICMPV6 {
        return Parsed::Faulty(DropReason::ProtocolUnsupported);
    }
    let at = ip_at.wrapping_add(header);
    if layers.is_later_fragment() {
        return Parsed::LaterFragment;
    }
    transport::parse(frame, at, total.wrapping_sub(header), layers)
}
