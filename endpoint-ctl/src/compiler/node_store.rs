//! Immutable rows of compiled rule sets, each distinct one stored once, so that equal subtrees are
//! shared within and between rule sets.
//!
//! May import: std, endpoint-common::abi, distinct, port_tries, tables (their form).

use endpoint_common::abi::policy::{LINK_SKIP, PolicyNode, PolicySet, PolicySkip};

use super::distinct::Distinct;
use super::port_tries::PortTries;
use super::tables::PolicyTables;

/// The rows made so far; 0 is no row.
pub(super) struct NodeStore {
    tables: PolicyTables,
    nodes: Distinct,
    skips: Distinct,
    sets: Distinct,
}

/// The rows that grown tries have come to, by their nodes' numbers; 0 where none yet.
#[derive(Debug, Default)]
pub(super) struct Stored(Vec<u32>);

impl Stored {
    fn get(&self, node: u32) -> Option<u32> {
        let row = self.0.get(node as usize).copied();
        row.filter(|row| *row != 0)
    }

    fn put(&mut self, node: u32, row: u32) {
        let node = node as usize;
        if node >= self.0.len() {
            self.0.resize(node + 1, 0);
        }
        self.0[node] = row;
    }

    /// Forgets what nodes have come to from this one on, whose numbers are given anew.
    pub(super) fn forget(&mut self, first: u32) {
        self.0.truncate(first as usize);
    }
}

impl NodeStore {
    pub(super) fn new() -> Self {
        Self {
            tables: PolicyTables::empty(),
            nodes: Distinct::default(),
            skips: Distinct::default(),
            sets: Distinct::default(),
        }
    }

    pub(super) fn into_tables(self) -> PolicyTables {
        self.tables
    }

    pub(super) fn node(&mut self, node: PolicyNode) -> u32 {
        self.nodes.number(&mut self.tables.nodes, node)
    }

    /// A link to the skip.
    pub(super) fn skip(&mut self, skip: PolicySkip) -> u32 {
        LINK_SKIP | self.skips.number(&mut self.tables.skips, skip)
    }

    pub(super) fn set(&mut self, set: PolicySet) -> u32 {
        self.sets.number(&mut self.tables.sets, set)
    }

    /// Stores a port trie that will not change any more.
    pub(super) fn ports(&mut self, tries: &PortTries, root: u32, stored: &mut Stored) -> u32 {
        self.trie(tries, root, stored, &|_, value, _| value)
    }

    /// Stores a source trie and the port tries in it.
    pub(super) fn sources(&mut self, tries: &PortTries, root: u32, stored: &mut Stored) -> u32 {
        self.trie(tries, root, stored, &|store, value, stored| {
            store.ports(tries, value, stored)
        })
    }

    fn trie(
        &mut self,
        tries: &PortTries,
        root: u32,
        stored: &mut Stored,
        value: &impl Fn(&mut Self, u32, &mut Stored) -> u32,
    ) -> u32 {
        if root == 0 {
            return 0;
        }
        if let Some(row) = stored.get(root) {
            return row;
        }
        let mut node = tries.node(root);
        for slot in &mut node.slots {
            slot.child = self.trie(tries, slot.child, stored, value);
            slot.value = value(self, slot.value, stored);
        }
        let row = self.node(node);
        stored.put(root, row);
        row
    }
}
