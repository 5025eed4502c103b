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

/// VLAN tags of a frame, outermost first, each as it stands there (IEEE 802.1Q): the tag protocol and the
/// VLAN's number, in network order, priority and drop eligibility zero. All zero where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Pod, Zeroable)]
#[repr(C)]
pub struct Tags {
    /// The first one.
    pub outer: [u8; 4],
    /// The second one, which only follows a first one.
    pub inner: [u8; 4],
}

/// A tag protocol: a customer's VLAN, or the only one (IEEE 802.1Q).
pub const TAG_CUSTOMER: u16 = 0x8100;
/// A tag protocol: a provider's VLAN around customers' (IEEE 802.1ad).
pub const TAG_PROVIDER: u16 = 0x88a8;

impl Tags {
    /// An untagged frame.
    pub const NONE: Self = Self {
        outer: [0; 4],
        inner: [0; 4],
    };

    /// One tag of VLAN `vlan` (0 to 4095).
    #[must_use]
    #[inline(always)]
    pub const fn tag(protocol: u16, vlan: u16) -> [u8; 4] {
        let [p0, p1] = protocol.to_be_bytes();
        let [v0, v1] = (vlan & 0xfff).to_be_bytes();
        [p0, p1, v0, v1]
    }

    /// Whether there are any.
    #[must_use]
    #[inline(always)]
    pub fn any(&self) -> bool {
        u32::from_ne_bytes(self.outer) != 0
    }

    /// How many bytes of a frame they are.
    #[must_use]
    #[inline(always)]
    pub fn length(&self) -> usize {
        if !self.any() {
            0
        } else if u32::from_ne_bytes(self.inner) == 0 {
            4
        } else {
            8
        }
    }

    /// What tells VLANs apart: the same with priority and drop eligibility zero. A single tag of VLAN 0
    /// says nothing but a priority, and so is none.
    #[must_use]
    #[inline(always)]
    pub fn without_priority(self) -> Self {
        const MASK: u32 = u32::from_ne_bytes([0xff, 0xff, 0x0f, 0xff]);
        const VLAN: u32 = u32::from_ne_bytes([0, 0, 0x0f, 0xff]);
        let [outer, inner] = [self.outer, self.inner].map(u32::from_ne_bytes);
        if inner == 0 && outer & VLAN == 0 {
            return Self::NONE;
        }
        Self {
            outer: (outer & MASK).to_ne_bytes(),
            inner: (inner & MASK).to_ne_bytes(),
        }
    }

    /// A number to place rows by; 0 for no tags.
    #[inline(always)]
    fn spread(self) -> u32 {
        let (outer, inner) = (
            u32::from_be_bytes(self.outer),
            u32::from_be_bytes(self.inner),
        );
        (outer ^ inner.rotate_left(16)).wrapping_mul(0x9e37_79b1) >> 16
    }
}

/// Rows of `PORTS`; see [`Port::row`].
pub const PORT_ROWS: u32 = 4096;
/// How many rows a look-up tries.
pub const PORT_PROBES: u32 = 4;

/// A row of `PORTS`: one bound interface, or a VLAN of one that its frames carry the tags of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Port {
    /// The interface, 0 in a free row.
    pub ifindex: u32,
    /// The network it leads to: tells equal addresses of different networks apart.
    pub scope: u16,
    /// Zero.
    pub reserved: u16,
    /// The MAC address that ENIs and NAT addresses answer with: the interface's own, or the VLAN
    /// device's.
    pub mac: Mac,
    /// Zero.
    pub reserved2: u16,
    /// The tags of its frames.
    pub tags: Tags,
}

impl Port {
    /// The row of interface `ifindex`, whose frames are untagged.
    #[must_use]
    pub fn new(ifindex: u32, scope: u16, mac: Mac) -> Self {
        Self {
            ifindex,
            scope,
            reserved: 0,
            mac,
            reserved2: 0,
            tags: Tags::NONE,
        }
    }

    /// The same for frames with these tags.
    #[must_use]
    pub fn with_tags(self, tags: Tags) -> Self {
        Self { tags, ..self }
    }

    /// Whether it is the row of that interface and those tags.
    #[must_use]
    #[inline(always)]
    pub fn is(&self, ifindex: u32, tags: Tags) -> bool {
        self.ifindex == ifindex && self.tags == tags
    }

    /// The row that a look-up tries as number `probe`, 0 to [`PORT_PROBES`] - 1: it stands in the first
    /// of these that was free.
    #[must_use]
    #[inline(always)]
    pub fn row(ifindex: u32, tags: Tags, probe: u32) -> u32 {
        let start = ifindex.wrapping_add(tags.spread());
        start.wrapping_add(probe) % PORT_ROWS
    }
}
