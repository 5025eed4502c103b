//! What the kernel side tells: flows, counters, drop events.
//!
//! May import: aya, nix, endpoint-common::abi, the module's own.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

use aya::Ebpf;
use aya::maps::{MapData, PerCpuArray, PerCpuHashMap, RingBuf};
use endpoint_common::abi::TICK_SHIFT;
use endpoint_common::abi::counter::{Counter, DropKey, EniCounters};
use endpoint_common::abi::event::DropEvent;
use endpoint_common::abi::flow::{FlowEntry, FlowEntry4, FlowKey, FlowKey4};

use nix::poll::{PollFd, PollFlags, poll};
use nix::time::{ClockId, clock_gettime};

use super::DataplaneError;
use super::maps::{Hash, named, take};
use super::pod::Row;

/// Handles to the maps that observers read; flows can be removed too.
pub struct Observed {
    flows4: Hash<FlowKey4, FlowEntry4>,
    flows6: Hash<FlowKey, FlowEntry>,
    counters: PerCpuArray<MapData, Row<EniCounters>>,
    drops: PerCpuHashMap<MapData, Row<DropKey>, Row<Counter>>,
    events: RingBuf<MapData>,
}

impl Observed {
    pub(super) fn take(ebpf: &mut Ebpf) -> Result<Self, DataplaneError> {
        let counters = take(ebpf, "ENI_COUNTERS")?;
        let drops = take(ebpf, "DROPS")?;
        let events = take(ebpf, "EVENTS")?;
        Ok(Self {
            flows4: Hash::take(ebpf, "FLOWS4")?,
            flows6: Hash::take(ebpf, "FLOWS6")?,
            counters: counters.try_into().map_err(named("ENI_COUNTERS"))?,
            drops: drops.try_into().map_err(named("DROPS"))?,
            events: events.try_into().map_err(named("EVENTS"))?,
        })
    }

    /// Every flow entry, both directions apart.
    pub fn flows(&self) -> impl Iterator<Item = (FlowKey, FlowEntry)> + '_ {
        let flows4 = self.flows4.rows();
        let widened = flows4.map(|(key, entry)| (key.widen(), entry.widen()));
        widened.chain(self.flows6.rows())
    }

    /// One flow entry.
    pub fn flow(&self, key: &FlowKey) -> Option<FlowEntry> {
        if key.is_v4() {
            self.flows4.get(key.narrow()).map(|entry| entry.widen())
        } else {
            self.flows6.get(*key)
        }
    }

    /// Removes a flow entry.
    pub fn remove_flow(&mut self, key: &FlowKey) {
        if key.is_v4() {
            self.flows4.remove(key.narrow());
        } else {
            self.flows6.remove(*key);
        }
    }

    /// The counters of an ENI index, all CPUs together.
    pub fn counters(&self, eni: u16) -> EniCounters {
        let rows = self.counters.get(&u32::from(eni), 0);
        let per_cpu = rows.iter().flat_map(|rows| rows.iter().map(|row| row.0));
        per_cpu.fold(EniCounters::default(), |sum, row| EniCounters {
            accepted_in: add(sum.accepted_in, row.accepted_in),
            accepted_out: add(sum.accepted_out, row.accepted_out),
            dropped_in: add(sum.dropped_in, row.dropped_in),
            dropped_out: add(sum.dropped_out, row.dropped_out),
            untold: add(sum.untold, row.untold),
        })
    }

    /// Drops by ENI, reason and direction, all CPUs together.
    pub fn drops(&self) -> Vec<(DropKey, Counter)> {
        let rows = self.drops.iter().filter_map(Result::ok);
        let summed = rows.map(|(key, counters)| {
            let sum = counters
                .iter()
                .fold(Counter::default(), |sum, row| add(sum, row.0));
            (key.0, sum)
        });
        summed.collect()
    }

    /// The next drop event, if there is one.
    pub fn next_event(&mut self) -> Option<DropEvent> {
        let item = self.events.next()?;
        bytemuck::try_pod_read_unaligned(&item).ok()
    }

    /// Waits until drop events are there, or `timeout` has passed.
    pub fn wait_for_events(&self, timeout: Duration) {
        // SAFETY: the descriptor belongs to the ring buffer, which outlives the borrow.
        let ring = unsafe { BorrowedFd::borrow_raw(self.events.as_raw_fd()) };
        let mut polled = [PollFd::new(ring.as_fd(), PollFlags::POLLIN)];
        let timeout = u16::try_from(timeout.as_millis()).unwrap_or(u16::MAX);
        // A signal that interrupts the wait is as good as its end.
        let _ = poll(&mut polled, timeout);
    }

    /// Now, in the ticks of flow entries and events.
    pub fn now(&self) -> u32 {
        let now = clock_gettime(ClockId::CLOCK_MONOTONIC_COARSE).map(Duration::from);
        let nanoseconds = now.unwrap_or_default().as_nanos();
        (nanoseconds >> TICK_SHIFT) as u32
    }
}

fn add(a: Counter, b: Counter) -> Counter {
    Counter {
        packets: a.packets + b.packets,
        bytes: a.bytes + b.bytes,
    }
}
