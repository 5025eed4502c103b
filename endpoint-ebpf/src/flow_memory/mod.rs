//! The flow table's memory over the maps.
//!
//! May import: aya-ebpf, endpoint-common, maps, config, world.

mod entry;
mod words;

use core::arch::asm;
use core::marker::PhantomData;
use core::ptr;

use aya_ebpf::cty::c_void;
use aya_ebpf::helpers::bpf_loop;
use aya_ebpf::maps::Array;
use endpoint_common::abi::counter::Counter;
use endpoint_common::abi::event::{EndCause, FlowEnd};
use endpoint_common::abi::family::AddressFamily;
use endpoint_common::abi::flow::{Direction, FlowLimits, ListEnd, Side};
use endpoint_common::abi::meta::Meta;
use endpoint_common::path::flows::{Bucket, Entry, FlowMemory, FlowSizes, Repeated};
use endpoint_common::path::rate::RateMemory;

use crate::frame::blur;
use crate::world::KernelWorld;
use crate::{config, maps};
use entry::KernelEntry;
use words::{add, copy_words, exchange, fetch_add};

/// How often a lock is tried before the packet goes without.
const LOCK_TRIES: u32 = 32;

/// A row of the index in place.
#[derive(Clone, Copy)]
pub(crate) struct KernelBucket(*mut u64);

impl Bucket for KernelBucket {
    #[inline(always)]
    fn slot(&self, place: u32) -> u64 {
        // SAFETY: a bucket has 8 slots; the mask keeps the place below that. Volatile, since other
        // CPUs write it.
        unsafe { self.0.add((place & 7) as usize).read_volatile() }
    }

    #[inline(always)]
    fn change(&self, place: u32, from: u64, to: u64) -> bool {
        // SAFETY: as in `slot`.
        unsafe { exchange(self.0.add((place & 7) as usize), from, to) }
    }
}

/// One turn of a loop: 0 to go on, 1 to end it.
unsafe extern "C" fn turn<R: Repeated<KernelWorld>>(_: u32, work: *mut c_void) -> i64 {
    // SAFETY: `repeat` passes a work of this type.
    let work = unsafe { &mut *work.cast::<R>() };
    i64::from(!work.turn(&KernelWorld))
}

/// A row of the map of a family.
#[inline(always)]
fn row<A: AddressFamily, T, V>(v4: &Array<T>, v6: &Array<V>, number: u32) -> Option<*mut u8> {
    if A::V4 {
        v4.get_ptr_mut(number).map(<*mut T>::cast)
    } else {
        v6.get_ptr_mut(number).map(<*mut V>::cast)
    }
}

/// A word that says how far a list has gone.
#[inline(always)]
fn list_word<A: AddressFamily>(end: ListEnd) -> Option<*mut u64> {
    let control = maps::FLOW_CONTROL.get_ptr_mut(if A::V4 { 0 } else { 1 })?;
    // SAFETY: the row has that many lines of words.
    Some(unsafe { control.cast::<u64>().add(end as usize * 8) })
}

impl FlowMemory for KernelWorld {
    type Entry<A: AddressFamily> = KernelEntry<A>;
    type Bucket<A: AddressFamily> = KernelBucket;

    #[inline(always)]
    fn secret(&self) -> [u64; 2] {
        maps::META.get(0).map_or([0; 2], |meta: &Meta| meta.secret)
    }

    #[inline(always)]
    fn sizes(&self) -> FlowSizes {
        FlowSizes::of(config::FLOW_ENTRIES.load())
    }

    #[inline(always)]
    fn times(&self, number: u32) -> u32 {
        let mut times = number;
        // SAFETY: adds nothing to a number.
        unsafe { asm!("{times} += 0", times = inout(reg) times, options(pure, nomem, nostack)) };
        times
    }

    #[inline(always)]
    fn blur(&self, number: u32) -> u32 {
        let [anything, _] = self.secret();
        blur(u64::from(number), anything as u32) as u32
    }

    #[inline(always)]
    fn repeat<R: Repeated<Self>>(&self, times: u32, work: &mut R) {
        let turn: unsafe extern "C" fn(u32, *mut c_void) -> i64 = turn::<R>;
        // SAFETY: the helper calls the function with this pointer, and is done with both when it
        // returns.
        unsafe { bpf_loop(times, turn as *mut c_void, ptr::from_mut(work).cast(), 0) };
    }

    #[inline(always)]
    fn entry<A: AddressFamily>(&self, number: u32) -> Option<KernelEntry<A>> {
        Some(KernelEntry {
            start: row::<A, _, _>(&maps::FLOWS4, &maps::FLOWS6, number)?,
            family: PhantomData,
        })
    }

    #[inline(always)]
    fn bucket<A: AddressFamily>(&self, number: u32) -> Option<KernelBucket> {
        row::<A, _, _>(&maps::INDEX4, &maps::INDEX6, number).map(|row| KernelBucket(row.cast()))
    }

    #[inline(always)]
    fn lock(&self, stripe: u32) -> bool {
        let Some(lock) = maps::STRIPE_LOCKS.get_ptr_mut(stripe) else {
            return false;
        };
        for _ in 0..self.times(LOCK_TRIES) {
            // SAFETY: a live, aligned word.
            if unsafe { exchange(lock, 0, 1) } {
                return true;
            }
        }
        false
    }

    #[inline(always)]
    fn unlock(&self, stripe: u32) {
        if let Some(lock) = maps::STRIPE_LOCKS.get_ptr_mut(stripe) {
            // SAFETY: a live, aligned word.
            unsafe { exchange(lock, 1, 0) };
        }
    }

