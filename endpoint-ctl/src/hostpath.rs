//! The packet path on the host, over compiled tables as they stand: for tests, benches and
//! what-if questions. Flows and counters live in ordinary maps; one thread.
//!
//! May import: compiler, endpoint-common.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use endpoint_common::abi::counter::{Counter, DropKey, EniCounters};
use endpoint_common::abi::event::DropEvent;
use endpoint_common::abi::flow::{Direction, Family, FlowEntry, FlowKey, FlowState};
use endpoint_common::abi::meta::{Meta, Port};
use endpoint_common::abi::policy::PolicySlot;
use endpoint_common::abi::service::{
    Address, AddressKey, Backend, Hop, Listener, ListenerKey, TargetKey,
};
use endpoint_common::abi::{Addr, unmapped};
use endpoint_common::path::{
    self, Account, Arrival, Flow, Flows, Insert, Judged, Outcome, Scratch,
};
use endpoint_common::wire::Ipv4;

use crate::compiler::{ListenerAt, Tables, TargetAt};

/// A node's state on the host.
pub struct HostWorld {
    tables: Tables,
    seed: u32,
    /// Most flow entries each family's table takes.
    flow_entries: usize,
    /// How many there are, of IPv6 and of IPv4.
    counts: Cell<[usize; 2]>,
    ports: BTreeMap<u32, Port>,
    hops: BTreeMap<u32, Hop>,
    state: RefCell<State>,
}

/// What packets change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// The flow table.
    pub flows: BTreeMap<FlowKey, FlowEntry>,
    /// Counters by ENI index.
    pub counters: BTreeMap<u16, EniCounters>,
    /// Drops by ENI, reason and direction.
    pub drops: BTreeMap<DropKey, Counter>,
    /// Events not taken yet.
    pub events: Vec<DropEvent>,
}

impl HostWorld {
    /// An empty node whose flow tables take `flow_entries` entries of each family.
    pub fn new(seed: u32, flow_entries: usize) -> Self {
        Self {
            tables: Tables::empty(0),
            seed,
            flow_entries,
            counts: Cell::default(),
            ports: BTreeMap::new(),
            hops: BTreeMap::new(),
            state: RefCell::default(),
        }
    }

    /// Puts a generation in force.
    pub fn apply(&mut self, tables: Tables) {
        self.tables = tables;
    }

    /// Makes an interface known.
    pub fn set_port(&mut self, port: Port) {
        self.ports.insert(port.ifindex, port);
    }

    /// Writes a next hop.
    pub fn set_hop(&mut self, row: u32, hop: Hop) {
        self.hops.insert(row, hop);
    }

    /// Takes one frame its whole way; the frame is rewritten in place.
    pub fn run(&self, mut frame: &mut [u8], at: Arrival) -> Outcome {
        path::run(&mut frame, &self, at)
    }

    /// A copy of what packets have changed so far.
    pub fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Forgets all flows.
    pub fn clear_flows(&self) {
        self.state.borrow_mut().flows.clear();
        self.counts.set([0; 2]);
    }

    /// Takes the events told so far.
    pub fn take_events(&self) -> Vec<DropEvent> {
        std::mem::take(&mut self.state.borrow_mut().events)
    }
}

impl path::Tables for &HostWorld {
    fn meta(&self) -> Option<Meta> {
        Some(Meta {
            generation: self.tables.generation,
            bank: 0,
            seed: self.seed,
            reserved: 0,
        })
    }

    fn port(&self, ifindex: u32) -> Option<Port> {
        self.ports.get(&ifindex).copied()
    }

    fn address(&self, key: &AddressKey) -> Option<Address> {
        self.tables
            .addresses
            .get(&(key.scope, key.address))
            .copied()
    }

