//! Stage: the sender of a refused packet is told, where silence would leave it guessing: a packet that is
//! too long for its next hop, and a connection to a listener without backends that is to say so.
//!
//! May import: core, abi, wire, frame, packet, context.

mod icmp;
mod reset;

use super::Outcome;
use super::context::Scratch;
use super::frame::Frame;
use super::packet::{Layers, Packet};
use crate::abi::Addr;
use crate::abi::family::AddressFamily;
use crate::abi::reason::DropReason;
use crate::abi::service::LISTENER_REJECTS;
use crate::wire::{EthHdr, Header, Ipv4Hdr, Ipv6Hdr, checksum, ether_type, protocol};

/// The TTL answers start with (RFC 1700).
const TTL: u8 = 64;
/// "Don't fragment", which lets the identification be zero (RFC 6864).
const DONT_FRAGMENT: [u8; 2] = [0x40, 0];

/// Whether the sender of the refused packet is told.
#[inline(always)]
pub(super) fn is_due(scratch: &Scratch) -> bool {
    if scratch.packet.layers.is_later_fragment() {
        // RFC 1122 section 3.2.2.
        return false;
    }
    let reason = scratch.refusal.drop_reason();
    let rejects = scratch.case.listener.flags & LISTENER_REJECTS != 0;
    reason == DropReason::PacketTooBig || reason == DropReason::NoBackend && rejects
}

/// Makes the answer of the packet.
#[inline(always)]
pub(super) fn answer<A: AddressFamily, F: Frame>(frame: &mut F, scratch: &Scratch) -> Outcome {
    let reason = scratch.refusal.drop_reason();
    let answered = if reason == DropReason::PacketTooBig {
        let message = icmp::Message::too_big::<A>(scratch.refusal.mtu);
        icmp::answer::<A, F>(frame, scratch, message, icmp::most::<A>())
    } else {
        reject::<A, F>(frame, scratch)
    };
    match answered {
        Some(()) => Outcome::Answer(reason),
        None => Outcome::Drop(reason),
    }
}

/// Says that nobody is there.
#[inline(always)]
fn reject<A: AddressFamily, F: Frame>(frame: &mut F, scratch: &Scratch) -> Option<()> {
    let layers = &scratch.packet.layers;
    if layers.protocol == protocol::TCP {
        return reset::answer::<A, F>(frame, scratch);
    }
    let message = icmp::Message::port_unreachable::<A>();
    let header = usize::from(layers.l4_at).wrapping_sub(usize::from(layers.ip_at));
    icmp::answer::<A, F>(frame, scratch, message, header.wrapping_add(8))
}

/// Writes the link-level and the IP header of an answer with `payload` bytes behind them, which goes back
/// the way the packet came.
#[inline(always)]
fn write_headers<A: AddressFamily, F: Frame>(
    frame: &mut F,
    scratch: &Scratch,
    protocol: u8,
    payload: usize,
) -> Option<()> {
    let Scratch {
        arrived, packet, ..
    } = scratch;
    let ether_type = if A::V4 {
        ether_type::IPV4
    } else {
        ether_type::IPV6
    };
    let eth = EthHdr {
        dst_addr: arrived.link.src,
        src_addr: arrived.link.dst,
        ether_type: ether_type.to_be(),
    };
    frame.write(0, eth.encode())?;
    if !A::V4 {
        let ip = Ipv6Hdr {
            vcf: [0x60, 0, 0, 0],
            payload_len: (payload as u16).to_be_bytes(),
            next_hdr: protocol,
            hop_limit: TTL,
            src_addr: packet.dst,
            dst_addr: packet.src,
        };
        return frame.write(EthHdr::LEN, ip.encode());
    }
    let ip = Ipv4Hdr {
        vihl: 0x45,
        tos: 0,
        tot_len: (payload.wrapping_add(Ipv4Hdr::LEN) as u16).to_be_bytes(),
        id: [0; 2],
        frags: DONT_FRAGMENT,
        ttl: TTL,
        proto: protocol,
        check: [0; 2],
        src_addr: crate::abi::unmapped(packet.dst),
        dst_addr: crate::abi::unmapped(packet.src),
    };
    let bytes = ip.encode();
    let words: [u16; 10] = bytemuck::cast(bytes);
    let check = !fold_words(&words);
    frame.write(EthHdr::LEN, bytes)?;
    frame.write(EthHdr::LEN.wrapping_add(10), check.to_ne_bytes())
}

/// The sum of a pseudo-header over the packet's addresses, for `length` bytes of a protocol.
#[inline(always)]
fn pseudo_header<A: AddressFamily>(packet: &Packet<Addr>, protocol: u8, length: usize) -> u16 {
    let addresses = if A::V4 {
        let addresses = [packet.src, packet.dst].map(crate::abi::unmapped);
        let words: [u16; 4] = bytemuck::cast(addresses);
        u32::from(fold_words(&words))
    } else {
        checksum::sum128(packet.src).wrapping_add(checksum::sum128(packet.dst))
    };
    let protocol = u32::from(u16::from_ne_bytes([0, protocol]));
    let length = u32::from((length as u16).to_be());
    checksum::fold(addresses.wrapping_add(protocol).wrapping_add(length))
}

#[inline(always)]
fn fold_words(words: &[u16]) -> u16 {
    let sum = |sum: u32, word: &u16| sum.wrapping_add(u32::from(*word));
    checksum::fold(words.iter().fold(0, sum))
}

/// How many bytes the transport has.
#[inline(always)]
fn transport_bytes(layers: &Layers) -> usize {
    let header = usize::from(layers.l4_at).wrapping_sub(usize::from(layers.ip_at));
    (layers.bytes as usize).wrapping_sub(header)
}

/// Whether the packet's transport checksum was left to the network card.
#[inline(always)]
fn is_half_done<A: AddressFamily, F: Frame>(frame: &F, packet: &Packet<Addr>) -> bool {
    let layers = &packet.layers;
    let pseudo = pseudo_header::<A>(packet, layers.protocol, transport_bytes(layers));
    frame.is_half_done(layers.l4_check, pseudo)
}
