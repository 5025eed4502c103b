//! Counters, per CPU: the daemon adds the CPUs up.
//!
//! May import: core, bytemuck.

use bytemuck::{Pod, Zeroable};

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
    /// Dropped, toward the ENI.
    pub dropped_in: Counter,
    /// Dropped, from the ENI to the client.
    pub dropped_out: Counter,
    /// Dropped, with no event told about it because the ring buffer was full.
    pub untold: Counter,
    /// Accepted by flows that ended untold, because the ring buffer was full.
    pub unreported: Counter,
}

/// The key of `DROPS`: what was dropped where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
#[repr(C, align(4))]
pub struct DropKey {
    /// ENI index, 0 where none is known.
    pub eni: u16,
    /// A [`super::reason::DropReason`].
    pub reason: u8,
    /// A [`super::flow::Direction`].
    pub direction: u8,
}
