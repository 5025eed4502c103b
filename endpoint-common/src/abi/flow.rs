//! Tracked flows: one entry per flow, both directions in it, so that neither can outlive the other.
//!
//! An entry has a *half* for each [`Side`]: the key its packets are found by, and all they need.
//! IPv4 halves are one cache line each and hold what their packets are rewritten to; an IPv6 half is
//! rewritten to the other half's key, turned round.
//!
//! May import: core, bytemuck, wire, rules.

use bytemuck::{Pod, Zeroable};

use super::{Addr, mapped, unmapped};
use crate::wire::{Ipv4, Mac, Port};

pub use rules::FlowRules;

mod rules;

/// An IP family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Family {
    /// IPv4.
    V4 = 4,
    /// IPv6.
    V6 = 6,
}

/// The key of a flow's packets as they arrive; wide enough for IPv6, and the key of IPv6 halves.
/// ICMP echo: the identifier is the client's port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
#[repr(C, align(8))]
pub struct FlowKey {
    /// Source address.
    pub src: Addr,
    /// Destination address.
    pub dst: Addr,
    /// Source port.
    pub src_port: Port,
    /// Destination port.
    pub dst_port: Port,
    /// The network it arrives from.
    pub scope: u16,
    /// IANA protocol number.
    pub protocol: u8,
    /// A [`Family`].
    pub family: u8,
}

/// The key of IPv4 halves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
#[repr(C, align(8))]
pub struct FlowKey4 {
    /// Source address.
    pub src: Ipv4,
    /// Destination address.
    pub dst: Ipv4,
    /// Source port.
    pub src_port: Port,
    /// Destination port.
    pub dst_port: Port,
    /// The network it arrives from.
    pub scope: u16,
    /// IANA protocol number.
    pub protocol: u8,
    /// A [`Family`].
    pub family: u8,
}

impl FlowKey {
    /// Whether it is an IPv4 flow's.
    #[must_use]
    #[inline(always)]
    pub fn is_v4(&self) -> bool {
        self.family == Family::V4 as u8
    }

    /// The same with its ends exchanged.
    #[must_use]
    #[inline(always)]
    pub fn reversed(&self) -> Self {
        Self {
            src: self.dst,
            dst: self.src,
            src_port: self.dst_port,
            dst_port: self.src_port,
            ..*self
        }
    }
}

impl FlowKey4 {
    /// The key as every family's.
    #[must_use]
    #[inline(always)]
    pub fn widen(&self) -> FlowKey {
        FlowKey {
            src: mapped(self.src),
            dst: mapped(self.dst),
            src_port: self.src_port,
            dst_port: self.dst_port,
            scope: self.scope,
            protocol: self.protocol,
            family: self.family,
        }
    }
}

/// A packet's direction, seen from the ENI (`direction` of flow logs).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Direction {
    /// Toward the ENI.
    In = 0,
    /// From the ENI.
    Out = 1,
}

/// Whose packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Side {
    /// Those of the end that opened the flow.
    Forward = 0,
    /// Those of the other end.
    Back = 1,
}

impl Side {
    /// Both, the forward one first.
    pub const BOTH: [Self; 2] = [Self::Forward, Self::Back];

    /// The other one.
    #[must_use]
    #[inline(always)]
    pub fn other(self) -> Self {
        match self {
            Self::Forward => Self::Back,
            Self::Back => Self::Forward,
        }
    }
}

/// [`FlowState::flags`]: from the ENI into its vSwitch, [`Direction::Out`].
pub const OUT: u8 = 1;
/// [`FlowState::flags`]: packets that open or close nothing need no look at the flow's phase.
pub const SETTLED: u8 = 2;
/// [`FlowState::flags`]: its ENI has a bandwidth, so every packet asks for its share of it.
pub const LIMITED: u8 = 4;

