//! Small numbers for names, stable from generation to generation: live flows and counters refer
//! to ENIs, networks, hops and rules by number, so a number is never given to another name.
//!
//! May import: model, error, policy (the names of rules).

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::error::CompileError;
use super::policy::rule_names;
use crate::model::{EniId, LoadBalancerId, Model, ProviderNetworkId, VSwitchId};

/// Whom a hop leads to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum HopTo {
    /// The clients of a vSwitch, each by the MAC its flow came from.
    Clients(VSwitchId),
    /// One backend address of a provider network.
    Backend(ProviderNetworkId, IpAddr),
    /// The hosts of a provider network that reach into VPCs, each by the MAC its flow came from.
    Callers(ProviderNetworkId),
    /// One resource that a vSwitch leads to.
    Resource(VSwitchId, IpAddr),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Network {
    VSwitch(VSwitchId),
    Provider(ProviderNetworkId),
}

/// What has listeners.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Balancer {
    Service(LoadBalancerId),
    /// The resources that are reached at one address from one ENI.
    Reverse(EniId, Ipv4Addr),
}

/// The numbers given so far. Numbers start at 1: 0 means "none" in every table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbers {
    scopes: BTreeMap<Network, u32>,
    enis: BTreeMap<EniId, u32>,
    load_balancers: BTreeMap<Balancer, u32>,
    hops: BTreeMap<HopTo, u32>,
    rules: BTreeMap<String, u32>,
}

fn assign<K: Ord>(map: &mut BTreeMap<K, u32>, key: K) {
    let next = map.len() as u32 + 1;
    map.entry(key).or_insert(next);
}

fn row<K: Ord>(map: &BTreeMap<K, u32>, key: &K, table: &'static str) -> Result<u16, CompileError> {
    let number = map.get(key).copied().unwrap_or(0);
    u16::try_from(number).map_err(|_| CompileError {
        table,
        needed: number as usize,
        capacity: usize::from(u16::MAX),
        mend: "restart the daemon to give the numbers of deleted ones back",
    })
}

impl Numbers {
    /// Gives a number to every name in `model` that has none yet.
    pub fn assign(&mut self, model: &Model) {
        for vswitch in model.vswitches.keys() {
            assign(&mut self.scopes, Network::VSwitch(vswitch.clone()));
            assign(&mut self.hops, HopTo::Clients(vswitch.clone()));
        }
        for network in model.provider_networks.keys() {
            assign(&mut self.scopes, Network::Provider(network.clone()));
        }
        for load_balancer in model.load_balancers.values() {
            let balancer = Balancer::Service(load_balancer.id.clone());
            assign(&mut self.load_balancers, balancer);
            for server in load_balancer
                .listeners
                .iter()
                .flat_map(|listener| &listener.servers)
            {
                let network = load_balancer.provider_network.clone();
                assign(&mut self.hops, HopTo::Backend(network, server.ip));
            }
        }
        for zone in model
            .endpoints
            .values()
            .flat_map(|endpoint| &endpoint.zones)
        {
            assign(&mut self.enis, zone.eni.clone());
        }
        self.assign_reversed(model);
        for name in rule_names(model) {
            if !self.rules.contains_key(name.as_ref()) {
                assign(&mut self.rules, name.into_owned());
            }
        }
    }

    fn assign_reversed(&mut self, model: &Model) {
        for endpoint in model.endpoints.values() {
            for (zone, resource) in endpoint.reversed() {
                let balancer = Balancer::Reverse(zone.eni.clone(), resource.service_ip);
                assign(&mut self.load_balancers, balancer);
                let hop = HopTo::Resource(zone.vswitch.clone(), resource.ip.into());
                assign(&mut self.hops, hop);
                if let Some(network) = model.provider_network(endpoint) {
                    assign(&mut self.hops, HopTo::Callers(network.clone()));
                }
            }
        }
    }

    /// The number of a vSwitch's network, 0 if it has none.
    pub fn vswitch_scope(&self, vswitch: &VSwitchId) -> u16 {
        self.scope(&Network::VSwitch(vswitch.clone()))
    }

    /// The number of a provider network, 0 if it has none.
    pub fn provider_scope(&self, network: &ProviderNetworkId) -> u16 {
        self.scope(&Network::Provider(network.clone()))
    }

    fn scope(&self, network: &Network) -> u16 {
        self.scopes.get(network).copied().unwrap_or(0) as u16
    }

    /// The row of an ENI's counters.
    ///
    /// # Errors
    /// When more ENIs were seen than numbers fit the table's rows.
    pub fn eni(&self, eni: &EniId) -> Result<u16, CompileError> {
        row(&self.enis, eni, "ENI indexes")
    }

    /// The row of a hop.
    ///
    /// # Errors
    /// As for [`Self::eni`].
    pub fn hop(&self, hop: &HopTo) -> Result<u32, CompileError> {
        row(&self.hops, hop, "next hops").map(u32::from)
    }

    /// The number of a load balancer, 0 if it has none.
    pub fn load_balancer(&self, id: &LoadBalancerId) -> u32 {
        let balancer = Balancer::Service(id.clone());
        self.load_balancers.get(&balancer).copied().unwrap_or(0)
    }

    /// The number of what stands for a load balancer where the provider's hosts reach resources at
    /// `service_ip` from this ENI, 0 if it has none.
    pub fn reversed(&self, eni: &EniId, service_ip: Ipv4Addr) -> u32 {
        let balancer = Balancer::Reverse(eni.clone(), service_ip);
        self.load_balancers.get(&balancer).copied().unwrap_or(0)
    }

    /// The number of a rule, 0 if it has none.
    pub fn rule(&self, name: &str) -> u32 {
        self.rules.get(name).copied().unwrap_or(0)
    }

    /// Every hop with its row.
    pub fn hops(&self) -> impl Iterator<Item = (&HopTo, u32)> {
        self.hops.iter().map(|(hop, number)| (hop, *number))
    }

    /// Every ENI with its index.
    pub fn enis(&self) -> impl Iterator<Item = (&EniId, u16)> {
        self.enis.iter().map(|(eni, number)| (eni, *number as u16))
    }

    /// Every rule id with its number.
    pub fn rules(&self) -> impl Iterator<Item = (&str, u32)> {
        self.rules
            .iter()
            .map(|(name, number)| (name.as_str(), *number))
    }
}
