//! Records of the ring buffer.
//!
//! May import: core, bytemuck.

use bytemuck::{Pod, Zeroable};

use super::Addr;

/// One dropped packet, as it arrived. For the answer to an echo request that is not let out: the
/// request, with direction out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C, align(8))]
pub struct DropEvent {
    /// Source address.
    pub src: Addr,
    /// Destination address.
    pub dst: Addr,
    /// Source port, network order; 0 where there is none.
    pub src_port: [u8; 2],
    /// Destination port, network order; 0 where there is none.
    pub dst_port: [u8; 2],
    /// IP bytes of the packet.
    pub bytes: u32,
    /// When, in ticks.
    pub tick: u32,
    /// The generation that judged it.
    pub generation: u32,
    /// Number of the rule that decided, 0 where none did.
    pub rule: u32,
    /// ENI index, 0 where none is known.
    pub eni: u16,
    /// A [`super::reason::DropReason`].
    pub reason: u8,
    /// A [`super::flow::Direction`].
    pub direction: u8,
    /// IANA protocol number.
    pub protocol: u8,
    /// TCP flags, 0 for others.
    pub tcp_flags: u8,
    /// Zero.
    pub reserved: [u8; 6],
}
