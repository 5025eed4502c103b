//! An ICMP error about the packet, which it quotes (RFC 792, RFC 1191, RFC 4443).
//!
//! May import: core, abi, wire, frame, context, the stage's own.

use super::{is_half_done, pseudo_header, write_headers};
use crate::abi::family::AddressFamily;
use crate::path::context::Scratch;
use crate::path::frame::{Frame, SUMMED};
use crate::wire::{
    EthHdr, Header, Icmpv4Hdr, Ipv4Hdr, Ipv6Hdr, checksum, icmp_type, icmpv6_type, protocol,
};

/// An IPv4 error has no more than 576 bytes (RFC 1812 section 4.3.2.3).
const MOST_V4: usize = 576 - Ipv4Hdr::LEN - Icmpv4Hdr::LEN;

/// The part of an ICMP header that says what is wrong.
#[derive(Clone, Copy)]
pub(super) struct Message {
    kind: u8,
    code: u8,
    data: [u8; 4],
}

impl Message {
    /// The packet is longer than `mtu` bytes.
    #[inline(always)]
    pub(super) fn too_big<A: AddressFamily>(mtu: u32) -> Self {
        if A::V4 {
            let [high, low] = (mtu.min(u32::from(u16::MAX)) as u16).to_be_bytes();
            return Self {
                kind: icmp_type::UNREACHABLE,
                code: 4,
                data: [0, 0, high, low],
            };
        }
        Self {
            kind: icmpv6_type::TOO_BIG,
            code: 0,
            data: mtu.to_be_bytes(),
        }
    }

    /// Nobody listens.
    #[inline(always)]
    pub(super) fn port_unreachable<A: AddressFamily>() -> Self {
        let (kind, code) = if A::V4 {
            (icmp_type::UNREACHABLE, 3)
        } else {
            (icmpv6_type::UNREACHABLE, 4)
        };
        Self {
            kind,
            code,
            data: [0; 4],
        }
    }
}

/// As many bytes of a packet as an error may quote.
#[inline(always)]
pub(super) fn most<A: AddressFamily>() -> usize {
    if A::V4 { MOST_V4 } else { SUMMED }
}

/// Puts an error in the packet's place that quotes up to `most` bytes of it, and no more than a multiple
/// of 4.
#[inline(always)]
pub(super) fn answer<A: AddressFamily, F: Frame>(
    frame: &mut F,
    scratch: &Scratch,
    message: Message,
    most: usize,
) -> Option<()> {
    let Scratch { packet, .. } = scratch;
    let layers = &packet.layers;
    let quoted = (layers.bytes as usize).min(most) & !3;
    let ip = if A::V4 { Ipv4Hdr::LEN } else { Ipv6Hdr::LEN };
    let icmp_at = EthHdr::LEN.wrapping_add(ip);
    let quote_at = icmp_at.wrapping_add(Icmpv4Hdr::LEN);
    let half_done = is_half_done::<A, F>(frame, packet);
    frame.cut_end(EthHdr::LEN.wrapping_add(quoted))?;
    frame.add_front(ip.wrapping_add(Icmpv4Hdr::LEN))?;
    let quote = if half_done {
        // Whoever completes the sum meanwhile makes these bytes sum up to the opposite of what stands in
        // its place now.
        let header = usize::from(layers.l4_at).wrapping_sub(usize::from(layers.ip_at));
        let sum = frame.sum(quote_at, header & !3)?;
        u32::from(sum).wrapping_add(u32::from(!u16::from_ne_bytes(layers.l4_check)))
    } else {
        u32::from(frame.sum(quote_at, quoted)?)
    };
    let length = quoted.wrapping_add(Icmpv4Hdr::LEN);
    let (number, pseudo) = if A::V4 {
        (protocol::ICMP, 0)
    } else {
        let pseudo = pseudo_header::<A>(packet, protocol::ICMPV6, length);
        (protocol::ICMPV6, u32::from(pseudo))
    };
    let mut icmp = Icmpv4Hdr {
        type_: message.kind,
        code: message.code,
        check: [0; 2],
        data: message.data,
    };
    let words: [u16; 4] = bytemuck::cast(icmp.encode());
    let words = u32::from(super::fold_words(&words));
    let sum = quote.wrapping_add(pseudo).wrapping_add(words);
    icmp.check = (!checksum::fold(sum)).to_ne_bytes();
    write_headers::<A, F>(frame, scratch, number, length)?;
    frame.write(icmp_at, icmp.encode())
}
