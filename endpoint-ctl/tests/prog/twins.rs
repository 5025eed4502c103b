//! The path on the host and the loaded program, side by side: every packet goes through both, and
//! whatever differs is told.
//!
//! May import: endpoint-common, endpoint-ctl, differences.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};
use std::time::Duration;

use bytemuck::Zeroable;
use endpoint_common::abi::counter::{Counter, EniCounters};
use endpoint_common::abi::event::DropEvent;
use endpoint_common::abi::explain::Explanation;
use endpoint_common::abi::flow::{Family, FlowEntry, FlowLimits, Side};
use endpoint_common::abi::meta::{Port, Tags};
use endpoint_common::abi::reason::DropReason;
use endpoint_common::abi::service::Hop;
use endpoint_common::path::tell::TellLimit;
use endpoint_common::path::{Arrival, Outcome};
use endpoint_ctl::compiler::{Capacity, Tables};
use endpoint_ctl::dataplane::{Dataplane, IdleTimes, LoadOptions, OBJECT, Observed, TellRate};
use endpoint_ctl::hostpath::HostWorld;

use crate::differences::{
    action, ageless, check_audits, check_events, check_frame, differ, differ_by_row, hex, keys,
    told_as,
};

/// Test runs arrive on the loopback interface of this network namespace.
pub(crate) const ARRIVAL: u32 = 1;
/// An interface that nobody bound.
const UNBOUND: u32 = 2;
/// The clock of the host's side; the kernel has its own.
const TICK: u32 = 77;
/// The host's side has no clock that goes on.
const NEVER_IDLE: IdleTimes = IdleTimes {
    tcp_established: A_DAY,
    half_open: A_DAY,
    tcp_closing: A_DAY,
    udp: A_DAY,
    icmp: A_DAY,
};
const A_DAY: Duration = Duration::from_hours(24);
const SECRET: [u64; 2] = [0x6869_6e67_6520_7465, 0x7374_2073_6563_7265];

/// See the module.
pub(crate) struct Twins {
    host: HostWorld,
    kernel: Dataplane,
    observed: Observed,
    port: Option<Port>,
    enis: u32,
    rules: u32,
    tells_all: bool,
    /// The kernel's clock, as far as it has been seen.
    tick: u32,
}

/// What both made of a frame.
#[derive(Debug, Clone)]
pub(crate) struct Ran {
    pub(crate) outcome: Outcome,
    pub(crate) frame: Vec<u8>,
    /// The drop, if it was told.
    pub(crate) event: Option<DropEvent>,
    /// What audit mode let pass, if that was told.
    pub(crate) audit: Option<DropEvent>,
}

impl Twins {
    pub(crate) fn new(capacity: Capacity) -> Self {
        Self::load(capacity, TellRate::ALL)
    }

    /// Twins that tell so many drops of an ENI in all. The kernel counts them by CPU: stay on one.
    pub(crate) fn telling(capacity: Capacity, most: u32) -> Self {
        let period = A_DAY;
        let mut twins = Self::load(capacity, TellRate { most, period });
        let period = u32::MAX;
        twins.host.set_told(TellLimit { most, period });
        twins.tells_all = false;
        twins
    }

    fn load(capacity: Capacity, told: TellRate) -> Self {
        let options = LoadOptions {
            object: OBJECT,
            capacity,
            secret: SECRET,
            idle: NEVER_IDLE,
            fragment_time: A_DAY,
            told,
            log_packets: false,
        };
        let (kernel, observed) =
            Dataplane::load(&options).unwrap_or_else(|error| panic!("{error}"));
        Self {
            host: HostWorld::new(SECRET, capacity.flows),
            kernel,
            observed,
            port: None,
            enis: capacity.enis,
            rules: capacity.rules,
            tells_all: true,
            tick: 0,
        }
    }

    pub(crate) fn apply(&mut self, tables: &Tables) {
        self.host.apply(tables.clone());
        self.kernel.apply(tables).expect("a generation that fits");
    }

    /// The kernel's maps must refuse this one.
    pub(crate) fn apply_in_vain(&mut self, tables: &Tables) {
        let before = self.kernel.generation();
        let refused = self.kernel.apply(tables);
        assert!(refused.is_err(), "the kernel took what does not fit");
        assert_eq!(self.kernel.generation(), before);
    }

    pub(crate) fn set_hop(&mut self, row: u32, hop: Hop) {
        self.host.set_hop(row, hop);
        self.kernel.set_hop(row, hop).expect("a row of HOPS");
    }

    /// Says what the next frames arrive on; `None` for an interface that is not ours.
    pub(crate) fn arrive_on(&mut self, port: Option<Port>) {
        if self.port == port {
            return;
        }
        match port {
            Some(port) => {
                self.host.set_port(port);
                self.kernel.set_port(port).expect("a row of PORTS");
            }
            None => self
                .kernel
                .unbind(ARRIVAL, Tags::NONE)
                .expect("a row of PORTS"),
        }
        self.port = port;
    }

