//! One generation, compiled: rows by table, in the ABI's types, indexes within the bank.
//!
//! May import: bytemuck, endpoint-common::abi, error, limits, numbers (their mend).

use std::collections::{BTreeMap, BTreeSet};

use bytemuck::Zeroable;
use endpoint_common::abi::Addr;
use endpoint_common::abi::flow::Family;
use endpoint_common::abi::policy::{PolicyNode, PolicySet, PolicySkip};
use endpoint_common::abi::service::{Address, Backend, Listener};

use super::Capacity;
use super::error::CompileError;
use super::limits::EniLimits;
use super::numbers::GIVEN_BACK;

/// Where a listener is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListenerAt {
    /// The load balancer's number.
    pub load_balancer: u32,
    /// The family clients speak.
    pub family: Family,
    /// IANA protocol number.
    pub protocol: u8,
    /// The listener's port.
    pub port: u16,
}

/// A target behind a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TargetAt {
    /// The load balancer's number.
    pub load_balancer: u32,
    /// IANA protocol number.
    pub protocol: u8,
    /// The listener's port.
    pub listener_port: u16,
    /// The backend's address.
    pub address: Addr,
    /// The backend's port.
    pub port: u16,
}

/// Compiled rule sets. Row 0 of each is unused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyTables {
    /// Nodes of tries.
    pub nodes: Vec<PolicyNode>,
    /// Ways without branches.
    pub skips: Vec<PolicySkip>,
    /// Rules of a prefix.
    pub sets: Vec<PolicySet>,
}

impl PolicyTables {
    /// No rule sets.
    pub(super) fn empty() -> Self {
        Self {
            nodes: vec![Zeroable::zeroed()],
            skips: vec![Zeroable::zeroed()],
            sets: vec![Zeroable::zeroed()],
        }
    }

    /// Rows of the longest of the three.
    fn longest(&self) -> usize {
        self.nodes.len().max(self.skips.len()).max(self.sets.len())
    }

    /// What the rows take, in bytes.
    pub fn bytes(&self) -> usize {
        size_of_val(&self.nodes[..]) + size_of_val(&self.skips[..]) + size_of_val(&self.sets[..])
    }
}

/// The rows of one generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// The generation these rows are.
    pub generation: u32,
    /// `ADDRESSES`, by network and address.
    pub addresses: BTreeMap<(u16, Addr), Address>,
    /// `POLICY`, `POLICY_SKIPS` and `POLICY_SETS`.
    pub policy: PolicyTables,
    /// `LISTENERS`.
    pub listeners: BTreeMap<ListenerAt, Listener>,
    /// `TARGETS`.
    pub targets: BTreeSet<TargetAt>,
    /// `MAGLEV`.
    pub maglev: Vec<u32>,
    /// `BACKENDS`.
    pub backends: Vec<Backend>,
    /// `NAT_ADDRESSES`.
    pub nat_addresses: Vec<Addr>,
    /// `LIMITS` of the ENIs that have any, by ENI index; not banked.
    pub limits: BTreeMap<u16, EniLimits>,
}

impl Tables {
    /// A generation in which nothing is ours.
    pub fn empty(generation: u32) -> Self {
        Self {
            generation,
            addresses: BTreeMap::new(),
            policy: PolicyTables::empty(),
            listeners: BTreeMap::new(),
            targets: BTreeSet::new(),
            maglev: Vec::new(),
            backends: Vec::new(),
            nat_addresses: Vec::new(),
            limits: BTreeMap::new(),
        }
    }

    /// Whether everything fits.
    pub(super) fn check(&self, capacity: &Capacity) -> Result<(), CompileError> {
        let service = "raise --service-rows or split the configuration over more nodes";
        let rows = [
            (
                "security-group and network-ACL rows",
                self.policy.longest(),
                capacity.policy_rows,
                "use fewer or wider rules, or raise --policy-rows",
            ),
            (
                "ENI and NAT addresses",
                self.addresses.len(),
                capacity.service_rows,
                service,
            ),
            (
                "listeners",
                self.listeners.len(),
                capacity.service_rows,
                service,
            ),
            (
                "targets",
                self.targets.len(),
                capacity.service_rows,
                service,
            ),
            (
                "Maglev slots",
                self.maglev.len(),
                capacity.maglev_slots,
                "use fewer listeners, or raise --maglev-slots",
            ),
            (
                "backends",
                self.backends.len(),
                capacity.backends,
                "use fewer servers, or raise --backends",
            ),
            (
                "NAT addresses",
                self.nat_addresses.len(),
                capacity.nat_addresses,
                "use fewer NatAddresses",
            ),
            (
                "ENI indexes",
                self.largest(|row| u32::from(row.eni)),
                capacity.enis,
                GIVEN_BACK,
            ),
            ("next hops", self.largest_hop(), capacity.hops, GIVEN_BACK),
        ];
        let over = rows
            .into_iter()
            .find(|(_, needed, capacity, _)| *needed > *capacity as usize);
        over.map_or(Ok(()), |(table, needed, capacity, mend)| {
            Err(CompileError {
                table,
                needed,
                capacity: capacity as usize,
                mend,
            })
        })
    }

    /// Rows up to the largest number that `number` finds in an address.
    fn largest(&self, number: impl Fn(&Address) -> u32) -> usize {
        self.addresses
            .values()
            .map(|row| number(row) as usize + 1)
            .max()
            .unwrap_or(0)
    }

    fn largest_hop(&self) -> usize {
        let backends = self
            .backends
            .iter()
            .map(|row| row.hop as usize + 1)
            .max()
            .unwrap_or(0);
        backends.max(self.largest(|row| row.hop.into()))
    }
}
