//! Model to tables: pure, total and deterministic. The same model, numbers and generation give the
//! same tables; what does not fit is an error that names the resource.
//!
//! May import: model, endpoint-common. Never: aya, tokio, any other sibling.

mod address_trie;
mod error;
mod maglev;
mod node_store;
mod numbers;
mod policy;
mod tables;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use endpoint_common::abi::mapped;
use endpoint_common::abi::service::{Address, Backend, KIND_ENI, KIND_NAT, Listener};

use crate::model::{Endpoint, LoadBalancer, Model, ProviderNetwork, ProviderNetworkId};

pub use error::CompileError;
pub use maglev::TABLE_SLOTS;
pub use numbers::{HopTo, Numbers};
pub use policy::rule_names;
pub use tables::{ListenerAt, Tables, TargetAt};

use policy::PolicyCompiler;

/// What the loaded maps can hold, per generation where they are banked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Flow entries; a flow has two.
    pub flow_entries: u32,
    /// Nodes of compiled rule sets.
    pub policy_nodes: u32,
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
    /// ENI indexes.
    pub enis: u32,
    /// Bytes of the event ring; a power of two, a multiple of the page size.
    pub event_bytes: u32,
}

impl Default for Capacity {
    fn default() -> Self {
        Self {
            flow_entries: 262_144,
            policy_nodes: 65_536,
            maglev_slots: 1 << 20,
            backends: 8_192,
            nat_addresses: 1_024,
            service_rows: 16_384,
            hops: 8_192,
            enis: 4_096,
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
    let mut compiler = Compiler {
        model,
        numbers,
        policy: PolicyCompiler::new(model, numbers),
        tables: Tables::empty(generation),
    };
    let pools = compiler.nat_addresses();
    for load_balancer in model.load_balancers.values() {
        compiler.load_balancer(load_balancer, &pools)?;
    }
    for endpoint in model.endpoints.values() {
        compiler.endpoint(endpoint)?;
    }
    compiler.tables.policy = compiler.policy.into_nodes();
    compiler.tables.check(capacity)?;
    Ok(compiler.tables)
}

struct Compiler<'a> {
    model: &'a Model,
    numbers: &'a Numbers,
    policy: PolicyCompiler<'a>,
    tables: Tables,
}

/// First row and number of rows of a provider network's NAT addresses.
type Pools = BTreeMap<ProviderNetworkId, (u32, u32)>;

impl Compiler<'_> {
    fn nat_addresses(&mut self) -> Pools {
        let mut pools = Pools::new();
        for network in self.model.provider_networks.values() {
            let first = self.tables.nat_addresses.len() as u32;
            for address in &network.nat_addresses {
                self.tables.nat_addresses.push(mapped(address.octets()));
                self.own(network, *address);
            }
            pools.insert(
                network.id.clone(),
                (first, network.nat_addresses.len() as u32),
            );
        }
        pools
    }

    fn own(&mut self, network: &ProviderNetwork, address: Ipv4Addr) {
        let row = Address {
            kind: KIND_NAT,
            eni: 0,
            load_balancer: 0,
            acl_in: 0,
            acl_out: 0,
            group_in: 0,
            group_out: 0,
            hop: 0,
        };
        let scope = self.numbers.provider_scope(&network.id);
        self.tables
            .addresses
            .insert((scope, mapped(address.octets())), row);
    }

    fn load_balancer(
        &mut self,
        load_balancer: &LoadBalancer,
        pools: &Pools,
    ) -> Result<(), CompileError> {
        let network = &load_balancer.provider_network;
        let (nat_first, nat_count) = pools.get(network).copied().unwrap_or((0, 0));
        for listener in &load_balancer.listeners {
            let at = ListenerAt {
                load_balancer: self.numbers.load_balancer(&load_balancer.id),
                protocol: listener.transport.number(),
                port: listener.port,
            };
            let first_backend = self.tables.backends.len() as u32;
            for server in &listener.servers {
                let hop = HopTo::Backend(network.clone(), server.ip);
                self.tables.backends.push(Backend {
                    address: mapped(server.ip.octets()),
                    port: server.port.to_be_bytes(),
                    reserved: [0; 2],
                    hop: self.numbers.hop(&hop)?,
                });
                self.tables.targets.insert(TargetAt {
                    listener: at,
                    address: mapped(server.ip.octets()),
                    port: server.port,
                });
            }
            let table = maglev::table(&listener.servers);
            let row = Listener {
                first: self.tables.maglev.len() as u32,
                slots: table.len() as u32,
                nat_first,
                nat_count,
                scope: u32::from(self.numbers.provider_scope(network)),
            };
            let slots = table.into_iter().map(|place| first_backend + place);
            self.tables.maglev.extend(slots);
            self.tables.listeners.insert(at, row);
        }
        Ok(())
    }

    fn endpoint(&mut self, endpoint: &Endpoint) -> Result<(), CompileError> {
        let service = self.model.services.get(&endpoint.service);
        let load_balancer = service.map_or(0, |service| {
            self.numbers.load_balancer(&service.load_balancer)
        });
        let (group_in, group_out) = self.policy.security_groups(endpoint);
        for zone in &endpoint.zones {
            let (acl_in, acl_out) = self.policy.network_acl(&zone.vswitch);
            let row = Address {
                kind: KIND_ENI,
                eni: self.numbers.eni(&zone.eni)?,
                load_balancer,
                acl_in,
                acl_out,
                group_in,
                group_out,
                hop: self.numbers.hop(&HopTo::Clients(zone.vswitch.clone()))?,
            };
            let scope = self.numbers.vswitch_scope(&zone.vswitch);
            self.tables
                .addresses
                .insert((scope, mapped(zone.ip.octets())), row);
        }
        Ok(())
    }
}
