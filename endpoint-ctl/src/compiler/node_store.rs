//! Immutable rows of compiled rule sets, each distinct one stored once, so that equal subtrees are
//! shared within and between rule sets.
//!
//! May import: endpoint-common::abi, tables (their form).

use std::collections::HashMap;
use std::hash::Hash;

use endpoint_common::abi::policy::{
    LINK_SKIP, PORT_LEVELS, PolicyNode, PolicySet, PolicySkip, PolicySlot, RuleWord, SOURCE_LEVELS,
    STRIDE,
};

use super::tables::PolicyTables;

/// A port trie's empty slot.
const NO_RULE: PolicySlot = PolicySlot {
    child: 0,
    value: RuleWord::NONE.0,
};
const NOTHING: PolicySlot = PolicySlot { child: 0, value: 0 };

/// A range of 24-bit keys (protocol, then port), both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyRange {
    pub(super) first: u32,
    pub(super) last: u32,
}

impl KeyRange {
    /// What a node's slot of this place stands for, whose keys start at `base` and have `below` bits
    /// beyond the slot's own.
    fn of_slot(base: u32, place: usize, below: u32) -> Self {
        let first = base + ((place as u32) << below);
        Self {
            first,
            last: first + ((1 << below) - 1),
        }
    }

    fn meets(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    fn covers(self, other: Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }
}

/// The rows made so far; 0 is no row.
pub(super) struct NodeStore {
    tables: PolicyTables,
    nodes: HashMap<PolicyNode, u32>,
    skips: HashMap<PolicySkip, u32>,
    sets: HashMap<PolicySet, u32>,
}

/// The number of `row`, stored if it is new.
fn intern<R: Copy + Eq + Hash>(rows: &mut Vec<R>, numbers: &mut HashMap<R, u32>, row: R) -> u32 {
    *numbers.entry(row).or_insert_with(|| {
        rows.push(row);
        rows.len() as u32 - 1
    })
}

impl NodeStore {
    pub(super) fn new() -> Self {
        Self {
            tables: PolicyTables::empty(),
            nodes: HashMap::new(),
            skips: HashMap::new(),
            sets: HashMap::new(),
        }
    }

    pub(super) fn into_tables(self) -> PolicyTables {
        self.tables
    }

    pub(super) fn node(&mut self, node: PolicyNode) -> u32 {
        intern(&mut self.tables.nodes, &mut self.nodes, node)
    }

    /// A link to the skip.
    pub(super) fn skip(&mut self, skip: PolicySkip) -> u32 {
        LINK_SKIP | intern(&mut self.tables.skips, &mut self.skips, skip)
    }

    pub(super) fn set(&mut self, set: PolicySet) -> u32 {
        intern(&mut self.tables.sets, &mut self.sets, set)
    }

    /// The port trie `root` (0: an empty one) with `word` added over `range`.
    pub(super) fn with_rule(&mut self, root: u32, range: KeyRange, word: RuleWord) -> u32 {
        self.add_rule(root, range, word, 0, PORT_LEVELS * STRIDE)
    }

    /// As [`Self::with_rule`], for the subtrie whose keys start at `base` and have `bits` bits left.
    fn add_rule(
        &mut self,
        root: u32,
        range: KeyRange,
        word: RuleWord,
        base: u32,
        bits: u32,
    ) -> u32 {
        let mut node = self.copy(root, NO_RULE);
        let below = bits - STRIDE;
        for (place, slot) in node.slots.iter_mut().enumerate() {
            let keys = KeyRange::of_slot(base, place, below);
            if !range.meets(keys) || slot.value <= word.0 {
                continue;
            }
            if range.covers(keys) {
                slot.value = word.0;
            } else {
                slot.child = self.add_rule(slot.child, range, word, keys.first, below);
            }
        }
        self.node(node)
    }

    /// The source trie `root` (0: an empty one) with `word` added for `sources`, over `range`.
    pub(super) fn with_sources(
        &mut self,
        root: u32,
        sources: KeyRange,
        range: KeyRange,
        word: RuleWord,
    ) -> u32 {
        self.add_sources(root, sources, (range, word), 0, SOURCE_LEVELS * STRIDE)
    }

    fn add_sources(
        &mut self,
        root: u32,
        sources: KeyRange,
        rule: (KeyRange, RuleWord),
        base: u32,
        bits: u32,
    ) -> u32 {
        let mut node = self.copy(root, NOTHING);
        let below = bits - STRIDE;
        for (place, slot) in node.slots.iter_mut().enumerate() {
            let keys = KeyRange::of_slot(base, place, below);
            if !sources.meets(keys) {
                continue;
            }
            if sources.covers(keys) {
                slot.value = self.with_rule(slot.value, rule.0, rule.1);
            } else {
                slot.child = self.add_sources(slot.child, sources, rule, keys.first, below);
            }
        }
        self.node(node)
    }

    /// The node of this number, or one of empty slots.
    fn copy(&self, number: u32, empty: PolicySlot) -> PolicyNode {
        let known = self.tables.nodes.get(number as usize);
        let node = known.filter(|_| number != 0).copied();
        node.unwrap_or(PolicyNode { slots: [empty; 16] })
    }
}