    fn policy_slot(&self, _bank: u32, node: u32, slot: u8) -> Option<PolicySlot> {
        self.tables
            .policy
            .get(node as usize)?
            .slots
            .get(usize::from(slot))
            .copied()
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

    fn with_scratch<R>(&self, work: impl FnOnce(&mut Scratch) -> R) -> Option<R> {
        Some(work(&mut bytemuck::Zeroable::zeroed()))
    }
}

impl<'a> Flows for &'a HostWorld {
    type Flow = HostFlow<'a>;

    fn flow<const V4: bool>(&self, key: &FlowKey) -> Option<HostFlow<'a>> {
        let entry = *self.state.borrow().flows.get(key)?;
        Some(HostFlow {
            world: self,
            key: *key,
            found: entry,
        })
    }

    fn insert<const V4: bool>(&self, key: &FlowKey, entry: &FlowEntry) -> Insert {
        let flows = &mut self.state.borrow_mut().flows;
        if flows.contains_key(key) {
            return Insert::Exists;
        }
        let mut counts = self.counts.get();
        let count = &mut counts[usize::from(V4)];
        if *count >= self.flow_entries {
            return Insert::Full;
        }
        *count += 1;
        self.counts.set(counts);
        flows.insert(*key, *entry);
        Insert::Done
    }

    fn remove<const V4: bool>(&self, key: &FlowKey) {
        if self.state.borrow_mut().flows.remove(key).is_some() {
            let mut counts = self.counts.get();
            counts[usize::from(V4)] -= 1;
            self.counts.set(counts);
        }
    }
}

/// A handle to an entry of a [`HostWorld`].
#[derive(Clone, Copy)]
pub struct HostFlow<'a> {
    world: &'a HostWorld,
    key: FlowKey,
    /// The entry as it was found, should it be removed meanwhile.
    found: FlowEntry,
}

impl HostFlow<'_> {
    fn entry(&self) -> FlowEntry {
        let flows = &self.world.state.borrow().flows;
        flows.get(&self.key).copied().unwrap_or(self.found)
    }

    fn change(&self, change: impl FnOnce(&mut FlowEntry)) {
        if let Some(entry) = self.world.state.borrow_mut().flows.get_mut(&self.key) {
            change(entry);
        }
    }
}

impl Flow for HostFlow<'_> {
    fn state(&self) -> FlowState {
        self.entry().state
    }

    fn addresses4(&self) -> Option<[Ipv4; 2]> {
        let entry = self.entry();
        let addresses = [unmapped(entry.src), unmapped(entry.dst)];
        self.key.is_v4().then_some(addresses)
    }

    fn addresses6(&self) -> Option<[Addr; 2]> {
        let entry = self.entry();
        (!self.key.is_v4()).then_some([entry.src, entry.dst])
    }

    fn copy_to(&self, entry: &mut FlowEntry) {
        *entry = self.entry();
    }

    fn record(&self, bytes: u32, tick: u32, tcp_flags: u8) {
        self.change(|entry| {
            entry.state.packets += 1;
            entry.state.bytes += u64::from(bytes);
            entry.state.last_seen = tick;
            entry.state.tcp_flags |= tcp_flags;
        });
    }

    fn judge(&self, generation: u32, judged: &Judged) {
        self.change(|entry| {
            entry.state.generation = generation;
            entry.state.verdict = judged.verdict;
            entry.state.rules = judged.rules;
        });
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

    fn dropped(&self, event: &DropEvent) {
        let state = &mut *self.state.borrow_mut();
        let counters = state.counters.entry(event.eni).or_default();
        if event.direction == Direction::In as u8 {
            count(&mut counters.dropped_in, event.bytes);
        } else {
            count(&mut counters.dropped_out, event.bytes);
        }
        let key = DropKey {
            eni: event.eni,
            reason: event.reason,
            direction: event.direction,
        };
        count(state.drops.entry(key).or_default(), event.bytes);
        state.events.push(*event);
    }
}

fn count(counter: &mut Counter, bytes: u32) {
    counter.packets += 1;
    counter.bytes += u64::from(bytes);
}
