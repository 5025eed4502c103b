//! The flow tables' memory on the host: ordinary vectors, one thread.
//!
//! May import: hostpath, endpoint-common.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use endpoint_common::abi::event::EndCause;
use endpoint_common::abi::family::{AddressFamily, FlowRow, Inet, Inet6};
use endpoint_common::abi::flow::{
    BUCKET_SLOTS, Direction, FlowCommon, FlowEntry, FlowKey, FlowLimits, FlowRules, FlowState,
    Half4, ListEnd, RateBuckets, Side, is_live, narrow,
};
use endpoint_common::abi::unmapped;
use endpoint_common::path::flows::{Bucket, Entry, FlowMemory, FlowSizes};
use endpoint_common::path::rate::RateMemory;
use endpoint_common::wire::Mac;

use super::HostWorld;

/// Both families' tables.
pub(super) struct FlowTables {
    pub(super) sizes: FlowSizes,
    pub(super) v4: Memory,
    pub(super) v6: Memory,
    pub(super) limits: BTreeMap<u16, FlowLimits>,
    counts: RefCell<BTreeMap<u16, u32>>,
    rates: RefCell<BTreeMap<u32, RateBuckets>>,
}

/// One family's table. Entries lie in it as words, as they do in a map.
pub(super) struct Memory {
    entries: Vec<Cell<u64>>,
    index: Vec<Cell<u64>>,
    free: Vec<Cell<u32>>,
    half_open: Vec<Cell<u64>>,
    ends: [Cell<u64>; 4],
}

impl Memory {
    fn new<A: AddressFamily>(sizes: FlowSizes) -> Self {
        let words = size_of::<A::Entry>() / 8;
        let cells = |count: u32| (0..count).map(|_| Cell::new(0)).collect::<Vec<_>>();
        Self {
            entries: (0..sizes.entries as usize * words)
                .map(|_| Cell::new(0))
                .collect(),
            index: cells(sizes.buckets * BUCKET_SLOTS),
            free: (0..sizes.entries).map(|_| Cell::new(0)).collect(),
            half_open: cells(sizes.half_open),
            ends: Default::default(),
        }
    }

    fn read<A: AddressFamily>(&self, number: usize) -> A::Entry {
        let words = size_of::<A::Entry>() / 8;
        let mut entry: A::Entry = bytemuck::Zeroable::zeroed();
        let cells = &self.entries[number * words..][..words];
        let into: &mut [u64] = bytemuck::cast_slice_mut(std::slice::from_mut(&mut entry));
        for (into, cell) in into.iter_mut().zip(cells) {
            *into = cell.get();
        }
        entry
    }

    fn write<A: AddressFamily>(&self, number: usize, entry: A::Entry) {
        let words = size_of::<A::Entry>() / 8;
        let cells = &self.entries[number * words..][..words];
        let from: &[u64] = bytemuck::cast_slice(std::slice::from_ref(&entry));
        for (from, cell) in from.iter().zip(cells) {
            cell.set(*from);
        }
    }
}

impl FlowTables {
    pub(super) fn new(flows: u32) -> Self {
        let sizes = FlowSizes::for_flows(flows);
        Self {
            sizes,
            v4: Memory::new::<Inet>(sizes),
            v6: Memory::new::<Inet6>(sizes),
            limits: BTreeMap::new(),
            counts: RefCell::default(),
            rates: RefCell::default(),
        }
    }

    fn of<A: AddressFamily>(&self) -> &Memory {
        if A::V4 { &self.v4 } else { &self.v6 }
    }

    /// Entries of both families, IPv4 first.
    fn all(&self) -> impl Iterator<Item = (&Memory, usize, FlowEntry)> {
        let numbers = 0..self.sizes.entries as usize;
        let v4 = numbers
            .clone()
            .map(|number| (&self.v4, number, self.v4.read::<Inet>(number).widen()));
        let v6 = numbers.map(|number| (&self.v6, number, self.v6.read::<Inet6>(number)));
        v4.chain(v6)
            .filter(|(_, _, flow)| is_live(flow.common.phase))
    }

    pub(super) fn live(&self) -> Vec<FlowEntry> {
        self.all().map(|(_, _, flow)| flow).collect()
    }

    pub(super) fn lose_half(&self, flow: &FlowEntry, side: Side) -> bool {
        let keys = |flow: &FlowEntry| Side::BOTH.map(|side| flow.half(side).key);
        let found = self.all().find(|(_, _, other)| keys(other) == keys(flow));
        let slot = found.and_then(|(memory, number, _)| {
            let wanted = (number as u32) << 1 | side as u32;
            let mut slots = memory.index.iter();
            slots.find(|slot| slot.get() != 0 && slot.get() as u32 == wanted)
        });
        slot.inspect(|slot| slot.set(0)).is_some()
    }
}

