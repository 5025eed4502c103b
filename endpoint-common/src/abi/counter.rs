//! Counters, per CPU: the daemon adds the CPUs up.
//!
//! May import: core, bytemuck, reason.

use bytemuck::{Pod, Zeroable};

use super::reason::DropReason;

/// Packets and IP bytes (the `Total Length` of RFC 791).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Counter {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

/// A row of `ENI_COUNTERS`, by ENI index. Row 0 counts what belongs to no ENI.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct EniCounters {
    /// Accepted, toward the ENI.
    pub accepted_in: Counter,
    /// Accepted, from the ENI to the client.
    pub accepted_out: Counter,
    /// Accepted by flows that ended untold, because the ring buffer was full.
    pub unreported: Counter,
}

/// What was dropped where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DropKey {
    /// ENI index, 0 where none is known.
    pub eni: u16,
    /// A [`DropReason`].
    pub reason: u8,
    /// A [`super::flow::Direction`].
    pub direction: u8,
}

/// Reasons there are, and 0.
pub const REASONS: usize = DropReason::ALL.len() + 1;

/// A row of `DROPS`, by ENI index: why, and how many of them were told. Row 0 counts what belongs to
/// no ENI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct EniDrops {
    /// By [`DropReason`] and [`super::flow::Direction`].
    pub counters: [[Counter; 2]; REASONS],
    /// Dropped, with no event told about it: as many were told as may be, or the ring buffer was full.
    pub untold: Counter,
    /// What was told lately.
    pub told: Told,
    /// What audit mode let pass instead: the packets that opened such a flow, or met its rules changed.
    pub audited: Counter,
    /// Those of them with no event told about them.
    pub audited_untold: Counter,
    /// What was told of them lately.
    pub audited_told: Told,
}

/// A row of `RULE_DROPS`, by rule number: what a rule has refused. Row 0 is never used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct RuleDrops {
    /// How much.
    pub counter: Counter,
    /// When last, in ticks.
    pub last: u32,
    /// Zero.
    pub reserved: u32,
}

/// How many drops were told in a period: see [`crate::path::tell`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Told {
    /// When the period began, in ticks.
    pub since: u32,
    /// How many so far.
    pub events: u32,
}
