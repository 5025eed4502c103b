//! Builds address tries: every prefix of the rules leads to the set of all rules that cover it. See
//! `endpoint_common::abi::policy`. One builder serves both families: it goes as deep as the prefixes
//! it is given.
//!
//! May import: endpoint-common::abi, node_store, port_tries, rule_set, trie_rule.

use endpoint_common::abi::policy::{PolicyNode, PolicySkip, PolicySlot, STRIDE};

use super::node_store::{NodeStore, Stored};
use super::port_tries::PortTries;
use super::rule_set::RuleSet;
use super::trie_rule::{Prefix, TrieRule, mask};

/// A prefix that rules name, and the set it leads to.
type Known = (Prefix, u32);

/// The root of the address trie over `rules`, all of one family; one must be for every address.
pub(super) fn build(store: &mut NodeStore, rules: &[TrieRule]) -> u32 {
    let known = sets(store, rules);
    let (base, rest) = match known.split_first() {
        Some(((Prefix::ALL, set), rest)) => (*set, rest),
        _ => (0, &known[..]),
    };
    let child = link(store, rest, 0);
    store.skip(skip(Prefix::ALL, base, child))
}

/// The set of each prefix, in order: its own rules and those of all prefixes that cover it.
fn sets(store: &mut NodeStore, rules: &[TrieRule]) -> Vec<Known> {
    let mut sorted: Vec<&TrieRule> = rules.iter().collect();
    // Stable, so that rules of one prefix stay in the order they were given.
    sorted.sort_by_key(|rule| rule.peer);
    let (mut tries, mut stored) = (PortTries::new(), Stored::default());
    let mut known: Vec<Known> = Vec::new();
    // Prefixes that cover the one at work, each with its first node.
    let mut above: Vec<(Prefix, RuleSet, u32)> = Vec::new();
    for own in sorted.chunk_by(|a, b| a.peer == b.peer) {
        let Some(prefix) = own.first().map(|rule| rule.peer) else {
            continue;
        };
        while let Some((.., first)) = above.pop_if(|(other, ..)| !other.covers(prefix)) {
            tries.forget(first);
            stored.forget(first);
        }
        let mut set = above
            .last()
            .map_or_else(RuleSet::default, |(_, set, _)| set.clone());
        let first = tries.begin_prefix();
        for rule in own {
            set.add(&mut tries, rule);
        }
        known.push((prefix, set.store(store, &tries, &mut stored)));
        above.push((prefix, set, first));
    }
    known
}

/// A link to what leads to `known`, 0 if that is nothing. All of them agree in the first `depth` bits
/// and are longer.
fn link(store: &mut NodeStore, known: &[Known], depth: u32) -> u32 {
    let [(first, set), rest @ ..] = known else {
        return 0;
    };
    let Some((last, _)) = rest.last() else {
        return store.skip(skip(*first, *set, 0));
    };
    // In order, so what the outer ones have in common, all have.
    let common = (first.bits ^ last.bits).leading_zeros();
    let lengths = known.iter().map(|(prefix, _)| prefix.length);
    let agreed = lengths.fold(common, u32::min) / STRIDE * STRIDE;
    if agreed == depth {
        return node(store, known, depth);
    }
    if first.length == agreed {
        let below = link(store, rest, agreed);
        return store.skip(skip(*first, *set, below));
    }
    let way = Prefix {
        bits: first.bits & mask(agreed),
        length: agreed,
    };
    let below = node(store, known, agreed);
    store.skip(skip(way, 0, below))
}

/// The node at `depth` bits over `known`, which agree that far.
fn node(store: &mut NodeStore, known: &[Known], depth: u32) -> u32 {
    let below = depth + STRIDE;
    let mut made = PolicyNode {
        slots: [PolicySlot { child: 0, value: 0 }; 16],
    };
    let (here, deeper): (Vec<Known>, Vec<Known>) =
        known.iter().partition(|(prefix, _)| prefix.length <= below);
    let place = |bits: u128| (bits >> (u128::BITS - below)) as usize & 15;
    // Longer ones come after those that cover them, and take their places.
    for (prefix, set) in here {
        let first = place(prefix.bits);
        let last = place(prefix.bits | !mask(prefix.length));
        made.slots[first..=last]
            .iter_mut()
            .for_each(|slot| slot.value = set);
    }
    for inside in deeper.chunk_by(|(a, _), (b, _)| place(a.bits) == place(b.bits)) {
        let at = inside.first().map_or(0, |(prefix, _)| place(prefix.bits));
        made.slots[at].child = link(store, inside, below);
    }
    store.node(made)
}

/// The row that compares a prefix; what is below it begins where it ends.
fn skip(prefix: Prefix, value: u32, child: u32) -> PolicySkip {
    let halves = |bits: u128| [(bits >> 64) as u64, bits as u64];
    PolicySkip {
        prefix: halves(prefix.bits),
        mask: halves(mask(prefix.length)),
        child,
        value,
        level: prefix.length / STRIDE,
        reserved: 0,
    }
}
