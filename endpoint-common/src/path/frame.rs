//! What the path needs of a frame: bounded reads and writes by value.
//!
//! May import: core, wire.

use crate::wire::Header;

/// Reads reach no further than this many bytes into a frame; the kernel's frame relies on it.
pub const REACH: usize = 256;

/// A frame, starting at the Ethernet header.
pub trait Frame {
    /// Length in bytes.
    fn len(&self) -> usize;

    /// Whether there is nothing in it.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The `N` bytes at `at`, or `None` if the frame ends before or they lie beyond [`REACH`].
    fn read<const N: usize>(&self, at: usize) -> Option<[u8; N]>;

    /// Puts `N` bytes at `at`; `None` if the frame ends before or they lie beyond [`REACH`].
    fn write<const N: usize>(&mut self, at: usize, bytes: [u8; N]) -> Option<()>;

    /// The header at `at`.
    #[inline(always)]
    fn header<H: Header<N>, const N: usize>(&self, at: usize) -> Option<H> {
        self.read(at).map(H::decode)
    }
}

impl Frame for &mut [u8] {
    fn len(&self) -> usize {
        <[u8]>::len(self)
    }

    fn read<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        let end = at.checked_add(N).filter(|end| *end <= REACH)?;
        self.get(at..end)?.try_into().ok()
    }

    fn write<const N: usize>(&mut self, at: usize, bytes: [u8; N]) -> Option<()> {
        let end = at.checked_add(N).filter(|end| *end <= REACH)?;
        self.get_mut(at..end)?.copy_from_slice(&bytes);
        Some(())
    }
}
