//! Compiled rule sets: tries with a stride of four bits, whose look-up cost does not grow with the
//! number of rules.
//!
//! The *address trie* leads from the peer's address to a *set*, that of the longest prefix that has
//! one: all rules that cover the prefix. A way without branches is one *skip*, which compares all its
//! bits at once, so that a rule about one host costs a row and not a node per level.
//!
//! A set names few rules itself. If there are more, the others stand in a *port trie*, keyed by 24 bits,
//! protocol then destination port: every slot on the way down may hold a rule, and the smallest
//! [`RuleWord`] met wins. A rule that covers a range stands in the few slots that make the range up, so
//! nothing is pushed down, and sets share what they have in common. Rules that also ask for source ports
//! stand in port trie after port trie of their own, found by a *source trie* keyed by the source port.
//!
//! May import: core, bytemuck.

use bytemuck::{Pod, Zeroable};

/// Bits per level.
pub const STRIDE: u32 = 4;
/// Steps through an address trie: its root, and no more than one for each level of an IPv6 address
/// and the end.
pub const ADDRESS_STEPS: u32 = 34;
/// Levels of protocol and destination port.
pub const PORT_LEVELS: u32 = 6;
/// Levels of a source port.
pub const SOURCE_LEVELS: u32 = 4;
/// Rules that a set names itself.
pub const SET_RULES: usize = 3;
/// In a link of an address trie: it leads to a [`PolicySkip`], else to a [`PolicyNode`].
pub const LINK_SKIP: u32 = 1 << 31;

/// A slot of a node. `value` is, in an address trie, a [`PolicySet`]; in a port trie a [`RuleWord`]
/// ([`RuleWord::NONE`]: none); in a source trie the root of a port trie. `child` leads to the node
/// below; in an address trie it is a link. 0 is none, but for a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
#[repr(C)]
pub struct PolicySlot {
    /// What is below, 0 for nothing.
    pub child: u32,
    /// See the type.
    pub value: u32,
}

/// A row of `POLICY`. Row 0 of each bank is never used, so that 0 can mean "none"; the same goes for
/// the other tables here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
#[repr(C)]
pub struct PolicyNode {
    /// One slot per value of the next four bits.
    pub slots: [PolicySlot; 16],
}

/// A row of `POLICY_SKIPS`: addresses that do not match have no longer prefix than those met so far.
/// Every address trie begins with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Pod, Zeroable)]
#[repr(C)]
pub struct PolicySkip {
    /// The bits to match, as numbers: the upper half of an address, then the lower. An IPv4 address
    /// stands in the uppermost 32 bits.
    pub prefix: [u64; 2],
    /// Which of them count.
    pub mask: [u64; 2],
    /// A link to what is below, 0 for nothing.
    pub child: u32,
    /// The set of addresses that match; 0: that of the prefix before.
    pub value: u32,
    /// How many levels down `child` is from the top.
    pub level: u32,
    /// Zero.
    pub reserved: u32,
}

/// A rule that a set names itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Pod, Zeroable)]
#[repr(C)]
pub struct PolicyRange {
    /// First key covered: protocol, then destination port.
    pub first: u32,
    /// Last key covered.
    pub last: u32,
    /// First source port covered.
    pub first_source: u16,
    /// Last source port covered.
    pub last_source: u16,
    /// The rule.
    pub word: u32,
}

impl PolicyRange {
    /// No rule.
    pub const NONE: Self = Self {
        first: 1,
        last: 0,
        first_source: 0,
        last_source: 0,
        word: RuleWord::NONE.0,
    };
}

/// A row of `POLICY_SETS`: a cache line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Pod, Zeroable)]
#[repr(C)]
pub struct PolicySet {
    /// Rules by themselves.
    pub own: [PolicyRange; SET_RULES],
    /// The port trie of further rules, 0 for none.
    pub ports: u32,
    /// The source trie of further rules that ask for source ports, 0 for none.
    pub sources: u32,
    /// Zero.
    pub reserved: [u32; 2],
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
