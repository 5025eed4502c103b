//! Immutable rows of compiled rule sets, each distinct one stored once, so that equal subtrees are
//! shared within and between rule sets.
//!
//! May import: std, bytemuck, foldhash, endpoint-common::abi, port_tries, tables (their form).

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::BuildHasher;

use bytemuck::NoUninit;
use endpoint_common::abi::policy::{LINK_SKIP, PolicyNode, PolicySet, PolicySkip};
use foldhash::fast::FixedState;

use super::port_tries::PortTries;
use super::tables::PolicyTables;

/// Numbers of rows by their hashes; a row whose hash is taken has the next free one. Nobody chooses rows
/// so as to collide but who writes the rules.
type Numbered = HashMap<u64, u32, FixedState>;

/// The rows made so far; 0 is no row.
pub(super) struct NodeStore {
    tables: PolicyTables,
    nodes: Numbered,
    skips: Numbered,
    sets: Numbered,
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

/// The number of `row`, stored if it is new.
fn intern<R: NoUninit + PartialEq>(rows: &mut Vec<R>, numbers: &mut Numbered, row: R) -> u32 {
    let mut hash = numbers.hasher().hash_one(bytemuck::bytes_of(&row));
    loop {
        match numbers.entry(hash) {
            Entry::Occupied(found) if rows[*found.get() as usize] == row => return *found.get(),
            Entry::Occupied(_) => hash = hash.wrapping_add(1),
            Entry::Vacant(free) => {
                rows.push(row);
                return *free.insert(rows.len() as u32 - 1);
            }
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_one_hash_are_told_apart() {
        let (mut rows, mut numbers) = (vec![1u32], Numbered::default());
        let hash = numbers.hasher().hash_one(bytemuck::bytes_of(&2u32));
        numbers.insert(hash, 0);
        assert_eq!(intern(&mut rows, &mut numbers, 2), 1);
        assert_eq!(intern(&mut rows, &mut numbers, 2), 1);
        assert_eq!(rows, [1, 2]);
    }
}
