//! Rules made ready for the tries, of either family.
//!
//! May import: std, endpoint-common::abi, ipnet, port_tries (ranges).

use std::net::IpAddr;
use std::ops::RangeInclusive;

use endpoint_common::abi::policy::RuleWord;
use ipnet::IpNet;

use super::port_tries::KeyRange;

/// A prefix of addresses of one family. In order, a prefix comes before all that it covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Prefix {
    /// The prefix in the uppermost bits, zeros below.
    pub(super) bits: u128,
    pub(super) length: u32,
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

    pub(super) fn covers(self, other: Self) -> bool {
        self.length <= other.length && (self.bits ^ other.bits) & mask(self.length) == 0
    }
}

/// The uppermost `length` bits.
pub(super) fn mask(length: u32) -> u128 {
    !u128::MAX.checked_shr(length).unwrap_or(0)
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

/// Order of the rule that decides when no other does.
pub(super) const LAST: u8 = u8::MAX;

/// A rule for whatever is of this peer.
pub(super) fn all_traffic(peer: Prefix, word: RuleWord) -> TrieRule {
    TrieRule {
        peer,
        range: KeyRange::ALL,
        sources: ANY_SOURCE,
        word,
    }
}
