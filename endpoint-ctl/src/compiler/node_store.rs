//! Immutable policy nodes, each distinct one stored once, so that equal subtrees are shared
//! within and between rule sets.
//!
//! May import: endpoint-common::abi.

use std::collections::HashMap;

use endpoint_common::abi::policy::{PORT_LEVELS, PolicyNode, PolicySlot, RuleWord, STRIDE};

/// A port trie's empty slot.
const NO_RULE: PolicySlot = PolicySlot {
    child: 0,
    value: RuleWord::NONE.0,
};

/// A range of 24-bit keys (protocol, then port), both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyRange {
    pub(super) first: u32,
    pub(super) last: u32,
}

/// The nodes made so far; 0 is no node.
pub(super) struct NodeStore {
    nodes: Vec<PolicyNode>,
    numbers: HashMap<PolicyNode, u32>,
}

impl NodeStore {
    pub(super) fn new() -> Self {
        let unused = PolicyNode {
            slots: [PolicySlot { child: 0, value: 0 }; 16],
        };
        Self {
            nodes: vec![unused],
            numbers: HashMap::new(),
        }
    }

    pub(super) fn into_nodes(self) -> Vec<PolicyNode> {
        self.nodes
    }

    /// The number of `node`, stored if it is new.
    pub(super) fn intern(&mut self, node: PolicyNode) -> u32 {
        *self.numbers.entry(node).or_insert_with(|| {
            self.nodes.push(node);
            self.nodes.len() as u32 - 1
        })
    }

    /// The port trie `root` (0: an empty one) with `word` added over `range`.
    pub(super) fn with_rule(&mut self, root: u32, range: KeyRange, word: RuleWord) -> u32 {
        self.add(root, range, word, 0, PORT_LEVELS * STRIDE)
    }

    /// As [`Self::with_rule`], for the subtrie whose keys start at `base` and have `bits` bits left.
    fn add(&mut self, root: u32, range: KeyRange, word: RuleWord, base: u32, bits: u32) -> u32 {
        let mut node = match root {
            0 => PolicyNode {
                slots: [NO_RULE; 16],
            },
            _ => self.nodes[root as usize],
        };
        let below = bits - STRIDE;
        for (place, slot) in node.slots.iter_mut().enumerate() {
            let first = base + ((place as u32) << below);
            let last = first + ((1 << below) - 1);
            if range.last < first || last < range.first || slot.value <= word.0 {
                continue;
            }
            if range.first <= first && last <= range.last {
                slot.value = word.0;
            } else {
                slot.child = self.add(slot.child, range, word, first, below);
            }
        }
        self.intern(node)
    }
}
