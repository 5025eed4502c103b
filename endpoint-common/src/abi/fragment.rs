//! Fragments: what the first one of a datagram leaves for the later ones, which carry no ports.
//!
//! May import: core, bytemuck, wire.

use bytemuck::{Pod, Zeroable};

use super::Addr;
use crate::wire::Port;

/// A packet is no fragment.
pub(crate) const WHOLE: u8 = 0;
/// It is the first fragment: it has the ports.
pub(crate) const FIRST: u8 = 1;
/// It is a later one.
pub(crate) const LATER: u8 = 2;

/// The key of `FRAGMENTS`: a datagram, as its fragments arrive (RFC 791, RFC 8200 section 4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
#[repr(C, align(8))]
pub struct FragmentKey {
    /// Source address.
    pub src: Addr,
    /// Destination address.
    pub dst: Addr,
    /// Identification as it stands in the packet, 16 bits of it in IPv4.
    pub id: u32,
    /// The network it arrived from.
    pub scope: u16,
    /// IANA protocol number.
    pub protocol: u8,
    /// A [`super::flow::Family`].
    pub family: u8,
}

/// A row of `FRAGMENTS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct FragmentPorts {
    /// The datagram's source port.
    pub src_port: Port,
    /// The datagram's destination port.
    pub dst_port: Port,
    /// When the first fragment was sent on, in ticks.
    pub tick: u32,
}
