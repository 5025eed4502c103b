//! A node's part of what several nodes share.
//!
//! May import: std, ipnet, the model's own modules.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use super::{
    Endpoint, EndpointZone, Model, NodeId, ProviderNetwork, ProviderNetworkId, SecurityGroupId,
    Uplink, VSwitch,
};

impl VSwitch {
    /// Whether it is bound to an interface of this node.
    pub fn is_at(&self, node: &NodeId) -> bool {
        self.interface.is_some() && self.node.as_ref().is_none_or(|its| its == node)
    }
}

impl Uplink {
    /// Whether it is this node's.
    pub fn is_of(&self, node: &NodeId) -> bool {
        self.node.as_ref().is_none_or(|its| its == node)
    }
}

impl Model {
    /// What this node has to do with: its vSwitches and the ENIs in them, its ways to provider networks and
    /// the load balancers there, and the rules of these. Of the others it has what its own rules are about:
    /// the [addresses of group members](Self::members_elsewhere).
    #[must_use]
    pub fn at(&self, node: &NodeId) -> Self {
        let mut part = self.clone();
        if self.is_all_at(node) {
            return part;
        }
        part.vswitches.retain(|_, vswitch| vswitch.is_at(node));
        part.keep_networks_of(node);
        part.keep_endpoints(self);
        part.keep_rules(self);
        part
    }

    fn is_all_at(&self, node: &NodeId) -> bool {
        let networks = &self.provider_networks;
        self.vswitches.values().all(|vswitch| vswitch.is_at(node))
            && networks
                .values()
                .all(|network| network.uplinks.iter().all(|uplink| uplink.is_of(node)))
    }

    fn keep_networks_of(&mut self, node: &NodeId) {
        let is_here = |network: &ProviderNetwork| network.uplinks.iter().any(|one| one.is_of(node));
        let networks = &mut self.provider_networks;
        networks.retain(|_, network| is_here(network));
        let shared = networks
            .values()
            .filter(|network| network.uplinks.len() > 1);
        let shared: Vec<_> = shared.map(|network| network.id.clone()).collect();
        for id in shared {
            if let Some(network) = networks.get_mut(&id) {
                network.uplinks.retain(|uplink| uplink.is_of(node));
            }
        }
        let networks = &self.provider_networks;
        let is_here = |network: &ProviderNetworkId| networks.contains_key(network);
        self.load_balancers
            .retain(|_, balancer| is_here(&balancer.provider_network));
        self.server_groups
            .retain(|_, group| is_here(&group.provider_network));
    }

    /// Keeps the zones whose vSwitches were kept, and what has any.
    fn keep_endpoints(&mut self, whole: &Self) {
        let vswitches = &self.vswitches;
        let is_here = |zone: &EndpointZone| vswitches.contains_key(&zone.vswitch);
        let endpoints = &mut self.endpoints;
        endpoints.retain(|_, endpoint| endpoint.zones.iter().any(is_here));
        for endpoint in whole.endpoints.values() {
            if endpoint.zones.iter().all(is_here) {
                continue;
            }
            if let Some(endpoint) = endpoints.get_mut(&endpoint.id) {
                endpoint.zones.retain(is_here);
            }
        }
    }

    /// Keeps the rules that are asked here, and who they are about.
    fn keep_rules(&mut self, whole: &Self) {
        let used: BTreeSet<_> = self.endpoints.values().flat_map(groups_of).collect();
        self.security_groups.retain(|id, _| used.contains(id));
        let acls: BTreeSet<_> = self
            .vswitches
            .values()
            .filter_map(|vswitch| vswitch.network_acl.as_ref())
            .collect();
        self.network_acls.retain(|id, _| acls.contains(id));
        self.members_elsewhere = self.elsewhere(whole);
    }

    fn elsewhere(&self, whole: &Self) -> BTreeMap<SecurityGroupId, Vec<IpNet>> {
        let mut members: BTreeMap<SecurityGroupId, Vec<IpNet>> = BTreeMap::new();
        let groups = whole.security_groups.values();
        for group in groups.filter(|group| !self.security_groups.contains_key(&group.id)) {
            if !group.members.is_empty() {
                members.insert(group.id.clone(), group.members.clone());
            }
        }
        for endpoint in whole.endpoints.values() {
            let is_here = |zone: &&EndpointZone| self.vswitches.contains_key(&zone.vswitch);
            let away = endpoint.zones.iter().filter(|zone| !is_here(zone));
            let away: Vec<_> = away.flat_map(EndpointZone::addresses).collect();
            if away.is_empty() {
                continue;
            }
            for id in groups_of(endpoint) {
                let its = members.entry(id.clone()).or_default();
                its.extend(away.iter().copied().map(IpNet::from));
            }
        }
        members
    }
}

/// The groups of an endpoint, the managed one among them.
fn groups_of(endpoint: &Endpoint) -> impl Iterator<Item = &SecurityGroupId> {
    let groups = endpoint.security_groups.iter();
    groups.chain([&endpoint.managed_group])
}
