//! The IPv6 header and a bounded walk over its extension headers (RFC 8200).
//!
//! May import: core, abi, wire, frame, the stage's own.

use super::{IP_AT, Packet, Parsed, transport};
use crate::abi::Addr;
use crate::abi::reason::DropReason;
use crate::path::frame::Frame;
use crate::wire::{Ipv6Hdr, protocol};

/// Extension headers looked through; what has more is dropped.
const MOST_EXTENSIONS: usize = 4;
const MORE_FRAGMENTS_OR_OFFSET: u16 = 0xfff9;

#[inline(always)]
pub(super) fn parse<F: Frame>(frame: &F, packet: &mut Packet) -> Parsed {
    let Some(ip) = frame.header::<Ipv6Hdr, 40>(IP_AT) else {
        return Parsed::NotOurs;
    };
    // Embedded IPv4 (RFC 4291 section 2.5.5) is no address of an IPv6 packet: it would meet the rows
    // of IPv4 addresses, whose rules do not know it.
    if embeds_ipv4(ip.dst_addr) {
        return Parsed::NotOurs;
    }
    packet.src = ip.src_addr;
    packet.dst = ip.dst_addr;
    packet.ip_check = [0; 2];
    packet.ttl = ip.hop_limit;
    packet.protocol = ip.next_hdr;
    let payload = usize::from(u16::from_be_bytes(ip.payload_len));
    packet.bytes = payload.wrapping_add(Ipv6Hdr::LEN) as u32;
    let [version, ..] = ip.vcf;
    if version >> 4 != 6 {
        return Parsed::Faulty(DropReason::Malformed);
    }
    if IP_AT.wrapping_add(Ipv6Hdr::LEN).wrapping_add(payload) > frame.len() {
        return Parsed::Faulty(DropReason::Truncated);
    }
    match walk(frame, packet, payload) {
        Err(reason) => Parsed::Faulty(reason),
        Ok((at, payload)) => transport::parse(frame, at, payload, packet),
    }
}

/// Where the transport header starts and how many bytes are left from there; its protocol goes into
/// `packet`.
#[inline(always)]
fn walk<F: Frame>(
    frame: &F,
    packet: &mut Packet,
    payload: usize,
) -> Result<(usize, usize), DropReason> {
    let (mut at, mut left) = (IP_AT.wrapping_add(Ipv6Hdr::LEN), payload);
    for _ in 0..MOST_EXTENSIONS {
        if !is_extension(packet.protocol) {
            break;
        }
        let header: [u8; 8] = frame.read(at).ok_or(DropReason::ExtensionHeaders)?;
        let [next, units, third, fourth, ..] = header;
        let mut length = usize::from(units).wrapping_add(1).wrapping_mul(8);
        if packet.protocol == protocol::FRAGMENT {
            if u16::from_be_bytes([third, fourth]) & MORE_FRAGMENTS_OR_OFFSET != 0 {
                return Err(DropReason::Fragment);
            }
            length = 8;
        }
        // Segments left: the destination shown is not the last one.
        if packet.protocol == protocol::ROUTING && fourth != 0 {
            return Err(DropReason::ExtensionHeaders);
        }
        if length > left {
            return Err(DropReason::Malformed);
        }
        packet.protocol = next;
        at = at.wrapping_add(length);
        left = left.wrapping_sub(length);
    }
    if is_extension(packet.protocol) {
        return Err(DropReason::ExtensionHeaders);
    }
    if packet.protocol == protocol::ICMP {
        return Err(DropReason::ProtocolUnsupported);
    }
    Ok((at, left))
}

/// Whether an address begins with 80 zero bits.
#[inline(always)]
fn embeds_ipv4(address: Addr) -> bool {
    let halves: [[u8; 8]; 2] = bytemuck::cast(address);
    let [upper, [ninth, tenth, ..]] = halves;
    upper == [0; 8] && ninth == 0 && tenth == 0
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
