//! An array map mapped into this process: read and written without system calls.
//!
//! May import: aya, libc, the module's own.

use std::num::NonZeroUsize;
use std::os::fd::{AsFd, AsRawFd};
use std::{io, ptr};

use aya::Ebpf;
use aya::maps::{Map, MapData};

use super::{DataplaneError, maps};

/// See the module.
pub(super) struct Mapping {
    start: *mut u64,
    bytes: NonZeroUsize,
    _map: Map,
}

// SAFETY: the mapping is this value's alone, and its users reach it by volatile reads and atomic
// changes only.
unsafe impl Send for Mapping {}

impl Mapping {
    /// Maps so many bytes for reading.
    pub(super) fn readable(
        ebpf: &mut Ebpf,
        name: &'static str,
        bytes: usize,
    ) -> Result<Self, DataplaneError> {
        Self::take(ebpf, name, bytes, libc::PROT_READ)
    }

    /// The same for writing, too.
    pub(super) fn writable(
        ebpf: &mut Ebpf,
        name: &'static str,
        bytes: usize,
    ) -> Result<Self, DataplaneError> {
        Self::take(ebpf, name, bytes, libc::PROT_READ | libc::PROT_WRITE)
    }

    fn take(
        ebpf: &mut Ebpf,
        name: &'static str,
        bytes: usize,
        access: libc::c_int,
    ) -> Result<Self, DataplaneError> {
        let map = maps::take(ebpf, name)?;
        let failed = |reason: io::Error| DataplaneError::Mapping {
            table: name,
            reason,
        };
        let Map::Array(data) = &map else {
            return Err(failed(io::ErrorKind::InvalidData.into()));
        };
        let bytes =
            NonZeroUsize::new(bytes).ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
        let start = map_bytes(data, bytes, access).map_err(failed)?;
        Ok(Self {
            start,
            bytes,
            _map: map,
        })
    }

    /// Where it begins; page-aligned.
    pub(super) fn start(&self) -> *mut u64 {
        self.start
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping made in `take`, not used any more.
        unsafe { libc::munmap(self.start.cast(), self.bytes.get()) };
    }
}

fn map_bytes(data: &MapData, bytes: NonZeroUsize, access: libc::c_int) -> io::Result<*mut u64> {
    // SAFETY: asks for a new mapping, wherever the kernel likes.
    let start = unsafe {
        libc::mmap(
            ptr::null_mut(),
            bytes.get(),
            access,
            libc::MAP_SHARED,
            data.fd().as_fd().as_raw_fd(),
            0,
        )
    };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    Ok(start.cast())
}
