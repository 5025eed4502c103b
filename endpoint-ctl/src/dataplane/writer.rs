//! Writes generations: fills the bank that is not in force, flips one word, waits for packets in
//! flight.
//!
//! What each bank holds is remembered, and only rows that differ are written. After a failure nothing
//! counts as remembered, and the bank's keyed rows are taken out.
//!
//! May import: aya, endpoint-common::abi, compiler (tables), the module's own.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use aya::Ebpf;
use endpoint_common::abi::Addr;
use endpoint_common::abi::flow::FlowLimits;
use endpoint_common::abi::meta::{Meta, PORT_PROBES, Port, Tags};
use endpoint_common::abi::policy::{PolicyNode, PolicySet, PolicySkip};
use endpoint_common::abi::service::{
    Address, AddressKey, Backend, Hop, Listener, ListenerKey, TargetKey,
};

use super::limits::tick;
use super::maps::{Hash, Rows};
use super::{DataplaneError, grace};
use crate::compiler::{ListenerAt, PolicyTables, Tables, TargetAt};

/// Handles to the maps that the controller writes.
pub(super) struct Writer {
    meta: Rows<Meta>,
    ports: Rows<Port>,
    addresses: Hash<AddressKey, Address>,
    policy: Rows<PolicyNode>,
    policy_skips: Rows<PolicySkip>,
    policy_sets: Rows<PolicySet>,
    listeners: Hash<ListenerKey, Listener>,
    targets: Hash<TargetKey, u32>,
    maglev: Rows<u32>,
    backends: Rows<Backend>,
    nat_addresses: Rows<Addr>,
    hops: Rows<Hop>,
    limits: Rows<FlowLimits>,
    now: Meta,
    /// How long flows may be idle, for all ENIs.
    idle_times: FlowLimits,
    /// What the bank in force holds.
    in_force: Arc<Tables>,
    /// What the other bank holds.
    idle: Arc<Tables>,
}

impl Writer {
    pub(super) fn take(
        ebpf: &mut Ebpf,
        secret: [u64; 2],
        idle_times: FlowLimits,
    ) -> Result<Self, DataplaneError> {
        let now = Meta {
            generation: 0,
            bank: 0,
            secret,
        };
        let mut writer = Self {
            meta: Rows::take(ebpf, "META")?,
            ports: Rows::take(ebpf, "PORTS")?,
            addresses: Hash::take(ebpf, "ADDRESSES")?,
            policy: Rows::take(ebpf, "POLICY")?,
            policy_skips: Rows::take(ebpf, "POLICY_SKIPS")?,
            policy_sets: Rows::take(ebpf, "POLICY_SETS")?,
            listeners: Hash::take(ebpf, "LISTENERS")?,
            targets: Hash::take(ebpf, "TARGETS")?,
            maglev: Rows::take(ebpf, "MAGLEV")?,
            backends: Rows::take(ebpf, "BACKENDS")?,
            nat_addresses: Rows::take(ebpf, "NAT_ADDRESSES")?,
            hops: Rows::take(ebpf, "HOPS")?,
            limits: Rows::take(ebpf, "LIMITS")?,
            now,
            idle_times,
            in_force: nothing_known(),
            idle: nothing_known(),
        };
        writer.set_limits(0, idle_times)?;
        Ok(writer)
    }

    pub(super) fn set_limits(
        &mut self,
        eni: u16,
        limits: FlowLimits,
    ) -> Result<(), DataplaneError> {
        self.limits.set(u32::from(eni), limits)
    }

    pub(super) fn generation(&self) -> u32 {
        self.now.generation
    }

    pub(super) fn in_force(&self) -> &Arc<Tables> {
        &self.in_force
    }

    pub(super) fn apply(&mut self, tables: &Tables) -> Result<(), DataplaneError> {
        let next = Meta {
            generation: tables.generation,
            bank: 1 - self.now.bank,
            ..self.now
        };
        let written = self
            .fill(next.bank, tables)
            .and_then(|()| self.fill_limits(tables))
            .and_then(|()| self.meta.set(0, next));
        if let Err(error) = written {
            self.undo(next.bank, tables);
            return Err(error);
        }
        grace::wait_for_packets();
        self.idle = std::mem::replace(&mut self.in_force, Arc::new(tables.clone()));
        self.now = next;
        Ok(())
    }

