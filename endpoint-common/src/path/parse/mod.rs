//! Stage: bytes to a packet, or the reason why it is none.
//!
//! May import: core, abi, wire, frame, packet.

mod ipv4;
mod ipv6;
mod transport;

pub(super) use ipv4::parse as ipv4;
pub(super) use ipv6::parse as ipv6;

use super::packet::Layers;
use crate::abi::fragment::{FIRST, LATER};
use crate::abi::reason::DropReason;
use crate::wire::protocol;

/// What parsing came to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Parsed {
    /// Not even an IP header, or to an address that cannot be ours.
    NotOurs,
    /// An IP header, and this fault after it.
    Faulty(DropReason),
    /// A neighbor solicitation (RFC 4861).
    Solicitation,
    /// An ICMP error (RFC 792, RFC 4443).
    Error,
    /// A fragment that is not the first one.
    LaterFragment,
    /// A packet, or the first fragment of one.
    Whole,
}

/// Notes which fragment a packet is, `offset` being that of its first byte. A later one must lie beyond
/// the header that rules look at (RFC 1858): of TCP 20 bytes, of the others no more than the 8 that no
/// offset is below.
#[inline(always)]
fn note_fragment(layers: &mut Layers, offset: u16, id: u32) -> Result<(), DropReason> {
    layers.fragment_id = id;
    layers.fragment = if offset == 0 { FIRST } else { LATER };
    if offset != 0 && offset < 20 && layers.protocol == protocol::TCP {
        return Err(DropReason::Fragment);
    }
    Ok(())
}
