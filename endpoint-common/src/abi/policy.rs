//! Compiled rule sets: two tries with a stride of four bits, whose look-up cost does not grow with
//! the number of rules.
//!
//! The *address trie* leads from the peer's address to the root of a *port trie*: the value at the
//! longest prefix is the one that counts. The port trie is keyed by 24 bits, protocol then port;
//! every slot on the way down may hold a rule, and the smallest [`RuleWord`] met wins. A rule that
//! covers a range stands in the few slots that make the range up, so nothing is pushed down and an
//! address may share its parent prefix's port trie but for the path its own rules add.
//!
//! May import: core, bytemuck.

use bytemuck::{Pod, Zeroable};

/// Bits per level.
pub const STRIDE: u32 = 4;
/// Levels of an IPv6 address.
pub const ADDRESS_LEVELS: u32 = 32;
/// The level at which an IPv4 address begins in its mapped form; tries for IPv4 have only the rest.
pub const FIRST_LEVEL_V4: u32 = 24;
/// Levels of protocol and port.
pub const PORT_LEVELS: u32 = 6;

/// A slot of a node. In an address trie `value` is a port trie's root (0: none); in a port trie it
/// is a [`RuleWord`] ([`RuleWord::NONE`]: none). `child` is a node, 0 for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
#[repr(C)]
pub struct PolicySlot {
    /// The node below, 0 for none.
    pub child: u32,
    /// See the type.
    pub value: u32,
}

/// A row of `POLICY`. Row 0 of each bank is never used, so that 0 can mean "none".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
#[repr(C)]
pub struct PolicyNode {
    /// One slot per value of the next four bits.
    pub slots: [PolicySlot; 16],
}

/// A rule in a port trie: order (8 bits, smaller first), accept (1 bit, so that drop comes first
/// at equal order), rule number (23 bits). The smallest word wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleWord(pub u32);

impl RuleWord {
    /// No rule.
    pub const NONE: Self = Self(u32::MAX);
    /// Largest rule number.
    pub const MAX_NUMBER: u32 = 0x007f_ffff;

    /// Packs a rule; `number` must not exceed [`Self::MAX_NUMBER`].
    #[must_use]
    pub fn new(order: u8, accept: bool, number: u32) -> Self {
        Self((u32::from(order) << 24) | (u32::from(accept) << 23) | (number & Self::MAX_NUMBER))
    }

    /// Whether the rule accepts.
    #[must_use]
    pub fn accepts(self) -> bool {
        self.0 & (1 << 23) != 0
    }

    /// The rule's number.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0 & Self::MAX_NUMBER
    }
}