/// A handle to an entry.
#[derive(Clone, Copy)]
pub struct HostEntry<'a> {
    memory: &'a Memory,
    number: usize,
}

impl HostEntry<'_> {
    fn with<A: AddressFamily, R>(&self, work: impl FnOnce(&mut [u8]) -> R) -> R {
        let mut entry = self.memory.read::<A>(self.number);
        let result = work(bytemuck::bytes_of_mut(&mut entry));
        self.memory.write::<A>(self.number, entry);
        result
    }

    fn part<A: AddressFamily, T: bytemuck::Pod>(&self, at: usize) -> T {
        self.with::<A, _>(|bytes| *bytemuck::from_bytes(&bytes[at..][..size_of::<T>()]))
    }

    fn change<A: AddressFamily, T: bytemuck::Pod>(&self, at: usize, change: impl FnOnce(&mut T)) {
        self.with::<A, _>(|bytes| {
            change(bytemuck::from_bytes_mut(&mut bytes[at..][..size_of::<T>()]));
        });
    }

    fn change_state<A: AddressFamily>(&self, side: Side, change: impl FnOnce(&mut FlowState)) {
        self.change::<A, _>(half_at::<A>(side) + A::Entry::STATE, change);
    }

    fn change_common<A: AddressFamily>(&self, change: impl FnOnce(&mut FlowCommon)) {
        self.change::<A, _>(A::Entry::COMMON, change);
    }
}

fn half_at<A: AddressFamily>(side: Side) -> usize {
    side as usize * A::Entry::HALF
}

impl<A: AddressFamily> Entry<A> for HostEntry<'_> {
    fn key(&self, side: Side) -> A::Key {
        self.part::<A, _>(half_at::<A>(side))
    }

    fn has_key(&self, side: Side, key: &A::Key) -> bool {
        Entry::<A>::key(self, side) == *key
    }

    fn target(&self, side: Side) -> [A::Addr; 2] {
        if A::V4 {
            let half: Half4 = self.part::<A, _>(half_at::<A>(side));
            return [half.src, half.dst]
                .map(|address| A::from_wide(endpoint_common::abi::mapped(address)));
        }
        let other = A::widen(&Entry::<A>::key(self, side.other()));
        [A::from_wide(other.dst), A::from_wide(other.src)]
    }

    fn state(&self, side: Side) -> FlowState {
        self.part::<A, _>(half_at::<A>(side) + A::Entry::STATE)
    }

    fn common(&self) -> FlowCommon {
        self.part::<A, _>(A::Entry::COMMON)
    }

    fn set_half(&self, side: Side, key: &FlowKey, other: &FlowKey) {
        if A::V4 {
            self.change::<A, Half4>(half_at::<A>(side), |half| {
                half.key = narrow(key);
                half.src = unmapped(other.dst);
                half.dst = unmapped(other.src);
            });
        } else {
            self.change::<A, FlowKey>(half_at::<A>(side), |place| *place = *key);
        }
    }

    fn set_state(&self, side: Side, state: &FlowState) {
        self.change_state::<A>(side, |place| *place = *state);
    }

    fn set_common(&self, common: &FlowCommon) {
        self.change_common::<A>(|place| {
            *place = FlowCommon {
                phase: place.phase,
                ..*common
            };
        });
    }

    fn change_phase(&self, from: u32, to: u32) -> bool {
        let is_from = Entry::<A>::common(self).phase == from;
        if is_from {
            Entry::<A>::set_phase(self, to);
        }
        is_from
    }

    fn set_phase(&self, phase: u32) {
        self.change_common::<A>(|common| common.phase = phase);
    }

    fn record(&self, side: Side, bytes: u32, tick: u32) {
        self.change_state::<A>(side, |state| {
            state.packets = state.packets.wrapping_add(1);
            state.bytes += u64::from(bytes);
            state.last_seen = tick;
        });
    }

    fn judge(&self, side: Side, generation: u32, verdict: u8) {
        self.change_state::<A>(side, |state| {
            state.generation = generation;
            state.verdict = verdict;
        });
    }

    fn set_rules(&self, rules: FlowRules) {
        self.change_common::<A>(|common| common.rules = rules);
    }

    fn set_audited(&self, reason: u8) {
        self.change_common::<A>(|common| common.audited = reason);
    }

    fn set_flags(&self, side: Side, flags: u8) {
        self.change_state::<A>(side, |state| state.flags = flags);
    }

    fn set_tcp_flags(&self, flags: [u8; 2]) {
        self.change_common::<A>(|common| common.tcp_flags = flags);
    }

    fn set_client_mac(&self, side: Side, mac: Mac) {
        self.change_state::<A>(side, |state| state.client_mac = mac);
    }
}

