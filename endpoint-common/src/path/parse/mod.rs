//! Stage: bytes to a packet, or the reason why it is none.
//!
//! May import: core, abi, wire, frame, packet.

mod ipv4;
mod ipv6;
mod transport;

pub(super) use ipv4::parse as ipv4;
pub(super) use ipv6::parse as ipv6;

use crate::abi::reason::DropReason;

/// What parsing came to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Parsed {
    /// Not even an IP header, or to an address that cannot be ours.
    NotOurs,
    /// An IP header, and this fault after it.
    Faulty(DropReason),
    /// A neighbor solicitation (RFC 4861).
    Solicitation,
    /// A packet.
    Whole,
}
