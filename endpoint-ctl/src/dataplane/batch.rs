//! `BPF_MAP_UPDATE_BATCH`: many rows of an array by one system call. aya has no call for it.
//!
//! May import: libc, bytemuck.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The part of `union bpf_attr` that the batch commands read (linux/bpf.h).
#[repr(C)]
struct BatchAttr {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map_fd: u32,
    elem_flags: u64,
    flags: u64,
}

/// The command of bpf(2).
const BPF_MAP_UPDATE_BATCH: libc::c_long = 26;

/// Writes an array map's rows from `first` on. `V` must be what the map's rows are.
pub(super) fn update<V: bytemuck::Pod>(
    map: BorrowedFd<'_>,
    first: u32,
    values: &[V],
) -> io::Result<()> {
    let keys: Vec<u32> = (first..).take(values.len()).collect();
    let mut attr = BatchAttr {
        in_batch: 0,
        out_batch: 0,
        keys: keys.as_ptr() as u64,
        values: values.as_ptr() as u64,
        count: keys.len() as u32,
        map_fd: map.as_raw_fd().cast_unsigned(),
        elem_flags: 0,
        flags: 0,
    };
    // SAFETY: the attributes are laid out as the command reads them, it writes the count alone, and
    // keys and values, as many as it says, outlive the call.
    let done = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            BPF_MAP_UPDATE_BATCH,
            &raw mut attr,
            size_of::<BatchAttr>(),
        )
    };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
