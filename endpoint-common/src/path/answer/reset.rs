//! A TCP reset in answer to a SYN (RFC 9293 section 3.10.7.1).
//!
//! May import: core, abi, wire, frame, context, the stage's own.

use super::{fold_words, is_half_done, pseudo_header, transport_bytes, write_headers};
use crate::abi::family::AddressFamily;
use crate::path::context::Scratch;
use crate::path::frame::Frame;
use crate::wire::{EthHdr, Ipv4Hdr, Ipv6Hdr, TcpBytes, TcpHdr, checksum, protocol, tcp_flags};

/// Puts a reset in the SYN's place. One with IP options or extension headers gets none, since the place of
/// the transport header must stay as it is for a checksum that the network card is to complete.
#[inline(always)]
pub(super) fn answer<A: AddressFamily, F: Frame>(frame: &mut F, scratch: &Scratch) -> Option<()> {
    let packet = &scratch.packet;
    let layers = &packet.layers;
    let ip = if A::V4 { Ipv4Hdr::LEN } else { Ipv6Hdr::LEN };
    let at = EthHdr::LEN.wrapping_add(ip);
    if usize::from(layers.l4_at) != at {
        return None;
    }
    let bytes: [u8; 20] = frame.read(at)?;
    let syn: TcpBytes = bytemuck::cast(bytes);
    let half_done = is_half_done::<A, F>(frame, packet);
    let header = usize::from(syn.offset >> 4).wrapping_mul(4);
    let payload = transport_bytes(layers).wrapping_sub(header);
    // The SYN itself counts as one.
    let ack = u32::from_be_bytes(syn.seq)
        .wrapping_add(payload as u32)
        .wrapping_add(1);
    let mut reset = TcpBytes {
        source: syn.dest,
        dest: syn.source,
        seq: [0; 4],
        ack_seq: ack.to_be_bytes(),
        offset: ((TcpHdr::LEN / 4) << 4) as u8,
        flags: tcp_flags::RST | tcp_flags::ACK,
        window: [0; 2],
        check: [0; 2],
        urg_ptr: [0; 2],
    };
    frame.cut_end(at.wrapping_add(TcpHdr::LEN))?;
    let pseudo = pseudo_header::<A>(packet, protocol::TCP, TcpHdr::LEN);
    let words: [u16; 10] = bytemuck::cast(reset);
    let whole = u32::from(fold_words(&words)).wrapping_add(u32::from(pseudo));
    reset.check = if half_done {
        pseudo.to_ne_bytes()
    } else {
        (!checksum::fold(whole)).to_ne_bytes()
    };
    write_headers::<A, F>(frame, scratch, protocol::TCP, TcpHdr::LEN)?;
    frame.write::<20>(at, bytemuck::cast(reset))
}
