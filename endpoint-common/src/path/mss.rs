//! Stage: the segment size that a TCP SYN announces (RFC 9293 section 3.7.1) is lowered to what the
//! links on both sides carry, so that no segment meets one that is too narrow.
//!
//! May import: core, abi, wire, frame, packet.

use super::frame::Frame;
use super::packet::Layers;
use crate::abi::family::AddressFamily;
use crate::wire::{Ipv4Hdr, Ipv6Hdr, TcpHdr, checksum, protocol, tcp_flags};

/// Options looked at; a sender that hides its segment size behind more is left alone.
const MOST_OPTIONS: usize = 12;

/// End of the list, padding, the segment size (RFC 9293 section 3.1).
const END: u8 = 0;
const NOTHING: u8 = 1;
const SEGMENT_SIZE: u8 = 2;

/// Lowers the segment size in the packet's options to what fits IP packets of `mtu` bytes, and says by
/// how much that changes the sum of the transport's bytes.
#[inline(always)]
pub(super) fn clamp<A: AddressFamily, F: Frame>(frame: &mut F, layers: &Layers, mtu: u32) -> u16 {
    let opens = layers.protocol == protocol::TCP
        && layers.tcp_flags & tcp_flags::SYN != 0
        && !layers.is_later_fragment();
    if !opens {
        return 0;
    }
    let headers = if A::V4 { Ipv4Hdr::LEN } else { Ipv6Hdr::LEN }.wrapping_add(TcpHdr::LEN);
    let most = mtu.saturating_sub(headers as u32).min(u32::from(u16::MAX));
    lower(frame, usize::from(layers.l4_at), most as u16).unwrap_or(0)
}

/// See [`clamp`]; `None` if there is nothing to lower.
#[inline(always)]
fn lower<F: Frame>(frame: &mut F, l4_at: usize, most: u16) -> Option<u16> {
    let [offset] = frame.read::<1>(l4_at.wrapping_add(12))?;
    let end = usize::from(offset >> 4).wrapping_mul(4);
    let mut at = TcpHdr::LEN;
    for _ in 0..MOST_OPTIONS {
        if at >= end {
            return None;
        }
        let place = l4_at.wrapping_add(at);
        let [kind] = frame.read::<1>(place)?;
        let mut length = 1;
        match kind {
            END => return None,
            NOTHING => {}
            _ => {
                [length] = frame.read::<1>(place.wrapping_add(1))?;
                if kind == SEGMENT_SIZE && length == 4 && at.wrapping_add(4) <= end {
                    return replace(frame, place.wrapping_add(2), at & 1 == 1, most);
                }
                if length < 2 {
                    return None;
                }
            }
        }
        at = frame.blur(at.wrapping_add(usize::from(length)));
    }
    None
}

/// Lowers the number at `at`. `is_odd`: it lies across the words that are summed up.
#[inline(always)]
fn replace<F: Frame>(frame: &mut F, at: usize, is_odd: bool, most: u16) -> Option<u16> {
    let before: [u8; 2] = frame.read(at)?;
    if u16::from_be_bytes(before) <= most {
        return None;
    }
    let after = most.to_be_bytes();
    frame.write(at, after)?;
    let change = checksum::fold(checksum::change(before, after));
    Some(if is_odd { change.swap_bytes() } else { change })
}
