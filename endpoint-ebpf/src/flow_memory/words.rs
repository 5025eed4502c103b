//! Memory that all CPUs share, by words.
//!
//! May import: core.

use core::intrinsics::{AtomicOrdering, atomic_cxchg, atomic_xadd};

/// Copies word by word: a copy as a whole is first loaded as a whole, more than there are registers,
/// and so goes over the stack.
///
/// # Safety
/// Both must point to that many live, aligned words.
#[inline(always)]
pub(super) unsafe fn copy_words(from: *const u64, to: *mut u64, words: usize) {
    for word in 0..words {
        // SAFETY: the caller's promise.
        unsafe { to.add(word).write_volatile(from.add(word).read_volatile()) };
    }
}

/// Writes `to` if there is `from`.
///
/// # Safety
/// `word` must be live and aligned.
#[inline(always)]
pub(super) unsafe fn exchange<T: Copy>(word: *mut T, from: T, to: T) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        atomic_cxchg::<T, { AtomicOrdering::SeqCst }, { AtomicOrdering::SeqCst }>(word, from, to).1
    }
}

/// Adds to a word that all CPUs share; what it was before. Not relaxed: LLVM takes the instruction that
/// does not fetch for a relaxed addition, result or not.
///
/// # Safety
/// `word` must be live and aligned.
#[inline(always)]
pub(super) unsafe fn fetch_add<T: Copy>(word: *mut T, amount: T) -> T {
    // SAFETY: the caller's promise.
    unsafe { atomic_xadd::<T, T, { AtomicOrdering::SeqCst }>(word, amount) }
}

/// Adds to a counter that all CPUs share.
///
/// # Safety
/// `word` must be live and aligned.
#[inline(always)]
pub(super) unsafe fn add<T: Copy>(word: *mut T, amount: T) {
    // SAFETY: the caller's promise.
    unsafe { atomic_xadd::<T, T, { AtomicOrdering::Relaxed }>(word, amount) };
}
