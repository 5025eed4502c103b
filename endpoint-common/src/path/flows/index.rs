//! From a key to the half it belongs to.
//!
//! May import: core, abi, memory.

use super::memory::{Bucket, Entry, FlowMemory};
use crate::abi::family::AddressFamily;
use crate::abi::flow::{BUCKET_SLOTS, Side};

/// Locks of the index.
pub const STRIPES: u32 = 1024;

/// Places of a first bucket beyond these are taken last.
const CROWDED: u32 = 6;

/// Where a key's slot may be.
#[derive(Clone, Copy)]
pub(crate) struct Location {
    buckets: [u32; 2],
    tag: u64,
    stripe: u32,
}

impl Location {
    #[inline(always)]
    pub(crate) fn of<A: AddressFamily, M: FlowMemory>(
        memory: &M,
        secret: [u64; 2],
        key: &A::Key,
    ) -> Self {
        let hash = A::hash(secret, key);
        let mask = memory.sizes().buckets.wrapping_sub(1);
        let first = hash as u32 & mask;
        Self {
            buckets: [first, (first ^ ((hash >> 20) as u32 | 1)) & mask],
            // Never 0, which is what free slots have.
            tag: (hash >> 40) | 1,
            stripe: (hash >> 24) as u32 & STRIPES.wrapping_sub(1),
        }
    }
}

/// A slot's contents.
#[inline(always)]
fn slot(tag: u64, serial: u32, number: u32, side: Side) -> u64 {
    (tag << 40) | (u64::from(serial & 0xff) << 32) | u64::from(number << 1) | side as u64
}

#[inline(always)]
fn number(slot: u64) -> u32 {
    slot as u32 >> 1
}

#[inline(always)]
fn side(slot: u64) -> Side {
    if slot & 1 == 0 {
        Side::Forward
    } else {
        Side::Back
    }
}

/// A half, found.
pub struct Found<A: AddressFamily, M: FlowMemory> {
    /// The entry.
    pub entry: M::Entry<A>,
    /// Which half.
    pub side: Side,
    bucket: M::Bucket<A>,
    place: u32,
    slot: u64,
}

impl<A: AddressFamily, M: FlowMemory> Clone for Found<A, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A: AddressFamily, M: FlowMemory> Copy for Found<A, M> {}

impl<A: AddressFamily, M: FlowMemory> Found<A, M> {
    /// Whether the half is still the one that was found: if not, what was read of it is worth
    /// nothing.
    #[inline(always)]
    pub(crate) fn is_current(&self) -> bool {
        self.bucket.slot(self.place) == self.slot
    }

    /// The entry's number.
    #[must_use]
    #[inline(always)]
    pub fn number(&self) -> u32 {
        number(self.slot)
    }
}

/// The half that packets of this key belong to.
#[inline(always)]
pub fn find<A: AddressFamily, M: FlowMemory>(
    memory: &M,
    secret: [u64; 2],
    key: &A::Key,
) -> Option<Found<A, M>> {
    at(memory, Location::of::<A, M>(memory, secret, key), key)
}

#[inline(always)]
fn at<A: AddressFamily, M: FlowMemory>(
    memory: &M,
    location: Location,
    key: &A::Key,
) -> Option<Found<A, M>> {
    let [mut bucket_number, second] = location.buckets;
    for _ in 0..memory.times(2) {
        let bucket = memory.bucket::<A>(bucket_number)?;
        bucket_number = second;
        for place in 0..memory.times(BUCKET_SLOTS) {
            let slot = bucket.slot(place);
            if slot >> 40 != location.tag {
                continue;
            }
            let entry = memory.entry::<A>(number(slot))?;
            let side = side(slot);
            if entry.has_key(side, key) {
                return Some(Found {
                    entry,
                    side,
                    bucket,
                    place,
                    slot,
                });
            }
        }
    }
    None
}

/// What came of adding a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Linked {
    /// It is in.
    Done,
    /// It is another half's.
    Taken,
    /// There is no room for it.
    Full,
}

/// Makes a half of entry `number` found by its key.
#[inline(never)]
pub(crate) fn link<A: AddressFamily, M: FlowMemory>(memory: &M, number: u32, side: Side) -> Linked {
    let Some(entry) = memory.entry::<A>(number) else {
        return Linked::Full;
    };
    let key = entry.key(side);
    let location = Location::of::<A, M>(memory, memory.secret(), &key);
    if !memory.lock(location.stripe) {
        return Linked::Full;
    }
    let slot = slot(location.tag, entry.common().serial, number, side);
    let linked = if at::<A, M>(memory, location, &key).is_some() {
        Linked::Taken
    } else {
        put::<A, M>(memory, location, slot)
    };
    memory.unlock(location.stripe);
    linked
}

/// Puts a slot into the first bucket, but for its last places, else into the second, else into the
/// first one's last. Keys whose first bucket is crowded find room in another, and most are found in
/// their first.
#[inline(always)]
fn put<A: AddressFamily, M: FlowMemory>(memory: &M, location: Location, slot: u64) -> Linked {
    let [first, second] = location.buckets;
    let (Some(first), Some(second)) = (memory.bucket::<A>(first), memory.bucket::<A>(second))
    else {
        return Linked::Full;
    };
    if put_between(memory, first, 0, CROWDED, slot)
        || put_between(memory, second, 0, BUCKET_SLOTS, slot)
        || put_between(memory, first, CROWDED, BUCKET_SLOTS, slot)
    {
        Linked::Done
    } else {
        Linked::Full
    }
}

/// Puts a slot into the first free place of some.
#[inline(always)]
fn put_between<M: FlowMemory, B: Bucket>(
    memory: &M,
    bucket: B,
    from: u32,
    to: u32,
    slot: u64,
) -> bool {
    for place in from..memory.times(to) {
        if bucket.slot(place) == 0 && bucket.change(place, 0, slot) {
            return true;
        }
    }
    false
}

/// Takes a half of entry `number` out of the index, if it is in it.
#[inline(never)]
pub(crate) fn unlink<A: AddressFamily, M: FlowMemory>(memory: &M, number: u32, side: Side) {
    let Some(entry) = memory.entry::<A>(number) else {
        return;
    };
    let location = Location::of::<A, M>(memory, memory.secret(), &entry.key(side));
    let wanted = slot(location.tag, entry.common().serial, number, side);
    for bucket in location.buckets {
        let Some(bucket) = memory.bucket::<A>(bucket) else {
            return;
        };
        for place in 0..memory.times(BUCKET_SLOTS) {
            if bucket.slot(place) == wanted {
                bucket.change(place, wanted, 0);
            }
        }
    }
}

/// Whether a half of entry `number` is in the index.
#[inline(never)]
pub(crate) fn is_linked<A: AddressFamily, M: FlowMemory>(
    memory: &M,
    number: u32,
    side: Side,
) -> bool {
    let Some(entry) = memory.entry::<A>(number) else {
        return false;
    };
    find::<A, M>(memory, memory.secret(), &entry.key(side))
        .is_some_and(|found| found.number() == number)
}
