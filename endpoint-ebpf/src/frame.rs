//! The only packet-pointer arithmetic.
//!
//! May import: aya-ebpf, endpoint-common.

use aya_ebpf::programs::XdpContext;
use endpoint_common::path::{Frame, REACH};

/// A frame between the context's `data` and `data_end`.
pub(crate) struct XdpFrame {
    start: usize,
    end: usize,
}

impl XdpFrame {
    #[inline(always)]
    pub(crate) fn new(ctx: &XdpContext) -> Self {
        Self {
            start: ctx.data(),
            end: ctx.data_end(),
        }
    }

    /// The address of `N` bytes at `at`, checked against the frame's end.
    #[inline(always)]
    fn bytes<const N: usize>(&self, at: usize) -> Option<*mut [u8; N]> {
        if at > REACH - N {
            return None;
        }
        // Tells the verifier the bound again, after the compiler may have moved the check.
        let address = self.start + (at & (REACH - 1));
        (address + N <= self.end).then_some(address as *mut [u8; N])
    }
}

impl Frame for XdpFrame {
    #[inline(always)]
    fn len(&self) -> usize {
        self.end - self.start
    }

    #[inline(always)]
    fn read<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        // SAFETY: `bytes` checked that the frame holds N bytes there; alignment is 1.
        self.bytes(at).map(|bytes| unsafe { *bytes })
    }

    #[inline(always)]
    fn write<const N: usize>(&mut self, at: usize, bytes: [u8; N]) -> Option<()> {
        // SAFETY: as in `read`; XDP owns the frame while the program runs.
        self.bytes(at).map(|place| unsafe { *place = bytes })
    }
}

const _: () = assert!(REACH.is_power_of_two());
