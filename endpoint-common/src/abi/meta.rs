//! The one row that says which generation is in force, and a row per bound interface.
//!
//! May import: core, bytemuck, wire.

use bytemuck::{Pod, Zeroable};

use crate::wire::Mac;

/// Row 0 of `META`. Writing it is what puts a generation in force: a packet reads it once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Meta {
    /// The generation in force; 0 before the first.
    pub generation: u32,
    /// Which half of the banked tables it is in: 0 or 1.
    pub bank: u32,
    /// Secret of the flow table's hash and of the NAT port choice.
    pub secret: [u64; 2],
}

/// Rows of `PORTS`; an interface stands in row `(ifindex + i) % PORT_ROWS` for the first free `i`
/// below [`PORT_PROBES`].
pub const PORT_ROWS: u32 = 4096;
/// How many rows a look-up tries.
pub const PORT_PROBES: u32 = 4;

/// A row of `PORTS`: one bound interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Port {
    /// The interface, 0 in a free row.
    pub ifindex: u32,
    /// The network it leads to: tells equal addresses of different networks apart.
    pub scope: u16,
    /// Zero.
    pub reserved: u16,
    /// The interface's own MAC address, which ENIs and NAT addresses answer with.
    pub mac: Mac,
    /// Zero.
    pub reserved2: u16,
}

impl Port {
    /// The row of interface `ifindex`.
    #[must_use]
    pub fn new(ifindex: u32, scope: u16, mac: Mac) -> Self {
        Self {
            ifindex,
            scope,
            reserved: 0,
            mac,
            reserved2: 0,
        }
    }
}
