//! The only packet-pointer arithmetic.
//!
//! Frames are read and written in words of up to eight bytes whatever their alignment, which the
//! kernel allows for packets (where the architecture does) and LLVM does not know: hence the
//! assembly. The target feature that would tell LLVM applies to the stack as well, where the
//! verifier refuses it.
//!
//! May import: aya-ebpf, endpoint-common.

use core::arch::asm;

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::helpers::bpf_xdp_get_buff_len;
use aya_ebpf::programs::XdpContext;
use endpoint_common::path::{Frame, REACH};

/// A frame between the context's `data` and `data_end`.
pub(crate) struct XdpFrame {
    ctx: *mut xdp_md,
    start: usize,
    end: usize,
}

impl XdpFrame {
    #[inline(always)]
    pub(crate) fn new(ctx: &XdpContext) -> Self {
        Self {
            ctx: ctx.ctx,
            start: ctx.data(),
            end: ctx.data_end(),
        }
    }

    /// The address of `N` bytes at `at`, checked against the frame's end.
    #[inline(always)]
    fn bytes<const N: usize>(&self, at: usize) -> Option<usize> {
        if at > REACH - N {
            return None;
        }
        // Tells the verifier the bound again, after the compiler may have moved the check.
        let at = at & (REACH - 1);
        let mut address = self.start;
        // SAFETY: an addition. In assembly, and not marked as pure, lest the compiler compute the
        // address anew after the check: to the verifier that would be another, unchecked pointer.
        unsafe {
            asm!(
                "{address} += {at}",
                address = inout(reg) address,
                at = in(reg) at,
                options(nomem, nostack),
            );
        }
        (address + N <= self.end).then_some(address)
    }
}

macro_rules! word_access {
    ($load:ident, $store:ident, $word:ty, $size:literal) => {
        /// # Safety
        /// The bytes at `address` must lie inside the frame.
        #[inline(always)]
        unsafe fn $load(address: usize) -> $word {
            let word: u64;
            // SAFETY: the caller's promise; the instruction reads the word and nothing else.
            unsafe {
                asm!(
                    concat!("{word} = *(", $size, " *)({address} + 0)"),
                    word = out(reg) word,
                    address = in(reg) address,
                    options(pure, readonly, nostack, preserves_flags),
                );
            }
            word as $word
        }

        /// # Safety
        /// The bytes at `address` must lie inside the frame.
        #[inline(always)]
        unsafe fn $store(address: usize, word: $word) {
            // SAFETY: the caller's promise; the instruction writes the word and nothing else.
            unsafe {
                asm!(
                    concat!("*(", $size, " *)({address} + 0) = {word}"),
                    word = in(reg) u64::from(word),
                    address = in(reg) address,
                    options(nostack, preserves_flags),
                );
            }
        }
    };
}

word_access!(load8, store8, u64, "u64");
word_access!(load4, store4, u32, "u32");
word_access!(load2, store2, u16, "u16");
word_access!(load1, store1, u8, "u8");

impl Frame for XdpFrame {
    #[inline(always)]
    fn holds(&self, length: usize) -> bool {
        if self.end - self.start >= length {
            return true;
        }
        // SAFETY: the helper takes the context and returns a number.
        let whole = unsafe { bpf_xdp_get_buff_len(self.ctx) };
        whole as usize >= length
    }

    #[inline(always)]
    fn read<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        let address = self.bytes::<N>(at)?;
        let mut bytes = [0; N];
        let (words, tail) = bytes.as_chunks_mut::<8>();
        let mut next = address;
        // SAFETY: `bytes` checked that the frame holds N bytes there, and the words add up to N.
        unsafe {
            for word in words {
                *word = load8(next).to_ne_bytes();
                next += 8;
            }
            let (words, tail) = tail.as_chunks_mut::<4>();
            for word in words {
                *word = load4(next).to_ne_bytes();
                next += 4;
            }
            let (words, tail) = tail.as_chunks_mut::<2>();
            for word in words {
                *word = load2(next).to_ne_bytes();
                next += 2;
            }
            for byte in tail {
                *byte = load1(next);
            }
        }
        Some(bytes)
    }

    #[inline(always)]
    fn write<const N: usize>(&mut self, at: usize, bytes: [u8; N]) -> Option<()> {
        let address = self.bytes::<N>(at)?;
        let (words, tail) = bytes.as_chunks::<8>();
        let mut next = address;
        // SAFETY: as in `read`; XDP owns the frame while the program runs.
        unsafe {
            for word in words {
                store8(next, u64::from_ne_bytes(*word));
                next += 8;
            }
            let (words, tail) = tail.as_chunks::<4>();
            for word in words {
                store4(next, u32::from_ne_bytes(*word));
                next += 4;
            }
            let (words, tail) = tail.as_chunks::<2>();
            for word in words {
                store2(next, u16::from_ne_bytes(*word));
                next += 2;
            }
            for byte in tail {
                store1(next, *byte);
            }
        }
        Some(())
    }
}

const _: () = assert!(REACH.is_power_of_two());