/// What a half knows besides addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct FlowState {
    /// IP bytes accepted.
    pub bytes: u64,
    /// Packets accepted; wraps.
    pub packets: u32,
    /// When a packet was last accepted, in ticks.
    pub last_seen: u32,
    /// The generation that last judged it. Written as one word with the next three fields.
    pub generation: u32,
    /// What that generation said: 0 to accept, else a [`super::reason::DropReason`].
    pub verdict: u8,
    /// [`OUT`], [`SETTLED`], [`LIMITED`].
    pub flags: u8,
    /// ENI index.
    pub eni: u16,
    /// Source port after NAT.
    pub src_port: Port,
    /// Destination port after NAT.
    pub dst_port: Port,
    /// Change of a checksum's sum by the new addresses (see [`crate::wire::checksum`]).
    pub address_delta: u16,
    /// The same by the new ports.
    pub port_delta: u16,
    /// The hop it leaves by.
    pub hop: u16,
    /// Where hops that lead to clients lead to.
    pub client_mac: Mac,
}

impl FlowState {
    /// Which way its packets go.
    #[must_use]
    #[inline(always)]
    pub fn direction(&self) -> Direction {
        if self.flags & OUT == 0 {
            Direction::In
        } else {
            Direction::Out
        }
    }
}

/// [`FlowCommon::phase`]: no flow.
pub const FREE: u32 = 0;
/// [`FlowCommon::phase`]: being filled in, not found by packets yet.
pub const OPENING: u32 = 1;
/// [`FlowCommon::phase`]: nothing came back yet.
pub const HALF_OPEN: u32 = 2;
/// [`FlowCommon::phase`]: TCP, the other end's SYN came back, and is not acknowledged yet.
pub const ANSWERED: u32 = 3;
/// [`FlowCommon::phase`]: both ends have shown that they hear each other.
pub const ESTABLISHED: u32 = 4;
/// [`FlowCommon::phase`]: TCP, closed by both ends, or reset.
pub const CLOSING: u32 = 5;
/// [`FlowCommon::phase`]: over, on its way to [`FREE`].
pub const ENDING: u32 = 6;

/// Whether the phase is one of a flow that packets may find.
#[must_use]
#[inline(always)]
pub fn is_live(phase: u32) -> bool {
    matches!(phase, HALF_OPEN..=CLOSING)
}

/// Whether a flow in this phase gives way to a new one.
#[must_use]
#[inline(always)]
pub fn gives_way(phase: u32) -> bool {
    phase == HALF_OPEN || phase == ANSWERED
}

/// [`FlowCommon::kind`]: through an ENI to a backend.
pub const KIND_FORWARDED: u8 = 0;
/// [`FlowCommon::kind`]: ICMP echo, answered at the ENI; no packet is found by its back half.
pub const KIND_ECHO: u8 = 1;
/// [`FlowCommon::kind`]: from a provider network to a resource, out of the ENI of a reverse endpoint.
pub const KIND_REVERSED: u8 = 2;

/// What both halves share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct FlowCommon {
    /// See there.
    pub rules: FlowRules,
    /// [`FREE`] to [`ENDING`].
    pub phase: u32,
    /// How many flows the entry has held before: number and serial together name a flow.
    pub serial: u32,
    /// When the flow was made, in ticks.
    pub created: u32,
    /// [`KIND_FORWARDED`], [`KIND_ECHO`] or [`KIND_REVERSED`].
    pub kind: u8,
    /// TCP flags seen, by side; of packets that came while the flow was settled, only those that
    /// open or close.
    pub tcp_flags: [u8; 2],
    /// What audit mode let pass: 0 for nothing, else why it would have been refused, a
    /// [`super::reason::DropReason`].
    pub audited: u8,
    /// Zero.
    pub reserved2: [u32; 3],
}

/// One direction of an IPv4 flow: a cache line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Half4 {
    /// What its packets are found by.
    pub key: FlowKey4,
    /// Source address after NAT.
    pub src: Ipv4,
    /// Destination address after NAT.
    pub dst: Ipv4,
    /// The rest.
    pub state: FlowState,
}

/// One direction of an IPv6 flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Half6 {
    /// What its packets are found by.
    pub key: FlowKey,
    /// The rest.
    pub state: FlowState,
}

/// A row of `FLOWS4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct FlowEntry4 {
    /// By [`Side`].
    pub halves: [Half4; 2],
    /// See there.
    pub common: FlowCommon,
    /// Zero: fills the third cache line.
    pub reserved: [u64; 2],
}

