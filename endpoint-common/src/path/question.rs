//! What a rule set is asked: about whom, and about what traffic. Each packs into plain numbers, which
//! is what a function of its own takes in the kernel.
//!
//! May import: core, bytemuck, abi, wire.

use crate::abi::Addr;
use crate::abi::flow::Family;
use crate::wire::Port;

/// What a rule set is asked about besides the peer, in one word: protocol, destination port, source port
/// (0 for protocols without ports), and the peer's family. See [`Self::new`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyKey(pub u64);

impl PolicyKey {
    /// Packs a key; `family` is a [`Family`]'s number.
    #[must_use]
    #[inline(always)]
    pub fn new(family: u8, protocol: u8, port: Port, source: Port) -> Self {
        let ([high, low], [source_high, source_low]) = (port, source);
        Self(u64::from_be_bytes([
            family,
            0,
            0,
            protocol,
            high,
            low,
            source_high,
            source_low,
        ]))
    }

    #[inline(always)]
    fn is_v4(self) -> bool {
        (self.0 >> 56) as u8 == Family::V4 as u8
    }

    /// Protocol and destination port, 24 bits.
    #[inline(always)]
    pub(super) fn ports(self) -> u32 {
        (self.0 >> 16) as u32 & 0x00ff_ffff
    }

    #[inline(always)]
    pub(super) fn source(self) -> u16 {
        self.0 as u16
    }
}

/// Whose address a rule set is asked about: its bits in the order of the wire, as two numbers, from the
/// uppermost on. An IPv4 address has 32 of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub [u64; 2]);

impl Peer {
    /// An address of the key's family.
    #[must_use]
    #[inline(always)]
    pub fn new(address: &Addr, key: PolicyKey) -> Self {
        let [high, low] = bytemuck::cast::<Addr, [[u8; 8]; 2]>(*address).map(u64::from_be_bytes);
        Self(if key.is_v4() {
            [low << 32, 0]
        } else {
            [high, low]
        })
    }
}