    /// Runs a frame through both.
    ///
    /// # Errors
    /// What they do not agree on, and what neither should have done.
    pub(crate) fn run(&mut self, frame: &[u8]) -> Result<Ran, String> {
        let mut host_frame = frame.to_vec();
        let ifindex = self.port.map_or(UNBOUND, |port| port.ifindex);
        let tick = TICK;
        let outcome = self.host.run(&mut host_frame, Arrival { ifindex, tick });
        let host_events = self.host.take_events();
        let kernel = self.kernel.test_run(frame, 1);
        let kernel = kernel.map_err(|error| format!("{error}\nframe in: {}", hex(frame)))?;
        let kernel_events: Vec<_> = std::iter::from_fn(|| self.observed.next_event()).collect();

        let mut wrong = String::new();
        differ(&mut wrong, "verdict", &action(outcome), &kernel.action);
        if host_frame != kernel.frame {
            let (host, kernel) = (hex(&host_frame), hex(&kernel.frame));
            let _ = writeln!(wrong, "frame out:\n  host   {host}\n  kernel {kernel}");
        }
        let timeless = |events: &[DropEvent]| -> Vec<DropEvent> {
            let zero = |event: &DropEvent| DropEvent { tick: 0, ..*event };
            events.iter().map(zero).collect()
        };
        differ(
            &mut wrong,
            "events",
            &timeless(&host_events),
            &timeless(&kernel_events),
        );
        self.check_clock(&mut wrong, &kernel_events);
        self.check_ends(&mut wrong);
        let [events, audits] =
            [0, 1].map(|audited| -> Vec<_> { told_as(audited, &kernel_events).collect() });
        if self.tells_all || !events.is_empty() {
            check_events(&mut wrong, outcome, &events);
        }
        check_audits(&mut wrong, outcome, &audits);
        check_frame(&mut wrong, outcome, frame, &kernel.frame);
        if wrong.is_empty() {
            return Ok(Ran {
                outcome,
                frame: kernel.frame,
                event: events.into_iter().next(),
                audit: audits.into_iter().next(),
            });
        }
        Err(format!(
            "{wrong}host: {outcome:?}, kernel: {:?}, port: {:x?}\nframe in: {}",
            kernel.action,
            self.port,
            hex(frame)
        ))
    }

    /// What both would make of a frame that arrives as the last one did.
    ///
    /// # Errors
    /// What they do not agree on.
    pub(crate) fn explain(&mut self, family: Family, frame: &[u8]) -> Result<Explanation, String> {
        let port = self.port.ok_or("no interface")?;
        let arrival = Explanation {
            ifindex: port.ifindex,
            tags: port.tags,
            ..Zeroable::zeroed()
        };
        let host = self.host.explain(family, &mut frame.to_vec(), arrival);
        let kernel = self.kernel.explain(family, frame, port.ifindex, port.tags);
        let kernel = kernel.map_err(|error| error.to_string())?;
        // Entries are numbered, and tell the time, on each side by itself.
        let comparable = |mut answer: Explanation| {
            answer.flow = answer.flow.min(1);
            answer.entry.common.serial = 0;
            answer.entry.common.created = 0;
            for half in &mut answer.entry.halves {
                half.state.last_seen = 0;
            }
            answer
        };
        let mut wrong = String::new();
        differ(
            &mut wrong,
            "explanation",
            &comparable(host),
            &comparable(kernel),
        );
        if wrong.is_empty() {
            Ok(kernel)
        } else {
            Err(wrong)
        }
    }

    /// Neither a drop nor a flow's end waits to be read.
    pub(crate) fn assert_nothing_told(&mut self) {
        assert_eq!(self.observed.next_event(), None);
        assert!(self.observed.next_end().is_none());
        assert!(self.host.take_events().is_empty());
        assert!(self.host.take_ends().is_empty());
    }

    /// What both tell of flows that ended.
    fn check_ends(&mut self, wrong: &mut String) {
        let ended = |flow, cause| (ageless(vec![flow]), cause);
        let host = self.host.take_ends().into_iter();
        let host: Vec<_> = host.map(|(flow, cause)| ended(flow, Some(cause))).collect();
        let kernel = std::iter::from_fn(|| self.observed.next_end());
        let kernel: Vec<_> = kernel.map(|(_, flow, cause)| ended(flow, cause)).collect();
        differ(wrong, "ends", &host, &kernel);
    }

    fn check_clock(&mut self, wrong: &mut String, events: &[DropEvent]) {
        for event in events {
            if event.tick < self.tick || event.tick == 0 {
                let _ = writeln!(wrong, "tick {} after tick {}", event.tick, self.tick);
            }
            self.tick = event.tick;
        }
    }

