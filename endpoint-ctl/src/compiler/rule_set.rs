//! The rules of one prefix of addresses, on the way to being a row.
//!
//! May import: endpoint-common::abi, node_store, port_tries, trie_rule.

use endpoint_common::abi::policy::{PolicyRange, PolicySet, RuleWord, SET_RULES};

use super::node_store::{NodeStore, Stored};
use super::port_tries::{KeyRange, PortTries};
use super::trie_rule::{ANY_SOURCE, TrieRule};

/// A few rules by themselves; the others in tries.
#[derive(Debug, Clone, Default)]
pub(super) struct RuleSet {
    own: Vec<PolicyRange>,
    ports: u32,
    sources: u32,
}

impl RuleSet {
    pub(super) fn add(&mut self, tries: &mut PortTries, rule: &TrieRule) {
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
                self.put_away(tries, &range);
            }
        }
    }

    /// Moves a rule into the tries.
    fn put_away(&mut self, tries: &mut PortTries, range: &PolicyRange) {
        let keys = KeyRange {
            first: range.first,
            last: range.last,
        };
        let word = RuleWord(range.word);
        if (range.first_source..=range.last_source) == ANY_SOURCE {
            self.ports = tries.with_rule(self.ports, keys, word);
            return;
        }
        let sources = KeyRange {
            first: range.first_source.into(),
            last: range.last_source.into(),
        };
        self.sources = tries.with_sources(self.sources, sources, keys, word);
    }

    /// Stores it.
    pub(super) fn store(
        &self,
        store: &mut NodeStore,
        tries: &PortTries,
        stored: &mut Stored,
    ) -> u32 {
        let mut own = [PolicyRange::NONE; SET_RULES];
        for (place, range) in own.iter_mut().zip(&self.own) {
            *place = *range;
        }
        let ports = store.ports(tries, self.ports, stored);
        let sources = store.sources(tries, self.sources, stored);
        store.set(PolicySet {
            own,
            ports,
            sources,
            reserved: [0; 2],
        })
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
