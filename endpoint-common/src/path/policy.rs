//! Stage part: which rule of a compiled rule set decides. See [`crate::abi::policy`].
//!
//! May import: core, abi, tables.

use super::tables::Tables;
use crate::abi::policy::{ADDRESS_LEVELS, PORT_LEVELS, RuleWord, STRIDE};
use crate::wire::Port;

/// The port-trie key of a protocol and a destination port (0 for protocols without ports).
#[must_use]
#[inline(always)]
pub fn policy_key(protocol: u8, port: Port) -> u32 {
    let [high, low] = port;
    u32::from_be_bytes([protocol, high, low, 0])
}

/// The rule that decides on `peer` (an IPv4 address in host order) and `key` (see [`policy_key`])
/// under the address trie `root`; [`RuleWord::NONE`] if the set has none (a compiled set always
/// has a default). A function of its own in the kernel: few words go in, one comes out.
#[inline(never)]
pub fn classify<T: Tables>(tables: &T, bank: u32, root: u32, peer: u32, key: u32) -> RuleWord {
    let ports = longest_prefix(tables, bank, root, peer);
    RuleWord(smallest(tables, bank, ports, key))
}

#[inline(always)]
fn longest_prefix<T: Tables>(tables: &T, bank: u32, root: u32, key: u32) -> u32 {
    let (mut node, mut rest, mut best) = (root, key, 0);
    for _ in 0..ADDRESS_LEVELS {
        let Some(slot) = tables.policy_slot(bank, node, top_bits(rest)) else {
            break;
        };
        if slot.value != 0 {
            best = slot.value;
        }
        if slot.child == 0 {
            break;
        }
        node = slot.child;
        rest <<= STRIDE;
    }
    best
}

#[inline(always)]
fn smallest<T: Tables>(tables: &T, bank: u32, root: u32, key: u32) -> u32 {
    let (mut node, mut rest, mut best) = (root, key, u32::MAX);
    for _ in 0..PORT_LEVELS {
        let Some(slot) = tables.policy_slot(bank, node, top_bits(rest)) else {
            break;
        };
        if slot.value < best {
            best = slot.value;
        }
        if slot.child == 0 {
            break;
        }
        node = slot.child;
        rest <<= STRIDE;
    }
    best
}

#[inline(always)]
fn top_bits(key: u32) -> u8 {
    (key >> 28) as u8
}
