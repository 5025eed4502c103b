//! The rules of one prefix of addresses, on the way to being a row.
//!
//! May import: endpoint-common::abi, address_trie (its rules), node_store.

use endpoint_common::abi::policy::{PolicyRange, PolicySet, RuleWord, SET_RULES};

use super::address_trie::{ANY_SOURCE, TrieRule};
use super::node_store::{KeyRange, NodeStore};

/// A few rules by themselves; the others in tries.
#[derive(Debug, Clone, Default)]
pub(super) struct RuleSet {
    own: Vec<PolicyRange>,
    ports: u32,
    sources: u32,
}

impl RuleSet {
    pub(super) fn add(&mut self, store: &mut NodeStore, rule: &TrieRule) {
        let range = PolicyRange {
            first: rule.range.first,
            last: rule.range.last,
            first_source: *rule.sources.start(),
            last_source: *rule.sources.end(),
            word: rule.word.0,
        };
        if self.own.iter().any(|other| hides(other, &range)) {
            return;
        }
        self.own.retain(|other| !hides(&range, other));
        self.own.push(range);
        if self.own.len() > SET_RULES {
            for range in std::mem::take(&mut self.own) {
                self.put_away(store, &range);
            }
        }
    }

    /// Moves a rule into the tries.
    fn put_away(&mut self, store: &mut NodeStore, range: &PolicyRange) {
        let keys = KeyRange {
            first: range.first,
            last: range.last,
        };
        let word = RuleWord(range.word);
        if (range.first_source..=range.last_source) == ANY_SOURCE {
            self.ports = store.with_rule(self.ports, keys, word);
            return;
        }
        let sources = KeyRange {
            first: range.first_source.into(),
            last: range.last_source.into(),
        };
        self.sources = store.with_sources(self.sources, sources, keys, word);
    }

    pub(super) fn row(&self) -> PolicySet {
        let mut own = [PolicyRange::NONE; SET_RULES];
        for (place, range) in own.iter_mut().zip(&self.own) {
            *place = *range;
        }
        PolicySet {
            own,
            ports: self.ports,
            sources: self.sources,
            reserved: [0; 2],
        }
    }
}

/// Whether `one` decides wherever `other` would.
fn hides(one: &PolicyRange, other: &PolicyRange) -> bool {
    one.word <= other.word
        && one.first <= other.first
        && other.last <= one.last
        && one.first_source <= other.first_source
        && other.last_source <= one.last_source
}
