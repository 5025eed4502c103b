//! What would become of a packet: the question and the answer of a run that leaves nothing behind.
//!
//! May import: core, bytemuck, the other `abi` modules.

use bytemuck::{Pod, Zeroable};

use super::Addr;
use super::flow::{FlowEntry, FlowRules};
use super::meta::Tags;
use super::service::{Address, Hop, Listener};
use crate::wire::Port;

/// [`Explanation::outcome`]: not ours, so left untouched.
pub const NOT_OURS: u32 = 0;
/// [`Explanation::outcome`]: to an address of ours, and judged.
pub const JUDGED: u32 = 1;

/// The one row of `EXPLAIN`. Whoever asks writes where the packet arrives and zero else, runs the program
/// on the packet without VLAN tags, and reads the rest. What no stage came to is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Explanation {
    /// Asked: the interface it arrives on.
    pub ifindex: u32,
    /// [`NOT_OURS`] or [`JUDGED`].
    pub outcome: u32,
    /// Asked: the tags it arrives with.
    pub tags: Tags,
    /// The generation that judged.
    pub generation: u32,
    /// Number of the flow that the packet belongs to, plus one; 0 for none.
    pub flow: u32,
    /// What it meets if it opens a flow: 0 to be let through, else a [`super::reason::DropReason`].
    pub reason: u8,
    /// What answers would meet: 0 to be let through, else a [`super::reason::DropReason`].
    pub back_reason: u8,
    /// What a packet of [`Self::flow`] meets that neither opens nor closes it.
    pub flow_reason: u8,
    /// Which [`super::flow::Side`] of the flow the packet belongs to.
    pub flow_side: u8,
    /// What the generation in force says of the flow, by side: 0 or a [`super::reason::DropReason`].
    pub flow_verdicts: [u8; 2],
    /// Not 0: the packet ends the flow and begins another.
    pub begins_anew: u8,
    /// Zero.
    pub reserved: [u8; 5],
    /// The rules a new flow meets.
    pub rules: FlowRules,
    /// The rules that judge [`Self::flow`] in the generation in force.
    pub flow_rules: FlowRules,
    /// The listener.
    pub listener: Listener,
    /// The row of the address the packet is for.
    pub eni: Address,
    /// The backend's port.
    pub backend_port: Port,
    /// The NAT port that is tried first.
    pub nat_port: Port,
    /// The backend.
    pub backend: Addr,
    /// The NAT address that is tried first.
    pub nat: Addr,
    /// The next hop of the packet: of a new flow's, if it would open one.
    pub hop: Hop,
    /// The next hop of answers.
    pub back_hop: Hop,
    /// The flow as it stands.
    pub entry: FlowEntry,
}
