//! How far the lists of the flow tables have gone, mapped into this process.
//!
//! May import: aya, endpoint-common::abi, the module's own.

use std::sync::atomic::{AtomicU64, Ordering};

use aya::Ebpf;
use endpoint_common::abi::flow::{Family, FlowControl, ListEnd};

use super::DataplaneError;
use super::mapping::Mapping;

/// The rows of `FLOW_CONTROL`, which the program changes meanwhile.
pub(super) struct FlowLists(Mapping);

impl FlowLists {
    pub(super) fn take(ebpf: &mut Ebpf) -> Result<Self, DataplaneError> {
        let bytes = 2 * size_of::<FlowControl>();
        Ok(Self(Mapping::writable(ebpf, "FLOW_CONTROL", bytes)?))
    }

    /// How far a list has gone.
    pub(super) fn end(&self, family: Family, end: ListEnd) -> u64 {
        self.word(family, end).load(Ordering::Relaxed)
    }

    /// Moves a list on.
    pub(super) fn advance(&self, family: Family, end: ListEnd, count: u32) {
        self.word(family, end)
            .fetch_add(u64::from(count), Ordering::Relaxed);
    }

    fn word(&self, family: Family, end: ListEnd) -> &AtomicU64 {
        let row = usize::from(family == Family::V6);
        let at = (row * size_of::<FlowControl>() + end as usize * size_of::<[u64; 8]>()) / 8;
        // SAFETY: a row has a line for every list's end, and there are two rows; the mapping is
        // writable, page-aligned, and lives as long as the reference. Both sides change the word
        // atomically.
        unsafe { AtomicU64::from_ptr(self.0.start().add(at)) }
    }
}
