//! The provider's side: NAT addresses, and load balancers with their listeners, backends and
//! targets. Clients of one family reach servers of the same, from NAT addresses of the same.
//!
//! May import: model, endpoint-common::abi, error, family, maglev, numbers, tables.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use endpoint_common::abi::flow::Family;
use endpoint_common::abi::service::{Address, Backend, LISTENER_REJECTS, Listener as ListenerRow};

use super::error::CompileError;
use super::family::{family_of, row_address};
use super::maglev;
use super::numbers::{HopTo, Numbers};
use super::tables::{ListenerAt, Tables, TargetAt};
use crate::model::{
    Listener, LoadBalancer, LoadBalancerId, Model, OnNoBackend, ProviderNetwork, ProviderNetworkId,
    Server,
};

/// First row and number of rows of a provider network's NAT addresses of one family.
type Pools = BTreeMap<(ProviderNetworkId, Family), (u32, u32)>;

/// See the module.
pub(super) struct ServiceCompiler<'a> {
    model: &'a Model,
    numbers: &'a Numbers,
    /// Load balancers that some ENI reaches over IPv6.
    dual_stack: BTreeSet<&'a LoadBalancerId>,
    tables: Tables,
}

impl<'a> ServiceCompiler<'a> {
    pub(super) fn new(model: &'a Model, numbers: &'a Numbers) -> Self {
        let endpoints = model.endpoints.values();
        let dual_stack = endpoints
            .flat_map(|endpoint| endpoint.zones.iter().map(move |zone| (endpoint, zone)))
            .filter(|(_, zone)| zone.ipv6.is_some())
            .filter_map(|(endpoint, zone)| model.load_balancer(endpoint, zone))
            .map(|balancer| &balancer.id)
            .collect();
        Self {
            model,
            numbers,
            dual_stack,
            tables: Tables::empty(0),
        }
    }

    pub(super) fn into_tables(self, generation: u32) -> Tables {
        Tables {
            generation,
            ..self.tables
        }
    }

    /// The NAT addresses of all networks, each family's together.
    pub(super) fn nat_addresses(&mut self) -> Pools {
        let mut pools = Pools::new();
        for network in self.model.provider_networks.values() {
            for family in [Family::V4, Family::V6] {
                let first = self.tables.nat_addresses.len() as u32;
                let addresses = network.nat_addresses();
                for address in addresses.filter(|address| family_of(*address) == family) {
                    self.tables.nat_addresses.push(row_address(address));
                    self.own(network, address);
                }
                let count = self.tables.nat_addresses.len() as u32 - first;
                pools.insert((network.id.clone(), family), (first, count));
            }
        }
        pools
    }

    fn own(&mut self, network: &ProviderNetwork, address: IpAddr) {
        let row = Address::nat(0);
        let scope = self.numbers.provider_scope(&network.id);
        self.tables
            .addresses
            .insert((scope, row_address(address)), row);
    }

    /// A load balancer's listeners for every family that clients reach it over.
    pub(super) fn load_balancer(
        &mut self,
        load_balancer: &LoadBalancer,
        pools: &Pools,
    ) -> Result<(), CompileError> {
        let ipv6 = self.dual_stack.contains(&load_balancer.id);
        let families = [Some(Family::V4), ipv6.then_some(Family::V6)];
        for listener in &load_balancer.listeners {
            for family in families.into_iter().flatten() {
                self.listener(load_balancer, listener, family, pools)?;
            }
        }
        Ok(())
    }

    /// One listener for one family. Without servers of that family it has no backend.
    fn listener(
        &mut self,
        load_balancer: &LoadBalancer,
        listener: &Listener,
        family: Family,
        pools: &Pools,
    ) -> Result<(), CompileError> {
        let network = &load_balancer.provider_network;
        let pool = pools.get(&(network.clone(), family)).copied();
        let (nat_first, nat_count) = pool.unwrap_or((0, 0));
        let servers: Vec<&Server> = listener
            .servers
            .iter()
            .filter(|server| family_of(server.ip) == family)
            .collect();
        let at = ListenerAt {
            load_balancer: self.numbers.load_balancer(&load_balancer.id),
            family,
            protocol: listener.transport.number(),
            port: listener.port,
        };
        let first_backend = self.tables.backends.len() as u32;
        for server in &servers {
            self.server(at, network, server)?;
        }
        let table = maglev::table(&servers);
        let row = ListenerRow {
            first: self.tables.maglev.len() as u32,
            slots: table.len() as u32,
            nat_first,
            nat_count,
            scope: u32::from(self.numbers.provider_scope(network)),
            flags: match listener.on_no_backend {
                OnNoBackend::Drop => 0,
                OnNoBackend::Reject => LISTENER_REJECTS,
            },
        };
        let slots = table.into_iter().map(|place| first_backend + place);
        self.tables.maglev.extend(slots);
        self.tables.listeners.insert(at, row);
        Ok(())
    }

    fn server(
        &mut self,
        at: ListenerAt,
        network: &ProviderNetworkId,
        server: &Server,
    ) -> Result<(), CompileError> {
        let hop = HopTo::Backend(network.clone(), server.ip);
        self.tables.backends.push(Backend {
            address: row_address(server.ip),
            port: server.port.to_be_bytes(),
            reserved: [0; 2],
            hop: self.numbers.hop(&hop)?.into(),
        });
        let target = target(server, at.load_balancer, at.protocol, at.port);
        self.tables.targets.insert(target);
        Ok(())
    }
}

fn target(server: &Server, load_balancer: u32, protocol: u8, listener_port: u16) -> TargetAt {
    TargetAt {
        load_balancer,
        protocol,
        listener_port,
        address: row_address(server.ip),
        port: server.port,
    }
}

/// Targets of a load balancer that another one, with this number, took the place of: flows that are there
/// may go on, and no new ones come, since no listener leads to them.
pub(super) fn targets(replaced: &LoadBalancer, number: u32) -> impl Iterator<Item = TargetAt> {
    replaced.listeners.iter().flat_map(move |listener| {
        let servers = listener.servers.iter();
        servers
            .map(move |server| target(server, number, listener.transport.number(), listener.port))
    })
}
