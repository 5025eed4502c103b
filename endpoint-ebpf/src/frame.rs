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
use aya_ebpf::helpers::{bpf_xdp_adjust_head, bpf_xdp_adjust_tail, bpf_xdp_get_buff_len};
use aya_ebpf::programs::XdpContext;
use endpoint_common::path::{CheckChange, Frame, REACH, SUMMED};
use endpoint_common::wire::checksum;

/// What the two hooks do differently about a frame.
pub(crate) trait Hook: Copy {
    /// Where the frame begins and where its first piece ends.
    fn bounds(self) -> (usize, usize);
    /// Some number that the verifier cannot know.
    fn anything(self) -> u32;
    /// The length of all pieces.
    fn length(self) -> usize;
    /// Changes the transport checksum at `at` where that takes more than writing it; `false` if not.
    fn change_check(self, at: usize, change: &CheckChange) -> bool;
    /// See [`Frame::segment`].
    fn segment(self) -> u32;
    /// See [`Frame::is_half_done`].
    fn is_half_done(self, check: [u8; 2], pseudo: u16) -> bool;
    /// See [`Frame::TAGS`].
    const TAGS: bool;
    /// Takes so many bytes off the front, or adds some if it is negative; `false` if that cannot be done.
    fn move_front(self, by: i32) -> bool;
    /// Cuts off all but the first `keep` of `length` bytes; `false` if that cannot be done.
    fn cut_end(self, length: usize, keep: usize) -> bool;
}

/// XDP: the frame as the driver has it.
#[derive(Clone, Copy)]
pub(crate) struct Xdp(*mut xdp_md);

impl Hook for Xdp {
    #[inline(always)]
    fn bounds(self) -> (usize, usize) {
        // SAFETY: the context of the running program.
        unsafe { ((*self.0).data as usize, (*self.0).data_end as usize) }
    }

    #[inline(always)]
    fn anything(self) -> u32 {
        // SAFETY: the context of the running program.
        unsafe { (*self.0).ingress_ifindex }
    }

    #[inline(always)]
    fn length(self) -> usize {
        // SAFETY: the helper takes the context and returns a number.
        unsafe { bpf_xdp_get_buff_len(self.0) as usize }
    }

    #[inline(always)]
    fn change_check(self, _: usize, _: &CheckChange) -> bool {
        false
    }

    #[inline(always)]
    fn segment(self) -> u32 {
        0
    }

    /// Nobody can tell: such frames do not work at this hook.
    #[inline(always)]
    fn is_half_done(self, _: [u8; 2], _: u16) -> bool {
        false
    }

    const TAGS: bool = true;

    #[inline(always)]
    fn move_front(self, by: i32) -> bool {
        // SAFETY: the helper takes the context and a number, which it checks itself.
        unsafe { bpf_xdp_adjust_head(self.0, by) == 0 }
    }

    #[inline(always)]
    fn cut_end(self, length: usize, keep: usize) -> bool {
        // SAFETY: as above.
        keep == length || unsafe { bpf_xdp_adjust_tail(self.0, keep as i32 - length as i32) == 0 }
    }
}

/// A frame at a hook.
pub(crate) struct PacketFrame<H> {
    hook: H,
    start: usize,
    end: usize,
}

impl PacketFrame<Xdp> {
    #[inline(always)]
    pub(crate) fn xdp(ctx: &XdpContext) -> Self {
        Self::at(Xdp(ctx.ctx))
    }
}

impl<H: Hook> PacketFrame<H> {
    #[inline(always)]
    pub(crate) fn at(hook: H) -> Self {
        let (start, end) = hook.bounds();
        Self { hook, start, end }
    }

    /// Looks anew where the frame is, after a helper may have moved it.
    #[inline(always)]
    fn moved(&mut self, done: bool) -> Option<()> {
        (self.start, self.end) = self.hook.bounds();
        done.then_some(())
    }

    /// The address of `N` bytes at `at`, checked against the frame's end.
    #[inline(always)]
    fn bytes<const N: usize>(&self, at: usize) -> Option<usize> {
        if at > REACH - N {
            return None;
        }
        // Tells the verifier the bound again, after the compiler may have moved the check.
        self.address::<N>(at & (REACH - 1))
    }

    /// The same for an offset that the verifier knows a bound of.
    #[inline(always)]
    fn address<const N: usize>(&self, at: usize) -> Option<usize> {
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

/// The same number, of which the verifier no longer knows anything; `anything` must be a number it does
/// not know.
#[inline(always)]
pub(crate) fn blur(number: u64, anything: u32) -> u64 {
    let mut blurred = number;
    // SAFETY: the same bits over it twice change nothing.
    unsafe {
        asm!(
            "{blurred} ^= {anything}",
            "{blurred} ^= {anything}",
            blurred = inout(reg) blurred,
            anything = in(reg) u64::from(anything),
            options(pure, nomem, nostack),
        );
    }
    blurred
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

impl<H: Hook> Frame for PacketFrame<H> {
    #[inline(always)]
    fn holds(&self, length: usize) -> bool {
        self.end - self.start >= length || self.hook.length() >= length
    }

    #[inline(always)]
    fn blur(&self, number: usize) -> usize {
        blur(number as u64, self.hook.anything()) as usize
    }

    #[inline(always)]
    fn change_check(&mut self, at: usize, change: CheckChange) -> Option<()> {
        if self.hook.change_check(at, &change) {
            return self.moved(true);
        }
        self.write(at, change.applied())
    }

    #[inline(always)]
    fn segment(&self) -> u32 {
        self.hook.segment()
    }

    #[inline(always)]
    fn is_half_done(&self, check: [u8; 2], pseudo: u16) -> bool {
        self.hook.is_half_done(check, pseudo)
    }

    const TAGS: bool = H::TAGS;

    #[inline(always)]
    fn cut_front(&mut self, bytes: usize) -> Option<()> {
        let done = self.hook.move_front(bytes as i32);
        self.moved(done)
    }

    #[inline(always)]
    fn add_front(&mut self, bytes: usize) -> Option<()> {
        let done = self.hook.move_front(-(bytes as i32));
        self.moved(done)
    }

    #[inline(always)]
    fn cut_end(&mut self, keep: usize) -> Option<()> {
        let length = self.hook.length();
        let done = keep <= length && self.hook.cut_end(length, keep);
        self.moved(done)
    }

    #[inline(always)]
    fn sum(&self, at: usize, length: usize) -> Option<u16> {
        // To the verifier, neither what has been read nor the sum tells how many rounds there were: else
        // what follows is verified anew for every number of them.
        let at = blur(at as u64, self.hook.anything()) as usize & (REACH - 1);
        let mut sum = 0;
        for word in 0..SUMMED / 4 {
            let offset = word * 4;
            if offset >= length {
                break;
            }
            let address = self.address::<4>(at + offset)?;
            // SAFETY: the frame holds four bytes there.
            sum += u64::from(unsafe { load4(address) });
        }
        Some(checksum::fold64(blur(sum, self.hook.anything())))
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
        // SAFETY: as in `read`; the hook owns the frame while the program runs.
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
