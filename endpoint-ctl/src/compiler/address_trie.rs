//! Builds address tries: every prefix of the rules leads to the port trie of all rules that cover
//! it. See `endpoint_common::abi::policy`. One builder serves both families: it goes as deep as the
//! prefixes it is given.
//!
//! May import: endpoint-common::abi, ipnet, node_store.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use endpoint_common::abi::policy::{PolicyNode, PolicySlot, RuleWord, STRIDE};
use ipnet::IpNet;

use super::node_store::{KeyRange, NodeStore};

/// A prefix of addresses of one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Prefix {
    /// The prefix in the uppermost bits, zeros below.
    bits: u128,
    length: u32,
}

impl From<IpNet> for Prefix {
    fn from(net: IpNet) -> Self {
        let bits = match net.network() {
            IpAddr::V4(ip) => u128::from(ip.to_bits()) << 96,
            IpAddr::V6(ip) => ip.to_bits(),
        };
        Self {
            bits,
            length: net.prefix_len().into(),
        }
    }
}

impl Prefix {
    /// Every address.
    pub(super) const ALL: Self = Self { bits: 0, length: 0 };

    /// Whether it and the block of `length` bits at `bits` overlap.
    fn meets(self, bits: u128, length: u32) -> bool {
        let others = u128::BITS - self.length.min(length);
        self.bits.checked_shr(others) == bits.checked_shr(others)
    }
}

/// A rule made ready for the tries.
#[derive(Debug, Clone)]
pub(super) struct TrieRule {
    pub(super) peer: Prefix,
    pub(super) range: KeyRange,
    /// The source ports it covers, both ends included.
    pub(super) sources: RangeInclusive<u16>,
    pub(super) word: RuleWord,
}

/// Every source port, and protocols that have none.
pub(super) const ANY_SOURCE: RangeInclusive<u16> = 0..=u16::MAX;

/// The root of the address trie over `rules`, all of one family; one must be for every address.
pub(super) fn build(store: &mut NodeStore, rules: &[TrieRule]) -> u32 {
    let (whole, rest): (Vec<_>, Vec<_>) = rules
        .iter()
        .cloned()
        .partition(|rule| rule.peer == Prefix::ALL);
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
fn node(store: &mut NodeStore, rules: &[TrieRule], prefix: u128, depth: u32, ports: u32) -> u32 {
    let below = depth + STRIDE;
    let mut made = PolicyNode {
        slots: [PolicySlot { child: 0, value: 0 }; 16],
    };
    for (place, slot) in made.slots.iter_mut().enumerate() {
        let address = prefix | ((place as u128) << (u128::BITS - below));
        let (here, deeper): (Vec<_>, Vec<_>) = rules
            .iter()
            .cloned()
            .filter(|rule| rule.peer.meets(address, below))
            .partition(|rule| rule.peer.length <= below);
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
