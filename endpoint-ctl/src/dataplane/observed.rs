//! What the kernel side tells: flows, counters, drop events.
//!
//! May import: aya, nix, endpoint-common::abi, the module's own.

use std::mem::offset_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

use aya::Ebpf;
use aya::maps::{MapData, MapError, PerCpuArray, PerCpuValues, RingBuf};
use aya::programs::ProgramFd;
use bytemuck::Zeroable as _;
use endpoint_common::abi::counter::{Counter, DropKey, EniCounters, EniDrops, RuleDrops};
use endpoint_common::abi::event::{DropEvent, EndCause, FlowEnd};
use endpoint_common::abi::flow::{Bucket, Family, FlowEntry, FlowEntry4, ListEnd, Side};
use nix::poll::{PollFd, PollFlags, poll};

use super::flow_lists::FlowLists;
use super::flow_rows::FlowRows;
use super::maps::{Rows, named, take};
use super::pod::Row;
use super::{DataplaneError, limits, test_run};

/// The program that ends idle flows.
pub(super) const REAP: &str = "endpoint_reap";

const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

/// Names a flow for as long as the tables live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId {
    /// Its family's [`Family`] number.
    pub family: u8,
    /// Its entry.
    pub number: u32,
    /// Which of the flows that the entry has held.
    pub serial: u32,
}

/// How full a family's flow table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableUse {
    /// Whose.
    pub family: Family,
    /// Entries that are not free.
    pub used: u32,
    /// Entries.
    pub size: u32,
}

/// Handles to the maps that observers read, and to the program that ends idle flows.
pub struct Observed {
    flows4: FlowRows<FlowEntry4>,
    flows6: FlowRows<FlowEntry>,
    index4: Rows<Bucket>,
    index6: Rows<Bucket>,
    lists: FlowLists,
    clock: Rows<u32>,
    counters: PerCpuArray<MapData, Row<EniCounters>>,
    drops: PerCpuArray<MapData, Row<EniDrops>>,
    rule_drops: PerCpuArray<MapData, Row<RuleDrops>>,
    events: RingBuf<MapData>,
    ends: RingBuf<MapData>,
    reap: ProgramFd,
}

impl Observed {
    pub(super) fn take(ebpf: &mut Ebpf, flows: u32) -> Result<Self, DataplaneError> {
        let reap = ebpf
            .program(REAP)
            .and_then(|program| program.fd().ok()?.try_clone().ok())
            .ok_or(DataplaneError::Missing(REAP))?;
        let counters = take(ebpf, "ENI_COUNTERS")?;
        let drops = take(ebpf, "DROPS")?;
        let rule_drops = take(ebpf, "RULE_DROPS")?;
        let events = take(ebpf, "EVENTS")?;
        let ends = take(ebpf, "ENDS")?;
        Ok(Self {
            flows4: FlowRows::take(ebpf, "FLOWS4", flows, offset_of!(FlowEntry4, common))?,
            flows6: FlowRows::take(ebpf, "FLOWS6", flows, offset_of!(FlowEntry, common))?,
            index4: Rows::take(ebpf, "INDEX4")?,
            index6: Rows::take(ebpf, "INDEX6")?,
            lists: FlowLists::take(ebpf)?,
            clock: Rows::take(ebpf, "CLOCK")?,
            counters: counters.try_into().map_err(named("ENI_COUNTERS"))?,
            drops: drops.try_into().map_err(named("DROPS"))?,
            rule_drops: rule_drops.try_into().map_err(named("RULE_DROPS"))?,
            events: events.try_into().map_err(named("EVENTS"))?,
            ends: ends.try_into().map_err(named("ENDS"))?,
            reap,
        })
    }

