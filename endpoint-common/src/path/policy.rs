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
    // The longest prefix that leads anywhere, then the smallest word on the way.
    let ports = walk(tables, bank, root, peer, ADDRESS_LEVELS, 0, |value, _| {
        value != 0
    });
    let smaller = |value, best| value < best;
    RuleWord(walk(
        tables,
        bank,
        ports,
        key,
        PORT_LEVELS,
        u32::MAX,
        smaller,
    ))
}

/// Follows `key` from `root`, and keeps the last value met that is `better` than the one before.
#[inline(always)]
fn walk<T: Tables>(
    tables: &T,
    bank: u32,
    root: u32,
    key: u32,
    levels: u32,
    mut best: u32,
    better: impl Fn(u32, u32) -> bool,
) -> u32 {
    let (mut node, mut rest) = (root, key);
    for _ in 0..levels {
        let Some(slot) = tables.policy_slot(bank, node, (rest >> 28) as u8) else {
            break;
        };
        if better(slot.value, best) {
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
