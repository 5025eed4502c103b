//! Stage part: which rule of a compiled rule set decides. See [`crate::abi::policy`].
//!
//! May import: core, abi, wire, tables.

use super::tables::Tables;
use crate::abi::Addr;
use crate::abi::flow::Family;
use crate::abi::policy::{ADDRESS_LEVELS, FIRST_LEVEL_V4, PORT_LEVELS, RuleWord, STRIDE};
use crate::wire::Port;

/// What a rule set is asked about besides the peer, in one word: protocol, destination port (0 for
/// protocols without ports), and the peer's family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyKey(u32);

impl PolicyKey {
    /// Packs a key; `family` is a [`Family`]'s number.
    #[must_use]
    #[inline(always)]
    pub fn new(family: u8, protocol: u8, port: Port) -> Self {
        let [high, low] = port;
        Self(u32::from_be_bytes([protocol, high, low, family]))
    }

    #[inline(always)]
    fn is_v4(self) -> bool {
        self.0 as u8 == Family::V4 as u8
    }
}

/// The rule that decides on `peer` and `key` under the address trie `root`; [`RuleWord::NONE`] if
/// the set has none (a compiled set always has a default). A function of its own in the kernel: few
/// words go in, one comes out.
#[inline(never)]
pub fn classify<T: Tables>(
    tables: &T,
    bank: u32,
    root: u32,
    peer: &Addr,
    key: PolicyKey,
) -> RuleWord {
    let first = if key.is_v4() { FIRST_LEVEL_V4 } else { 0 };
    let ports = longest_prefix(tables, bank, root, peer, first);
    RuleWord(smallest(tables, bank, ports, key.0))
}

/// The value at the longest prefix of `peer` that has one, from nibble `first` on.
#[inline(always)]
fn longest_prefix<T: Tables>(tables: &T, bank: u32, root: u32, peer: &Addr, first: u32) -> u32 {
    let (mut node, mut best) = (root, 0);
    for level in first..ADDRESS_LEVELS {
        let byte = peer.get((level / 2) as usize).copied().unwrap_or(0);
        let nibble = if level % 2 == 0 { byte >> 4 } else { byte & 15 };
        let Some(slot) = tables.policy_slot(bank, node, nibble) else {
            break;
        };
        if slot.value != 0 {
            best = slot.value;
        }
        if slot.child == 0 {
            break;
        }
        node = slot.child;
    }
    best
}

/// The smallest value on the way of the 24 upper bits of `key`.
#[inline(always)]
fn smallest<T: Tables>(tables: &T, bank: u32, root: u32, key: u32) -> u32 {
    let (mut node, mut rest, mut best) = (root, key, u32::MAX);
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
