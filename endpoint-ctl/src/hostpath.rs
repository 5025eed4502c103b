//! The packet path on the host, over compiled tables as they stand: for tests, benches and
//! what-if questions. Flows and counters live in ordinary maps; one thread.
//!
//! May import: compiler, endpoint-common.

mod flow_tables;
mod frame;

use std::cell::{RefCell, RefMut};
use std::collections::BTreeMap;
use std::time::Duration;

use endpoint_common::abi::Addr;
use endpoint_common::abi::counter::{Counter, DropKey, EniCounters, Told};
use endpoint_common::abi::event::{DropEvent, EndCause};
use endpoint_common::abi::explain::Explanation;
use endpoint_common::abi::family::{Inet, Inet6};
use endpoint_common::abi::flow::{Direction, Family, FlowEntry, FlowLimits, FlowRules, Side};
use endpoint_common::abi::fragment::{FragmentKey, FragmentPorts};
use endpoint_common::abi::meta::{Meta, Port, Tags};
use endpoint_common::abi::policy::{PolicySet, PolicySkip, PolicySlot, RuleWord};
use endpoint_common::abi::service::{
    Address, AddressKey, Backend, Hop, Listener, ListenerKey, TargetKey,
};
use endpoint_common::path::tell::{self, TellLimit};
use endpoint_common::path::{self, Account, Arrival, Outcome, Peer, PolicyKey, Scratch, flows};

use crate::compiler::{ListenerAt, Tables, TargetAt};
use flow_tables::FlowTables;
use frame::HostFrame;

/// How long later fragments may follow the first one; the host's clock is the caller's.
const FRAGMENT_TICKS: u32 = 7_500;
/// How long callers' ticks are.
const TICK: Duration = Duration::from_millis(4);

/// A node's state on the host.
pub struct HostWorld {
    tables: Tables,
    secret: [u64; 2],
    flows: FlowTables,
    fragments: RefCell<BTreeMap<FragmentKey, FragmentPorts>>,
    scratch: RefCell<Scratch>,
    ports: BTreeMap<(u32, Tags), Port>,
    hops: BTreeMap<u32, Hop>,
    told: TellLimit,
    state: RefCell<State>,
}

/// What packets change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// Counters by ENI index.
    pub counters: BTreeMap<u16, EniCounters>,
    /// Drops by ENI, reason and direction.
    pub drops: BTreeMap<DropKey, Counter>,
    /// What was told, and what not, by ENI index.
    pub told: BTreeMap<u16, Telling>,
    /// Drops by rule number.
    pub rule_drops: BTreeMap<u32, Counter>,
    /// Events not taken yet.
    pub events: Vec<DropEvent>,
    /// Flows that ended, not taken yet.
    pub ends: Vec<(FlowEntry, EndCause)>,
}

/// What of an ENI was told, and what not: of drops, then of what audit mode let pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Telling {
    /// Drops that were told lately.
    pub told: Told,
    /// Drops that were not told.
    pub untold: Counter,
    /// What audit mode let pass.
    pub audited: Counter,
    /// What was told of that lately.
    pub audited_told: Told,
    /// What was not told of that.
    pub audited_untold: Counter,
}

impl HostWorld {
    /// An empty node whose flow tables take `flows` of each family.
    pub fn new(secret: [u64; 2], flows: u32) -> Self {
        Self {
            tables: Tables::empty(0),
            secret,
            flows: FlowTables::new(flows),
            fragments: RefCell::default(),
            scratch: RefCell::new(bytemuck::Zeroable::zeroed()),
            ports: BTreeMap::new(),
            hops: BTreeMap::new(),
            told: TellLimit::NONE,
            state: RefCell::default(),
        }
    }

    /// Puts a generation in force.
    pub fn apply(&mut self, tables: Tables) {
        for eni in self.tables.limits.keys() {
            self.flows.limits.remove(eni);
        }
        let all = self.flows.limits.get(&0).copied().unwrap_or_default();
        for (eni, limits) in &tables.limits {
            self.flows.limits.insert(*eni, limits.row(TICK, &all));
        }
        self.tables = tables;
    }

