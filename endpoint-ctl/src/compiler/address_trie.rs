//! Builds address tries: every prefix of the rules leads to the port trie of all rules that cover
//! it. See `endpoint_common::abi::policy`.
//!
//! May import: endpoint-common::abi, ipnet, node_store.

use endpoint_common::abi::policy::{PolicyNode, PolicySlot, RuleWord, STRIDE};
use ipnet::Ipv4Net;

use super::node_store::{KeyRange, NodeStore};

/// A rule made ready for the tries.
#[derive(Debug, Clone, Copy)]
pub(super) struct TrieRule {
    pub(super) peer: Ipv4Net,
    pub(super) range: KeyRange,
    pub(super) word: RuleWord,
}

/// The root of the address trie over `rules`, which must hold one for `0.0.0.0/0`.
pub(super) fn build(store: &mut NodeStore, rules: &[TrieRule]) -> u32 {
    let (whole, rest): (Vec<_>, Vec<_>) = rules
        .iter()
        .copied()
        .partition(|rule| rule.peer.prefix_len() == 0);
    let base = add_all(store, 0, &whole);
    node(store, &rest, 0, 0, base)
}

fn add_all(store: &mut NodeStore, ports: u32, rules: &[TrieRule]) -> u32 {
    rules.iter().fold(ports, |ports, rule| {
        store.with_rule(ports, rule.range, rule.word)
    })
}

/// The node at `depth` bits for addresses that start with `prefix`, over the `rules` inside it;
/// `ports` is what the prefixes above lead to.
fn node(store: &mut NodeStore, rules: &[TrieRule], prefix: u32, depth: u32, ports: u32) -> u32 {
    let below = depth + STRIDE;
    let mut made = PolicyNode {
        slots: [PolicySlot { child: 0, value: 0 }; 16],
    };
    for (place, slot) in made.slots.iter_mut().enumerate() {
        let address = prefix | ((place as u32) << (32 - below));
        let (here, deeper): (Vec<_>, Vec<_>) = rules
            .iter()
            .copied()
            .filter(|rule| meets(rule.peer, address, below))
            .partition(|rule| u32::from(rule.peer.prefix_len()) <= below);
        let own = add_all(store, ports, &here);
        if depth == 0 || own != ports {
            slot.value = own;
        }
        if !deeper.is_empty() {
            slot.child = node(store, &deeper, address, below, own);
        }
    }
    store.intern(made)
}

/// Whether `peer` and the block of `bits` bits at `address` overlap.
fn meets(peer: Ipv4Net, address: u32, bits: u32) -> bool {
    let common = u32::from(peer.prefix_len()).min(bits);
    let shift = 32 - common;
    u32::from(peer.network()).checked_shr(shift) == address.checked_shr(shift)
}
