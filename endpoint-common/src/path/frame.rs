//! What the path needs of a frame: bounded reads and writes by value.
//!
//! May import: core, wire.

use crate::wire::{Header, checksum};

/// Reads reach no further than this many bytes into a frame; the kernel's frame relies on it.
pub const REACH: usize = 256;

/// [`Frame::sum`] sums up no more bytes than this: as many as an IPv6 packet of 1,280 bytes, which every
/// link carries, leaves for what an ICMP error quotes (RFC 4443 section 2.4).
pub const SUMMED: usize = 1232;

/// What happened to the bytes a transport checksum covers. Changes are those of a sum, see
/// [`checksum`]: what came in the pseudo-header, and the rest, apart, because a checksum that the
/// network card is to complete covers the pseudo-header alone so far.
#[derive(Debug, Clone, Copy)]
pub struct CheckChange {
    /// The checksum as it arrived.
    pub arrived: [u8; 2],
    /// Change of addresses.
    pub pseudo: u16,
    /// Change of all else.
    pub rest: u16,
    /// UDP: 0 means that there is no checksum.
    pub may_be_absent: bool,
    /// The packet is an IPv6 one, whose hop limit went down by one.
    pub is_v6: bool,
}

impl CheckChange {
    /// The checksum that covers the new bytes.
    #[must_use]
    #[inline(always)]
    pub fn applied(&self) -> [u8; 2] {
        let delta = u32::from(self.pseudo).wrapping_add(u32::from(self.rest));
        if self.may_be_absent {
            checksum::apply_udp(self.arrived, delta)
        } else {
            checksum::apply(self.arrived, delta)
        }
    }
}

/// A frame, starting at the Ethernet header.
pub trait Frame {
    /// Whether it is at least `length` bytes long, those that [`Self::read`] does not reach included.
    fn holds(&self, length: usize) -> bool;

    /// The `N` bytes at `at`, or `None` if the frame ends before or they lie beyond [`REACH`].
    fn read<const N: usize>(&self, at: usize) -> Option<[u8; N]>;

    /// Puts `N` bytes at `at`; `None` if the frame ends before or they lie beyond [`REACH`].
    fn write<const N: usize>(&mut self, at: usize, bytes: [u8; N]) -> Option<()>;

    /// The same number, such that the verifier does not see which: it would follow what comes after once
    /// for every way the number came about.
    #[inline(always)]
    fn blur(&self, number: usize) -> usize {
        number
    }

    /// The transport bytes of each packet that the frame will be cut into on its way out, if it is a
    /// train of them (a super-segment, RFC 9293 section 3.7.1 in bulk); 0 if it leaves as it is.
    #[inline(always)]
    fn segment(&self) -> u32 {
        0
    }

    /// Whether `check`, a transport checksum as it arrived, covers only the pseudo-header so far, of
    /// which the sum is `pseudo`, the rest being left to the network card.
    #[inline(always)]
    fn is_half_done(&self, _check: [u8; 2], _pseudo: u16) -> bool {
        false
    }

    /// Whether frames have their VLAN tags in them. Else the kernel takes tags off and puts them on, in
    /// its VLAN devices.
    const TAGS: bool;

    /// Takes bytes off the front. `None` if that cannot be done: then, as with the others that change
    /// where a frame begins and ends, it is fit for nothing but to be dropped.
    fn cut_front(&mut self, bytes: usize) -> Option<()>;

    /// Makes room for bytes at the front; what stands there is not defined.
    fn add_front(&mut self, bytes: usize) -> Option<()>;

    /// Cuts the frame off behind `keep` bytes; it must have as many.
    fn cut_end(&mut self, keep: usize) -> Option<()>;

    /// The ones' complement sum of `length` bytes, a multiple of 4 and at most [`SUMMED`], from `at` on;
    /// `None` if the frame's first piece ends before.
    fn sum(&self, at: usize, length: usize) -> Option<u16>;

    /// Changes the transport checksum that stands at `at`.
    #[inline(always)]
    fn change_check(&mut self, at: usize, change: CheckChange) -> Option<()> {
        self.write(at, change.applied())
    }

    /// The header at `at`.
    #[inline(always)]
    fn header<H: Header<N>, const N: usize>(&self, at: usize) -> Option<H> {
        self.read(at).map(H::decode)
    }
}
