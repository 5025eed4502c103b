//! Reverse endpoints: the addresses at which a provider's hosts reach resources in the VPC. Each is a
//! load balancer of its own, whose listeners have one backend, the resource, and whose NAT address is
//! the ENI's: so flows, NAT and what cuts them are the same as for services.
//!
//! May import: model, endpoint-common::abi, error, family, numbers, tables, the ENI compiler.

use std::net::IpAddr;

use endpoint_common::abi::flow::Family;
use endpoint_common::abi::service::{Address, Backend, KIND_REVERSE, Listener as ListenerRow};

use super::error::CompileError;
use super::family::row_address;
use super::numbers::HopTo;
use super::tables::{ListenerAt, TargetAt};
use super::{EniCompiler, audit_flag};
use crate::model::{Endpoint, EndpointZone, ProviderNetworkId, ReverseResource};

impl EniCompiler<'_> {
    pub(super) fn reverse_endpoint(&mut self, endpoint: &Endpoint) -> Result<(), CompileError> {
        let Some(network) = self.model.provider_network(endpoint) else {
            return Ok(());
        };
        for zone in &endpoint.zones {
            let nat_first = self.nat_address(zone)?;
            let resources = endpoint.reversed();
            for (_, resource) in resources.filter(|(from, _)| from.zone == zone.zone) {
                self.service_address(endpoint, zone, network, resource)?;
                self.resource(zone, resource, nat_first)?;
            }
        }
        Ok(())
    }

    /// The ENI's address, which only answers are for; its row of `NAT_ADDRESSES`.
    fn nat_address(&mut self, zone: &EndpointZone) -> Result<u32, CompileError> {
        let address = row_address(zone.ip.into());
        let row = Address::nat(self.numbers.eni(&zone.eni)?);
        let scope = self.numbers.vswitch_scope(&zone.vswitch);
        self.tables.addresses.insert((scope, address), row);
        let first = self.tables.nat_addresses.len() as u32;
        self.tables.nat_addresses.push(address);
        Ok(first)
    }

    /// The address in the provider network.
    fn service_address(
        &mut self,
        endpoint: &Endpoint,
        zone: &EndpointZone,
        network: &ProviderNetworkId,
        resource: &ReverseResource,
    ) -> Result<(), CompileError> {
        let (acl_in, acl_out) = self.policy.network_acl(Family::V4, &zone.vswitch);
        let (_, group_out) = self.policy.security_groups(zone.ip.into(), endpoint);
        let row = Address {
            kind: KIND_REVERSE,
            eni: self.numbers.eni(&zone.eni)?,
            load_balancer: self.numbers.reversed(&zone.eni, resource.service_ip),
            acl_in,
            acl_out,
            group_in: 0,
            group_out,
            policy_in: 0,
            flags: audit_flag(endpoint),
            hop: self.numbers.hop(&HopTo::Callers(network.clone()))?,
        };
        let scope = self.numbers.provider_scope(network);
        let address = row_address(resource.service_ip.into());
        self.tables.addresses.insert((scope, address), row);
        Ok(())
    }

    /// The listener at that address, and the resource behind it.
    fn resource(
        &mut self,
        zone: &EndpointZone,
        resource: &ReverseResource,
        nat_first: u32,
    ) -> Result<(), CompileError> {
        let ip = IpAddr::V4(resource.ip);
        let at = ListenerAt {
            load_balancer: self.numbers.reversed(&zone.eni, resource.service_ip),
            family: Family::V4,
            protocol: resource.transport.number(),
            port: resource.service_port,
        };
        let row = ListenerRow {
            first: self.tables.maglev.len() as u32,
            slots: 1,
            nat_first,
            nat_count: 1,
            scope: u32::from(self.numbers.vswitch_scope(&zone.vswitch)),
            flags: 0,
        };
        let hop = HopTo::Resource(zone.vswitch.clone(), ip);
        self.tables.maglev.push(self.tables.backends.len() as u32);
        self.tables.backends.push(Backend {
            address: row_address(ip),
            port: resource.port.to_be_bytes(),
            reserved: [0; 2],
            hop: self.numbers.hop(&hop)?.into(),
        });
        self.tables.listeners.insert(at, row);
        self.tables.targets.insert(TargetAt {
            load_balancer: at.load_balancer,
            protocol: at.protocol,
            listener_port: at.port,
            address: row_address(ip),
            port: resource.port,
        });
        Ok(())
    }
}
