//! Port tries and source tries while they grow: nodes of the prefix at work are changed in place, those
//! of prefixes that cover it are shared and copied before a change.
//!
//! May import: endpoint-common::abi.

use endpoint_common::abi::policy::{
    PORT_LEVELS, PolicyNode, PolicySlot, RuleWord, SOURCE_LEVELS, STRIDE,
};

/// A port trie's empty slot.
const NO_RULE: PolicySlot = PolicySlot {
    child: 0,
    value: RuleWord::NONE.0,
};
const NOTHING: PolicySlot = PolicySlot { child: 0, value: 0 };

/// A range of 24-bit keys (protocol, then port), or of source ports; both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyRange {
    pub(super) first: u32,
    pub(super) last: u32,
}

impl KeyRange {
    /// Every protocol and port.
    pub(super) const ALL: Self = Self {
        first: 0,
        last: 0x00ff_ffff,
    };
}

impl KeyRange {
    fn covers(self, other: Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }
}

/// Where a node's keys start, and how many bits they have left.
#[derive(Debug, Clone, Copy)]
struct Block {
    base: u32,
    bits: u32,
}

impl Block {
    const PORTS: Self = Self {
        base: 0,
        bits: PORT_LEVELS * STRIDE,
    };
    const SOURCES: Self = Self {
        base: 0,
        bits: SOURCE_LEVELS * STRIDE,
    };

    /// The slots that `range` meets, each with its block and its keys.
    fn slots(self, range: KeyRange) -> impl Iterator<Item = (usize, Self, KeyRange)> {
        let bits = self.bits - STRIDE;
        let last = self.base + ((1 << self.bits) - 1);
        let place = |key: u32| (key.clamp(self.base, last) - self.base) >> bits;
        (place(range.first)..=place(range.last)).map(move |place| {
            let base = self.base + (place << bits);
            let keys = KeyRange {
                first: base,
                last: base + ((1 << bits) - 1),
            };
            (place as usize, Self { base, bits }, keys)
        })
    }
}

/// All nodes so far; 0 is no node.
#[derive(Debug)]
pub(super) struct PortTries {
    nodes: Vec<PolicyNode>,
    /// The first node that belongs to the prefix at work alone.
    own: u32,
}

impl PortTries {
    pub(super) fn new() -> Self {
        Self {
            nodes: vec![PolicyNode {
                slots: [NOTHING; 16],
            }],
            own: 1,
        }
    }

    /// From here on another prefix is at work. Its first node, if it makes any.
    pub(super) fn begin_prefix(&mut self) -> u32 {
        self.own = self.nodes.len() as u32;
        self.own
    }

    /// Forgets a prefix that covers none to come: its nodes, from the first, and all later ones.
    pub(super) fn forget(&mut self, first: u32) {
        self.nodes.truncate(first as usize);
    }

    pub(super) fn node(&self, number: u32) -> PolicyNode {
        self.nodes[number as usize]
    }

    /// The port trie `root` (0: an empty one) with `word` added over `range`.
    pub(super) fn with_rule(&mut self, root: u32, range: KeyRange, word: RuleWord) -> u32 {
        self.add_rule(root, range, word, Block::PORTS)
    }

    fn add_rule(&mut self, root: u32, range: KeyRange, word: RuleWord, block: Block) -> u32 {
        let number = self.mine(root, NO_RULE);
        for (place, below, keys) in block.slots(range) {
            let slot = self.nodes[number as usize].slots[place];
            if slot.value <= word.0 {
                continue;
            }
            let made = if range.covers(keys) {
                PolicySlot {
                    value: word.0,
                    ..slot
                }
            } else {
                PolicySlot {
                    child: self.add_rule(slot.child, range, word, below),
                    ..slot
                }
            };
            self.nodes[number as usize].slots[place] = made;
        }
        number
    }

    /// The source trie `root` (0: an empty one) with `word` added for `sources`, over `range`.
    pub(super) fn with_sources(
        &mut self,
        root: u32,
        sources: KeyRange,
        range: KeyRange,
        word: RuleWord,
    ) -> u32 {
        self.add_sources(root, sources, (range, word), Block::SOURCES)
    }

    fn add_sources(
        &mut self,
        root: u32,
        sources: KeyRange,
        rule: (KeyRange, RuleWord),
        block: Block,
    ) -> u32 {
        let number = self.mine(root, NOTHING);
        for (place, below, keys) in block.slots(sources) {
            let slot = self.nodes[number as usize].slots[place];
            let made = if sources.covers(keys) {
                PolicySlot {
                    value: self.with_rule(slot.value, rule.0, rule.1),
                    ..slot
                }
            } else {
                PolicySlot {
                    child: self.add_sources(slot.child, sources, rule, below),
                    ..slot
                }
            };
            self.nodes[number as usize].slots[place] = made;
        }
        number
    }

    /// The node of this number if it may be changed, else a copy of it, or one of empty slots.
    fn mine(&mut self, number: u32, empty: PolicySlot) -> u32 {
        if number >= self.own {
            return number;
        }
        let node = if number == 0 {
            PolicyNode { slots: [empty; 16] }
        } else {
            self.node(number)
        };
        self.nodes.push(node);
        self.nodes.len() as u32 - 1
    }
}
