//! Model to tables: pure, total and deterministic. The same model, numbers and generation give the
//! same tables; what does not fit is an error that names the resource.
//!
//! May import: model, endpoint-common. Never: aya, tokio, any other sibling.

mod address_trie;
mod distinct;
mod endpoint_policy;
mod error;
mod family;
mod given;
mod limits;
mod maglev;
mod node_store;
mod numbers;
mod policy;
mod port_tries;
mod reverse;
mod rule_names;
mod rule_numbers;
mod rule_set;
mod service;
mod tables;
#[cfg(test)]
mod tests;
mod trie_rule;

use endpoint_common::abi::service::{AUDITED, Address, KIND_ENI};

use crate::model::{Endpoint, EndpointType, EndpointZone, Model};

pub use error::CompileError;
pub use limits::{EniLimits, ticks};
pub use maglev::TABLE_SLOTS;
pub use numbers::{HopTo, Numbers};
pub use rule_names::{builtin, inner_name, rule_names};
pub use tables::{ListenerAt, PolicyTables, Tables, TargetAt};

use family::{family_of, row_address};
use policy::PolicyCompiler;
use service::ServiceCompiler;

/// What the loaded maps can hold, per generation where they are banked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Flows of each family; rounded up to a power of two.
    pub flows: u32,
    /// Rows of compiled rule sets, of each kind: nodes of tries, ways without branches, and rules of a
    /// prefix.
    pub policy_rows: u32,
    /// Slots of all Maglev tables.
    pub maglev_slots: u32,
    /// Backends.
    pub backends: u32,
    /// NAT addresses.
    pub nat_addresses: u32,
    /// ENI and NAT addresses, listeners, targets: each.
    pub service_rows: u32,
    /// Next hops.
    pub hops: u32,
    /// Datagrams in fragments, at a time.
    pub fragments: u32,
    /// ENI indexes.
    pub enis: u32,
    /// Rule numbers: rules of all security groups and network ACLs, the managed ones, and defaults.
    pub rules: u32,
    /// Bytes of the event ring; a power of two, a multiple of the page size.
    pub event_bytes: u32,
}

impl Default for Capacity {
    fn default() -> Self {
        Self {
            flows: 131_072,
            policy_rows: 65_536,
            maglev_slots: 1 << 21,
            backends: 8_192,
            nat_addresses: 1_024,
            service_rows: 16_384,
            hops: 8_192,
            fragments: 8_192,
            enis: 4_096,
            rules: 65_536,
            event_bytes: 4 << 20,
        }
    }
}

/// Compiles `model` as `generation`. `numbers` must have been [assigned](Numbers::assign) for it.
///
/// # Errors
/// The first table that does not hold what the model needs, by name, with both numbers.
pub fn compile(
    model: &Model,
    numbers: &Numbers,
    generation: u32,
    capacity: &Capacity,
) -> Result<Tables, CompileError> {
    let mut services = ServiceCompiler::new(model, numbers);
    let pools = services.nat_addresses();
    for load_balancer in model.load_balancers.values() {
        services.load_balancer(load_balancer, &pools)?;
    }
    let mut enis = EniCompiler {
        model,
        numbers,
        policy: PolicyCompiler::new(model, numbers),
        tables: services.into_tables(generation),
    };
    for endpoint in model.endpoints.values() {
        match endpoint.endpoint_type {
            EndpointType::Interface => {
                for zone in &endpoint.zones {
                    enis.zone(endpoint, zone)?;
                }
            }
            EndpointType::Reverse => enis.reverse_endpoint(endpoint)?,
        }
    }
    let mut tables = enis.tables;
    tables.policy = enis.policy.into_tables();
    tables.check(capacity)?;
    numbers.check_rules(model, capacity.rules)?;
    Ok(tables)
}

fn audit_flag(endpoint: &Endpoint) -> u16 {
    if endpoint.audit_mode { AUDITED } else { 0 }
}

struct EniCompiler<'a> {
    model: &'a Model,
    numbers: &'a Numbers,
    policy: PolicyCompiler<'a>,
    tables: Tables,
}

impl EniCompiler<'_> {
    /// A row for each address of an ENI, with the rule sets of its family.
    fn zone(&mut self, endpoint: &Endpoint, zone: &EndpointZone) -> Result<(), CompileError> {
        let connected = endpoint.is_connected(zone);
        let balancer = self.model.load_balancer(endpoint, zone);
        let load_balancer = balancer
            .filter(|_| connected)
            .map_or(0, |balancer| self.numbers.load_balancer(&balancer.id));
        let eni = self.numbers.eni(&zone.eni)?;
        let hop = self.numbers.hop(&HopTo::Clients(zone.vswitch.clone()))?;
        let scope = self.numbers.vswitch_scope(&zone.vswitch);
        if let Some(limits) = EniLimits::of(endpoint, self.model, self.numbers)? {
            self.tables.limits.insert(eni, limits);
        }
        if load_balancer != 0
            && let Some(replaced) = self.model.replaced(endpoint, zone)
        {
            let targets = service::targets(replaced, load_balancer);
            self.tables.targets.extend(targets);
        }
        for ip in zone.addresses() {
            let family = family_of(ip);
            let (acl_in, acl_out) = self.policy.network_acl(family, &zone.vswitch);
            let (group_in, group_out) = self.policy.security_groups(ip, endpoint);
            let policy_in = self.policy.endpoint_policy(family, endpoint);
            let row = Address {
                kind: KIND_ENI,
                eni,
                load_balancer,
                acl_in,
                acl_out,
                group_in,
                group_out,
                policy_in,
                hop,
                flags: audit_flag(endpoint),
            };
            self.tables.addresses.insert((scope, row_address(ip)), row);
        }
        Ok(())
    }
}
