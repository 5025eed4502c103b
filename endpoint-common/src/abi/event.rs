//! Records of the ring buffers.
//!
//! May import: core, bytemuck, flow.

use bytemuck::{Pod, Zeroable};

use super::Addr;
use super::flow::FlowEntry;

/// One dropped packet, or one that audit mode let pass, as it arrived. For the answer to an echo request that is not let out: the
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
    /// 1 if audit mode let it pass, 0 if it was dropped.
    pub audited: u8,
    /// Zero.
    pub reserved: u8,
    /// Number of the flow it belongs to, plus one; 0 for none.
    pub flow: u32,
}

/// Why a flow ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum EndCause {
    /// No packet for as long as its phase allows.
    Idle = 1,
    /// Nothing had come back, and a new flow needed the room.
    Evicted = 2,
    /// Its client began anew.
    Replaced = 3,
}

impl EndCause {
    /// The cause with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::Idle, Self::Evicted, Self::Replaced]
            .into_iter()
            .find(|cause| *cause as u8 == number)
    }
}

/// A flow that ended, with its last counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C, align(8))]
pub struct FlowEnd {
    /// The entry; of an IPv4 flow a [`super::flow::FlowEntry4`] that fills the first bytes.
    pub entry: FlowEntry,
    /// Its number in its table.
    pub number: u32,
    /// When, in ticks.
    pub tick: u32,
    /// A [`super::flow::Family`].
    pub family: u8,
    /// An [`EndCause`].
    pub cause: u8,
    /// Zero.
    pub reserved: [u8; 6],
}
