//! A frame in memory.
//!
//! May import: endpoint-common.

use std::ops::Range;

use endpoint_common::path::{Frame, REACH};
use endpoint_common::wire::checksum;

pub(super) struct HostFrame<'f>(pub(super) &'f mut Vec<u8>);

/// Where `length` bytes at `at` are, if within reach.
fn range(at: usize, length: usize) -> Option<Range<usize>> {
    let end = at.checked_add(length).filter(|end| *end <= REACH)?;
    Some(at..end)
}

impl Frame for HostFrame<'_> {
    fn holds(&self, length: usize) -> bool {
        self.0.len() >= length
    }

    fn read<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.0.get(range(at, N)?)?.try_into().ok()
    }

    fn write<const N: usize>(&mut self, at: usize, bytes: [u8; N]) -> Option<()> {
        self.0.get_mut(range(at, N)?)?.copy_from_slice(&bytes);
        Some(())
    }

    const TAGS: bool = true;

    fn cut_front(&mut self, bytes: usize) -> Option<()> {
        if bytes > self.0.len() {
            return None;
        }
        self.0.drain(..bytes);
        Some(())
    }

    fn add_front(&mut self, bytes: usize) -> Option<()> {
        self.0.splice(..0, std::iter::repeat_n(0, bytes));
        Some(())
    }

    fn cut_end(&mut self, keep: usize) -> Option<()> {
        if keep > self.0.len() {
            return None;
        }
        self.0.truncate(keep);
        Some(())
    }

    fn sum(&self, at: usize, length: usize) -> Option<u16> {
        let bytes = self.0.get(at..at.checked_add(length)?)?;
        Some(!u16::from_ne_bytes(checksum::whole(bytes, 0)))
    }
}