    #[inline(always)]
    fn list_end<A: AddressFamily>(&self, end: ListEnd) -> u64 {
        // SAFETY: a live, aligned word.
        list_word::<A>(end).map_or(0, |word| unsafe { word.read_volatile() })
    }

    #[inline(always)]
    fn advance<A: AddressFamily>(&self, end: ListEnd, count: u64) -> u64 {
        // SAFETY: a live, aligned word.
        list_word::<A>(end).map_or(0, |word| unsafe { fetch_add(word, count) })
    }

    #[inline(always)]
    fn advance_from<A: AddressFamily>(&self, end: ListEnd, at: u64) -> bool {
        // SAFETY: a live, aligned word.
        list_word::<A>(end).is_some_and(|word| unsafe { exchange(word, at, at.wrapping_add(1)) })
    }

    #[inline(always)]
    fn free_place<A: AddressFamily>(&self, place: u32) -> u32 {
        let place = row::<A, _, _>(&maps::FREE4, &maps::FREE6, place);
        // SAFETY: a live, aligned word.
        place.map_or(0, |place| unsafe { place.cast::<u32>().read_volatile() })
    }

    #[inline(always)]
    fn set_free_place<A: AddressFamily>(&self, place: u32, value: u32) {
        if let Some(place) = row::<A, _, _>(&maps::FREE4, &maps::FREE6, place) {
            // SAFETY: a live, aligned word.
            unsafe { place.cast::<u32>().write_volatile(value) };
        }
    }

    #[inline(always)]
    fn half_open_place<A: AddressFamily>(&self, place: u32) -> u64 {
        let place = row::<A, _, _>(&maps::HALF_OPEN4, &maps::HALF_OPEN6, place);
        // SAFETY: a live, aligned word.
        place.map_or(0, |place| unsafe { place.cast::<u64>().read_volatile() })
    }

    #[inline(always)]
    fn set_half_open_place<A: AddressFamily>(&self, place: u32, value: u64) {
        if let Some(place) = row::<A, _, _>(&maps::HALF_OPEN4, &maps::HALF_OPEN6, place) {
            // SAFETY: a live, aligned word.
            unsafe { place.cast::<u64>().write_volatile(value) };
        }
    }

    #[inline(always)]
    fn limits(&self, eni: u16) -> FlowLimits {
        maps::LIMITS
            .get(u32::from(eni))
            .copied()
            .unwrap_or_default()
    }

    #[inline(always)]
    fn count_flow(&self, eni: u16) -> u32 {
        let count = maps::ENI_FLOWS.get_ptr_mut(u32::from(eni));
        // SAFETY: a live, aligned word.
        count.map_or(0, |count| unsafe { fetch_add(count, 1) })
    }

    #[inline(always)]
    fn uncount_flow(&self, eni: u16) {
        if let Some(count) = maps::ENI_FLOWS.get_ptr_mut(u32::from(eni)) {
            // SAFETY: a live, aligned word.
            unsafe { add(count, u32::MAX) };
        }
    }

    #[inline(always)]
    fn ended<A: AddressFamily>(
        &self,
        entry: KernelEntry<A>,
        number: u32,
        cause: EndCause,
        tick: u32,
    ) {
        let Some(mut record) = maps::ENDS.reserve::<FlowEnd>(0) else {
            unreported(&entry, Side::Forward);
            unreported(&entry, Side::Back);
            return;
        };
        let place = record.as_mut_ptr();
        // SAFETY: reserved memory of this type; an entry of either family fits its first field.
        unsafe {
            copy_words(entry.start.cast(), place.cast(), size_of::<A::Entry>() / 8);
            (*place).number = number;
            (*place).tick = tick;
            (*place).family = A::FAMILY as u8;
            (*place).cause = cause as u8;
            (*place).reserved = [0; 6];
        }
        record.submit(0);
    }
}

/// One direction of a bucket.
#[inline(always)]
fn rate_word(bucket: u32, direction: Direction) -> Option<*mut u64> {
    let row = maps::RATE_BUCKETS.get_ptr_mut(bucket)?;
    // The compiler knows that a direction is 0 or 1, and the verifier does not.
    let place = KernelWorld.times(direction as u32) & 1;
    // SAFETY: a row has a word for each direction.
    Some(unsafe { row.cast::<u64>().add(place as usize) })
}

impl RateMemory for KernelWorld {
    #[inline(always)]
    fn rate_word(&self, bucket: u32, direction: Direction) -> Option<u64> {
        // SAFETY: a live, aligned word. Volatile, since other CPUs write it.
        rate_word(bucket, direction).map(|word| unsafe { word.read_volatile() })
    }

    #[inline(always)]
    fn change_rate_word(&self, bucket: u32, direction: Direction, from: u64, to: u64) -> bool {
        // SAFETY: a live, aligned word.
        rate_word(bucket, direction).is_some_and(|word| unsafe { exchange(word, from, to) })
    }
}

/// Counts what a half counted, since nobody can be told.
#[inline(always)]
fn unreported<A: AddressFamily>(entry: &KernelEntry<A>, side: Side) {
    let state = entry.state(side);
    if let Some(row) = maps::ENI_COUNTERS.get_ptr_mut(u32::from(state.eni)) {
        // SAFETY: this CPU's own row of a per-CPU map.
        unsafe {
            let counter: *mut Counter = &raw mut (*row).unreported;
            (*counter).packets += u64::from(state.packets);
            (*counter).bytes += state.bytes;
        }
    }
}
