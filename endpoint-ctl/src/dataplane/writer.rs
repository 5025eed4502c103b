//! Writes generations: fills the bank that is not in force, flips one word, waits for packets in
//! flight, clears the other bank.
//!
//! May import: aya, endpoint-common::abi, compiler (tables), the module's own.

use aya::Ebpf;
use endpoint_common::abi::Addr;
use endpoint_common::abi::flow::FlowLimits;
use endpoint_common::abi::meta::{Meta, PORT_PROBES, PORT_ROWS, Port};
use endpoint_common::abi::policy::PolicyNode;
use endpoint_common::abi::service::{
    Address, AddressKey, Backend, Hop, Listener, ListenerKey, TargetKey,
};

use super::maps::{Hash, Rows};
use super::{DataplaneError, grace};
use crate::compiler::{ListenerAt, Tables, TargetAt};

/// Handles to the maps that the controller writes.
pub(super) struct Writer {
    meta: Rows<Meta>,
    ports: Rows<Port>,
    addresses: Hash<AddressKey, Address>,
    policy: Rows<PolicyNode>,
    listeners: Hash<ListenerKey, Listener>,
    targets: Hash<TargetKey, u32>,
    maglev: Rows<u32>,
    backends: Rows<Backend>,
    nat_addresses: Rows<Addr>,
    hops: Rows<Hop>,
    limits: Rows<FlowLimits>,
    now: Meta,
    /// What the bank in force holds.
    in_force: Tables,
}

impl Writer {
    pub(super) fn take(
        ebpf: &mut Ebpf,
        secret: [u64; 2],
        limits: FlowLimits,
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
            listeners: Hash::take(ebpf, "LISTENERS")?,
            targets: Hash::take(ebpf, "TARGETS")?,
            maglev: Rows::take(ebpf, "MAGLEV")?,
            backends: Rows::take(ebpf, "BACKENDS")?,
            nat_addresses: Rows::take(ebpf, "NAT_ADDRESSES")?,
            hops: Rows::take(ebpf, "HOPS")?,
            limits: Rows::take(ebpf, "LIMITS")?,
            now,
            in_force: Tables::empty(0),
        };
        writer.set_limits(0, limits)?;
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

    pub(super) fn apply(&mut self, tables: &Tables) -> Result<(), DataplaneError> {
        let next = Meta {
            generation: tables.generation,
            bank: 1 - self.now.bank,
            ..self.now
        };
        let written = self
            .fill(next.bank, tables)
            .and_then(|()| self.meta.set(0, next));
        if let Err(error) = written {
            self.clear(next.bank, tables);
            return Err(error);
        }
        grace::wait_for_packets();
        let before = std::mem::replace(&mut self.in_force, tables.clone());
        self.clear(self.now.bank, &before);
        self.now = next;
        Ok(())
    }

    fn fill(&mut self, bank: u32, tables: &Tables) -> Result<(), DataplaneError> {
        fill_rows(&mut self.policy, bank, &tables.policy)?;
        fill_rows(&mut self.maglev, bank, &tables.maglev)?;
        fill_rows(&mut self.backends, bank, &tables.backends)?;
        fill_rows(&mut self.nat_addresses, bank, &tables.nat_addresses)?;
        for target in &tables.targets {
            self.targets.set(target_key(bank, target), 1)?;
        }
        for (at, listener) in &tables.listeners {
            self.listeners.set(listener_key(bank, *at), *listener)?;
        }
        for ((scope, address), row) in &tables.addresses {
            self.addresses
                .set(address_key(bank, *scope, *address), *row)?;
        }
        Ok(())
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
                let row = port.ifindex.wrapping_add(probe) % PORT_ROWS;
                if self.ports.get(row)?.ifindex == free {
                    return self.ports.set(row, port);
                }
            }
        }
        Err(DataplaneError::PortTableFull(port.ifindex))
    }

    pub(super) fn clear_port(&mut self, ifindex: u32) -> Result<(), DataplaneError> {
        for probe in 0..PORT_PROBES {
            let row = ifindex.wrapping_add(probe) % PORT_ROWS;
            if self.ports.get(row)?.ifindex == ifindex {
                let free = bytemuck::Zeroable::zeroed();

                self.ports.set(row, free)?;
            }
        }
        Ok(())
    }
}

fn fill_rows<V: bytemuck::Pod>(
    map: &mut Rows<V>,
    bank: u32,
    values: &[V],
) -> Result<(), DataplaneError> {
    let half = map.len() / 2;
    if values.len() > half as usize {
        return Err(map.too_small(values.len()));
    }
    let mut rows = bank * half..;
    values
        .iter()
        .zip(&mut rows)
        .try_for_each(|(value, row)| map.set(row, *value))
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