    /// Compares what packets have left behind: flows, counters, drops.
    ///
    /// # Errors
    /// The first few rows that are not equal.
    pub(crate) fn compare_tables(&mut self) -> Result<(), String> {
        let host = self.host.state();
        let mut wrong = String::new();
        let kernel_flows: Vec<_> = self.observed.flows().map(|(_, flow)| flow).collect();
        for flow in &kernel_flows {
            let seen = flow.half(Side::Forward).state.last_seen;
            if seen.wrapping_sub(flow.common.created) > 1 << 31 {
                let _ = writeln!(wrong, "seen before it was made: {flow:?}");
            }
        }
        differ_by_row(
            &mut wrong,
            "FLOWS",
            &ageless(self.host.flows()),
            &ageless(kernel_flows),
        );
        let counters = (0..self.enis as u16).map(|eni| (eni, self.observed.counters(eni)));
        let counters: BTreeMap<_, _> = counters
            .filter(|(_, row)| *row != EniCounters::default())
            .collect();
        differ_by_row(&mut wrong, "ENI_COUNTERS", &host.counters, &counters);
        let drops: BTreeMap<_, _> = self.observed.drops().into_iter().collect();
        differ_by_row(&mut wrong, "DROPS", &host.drops, &drops);
        let host_told = host.told.iter().map(|(eni, told)| {
            let amounts = [told.untold, told.audited, told.audited_untold];
            (*eni, amounts)
        });
        let told = (0..self.enis as u16).map(|eni| {
            let row = self.observed.eni_drops(eni);
            (eni, [row.untold, row.audited, row.audited_untold])
        });
        let [host_told, told]: [BTreeMap<_, _>; 2] =
            [host_told.collect(), told.collect()].map(|told: Vec<_>| {
                let some = |(_, amounts): &(u16, [Counter; 3])| *amounts != [Counter::default(); 3];
                told.into_iter().filter(some).collect()
            });
        differ_by_row(&mut wrong, "DROPS, told", &host_told, &told);
        let rule_drops = (1..self.rules).map(|rule| (rule, self.observed.rule_drops(rule, 0)));
        let rule_drops: BTreeMap<_, _> = rule_drops
            .filter(|(_, drops)| drops.counter.packets > 0)
            .map(|(rule, drops)| (rule, drops.counter))
            .collect();
        differ_by_row(&mut wrong, "RULE_DROPS", &host.rule_drops, &rule_drops);
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    /// What the kernel side has counted at an ENI index: packets accepted, packets dropped.
    pub(crate) fn counted(&self, eni: u16) -> [u64; 2] {
        let (counters, drops) = (self.observed.counters(eni), self.observed.eni_drops(eni));
        let dropped = drops.counters.iter().flatten();
        [
            counters.accepted_in.packets + counters.accepted_out.packets,
            dropped.map(|counter| counter.packets).sum(),
        ]
    }

    /// Has the kernel side's counters of an ENI begin anew.
    pub(crate) fn forget_eni(&mut self, eni: u16) {
        self.observed.forget_eni(eni).expect("rows of the ENI");
    }

    /// Sets what an ENI may use.
    pub(crate) fn set_limits(&mut self, eni: u16, limits: FlowLimits) {
        self.host.set_limits(eni, limits);
        self.kernel
            .set_limits(eni, limits)
            .expect("a row of LIMITS");
    }

    /// Every flow.
    pub(crate) fn flows(&self) -> Vec<FlowEntry> {
        self.host.flows()
    }

    /// Takes a half of a flow out of both indexes.
    pub(crate) fn lose_half(&mut self, flow: &FlowEntry, side: Side) {
        let on_host = self.host.lose_half(flow, side);
        let same = |other: &FlowEntry| keys(other) == keys(flow);
        let found = self.observed.flows().find(|(_, other)| same(other));
        let (id, _) = found.expect("a flow of both");
        let in_kernel = self
            .observed
            .lose_half(id, side)
            .expect("a row of the index");
        assert_eq!(on_host, in_kernel, "{flow:?}");
    }

    /// Looks through both flow tables, once round.
    pub(crate) fn reap(&mut self) {
        self.host.reap(TICK);
        self.observed.reap(self.observed.round()).expect("a run");
    }

    /// Drops that were not told.
    pub(crate) fn untold(&self) -> u64 {
        let told = self.host.state().told;
        told.values().map(|row| row.untold.packets).sum()
    }

    /// What audit mode let pass, and what was not told of that.
    pub(crate) fn audited(&self) -> (u64, u64) {
        let told = self.host.state().told;
        told.values().fold((0, 0), |(audited, untold), row| {
            let more = (row.audited.packets, row.audited_untold.packets);
            (audited + more.0, untold + more.1)
        })
    }

    /// Drops counted so far, by reason.
    pub(crate) fn drops(&self) -> BTreeMap<DropReason, u64> {
        let mut by_reason = BTreeMap::new();
        for (key, counter) in self.host.state().drops {
            let reason = DropReason::from_number(key.reason).expect("a reason");
            *by_reason.entry(reason).or_default() += counter.packets;
        }
        by_reason
    }
}
