//! The IPv6 header and a bounded walk over its extension headers (RFC 8200).
//!
//! May import: core, abi, wire, frame, packet, the stage's own.

use super::{Parsed, note_fragment, transport};
use crate::abi::Addr;
use crate::abi::reason::DropReason;
use crate::path::frame::Frame;
use crate::path::packet::{Layers, Packet, embeds_ipv4};
use crate::wire::{Ipv6Hdr, protocol};

/// Extension headers looked through; what has more is dropped.
const MOST_EXTENSIONS: usize = 4;
const MORE_FRAGMENTS_OR_OFFSET: u16 = 0xfff9;
/// In units of 8 bytes, shifted by the 3 flag bits: in bytes as it stands.
const OFFSET: u16 = 0xfff8;

/// Parses what stands at the packet's `ip_at`.
#[inline(always)]
pub(in crate::path) fn parse<F: Frame>(frame: &F, packet: &mut Packet<Addr>) -> Parsed {
    let ip_at = usize::from(packet.layers.ip_at);
    let Some(ip) = frame.header::<Ipv6Hdr, 40>(ip_at) else {
        return Parsed::NotOurs;
    };
    // Embedded IPv4 (RFC 4291 section 2.5.5) is no address of an IPv6 packet: it would meet the rows
    // of IPv4 addresses, whose rules do not know it.
    packet.src = ip.src_addr;
    packet.dst = ip.dst_addr;
    if embeds_ipv4(&packet.dst) {
        return Parsed::NotOurs;
    }
    let layers = &mut packet.layers;
    layers.ttl = ip.hop_limit;
    layers.protocol = ip.next_hdr;
    let payload = usize::from(u16::from_be_bytes(ip.payload_len));
    layers.bytes = payload.wrapping_add(Ipv6Hdr::LEN) as u32;
    let [version, ..] = ip.vcf;
    if version >> 4 != 6 {
        return Parsed::Faulty(DropReason::Malformed);
    }
    if !frame.holds(ip_at.wrapping_add(Ipv6Hdr::LEN).wrapping_add(payload)) {
        return Parsed::Faulty(DropReason::Truncated);
    }
    match walk(frame, layers, payload) {
        Err(reason) => Parsed::Faulty(reason),
        Ok(_) if layers.is_later_fragment() => Parsed::LaterFragment,
        Ok((at, payload)) => transport::parse(frame, at, payload, layers),
    }
}

/// Where the transport header starts and how many bytes are left from there; its protocol goes into
/// `layers`.
#[inline(always)]
fn walk<F: Frame>(
    frame: &F,
    layers: &mut Layers,
    payload: usize,
) -> Result<(usize, usize), DropReason> {
    let start = usize::from(layers.ip_at).wrapping_add(Ipv6Hdr::LEN);
    let (mut at, mut left) = (start, payload);
    for _ in 0..MOST_EXTENSIONS {
        if !is_extension(layers.protocol) {
            break;
        }
        let header: [u8; 8] = frame.read(at).ok_or(DropReason::ExtensionHeaders)?;
        let [next, units, third, fourth, i0, i1, i2, i3] = header;
        let id = [i0, i1, i2, i3];
        let mut length = usize::from(units).wrapping_add(1).wrapping_mul(8);
        if layers.protocol == protocol::FRAGMENT {
            let fragment = u16::from_be_bytes([third, fourth]);
            length = 8;
            if fragment & MORE_FRAGMENTS_OR_OFFSET != 0 {
                layers.protocol = next;
                note_fragment(layers, fragment & OFFSET, u32::from_ne_bytes(id))?;
                layers.protocol = protocol::FRAGMENT;
            }
            if layers.is_later_fragment() {
                layers.protocol = next;
                return Ok((at, left));
            }
        }
        // Segments left: the destination shown is not the last one.
        if layers.protocol == protocol::ROUTING && fourth != 0 {
            return Err(DropReason::ExtensionHeaders);
        }
        if length > left {
            return Err(DropReason::Malformed);
        }
        layers.protocol = next;
        at = at.wrapping_add(length);
        left = left.wrapping_sub(length);
    }
    if is_extension(layers.protocol) {
        return Err(DropReason::ExtensionHeaders);
    }
    if layers.protocol == protocol::ICMP {
        return Err(DropReason::ProtocolUnsupported);
    }
    if at == start {
        return Ok((at, left));
    }
    Ok((frame.blur(at), frame.blur(left)))
}

#[inline(always)]
fn is_extension(number: u8) -> bool {
    matches!(
        number,
        protocol::HOP_BY_HOP
            | protocol::ROUTING
            | protocol::FRAGMENT
            | protocol::DESTINATION_OPTIONS
    )
}
