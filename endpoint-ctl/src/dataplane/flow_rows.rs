//! The flow tables, mapped into this process: read without system calls, while packets go on writing.
//!
//! May import: aya, libc, bytemuck, endpoint-common::abi, the module's own.

use std::marker::PhantomData;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, AsRawFd};
use std::{io, ptr};

use aya::maps::{Map, MapData};
use bytemuck::Pod;
use endpoint_common::abi::flow::{FlowCommon, is_live};

use super::DataplaneError;

/// How often a row that changes while it is read is read again.
const TRIES: usize = 8;

/// An array map's rows, read-only.
pub(super) struct FlowRows<E> {
    start: *const u64,
    bytes: NonZeroUsize,
    rows: u32,
    _map: Map,
    _row: PhantomData<E>,
}

// SAFETY: the mapping is this value's alone, and only ever read.
unsafe impl<E> Send for FlowRows<E> {}

impl<E: Pod> FlowRows<E> {
    pub(super) fn take(map: Map, name: &'static str, rows: u32) -> Result<Self, DataplaneError> {
        let failed = |reason: io::Error| DataplaneError::Mapping {
            table: name,
            reason,
        };
        let Map::Array(data) = &map else {
            return Err(failed(io::ErrorKind::InvalidData.into()));
        };
        let bytes = NonZeroUsize::new(rows as usize * size_of::<E>())
            .ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
        let start = map_rows(data, bytes).map_err(failed)?;
        Ok(Self {
            start,
            bytes,
            rows,
            _map: map,
            _row: PhantomData,
        })
    }

    /// The entry of this number, if it holds a flow.
    pub(super) fn get(&self, number: u32, common: impl Fn(&E) -> FlowCommon) -> Option<E> {
        if number >= self.rows {
            return None;
        }
        for _ in 0..TRIES {
            let (row, again) = (self.read(number), self.read(number));
            let (before, after) = (common(&row), common(&again));
            if !is_live(before.phase) {
                return None;
            }
            // Another serial: what was read may be of two flows.
            if before.serial == after.serial && is_live(after.phase) {
                return Some(row);
            }
        }
        None
    }

    /// Numbers of all entries.
    pub(super) fn numbers(&self) -> std::ops::Range<u32> {
        0..self.rows
    }

    fn read(&self, number: u32) -> E {
        let words = size_of::<E>() / 8;
        let mut row = E::zeroed();
        let into: &mut [u64] = bytemuck::cast_slice_mut(std::slice::from_mut(&mut row));
        for (word, into) in into.iter_mut().enumerate() {
            // SAFETY: `get` checked the number; the mapping holds that many rows of so many words, and
            // its start is page-aligned. Volatile, since packets write it.
            *into = unsafe {
                self.start
                    .add(number as usize * words + word)
                    .read_volatile()
            };
        }
        row
    }
}

impl<E> Drop for FlowRows<E> {
    fn drop(&mut self) {
        // SAFETY: the mapping made in `take`, not used any more.
        unsafe { libc::munmap(self.start.cast_mut().cast(), self.bytes.get()) };
    }
}

fn map_rows(data: &MapData, bytes: NonZeroUsize) -> io::Result<*const u64> {
    // SAFETY: asks for a new mapping, wherever the kernel likes.
    let start = unsafe {
        libc::mmap(
            ptr::null_mut(),
            bytes.get(),
            libc::PROT_READ,
            libc::MAP_SHARED,
            data.fd().as_fd().as_raw_fd(),
            0,
        )
    };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    Ok(start.cast_const().cast())
}