/// A row of `FLOWS6`, and a flow of either family outside the packet path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct FlowEntry {
    /// By [`Side`].
    pub halves: [Half6; 2],
    /// See there.
    pub common: FlowCommon,
}

impl FlowEntry {
    /// One direction.
    #[must_use]
    pub fn half(&self, side: Side) -> &Half6 {
        let [forward, back] = &self.halves;
        match side {
            Side::Forward => forward,
            Side::Back => back,
        }
    }
}

impl FlowEntry4 {
    /// The flow as every family's.
    #[must_use]
    pub fn widen(&self) -> FlowEntry {
        let widen = |half: &Half4| Half6 {
            key: half.key.widen(),
            state: half.state,
        };
        FlowEntry {
            halves: [widen(&self.halves[0]), widen(&self.halves[1])],
            common: self.common,
        }
    }
}

/// Slots of a row of `INDEX4` and `INDEX6`: one cache line.
pub const BUCKET_SLOTS: u32 = 8;

/// A row of `INDEX4` and `INDEX6`: where halves are. A slot holds 24 bits of the key's hash from bit
/// 40, 8 bits of the entry's serial from bit 32, the entry's number from bit 1, the side in bit 0; 0
/// is free.
pub type Bucket = [u64; BUCKET_SLOTS as usize];

/// Entries of a flow table: at most this many. The free list keeps 22 bits of a number.
pub const MOST_FLOWS: u32 = 1 << 22;

/// A row of `FLOW_CONTROL`: how far the lists of one family's table have gone. Each word has a cache
/// line of its own. See [`crate::path::flows`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct FlowControl {
    /// By [`ListEnd`]; every eighth word counts.
    pub words: [[u64; 8]; 4],
}

/// A word of [`FlowControl`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ListEnd {
    /// Entries ever taken off the free list.
    Taken = 0,
    /// Entries ever put back on it.
    Returned = 1,
    /// Flows ever opened: place in the list of half-open ones.
    Opened = 2,
    /// Entries ever looked at for idle ones.
    Looked = 3,
}

/// How many flows an ENI may have, how long they may be idle, in ticks, and how much it may carry: a
/// row of `LIMITS`, by ENI index. Where `half_open` is zero, row 0 says how long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct FlowLimits {
    /// Most flows at a time; 0 for as many as there is room for.
    pub flows: u32,
    /// Nothing came back yet.
    pub half_open: u32,
    /// TCP, established.
    pub established: u32,
    /// TCP, closed by both ends or reset.
    pub closing: u32,
    /// UDP, answered.
    pub udp: u32,
    /// ICMP echo.
    pub icmp: u32,
    /// IP bytes per tick, each way; 0 for as many as come.
    pub rate: u32,
    /// IP bytes that may come at once, each way.
    pub burst: u32,
    /// Whose row of `RATE_BUCKETS` it fills: ENIs of one endpoint fill the same.
    pub bucket: u32,
}

/// A row of `RATE_BUCKETS`, by [`Direction`]: what is left of [`FlowLimits::burst`]. See
/// [`crate::path::rate`].
pub type RateBuckets = [u64; 2];

/// Narrows a wide key.
#[must_use]
#[inline(always)]
pub fn narrow(key: &FlowKey) -> FlowKey4 {
    FlowKey4 {
        src: unmapped(key.src),
        dst: unmapped(key.dst),
        src_port: key.src_port,
        dst_port: key.dst_port,
        scope: key.scope,
        protocol: key.protocol,
        family: key.family,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_widened_is_the_same_flow() {
        let key = FlowKey4 {
            src: [10, 0, 1, 2],
            dst: [10, 0, 1, 3],
            src_port: [1, 2],
            dst_port: [3, 4],
            scope: 5,
            protocol: 6,
            family: 4,
        };
        assert_eq!(narrow(&key.widen()), key);
        let entry: FlowEntry4 = bytemuck::cast([7u8; size_of::<FlowEntry4>()]);
        let wide = entry.widen();
        assert_eq!(wide.common, entry.common);
        assert_eq!(wide.half(Side::Back).state, entry.halves[1].state);
        assert_eq!(wide.half(Side::Back).key.src, mapped([7; 4]));
    }
}