    /// Makes the idle bank hold these tables.
    fn fill(&mut self, bank: u32, tables: &Tables) -> Result<(), DataplaneError> {
        let idle = &self.idle;
        let (held, wanted) = (&idle.policy, &tables.policy);
        fill_rows(&mut self.policy, bank, &held.nodes, &wanted.nodes)?;
        fill_rows(&mut self.policy_skips, bank, &held.skips, &wanted.skips)?;
        fill_rows(&mut self.policy_sets, bank, &held.sets, &wanted.sets)?;
        fill_rows(&mut self.maglev, bank, &idle.maglev, &tables.maglev)?;
        fill_rows(&mut self.backends, bank, &idle.backends, &tables.backends)?;
        let addresses = &tables.nat_addresses;
        fill_rows(
            &mut self.nat_addresses,
            bank,
            &idle.nat_addresses,
            addresses,
        )?;
        let targets = |tables: &Tables| tables.targets.iter().map(|at| (*at, 1)).collect();
        let key = |at: TargetAt| target_key(bank, &at);
        fill_keyed(&mut self.targets, key, &targets(idle), &targets(tables))?;
        let key = |at| listener_key(bank, at);
        fill_keyed(&mut self.listeners, key, &idle.listeners, &tables.listeners)?;
        let key = |(scope, address)| address_key(bank, scope, address);
        fill_keyed(&mut self.addresses, key, &idle.addresses, &tables.addresses)
    }

    /// Writes the limits that differ from those in force, which are not banked.
    fn fill_limits(&mut self, tables: &Tables) -> Result<(), DataplaneError> {
        let before = &self.in_force.limits;
        for eni in before.keys().filter(|eni| !tables.limits.contains_key(eni)) {
            self.limits.set(u32::from(*eni), FlowLimits::default())?;
        }
        for (eni, limits) in &tables.limits {
            if before.get(eni) != Some(limits) {
                let row = limits.row(tick(), &self.idle_times);
                self.limits.set(u32::from(*eni), row)?;
            }
        }
        Ok(())
    }

    /// After a failed apply: the limits in force again, no keyed rows, and nothing known of the rest.
    fn undo(&mut self, bank: u32, tables: &Tables) {
        for eni in tables.limits.keys().chain(self.in_force.limits.keys()) {
            let limits = self.in_force.limits.get(eni);
            let row = limits.map(|limits| limits.row(tick(), &self.idle_times));
            if let Err(error) = self.limits.set(u32::from(*eni), row.unwrap_or_default()) {
                tracing::error!("the limits of ENI {eni} are not as before: {error}");
            }
        }
        let held = std::mem::replace(&mut self.idle, nothing_known());
        self.clear(bank, &held);
        self.clear(bank, tables);
    }

    /// Removes the keyed rows of a bank that is not in force.
    fn clear(&mut self, bank: u32, tables: &Tables) {
        for (scope, address) in tables.addresses.keys() {
            self.addresses.remove(address_key(bank, *scope, *address));
        }
        for at in tables.listeners.keys() {
            self.listeners.remove(listener_key(bank, *at));
        }
        for target in &tables.targets {
            self.targets.remove(target_key(bank, target));
        }
    }

    pub(super) fn set_hop(&mut self, row: u32, hop: Hop) -> Result<(), DataplaneError> {
        self.hops.set(row, hop)
    }

    pub(super) fn set_port(&mut self, port: Port) -> Result<(), DataplaneError> {
        for free in [port.ifindex, 0] {
            for probe in 0..PORT_PROBES {
                let row = Port::row(port.ifindex, port.tags, probe);
                let found = self.ports.get(row)?;
                if found.is(free, if free == 0 { Tags::NONE } else { port.tags }) {
                    return self.ports.set(row, port);
                }
            }
        }
        Err(DataplaneError::PortTableFull(port.ifindex))
    }

