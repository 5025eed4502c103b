//! What the flow table needs of the memory it lies in.
//!
//! May import: core, abi.

use crate::abi::event::EndCause;
use crate::abi::family::AddressFamily;
use crate::abi::flow::{
    FlowCommon, FlowKey, FlowLimits, FlowRules, FlowState, ListEnd, MOST_FLOWS, Side,
};

/// How large a table is; all are powers of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowSizes {
    /// Entries.
    pub entries: u32,
    /// Buckets of the index.
    pub buckets: u32,
    /// Places in the list of half-open flows.
    pub half_open: u32,
}

impl FlowSizes {
    /// The sizes for a table of at least `flows` flows: half of the index stays empty, and a quarter
    /// of the entries may be half-open.
    #[must_use]
    pub fn for_flows(flows: u32) -> Self {
        Self::of(flows.clamp(16, MOST_FLOWS).next_power_of_two())
    }

    /// The sizes of a table of so many entries, a power of two.
    #[must_use]
    #[inline(always)]
    pub fn of(entries: u32) -> Self {
        Self {
            entries,
            buckets: entries / 2,
            half_open: entries / 4,
        }
    }
}

/// What [`FlowMemory::repeat`] does again and again.
pub trait Repeated<M> {
    /// One turn; `false`: it is enough.
    fn turn(&mut self, memory: &M) -> bool;
}

/// The memory of both families' tables. Numbers beyond a table give `None`, and change nothing.
pub trait FlowMemory {
    /// A handle to an entry.
    type Entry<A: AddressFamily>: Entry<A>;
    /// A handle to a row of the index.
    type Bucket<A: AddressFamily>: Bucket;

    /// The secret that keys are hashed under.
    fn secret(&self) -> [u64; 2];
    /// The sizes.
    fn sizes(&self) -> FlowSizes;
    /// The same number, such that the compiler does not see which: it would write a short loop out, and
    /// every turn of it needs stack and verifying.
    #[inline(always)]
    fn times(&self, number: u32) -> u32 {
        number
    }
    /// The same number, such that the verifier does not see which: it would follow what comes after once
    /// for every way the number came about.
    #[inline(always)]
    fn blur(&self, number: u32) -> u32 {
        number
    }
    /// Does `work` up to so many times. For the kernel a loop by a helper, whose turn is verified once.
    #[inline(always)]
    fn repeat<R: Repeated<Self>>(&self, times: u32, work: &mut R)
    where
        Self: Sized,
    {
        for _ in 0..times {
            if !work.turn(self) {
                return;
            }
        }
    }
    /// An entry.
    fn entry<A: AddressFamily>(&self, number: u32) -> Option<Self::Entry<A>>;
    /// A row of the index.
    fn bucket<A: AddressFamily>(&self, number: u32) -> Option<Self::Bucket<A>>;
    /// Takes the lock of a stripe, one of [`super::index::STRIPES`]; `false` if it could not be had
    /// soon.
    fn lock(&self, stripe: u32) -> bool;
    /// Gives it back.
    fn unlock(&self, stripe: u32);
    /// How far a list has gone.
    fn list_end<A: AddressFamily>(&self, end: ListEnd) -> u64;
    /// Moves it on by `count`, and says where it was.
    fn advance<A: AddressFamily>(&self, end: ListEnd, count: u64) -> u64;
    /// Moves it on by one if it is at `at`.
    fn advance_from<A: AddressFamily>(&self, end: ListEnd, at: u64) -> bool;
    /// A place of the free list.
    fn free_place<A: AddressFamily>(&self, place: u32) -> u32;
    /// Writes one.
    fn set_free_place<A: AddressFamily>(&self, place: u32, value: u32);
    /// A place of the list of half-open flows.
    fn half_open_place<A: AddressFamily>(&self, place: u32) -> u64;
    /// Writes one.
    fn set_half_open_place<A: AddressFamily>(&self, place: u32, value: u64);
    /// An ENI's limits, all zero if none are set.
    fn limits(&self, eni: u16) -> FlowLimits;
    /// Counts one flow more of an ENI; how many there were before.
    fn count_flow(&self, eni: u16) -> u32;
    /// Counts one flow less.
    fn uncount_flow(&self, eni: u16);
    /// Tells that a flow ended.
    fn ended<A: AddressFamily>(
        &self,
        entry: Self::Entry<A>,
        number: u32,
        cause: EndCause,
        tick: u32,
    );
}

/// A handle to an entry; other CPUs may use it at the same time.
pub trait Entry<A: AddressFamily>: Copy {
    /// The key of a half.
    fn key(&self, side: Side) -> A::Key;
    /// Whether a half has this key.
    fn has_key(&self, side: Side, key: &A::Key) -> bool;
    /// Source and destination after NAT.
    fn target(&self, side: Side) -> [A::Addr; 2];
    /// The state of a half.
    fn state(&self, side: Side) -> FlowState;
    /// What both halves share.
    fn common(&self) -> FlowCommon;
    /// Writes a half's key, and that its packets are rewritten to the `other` half's, turned round.
    fn set_half(&self, side: Side, key: &FlowKey, other: &FlowKey);
    /// Writes a half's state.
    fn set_state(&self, side: Side, state: &FlowState);
    /// Writes the common part but for the phase.
    fn set_common(&self, common: &FlowCommon);
    /// Changes the phase if it is `from`.
    fn change_phase(&self, from: u32, to: u32) -> bool;
    /// Writes the phase.
    fn set_phase(&self, phase: u32);
    /// Accounts an accepted packet.
    fn record(&self, side: Side, bytes: u32, tick: u32);
    /// Notes what `generation` said of a side.
    fn judge(&self, side: Side, generation: u32, verdict: u8);
    /// Notes which rules said it.
    fn set_rules(&self, rules: FlowRules);
    /// Notes what audit mode let pass.
    fn set_audited(&self, reason: u8);
    /// Writes a side's flags.
    fn set_flags(&self, side: Side, flags: u8);
    /// Writes the TCP flags seen.
    fn set_tcp_flags(&self, flags: [u8; 2]);
    /// Writes where a side's hop to the client leads.
    fn set_client_mac(&self, side: Side, mac: crate::wire::Mac);
}

/// A handle to a row of the index.
pub trait Bucket: Copy {
    /// A slot.
    fn slot(&self, place: u32) -> u64;
    /// Writes it if it holds `from`.
    fn change(&self, place: u32, from: u64, to: u64) -> bool;
}
