//! Immutable rows of compiled rule sets, each distinct one stored once, so that equal subtrees are
//! shared within and between rule sets.
//!
//! May import: std, foldhash, endpoint-common::abi, port_tries, tables (their form).

use std::collections::HashMap;
use std::hash::Hash;

use endpoint_common::abi::policy::{LINK_SKIP, PolicyNode, PolicySet, PolicySkip};
use foldhash::fast::FixedState;

use super::port_tries::PortTries;
use super::tables::PolicyTables;

/// Numbers of rows. Nobody chooses rows so as to collide but who writes the rules.
type Numbered<K> = HashMap<K, u32, FixedState>;

/// The rows made so far; 0 is no row.
pub(super) struct NodeStore {
    tables: PolicyTables,
    nodes: Numbered<PolicyNode>,
    skips: Numbered<PolicySkip>,
    sets: Numbered<PolicySet>,
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
}

/// The number of `row`, stored if it is new.
fn intern<R: Copy + Eq + Hash>(rows: &mut Vec<R>, numbers: &mut Numbered<R>, row: R) -> u32 {
    *numbers.entry(row).or_insert_with(|| {
        rows.push(row);
        rows.len() as u32 - 1
    })
}

impl NodeStore {
    pub(super) fn new() -> Self {
        Self {
            tables: PolicyTables::empty(),
            nodes: Numbered::default(),
            skips: Numbered::default(),
            sets: Numbered::default(),
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