    /// Makes an interface known.
    pub fn set_port(&mut self, port: Port) {
        self.ports.insert((port.ifindex, port.tags), port);
    }

    /// Writes a next hop.
    pub fn set_hop(&mut self, row: u32, hop: Hop) {
        self.hops.insert(row, hop);
    }

    /// Sets how many drops are told; all of them at first.
    pub fn set_told(&mut self, limit: TellLimit) {
        self.told = limit;
    }

    /// Takes one frame its whole way; the frame is rewritten in place.
    pub fn run(&self, frame: &mut Vec<u8>, at: Arrival) -> Outcome {
        path::run(&mut HostFrame(frame), &self, at)
    }

    /// What would become of a frame of this family without VLAN tags; nothing is left behind.
    pub fn explain(
        &self,
        family: Family,
        frame: &mut Vec<u8>,
        arrival: Explanation,
    ) -> Explanation {
        let mut answer = arrival;
        let mut scratch = bytemuck::Zeroable::zeroed();
        let mut frame = HostFrame(frame);
        match family {
            Family::V4 => {
                path::explain::<true, _, _>(&mut frame, &self, 0, &mut scratch, &mut answer);
                path::explain::<false, _, _>(&mut frame, &self, 0, &mut scratch, &mut answer);
            }
            Family::V6 => {
                path::explain6::<true, _, _>(&mut frame, &self, 0, &mut scratch, &mut answer);
                path::explain6::<false, _, _>(&mut frame, &self, 0, &mut scratch, &mut answer);
            }
        }
        answer
    }

    /// What the generation in force says of a flow, by side: 0 or the number of a drop reason; and the
    /// rules that say so. The flow need not be of this node.
    pub fn judge(&self, flow: &FlowEntry) -> ([u8; 2], FlowRules) {
        let scratch = &mut *self.scratch.borrow_mut();
        path::judge_flow(&self, scratch, flow).unwrap_or_default()
    }

    /// A copy of what packets have changed so far.
    pub fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Every flow.
    pub fn flows(&self) -> Vec<FlowEntry> {
        self.flows.live()
    }

    /// Sets how many flows an ENI may have and how long they may be idle; ENI 0 for all.
    pub fn set_limits(&mut self, eni: u16, limits: FlowLimits) {
        self.flows.limits.insert(eni, limits);
    }

    /// Looks through both flow tables once for idle flows.
    pub fn reap(&self, tick: u32) {
        flows::reap::<Inet, _>(&self, self.flows.sizes.entries, tick);
        flows::reap::<Inet6, _>(&self, self.flows.sizes.entries, tick);
    }

    /// Takes a half of a flow out of the index, and leaves the flow. `false` if it is not in.
    pub fn lose_half(&self, flow: &FlowEntry, side: Side) -> bool {
        self.flows.lose_half(flow, side)
    }

    /// Takes the flows that ended so far.
    pub fn take_ends(&self) -> Vec<(FlowEntry, EndCause)> {
        std::mem::take(&mut self.state.borrow_mut().ends)
    }

    /// Takes the events told so far.
    pub fn take_events(&self) -> Vec<DropEvent> {
        std::mem::take(&mut self.state.borrow_mut().events)
    }
}

impl path::Tables for &HostWorld {
    type Scratch<'s>
        = RefMut<'s, Scratch>
    where
        Self: 's;

    fn meta(&self) -> Option<Meta> {
        Some(Meta {
            generation: self.tables.generation,
            bank: 0,
            secret: self.secret,
        })
    }

    fn port(&self, ifindex: u32, tags: Tags) -> Option<Port> {
        self.ports.get(&(ifindex, tags)).copied()
    }

    fn address(&self, key: &AddressKey) -> Option<Address> {
        self.tables
            .addresses
            .get(&(key.scope, key.address))
            .copied()
    }

    fn classify(&self, bank: u32, root: u32, peer: Peer, key: PolicyKey) -> RuleWord {
        path::classify(self, bank, root, peer, key)
    }

