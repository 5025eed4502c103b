//! The flow tables, mapped into this process: read without system calls, while packets go on writing.
//!
//! May import: aya, bytemuck, endpoint-common::abi, the module's own.

use std::marker::PhantomData;

use aya::Ebpf;
use bytemuck::Pod;
use endpoint_common::abi::flow::{FlowCommon, is_live};

use super::DataplaneError;
use super::mapping::Mapping;

/// How often a row that changes while it is read is read again.
const TRIES: usize = 8;

/// An array map's rows, read-only.
pub(super) struct FlowRows<E> {
    mapping: Mapping,
    rows: u32,
    /// Bytes from an entry's start to its phase.
    phase_at: usize,
    _row: PhantomData<fn() -> E>,
}

impl<E: Pod> FlowRows<E> {
    /// The table of that name; entries have their common part so many bytes from their start.
    pub(super) fn take(
        ebpf: &mut Ebpf,
        name: &'static str,
        rows: u32,
        common_at: usize,
    ) -> Result<Self, DataplaneError> {
        Ok(Self {
            mapping: Mapping::readable(ebpf, name, rows as usize * size_of::<E>())?,
            rows,
            phase_at: common_at + std::mem::offset_of!(FlowCommon, phase),
            _row: PhantomData,
        })
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> u32 {
        self.rows
    }

    /// Whether the entry of this number holds a flow. The phase alone is read: most entries hold
    /// nothing, and a whole one is three cache lines or more.
    pub(super) fn is_live(&self, number: u32) -> bool {
        if number >= self.rows {
            return false;
        }
        let at = (number as usize * size_of::<E>() + self.phase_at) / size_of::<u32>();
        // SAFETY: the mapping holds that many rows, and the field is aligned as in a row. Volatile,
        // since packets write it.
        is_live(unsafe { self.mapping.start().cast::<u32>().add(at).read_volatile() })
    }

    /// The entry of this number, if it holds a flow. `common` is its common part.
    pub(super) fn get(&self, number: u32, common: impl Fn(&E) -> FlowCommon) -> Option<E> {
        if !self.is_live(number) {
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

    fn read(&self, number: u32) -> E {
        let words = size_of::<E>() / 8;
        let start = self.mapping.start();
        let mut row = E::zeroed();
        let into: &mut [u64] = bytemuck::cast_slice_mut(std::slice::from_mut(&mut row));
        for (word, into) in into.iter_mut().enumerate() {
            // SAFETY: `is_live` checked the number; the mapping holds that many rows of so many words,
            // and its start is page-aligned. Volatile, since packets write it.
            *into = unsafe { start.add(number as usize * words + word).read_volatile() };
        }
        row
    }
}
