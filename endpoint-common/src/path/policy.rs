//! Stage part: which rule of a compiled rule set decides. See [`crate::abi::policy`].
//!
//! May import: core, abi, question, tables.

use super::question::{Peer, PolicyKey};
use super::tables::Tables;
use crate::abi::policy::{ADDRESS_STEPS, LINK_SKIP, PORT_LEVELS, RuleWord, SOURCE_LEVELS, STRIDE};

/// The rule that decides on `peer` and `key` under the address trie `root`; [`RuleWord::NONE`] if
/// the set has none (a compiled set always has a default).
#[inline(always)]
pub fn classify<T: Tables>(
    tables: &T,
    bank: u32,
    root: u32,
    peer: Peer,
    key: PolicyKey,
) -> RuleWord {
    let set = longest_prefix(tables, bank, root, peer);
    RuleWord(decide(tables, bank, set, key).unwrap_or(RuleWord::NONE.0))
}

/// The set at the longest prefix of `peer` that has one.
#[inline(always)]
fn longest_prefix<T: Tables>(tables: &T, bank: u32, root: u32, peer: Peer) -> u32 {
    let Peer([high, low]) = peer;
    let (mut link, mut level, mut best) = (root, 0_u32, 0);
    for _ in 0..ADDRESS_STEPS {
        if link & LINK_SKIP != 0 {
            let Some(skip) = tables.policy_skip(bank, link & !LINK_SKIP) else {
                break;
            };
            let [high_bits, low_bits] = skip.prefix;
            let [high_mask, low_mask] = skip.mask;
            if (high ^ high_bits) & high_mask | (low ^ low_bits) & low_mask != 0 {
                break;
            }
            if skip.value != 0 {
                best = skip.value;
            }
            (link, level) = (skip.child, skip.level);
        } else {
            let half = if level & 16 == 0 { high } else { low };
            let nibble = half.wrapping_shr(60_u32.wrapping_sub((level & 15).wrapping_mul(STRIDE)))
                as u8
                & 15;
            let Some(slot) = tables.policy_slot(bank, link, nibble) else {
                break;
            };
            if slot.value != 0 {
                best = slot.value;
            }
            (link, level) = (slot.child, level.wrapping_add(1));
        }
        if link == 0 {
            break;
        }
    }
    best
}

/// The smallest word of a set that `key` meets.
#[inline(always)]
fn decide<T: Tables>(tables: &T, bank: u32, set: u32, key: PolicyKey) -> Option<u32> {
    let set = tables.policy_set(bank, set)?;
    let (ports, source) = (key.ports(), key.source());
    let mut best = u32::MAX;
    for range in &set.own {
        let meets_ports = range.first <= ports && ports <= range.last;
        let meets_source = range.first_source <= source && source <= range.last_source;
        if meets_ports && meets_source {
            best = best.min(range.word);
        }
    }
    let (trie, sources) = (set.ports, set.sources);
    if trie != 0 {
        best = smallest(tables, bank, trie, ports, best);
    }
    if sources != 0 {
        best = by_source(tables, bank, sources, key, best);
    }
    Some(best)
}

/// The smallest value on the way of the 24 bits of `ports`, if smaller than `best`.
#[inline(always)]
fn smallest<T: Tables>(tables: &T, bank: u32, root: u32, ports: u32, best: u32) -> u32 {
    let (mut node, mut rest, mut best) = (root, ports << 8, best);
    for _ in 0..PORT_LEVELS {
        let Some(slot) = tables.policy_slot(bank, node, (rest >> 28) as u8) else {
            break;
        };
        best = best.min(slot.value);
        if slot.child == 0 {
            break;
        }
        node = slot.child;
        rest <<= STRIDE;
    }
    best
}

/// The smallest value of all port tries on the way of the source port.
#[inline(never)]
fn by_source<T: Tables>(tables: &T, bank: u32, root: u32, key: PolicyKey, best: u32) -> u32 {
    let (mut node, mut rest, mut best) = (root, key.source(), best);
    for _ in 0..SOURCE_LEVELS {
        let Some(slot) = tables.policy_slot(bank, node, (rest >> 12) as u8) else {
            break;
        };
        if slot.value != 0 {
            best = smallest(tables, bank, slot.value, key.ports(), best);
        }
        if slot.child == 0 {
            break;
        }
        node = slot.child;
        rest <<= STRIDE;
    }
    best
}