    pub(super) fn clear_port(&mut self, ifindex: u32, tags: Tags) -> Result<(), DataplaneError> {
        for probe in 0..PORT_PROBES {
            let row = Port::row(ifindex, tags, probe);
            if self.ports.get(row)?.is(ifindex, tags) {
                let free = bytemuck::Zeroable::zeroed();

                self.ports.set(row, free)?;
            }
        }
        Ok(())
    }
}

/// A bank without keyed rows, of whose other rows none is known.
fn nothing_known() -> Arc<Tables> {
    Arc::new(Tables {
        policy: PolicyTables::default(),
        ..Tables::empty(0)
    })
}

/// Rows that are written along with their neighbours, though they have not changed, rather than by
/// another system call.
const GAP: usize = 64;

/// Writes the rows of a bank that holds `held` and is to hold `wanted`.
fn fill_rows<V: bytemuck::Pod + PartialEq>(
    map: &mut Rows<V>,
    bank: u32,
    held: &[V],
    wanted: &[V],
) -> Result<(), DataplaneError> {
    let half = map.len() / 2;
    if wanted.len() > half as usize {
        return Err(map.too_small(wanted.len()));
    }
    for run in runs(held, wanted) {
        let rows = wanted.get(run.clone()).unwrap_or_default();
        map.set_run(bank * half + run.start as u32, rows)?;
    }
    Ok(())
}

/// Where `wanted` is not as `held`.
fn runs<V: PartialEq>(held: &[V], wanted: &[V]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (row, value) in wanted.iter().enumerate() {
        if held.get(row) == Some(value) {
            continue;
        }
        match runs.last_mut() {
            Some(run) if row - run.end <= GAP => run.end = row + 1,
            _ => runs.push(row..row + 1),
        }
    }
    runs
}

/// The same for keyed rows. Those that go make room first.
fn fill_keyed<A: Copy + Ord, K: bytemuck::Pod, V: bytemuck::Pod + PartialEq>(
    map: &mut Hash<K, V>,
    key: impl Fn(A) -> K,
    held: &BTreeMap<A, V>,
    wanted: &BTreeMap<A, V>,
) -> Result<(), DataplaneError> {
    for at in held.keys().filter(|at| !wanted.contains_key(at)) {
        map.remove(key(*at));
    }
    for (at, value) in wanted {
        if held.get(at) != Some(value) {
            map.set(key(*at), *value)?;
        }
    }
    Ok(())
}

fn address_key(bank: u32, scope: u16, address: Addr) -> AddressKey {
    AddressKey {
        address,
        scope,
        bank: bank as u16,
        reserved: 0,
    }
}

fn listener_key(bank: u32, at: ListenerAt) -> ListenerKey {
    ListenerKey {
        load_balancer: at.load_balancer,
        port: at.port.to_be_bytes(),
        protocol: at.protocol,
        bank: bank as u8,
        family: at.family as u8,
        reserved: [0; 7],
    }
}

fn target_key(bank: u32, target: &TargetAt) -> TargetKey {
    TargetKey {
        address: target.address,
        port: target.port.to_be_bytes(),
        listener_port: target.listener_port.to_be_bytes(),
        load_balancer: target.load_balancer,
        protocol: target.protocol,
        bank: bank as u8,
        reserved: [0; 6],
    }
}

#[cfg(test)]
mod tests {
    use super::{GAP, runs};

    #[test]
    fn runs_hold_what_differs_and_small_gaps() {
        let held: Vec<u32> = (0..1_000).collect();
        let mut wanted = held.clone();
        assert!(runs(&held, &wanted).is_empty());
        let near = 10 + GAP + 1;
        for row in [0, 10, near, 700] {
            wanted[row] = 5_000;
        }
        wanted.push(1);
        assert_eq!(runs(&held, &wanted), [0..near + 1, 700..701, 1_000..1_001]);
        let all: Vec<_> = std::iter::once(0..1_001).collect();
        assert_eq!(runs(&[], &wanted), all, "nothing is known");
        assert!(runs(&held, &held[..5]).is_empty(), "shorter than before");
    }
}