    fn policy_slot(&self, _bank: u32, node: u32, slot: u8) -> Option<PolicySlot> {
        self.tables
            .policy
            .nodes
            .get(node as usize)?
            .slots
            .get(usize::from(slot))
            .copied()
    }

    fn policy_skip(&self, _bank: u32, row: u32) -> Option<&PolicySkip> {
        self.tables.policy.skips.get(row as usize)
    }

    fn policy_set(&self, _bank: u32, row: u32) -> Option<&PolicySet> {
        self.tables.policy.sets.get(row as usize)
    }

    fn listener(&self, key: &ListenerKey) -> Option<Listener> {
        let at = ListenerAt {
            load_balancer: key.load_balancer,
            family: if key.family == Family::V4 as u8 {
                Family::V4
            } else {
                Family::V6
            },
            protocol: key.protocol,
            port: u16::from_be_bytes(key.port),
        };
        self.tables.listeners.get(&at).copied()
    }

    fn has_target(&self, key: &TargetKey) -> bool {
        self.tables.targets.contains(&TargetAt {
            load_balancer: key.load_balancer,
            protocol: key.protocol,
            listener_port: u16::from_be_bytes(key.listener_port),
            address: key.address,
            port: u16::from_be_bytes(key.port),
        })
    }

    fn maglev(&self, _bank: u32, slot: u32) -> Option<u32> {
        self.tables.maglev.get(slot as usize).copied()
    }

    fn backend(&self, _bank: u32, index: u32) -> Option<Backend> {
        self.tables.backends.get(index as usize).copied()
    }

    fn nat_address(&self, _bank: u32, index: u32) -> Option<Addr> {
        self.tables.nat_addresses.get(index as usize).copied()
    }

    fn hop(&self, index: u32) -> Option<Hop> {
        // As in the kernel, a row that nobody wrote is there and empty.
        let hop = self.hops.get(&index).copied();
        Some(hop.unwrap_or_else(bytemuck::Zeroable::zeroed))
    }

    fn fragment(&self, key: &FragmentKey) -> Option<FragmentPorts> {
        self.fragments.borrow().get(key).copied()
    }

    fn remember(&self, key: &FragmentKey, ports: &FragmentPorts) {
        self.fragments.borrow_mut().insert(*key, *ports);
    }

    fn fragment_ticks(&self) -> u32 {
        FRAGMENT_TICKS
    }

    fn scratch(&self) -> Option<RefMut<'_, Scratch>> {
        Some(self.scratch.borrow_mut())
    }
}

impl Account for &HostWorld {
    fn accepted(&self, eni: u16, direction: Direction, bytes: u32) {
        let state = &mut *self.state.borrow_mut();
        let counters = state.counters.entry(eni).or_default();
        match direction {
            Direction::In => count(&mut counters.accepted_in, bytes),
            Direction::Out => count(&mut counters.accepted_out, bytes),
        }
    }

    fn dropped(&self, what: DropKey, rule: u32, bytes: u32, tick: u32) -> bool {
        let state = &mut *self.state.borrow_mut();
        if rule != 0 {
            count(state.rule_drops.entry(rule).or_default(), bytes);
        }
        count(state.drops.entry(what).or_default(), bytes);
        let telling = state.told.entry(what.eni).or_default();
        let is_told = tell::is_told(&mut telling.told, self.told, tick);
        if !is_told {
            count(&mut telling.untold, bytes);
        }
        is_told
    }

    fn audited(&self, eni: u16, bytes: u32, tick: u32, can_be_told: bool) -> bool {
        let state = &mut *self.state.borrow_mut();
        let telling = state.told.entry(eni).or_default();
        count(&mut telling.audited, bytes);
        let is_told = can_be_told && tell::is_told(&mut telling.audited_told, self.told, tick);
        if !is_told {
            count(&mut telling.audited_untold, bytes);
        }
        is_told
    }

    fn tell(&self, event: &DropEvent) {
        self.state.borrow_mut().events.push(*event);
    }
}

fn count(counter: &mut Counter, bytes: u32) {
    counter.packets += 1;
    counter.bytes += u64::from(bytes);
}
