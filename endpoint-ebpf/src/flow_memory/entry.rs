//! An entry of the flow table, in place.
//!
//! May import: endpoint-common, words.

use core::marker::PhantomData;
use core::{mem, ptr};

use endpoint_common::abi::family::{AddressFamily, FlowRow};
use endpoint_common::abi::flow::{FlowCommon, FlowKey, FlowRules, FlowState, Half4, Side, narrow};
use endpoint_common::abi::unmapped;
use endpoint_common::path::flows::Entry;
use endpoint_common::wire::Mac;

use super::words::{add, copy_words, exchange};

/// An entry in place: where it begins.
pub(crate) struct KernelEntry<A> {
    pub(super) start: *mut u8,
    pub(super) family: PhantomData<A>,
}

impl<A> Clone for KernelEntry<A> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for KernelEntry<A> {}

impl<A: AddressFamily> KernelEntry<A> {
    /// A half's key, with what follows it.
    #[inline(always)]
    fn half(&self, side: Side) -> *mut A::Key {
        // SAFETY: an entry has two halves of this size.
        unsafe { self.start.add(side as usize * A::Entry::HALF) }.cast()
    }

    #[inline(always)]
    fn state_mut(&self, side: Side) -> *mut FlowState {
        // SAFETY: a half of this family has its state there.
        unsafe { self.half(side).cast::<u8>().add(A::Entry::STATE) }.cast()
    }

    #[inline(always)]
    fn common_mut(&self) -> *mut FlowCommon {
        // SAFETY: an entry of this family has its common part there.
        unsafe { self.start.add(A::Entry::COMMON) }.cast()
    }
}

impl<A: AddressFamily> Entry<A> for KernelEntry<A> {
    #[inline(always)]
    fn key(&self, side: Side) -> A::Key {
        // SAFETY: a live map value; any bytes are a valid key.
        unsafe { *self.half(side) }
    }

    #[inline(always)]
    fn has_key(&self, side: Side, key: &A::Key) -> bool {
        let (here, other) = (
            self.half(side).cast::<u64>(),
            ptr::from_ref(key).cast::<u64>(),
        );
        // Volatile, lest every word be loaded long before it is needed.
        let mut differ = 0;
        for word in 0..size_of::<A::Key>() / 8 {
            // SAFETY: both are keys of this many aligned words.
            differ |= unsafe { here.add(word).read_volatile() ^ other.add(word).read_volatile() };
        }
        differ == 0
    }

    #[inline(always)]
    fn target(&self, side: Side) -> [A::Addr; 2] {
        // By words: address types are byte arrays, and would be loaded byte by byte.
        // SAFETY: an IPv4 half has the two addresses between key and state; an IPv6 key begins with its
        // addresses. Any bytes are valid addresses.
        unsafe {
            if A::V4 {
                let addresses = *self.half(side).add(1).cast::<u64>();
                return mem::transmute_copy(&addresses);
            }
            let [src0, src1, dst0, dst1] = *self.half(side.other()).cast::<[u64; 4]>();
            mem::transmute_copy(&[dst0, dst1, src0, src1])
        }
    }

    #[inline(always)]
    fn state(&self, side: Side) -> FlowState {
        // SAFETY: a live map value; any bytes are a valid state.
        unsafe { *self.state_mut(side) }
    }

    #[inline(always)]
    fn common(&self) -> FlowCommon {
        // SAFETY: as above.
        unsafe { *self.common_mut() }
    }

    #[inline(always)]
    fn set_half(&self, side: Side, key: &FlowKey, other: &FlowKey) {
        // SAFETY: the entry is its opener's alone until it is linked; see `target`.
        unsafe {
            if A::V4 {
                let half = self.half(side).cast::<Half4>();
                (*half).key = narrow(key);
                (*half).src = unmapped(other.dst);
                (*half).dst = unmapped(other.src);
            } else {
                let half = self.half(side).cast();
                copy_words(ptr::from_ref(key).cast(), half, size_of::<FlowKey>() / 8);
            }
        }
    }

    #[inline(always)]
    fn set_state(&self, side: Side, state: &FlowState) {
        // SAFETY: as above.
        unsafe {
            copy_words(
                ptr::from_ref(state).cast(),
                self.state_mut(side).cast(),
                size_of::<FlowState>() / 8,
            );
        }
    }

    #[inline(always)]
    fn set_common(&self, common: &FlowCommon) {
        let place = self.common_mut();
        // SAFETY: as above.
        unsafe {
            (*place).rules = common.rules;
            (*place).serial = common.serial;
            (*place).created = common.created;
            (*place).kind = common.kind;
            (*place).tcp_flags = common.tcp_flags;
            (*place).audited = common.audited;
        }
    }

    #[inline(always)]
    fn change_phase(&self, from: u32, to: u32) -> bool {
        // SAFETY: a live, aligned word.
        unsafe { exchange(&raw mut (*self.common_mut()).phase, from, to) }
    }

    #[inline(always)]
    fn set_phase(&self, phase: u32) {
        // SAFETY: a live, aligned word.
        unsafe { (&raw mut (*self.common_mut()).phase).write_volatile(phase) }
    }

    #[inline(always)]
    fn record(&self, side: Side, bytes: u32, tick: u32) {
        let state = self.state_mut(side);
        // SAFETY: live, aligned counters that are only ever changed atomically; the time is a single
        // word, last writer wins.
        unsafe {
            add(&raw mut (*state).bytes, u64::from(bytes));
            add(&raw mut (*state).packets, 1);
            (*state).last_seen = tick;
        }
    }

    #[inline(always)]
    fn judge(&self, side: Side, generation: u32, verdict: u8) {
        // SAFETY: a live map value. Generation and verdict share one aligned word and are written in
        // one store, so no other CPU sees the one without the other.
        unsafe {
            let place = (&raw mut (*self.state_mut(side)).generation).cast::<[u8; 8]>();
            let [_, _, _, _, _, flags, eni0, eni1] = *place;
            let [g0, g1, g2, g3] = generation.to_ne_bytes();
            let word = [g0, g1, g2, g3, verdict, flags, eni0, eni1];
            place.cast::<u64>().write_volatile(u64::from_ne_bytes(word));
        }
    }

    #[inline(always)]
    fn set_rules(&self, rules: FlowRules) {
        // SAFETY: a live map value.
        unsafe { (*self.common_mut()).rules = rules };
    }

    #[inline(always)]
    fn set_audited(&self, reason: u8) {
        // SAFETY: a live map value.
        unsafe { (*self.common_mut()).audited = reason };
    }

    #[inline(always)]
    fn set_flags(&self, side: Side, flags: u8) {
        // SAFETY: a live map value.
        unsafe { (*self.state_mut(side)).flags = flags };
    }

    #[inline(always)]
    fn set_tcp_flags(&self, flags: [u8; 2]) {
        // SAFETY: a live map value.
        unsafe { (*self.common_mut()).tcp_flags = flags };
    }

    #[inline(always)]
    fn set_client_mac(&self, side: Side, mac: Mac) {
        // SAFETY: a live map value.
        unsafe { (*self.state_mut(side)).client_mac = mac };
    }
}
