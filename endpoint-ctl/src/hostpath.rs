//! The packet path on the host, over compiled tables as they stand: for tests, benches and
//! what-if questions. Flows and counters live in ordinary maps; one thread.
//!
//! May import: compiler, endpoint-common.

use std::cell::RefCell;
use std::collections::BTreeMap;

use endpoint_common::abi::Addr;
use endpoint_common::abi::counter::{Counter, DropKey, EniCounters};
use endpoint_common::abi::event::DropEvent;
use endpoint_common::abi::flow::{Direction, FlowEntry, FlowKey};
use endpoint_common::abi::meta::{Meta, Port};
use endpoint_common::abi::policy::PolicySlot;
use endpoint_common::abi::service::{
    Address, AddressKey, Backend, Hop, Listener, ListenerKey, TargetKey,
};
use endpoint_common::path::{self, Account, Arrival, Case, Flow, Flows, Insert, Judged, Outcome};

use crate::compiler::{ListenerAt, Tables, TargetAt};

/// A node's state on the host.
pub struct HostWorld {
    tables: Tables,
    seed: u32,
    /// Most flow entries the table takes.
    flow_entries: usize,
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
    /// An empty node whose flow table takes `flow_entries` entries.
    pub fn new(seed: u32, flow_entries: usize) -> Self {
        Self {
            tables: Tables::empty(0),
            seed,
            flow_entries,
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
            protocol: key.protocol,
            port: u16::from_be_bytes(key.port),
        };
        self.tables.listeners.get(&at).copied()
    }

    fn has_target(&self, key: &TargetKey) -> bool {
        self.tables.targets.contains(&TargetAt {
            listener: ListenerAt {
                load_balancer: key.load_balancer,
                protocol: key.protocol,
                port: u16::from_be_bytes(key.listener_port),
            },
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
        self.hops.get(&index).copied()
    }

    fn with_case<R>(&self, work: impl FnOnce(&mut Case) -> R) -> Option<R> {
        Some(work(&mut bytemuck::Zeroable::zeroed()))
    }
}

impl<'a> Flows for &'a HostWorld {
    type Flow = HostFlow<'a>;

    fn flow(&self, key: &FlowKey) -> Option<HostFlow<'a>> {
        let entry = *self.state.borrow().flows.get(key)?;
        Some(HostFlow {
            world: self,
            key: *key,
            found: entry,
        })
    }

    fn insert(&self, key: &FlowKey, entry: &FlowEntry) -> Insert {
        let flows = &mut self.state.borrow_mut().flows;
        if flows.contains_key(key) {
            return Insert::Exists;
        }
        if flows.len() >= self.flow_entries {
            return Insert::Full;
        }
        flows.insert(*key, *entry);
        Insert::Done
    }

    fn remove(&self, key: &FlowKey) {
        self.state.borrow_mut().flows.remove(key);
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
    fn change(&self, change: impl FnOnce(&mut FlowEntry)) {
        if let Some(entry) = self.world.state.borrow_mut().flows.get_mut(&self.key) {
            change(entry);
        }
    }
}

impl Flow for HostFlow<'_> {
    fn entry(&self) -> FlowEntry {
        self.world
            .state
            .borrow()
            .flows
            .get(&self.key)
            .copied()
            .unwrap_or(self.found)
    }

    fn record(&self, bytes: u32, tick: u32, tcp_flags: u8) {
        self.change(|entry| {
            entry.packets += 1;
            entry.bytes += u64::from(bytes);
            entry.last_seen = tick;
            entry.tcp_flags |= tcp_flags;
        });
    }

    fn judge(&self, generation: u32, judged: &Judged) {
        self.change(|entry| {
            entry.generation = generation;
            entry.verdict = judged.verdict;
            entry.rules = judged.rules;
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