    /// Every flow.
    pub fn flows(&self) -> impl Iterator<Item = (FlowId, FlowEntry)> + '_ {
        let flows = |family| {
            (0..self.reached(family)).filter_map(move |number| self.flow(family as u8, number))
        };
        flows(Family::V4).chain(flows(Family::V6))
    }

    /// The flows in [`Self::PART`] entries of a family's table from `first` on; `None` behind the last that
    /// has ever held one.
    pub fn part(&self, family: Family, first: u32) -> Option<Vec<FlowEntry>> {
        let reached = self.reached(family);
        if first >= reached {
            return None;
        }
        let numbers = first..reached.min(first.saturating_add(Self::PART));
        let flows = numbers.filter_map(|number| self.flow(family as u8, number));
        Some(flows.map(|(_, flow)| flow).collect())
    }

    /// Entries that [`Self::part`] looks at.
    pub const PART: u32 = 32_768;

    /// How full a family's table is. Two words tell: nothing is counted.
    pub fn table_use(&self, family: Family) -> TableUse {
        let size = self.size(family);
        // What is read first lags behind: the other way round, it might have gone below zero.
        let returned = self.lists.end(family, ListEnd::Returned);
        let taken = self.lists.end(family, ListEnd::Taken);
        let used =
            u32::try_from(taken.saturating_sub(returned)).map_or(size, |used| used.min(size));
        TableUse { family, used, size }
    }

    fn size(&self, family: Family) -> u32 {
        match family {
            Family::V4 => self.flows4.len(),
            Family::V6 => self.flows6.len(),
        }
    }

    /// Entries from here on have never held a flow: at first, they are taken in their order.
    fn reached(&self, family: Family) -> u32 {
        let (taken, size) = (self.lists.end(family, ListEnd::Taken), self.size(family));
        u32::try_from(taken).map_or(size, |taken| taken.min(size))
    }

    /// The flow in an entry.
    pub fn flow(&self, family: u8, number: u32) -> Option<(FlowId, FlowEntry)> {
        let entry = if family == Family::V4 as u8 {
            self.flows4.get(number, |entry| entry.common)?.widen()
        } else {
            self.flows6.get(number, |entry| entry.common)?
        };
        let serial = entry.common.serial;
        Some((
            FlowId {
                family,
                number,
                serial,
            },
            entry,
        ))
    }

    /// Looks through a part of the flow tables for idle flows: `turns` times [`Self::REAPED`] entries of
    /// each. Entries without a flow are passed over here, which is a lot cheaper.
    ///
    /// # Errors
    /// The kernel refused the run.
    pub fn reap(&self, turns: u32) -> Result<(), DataplaneError> {
        let reached = FAMILIES.map(|family| self.reached(family));
        let mut due = 0;
        for _ in 0..turns {
            if FAMILIES
                .iter()
                .zip(reached)
                .any(|(family, reached)| self.holds(*family, due, reached))
            {
                due += 1;
                continue;
            }
            self.run_reap(due)?;
            due = 0;
            for family in FAMILIES {
                self.lists.advance(family, ListEnd::Looked, Self::REAPED);
            }
        }
        self.run_reap(due)
    }

    /// Whether there is a flow among the entries that are looked at after `turns` turns.
    fn holds(&self, family: Family, turns: u32, reached: u32) -> bool {
        let last = self.size(family) - 1;
        let first = self.lists.end(family, ListEnd::Looked) as u32;
        let first = first.wrapping_add(turns * Self::REAPED) & last;
        if first >= reached && first <= last.saturating_sub(Self::REAPED) {
            return false;
        }
        (first..first + Self::REAPED).any(|number| match family {
            Family::V4 => self.flows4.is_live(number & last),
            Family::V6 => self.flows6.is_live(number & last),
        })
    }

    fn run_reap(&self, turns: u32) -> Result<(), DataplaneError> {
        if turns == 0 {
            return Ok(());
        }
        test_run::run_bare(&self.reap, test_run::ANY_FRAME, turns).map_err(DataplaneError::Reap)
    }

    /// Entries that one turn of [`Self::reap`] looks at.
    pub const REAPED: u32 = 32;

    /// Turns of [`Self::reap`] that come round all entries.
    pub fn round(&self) -> u32 {
        self.flows4.len().div_ceil(Self::REAPED)
    }

    /// Takes a half of a flow out of the index and leaves the flow, as only a fault would: to see it
    /// heal. `false` if it is not in.
    ///
    /// # Errors
    /// The kernel refused a row.
    pub fn lose_half(&mut self, id: FlowId, side: Side) -> Result<bool, DataplaneError> {
        let index = if id.family == Family::V4 as u8 {
            &mut self.index4
        } else {
            &mut self.index6
        };
        for row in 0..index.len() {
            let mut bucket = index.get(row)?;
            let wanted = (id.number << 1) | side as u32;
            let slot = bucket
                .iter_mut()
                .find(|slot| **slot != 0 && **slot as u32 == wanted);
            if let Some(slot) = slot {
                *slot = 0;
                index.set(row, bucket)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The next flow that ended, if there is one, and why.
    pub fn next_end(&mut self) -> Option<(FlowId, FlowEntry, Option<EndCause>)> {
        let item = self.ends.next()?;
        let end: FlowEnd = bytemuck::try_pod_read_unaligned(&item).ok()?;
        let entry = if end.family == Family::V4 as u8 {
            let bytes = bytemuck::bytes_of(&end.entry).get(..size_of::<FlowEntry4>())?;
            bytemuck::try_pod_read_unaligned::<FlowEntry4>(bytes)
                .ok()?
                .widen()
        } else {
            end.entry
        };
        let id = FlowId {
            family: end.family,
            number: end.number,
            serial: entry.common.serial,
        };
        Some((id, entry, EndCause::from_number(end.cause)))
    }

    /// The counters of an ENI index, all CPUs together.
    pub fn counters(&self, eni: u16) -> EniCounters {
        let rows = self.counters.get(&u32::from(eni), 0);
        let per_cpu = rows.iter().flat_map(|rows| rows.iter().map(|row| row.0));
        per_cpu.fold(EniCounters::default(), |sum, row| EniCounters {
            accepted_in: add(sum.accepted_in, row.accepted_in),
            accepted_out: add(sum.accepted_out, row.accepted_out),
            unreported: add(sum.unreported, row.unreported),
        })
    }

    /// Has the counters of an ENI index begin anew: nothing counts there now.
    ///
    /// # Errors
    /// The kernel refused a row.
    pub fn forget_eni(&mut self, eni: u16) -> Result<(), DataplaneError> {
        fn zero<V: bytemuck::Pod>(
            map: &mut PerCpuArray<MapData, Row<V>>,
            row: u32,
            name: &'static str,
        ) -> Result<(), DataplaneError> {
            let per_cpu = map.get(&row, 0).map_err(named(name))?;
            let zeroes: Vec<_> = per_cpu.iter().map(|_| Row(V::zeroed())).collect();
            let zeroes = PerCpuValues::try_from(zeroes);
            let zeroes = zeroes.map_err(MapError::from).map_err(named(name))?;
            map.set(row, zeroes, 0).map_err(named(name))
        }
        zero(&mut self.counters, eni.into(), "ENI_COUNTERS")?;
        zero(&mut self.drops, eni.into(), "DROPS")
    }

    /// Drops by ENI, reason and direction, all CPUs together; only what there was.
    pub fn drops(&self) -> Vec<(DropKey, Counter)> {
        let enis = (0..self.drops.len()).filter_map(|eni| u16::try_from(eni).ok());
        enis.flat_map(|eni| by_kind(eni, &self.eni_drops(eni)))
            .collect()
    }

    /// What was dropped at an ENI index, and told of it, all CPUs together. What was told lately is
    /// left out.
    pub fn eni_drops(&self, eni: u16) -> EniDrops {
        let rows = self.drops.get(&u32::from(eni), 0);
        let mut sum = EniDrops::zeroed();
        for row in rows.iter().flat_map(|rows| rows.iter().map(|row| row.0)) {
            let counters = sum.counters.iter_mut().flatten();
            for (sum, counter) in counters.zip(row.counters.iter().flatten()) {
                *sum = add(*sum, *counter);
            }
            sum.untold = add(sum.untold, row.untold);
            sum.audited = add(sum.audited, row.audited);
            sum.audited_untold = add(sum.audited_untold, row.audited_untold);
        }
        sum
    }

    /// What a rule has dropped, all CPUs together, and when last; `now` is the clock.
    pub fn rule_drops(&self, number: u32, now: u32) -> RuleDrops {
        let rows = self.rule_drops.get(&number, 0);
        let rows = rows.iter().flat_map(|rows| rows.iter().map(|row| row.0));
        let hit = rows.filter(|row| row.counter.packets > 0);
        hit.fold(RuleDrops::default(), |sum, row| RuleDrops {
            last: if sum.counter.packets == 0
                || now.wrapping_sub(row.last) < now.wrapping_sub(sum.last)
            {
                row.last
            } else {
                sum.last
            },
            counter: add(sum.counter, row.counter),
            reserved: 0,
        })
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

    /// Now, in ticks.
    pub fn now(&self) -> u32 {
        // The program that looks for idle flows reads the clock as well.
        let _ = self.run_reap(1);
        self.clock.get(0).unwrap_or(0)
    }

    /// The length of a tick.
    pub fn tick(&self) -> Duration {
        limits::tick()
    }
}

/// Drops of an ENI by reason and direction; only what there was.
fn by_kind(eni: u16, drops: &EniDrops) -> Vec<(DropKey, Counter)> {
    let reasons = (0..).zip(drops.counters);
    let kinds = reasons.flat_map(|(reason, by_direction)| {
        (0..).zip(by_direction).map(move |(direction, counter)| {
            let key = DropKey {
                eni,
                reason,
                direction,
            };
            (key, counter)
        })
    });
    kinds.filter(|(_, counter)| counter.packets > 0).collect()
}

fn add(a: Counter, b: Counter) -> Counter {
    Counter {
        packets: a.packets + b.packets,
        bytes: a.bytes + b.bytes,
    }
}