/// A handle to a row of the index.
#[derive(Clone, Copy)]
pub struct HostBucket<'a>(&'a [Cell<u64>]);

impl Bucket for HostBucket<'_> {
    fn slot(&self, place: u32) -> u64 {
        self.0[place as usize].get()
    }

    fn change(&self, place: u32, from: u64, to: u64) -> bool {
        let slot = &self.0[place as usize];
        let is_from = slot.get() == from;
        if is_from {
            slot.set(to);
        }
        is_from
    }
}

impl<'a> FlowMemory for &'a HostWorld {
    type Entry<A: AddressFamily> = HostEntry<'a>;
    type Bucket<A: AddressFamily> = HostBucket<'a>;

    fn secret(&self) -> [u64; 2] {
        self.secret
    }

    fn sizes(&self) -> FlowSizes {
        self.flows.sizes
    }

    fn entry<A: AddressFamily>(&self, number: u32) -> Option<HostEntry<'a>> {
        (number < self.flows.sizes.entries).then(|| HostEntry {
            memory: self.flows.of::<A>(),
            number: number as usize,
        })
    }

    fn bucket<A: AddressFamily>(&self, number: u32) -> Option<HostBucket<'a>> {
        let slots = BUCKET_SLOTS as usize;
        let index = &self.flows.of::<A>().index;
        index
            .chunks_exact(slots)
            .nth(number as usize)
            .map(HostBucket)
    }

    fn lock(&self, _stripe: u32) -> bool {
        true
    }

    fn unlock(&self, _stripe: u32) {}

    fn list_end<A: AddressFamily>(&self, end: ListEnd) -> u64 {
        self.flows.of::<A>().ends[end as usize].get()
    }

    fn advance<A: AddressFamily>(&self, end: ListEnd, count: u64) -> u64 {
        let word = &self.flows.of::<A>().ends[end as usize];
        word.replace(word.get() + count)
    }

    fn advance_from<A: AddressFamily>(&self, end: ListEnd, at: u64) -> bool {
        let word = &self.flows.of::<A>().ends[end as usize];
        let is_at = word.get() == at;
        if is_at {
            word.set(at + 1);
        }
        is_at
    }

    fn free_place<A: AddressFamily>(&self, place: u32) -> u32 {
        self.flows.of::<A>().free[place as usize].get()
    }

    fn set_free_place<A: AddressFamily>(&self, place: u32, value: u32) {
        self.flows.of::<A>().free[place as usize].set(value);
    }

    fn half_open_place<A: AddressFamily>(&self, place: u32) -> u64 {
        self.flows.of::<A>().half_open[place as usize].get()
    }

    fn set_half_open_place<A: AddressFamily>(&self, place: u32, value: u64) {
        self.flows.of::<A>().half_open[place as usize].set(value);
    }

    fn limits(&self, eni: u16) -> FlowLimits {
        self.flows.limits.get(&eni).copied().unwrap_or_default()
    }

    fn count_flow(&self, eni: u16) -> u32 {
        let mut counts = self.flows.counts.borrow_mut();
        let count = counts.entry(eni).or_default();
        *count += 1;
        *count - 1
    }

    fn uncount_flow(&self, eni: u16) {
        *self.flows.counts.borrow_mut().entry(eni).or_default() -= 1;
    }

    fn ended<A: AddressFamily>(&self, entry: HostEntry<'a>, _: u32, cause: EndCause, _: u32) {
        let flow = if A::V4 {
            entry.memory.read::<Inet>(entry.number).widen()
        } else {
            entry.memory.read::<Inet6>(entry.number)
        };
        self.state.borrow_mut().ends.push((flow, cause));
    }
}

impl RateMemory for &HostWorld {
    fn rate_word(&self, bucket: u32, direction: Direction) -> Option<u64> {
        let mut rates = self.flows.rates.borrow_mut();
        Some(rates.entry(bucket).or_default()[direction as usize])
    }

    fn change_rate_word(&self, bucket: u32, direction: Direction, from: u64, to: u64) -> bool {
        let mut rates = self.flows.rates.borrow_mut();
        let word = &mut rates.entry(bucket).or_default()[direction as usize];
        let is_from = *word == from;
        if is_from {
            *word = to;
        }
        is_from
    }
}
