//! What is declared and not in force, or in force only in part.
//!
//! May import: std, the model's own modules.

use std::collections::BTreeSet;

use super::{Endpoint, Model, VSwitchId};

impl Model {
    /// A sentence for each: where, what, and what happens instead.
    pub fn notices(&self) -> Vec<String> {
        let endpoints = self.endpoints.values();
        let mut notices: Vec<_> = endpoints.flat_map(of_policy).collect();
        let endpoints = self.endpoints.values();
        notices.extend(endpoints.flat_map(|endpoint| self.of_network(endpoint)));
        notices.extend(self.of_vswitches());
        notices
    }

    /// Zones at a node that has no way to the service.
    fn of_network(&self, endpoint: &Endpoint) -> Vec<String> {
        let network = self.provider_network(endpoint);
        let network = network.and_then(|id| self.provider_networks.get(id));
        let Some(network) = network else {
            return Vec::new();
        };
        let lost = endpoint.zones.iter().filter_map(|zone| {
            let node = self.vswitches.get(&zone.vswitch)?.node.as_ref()?;
            let has_way = network.uplinks.iter().any(|uplink| uplink.is_of(node));
            (!has_way).then(|| {
                format!(
                    "{}: Zones: {} is at node {node}, which has no uplink to {}: nothing gets through there",
                    endpoint.id, zone.zone, network.id
                )
            })
        });
        lost.collect()
    }

    /// vSwitches that nothing arrives from, of those that have ENIs.
    fn of_vswitches(&self) -> impl Iterator<Item = String> {
        let zones = self.endpoints.values().flat_map(|one| &one.zones);
        let used: BTreeSet<&VSwitchId> = zones.map(|zone| &zone.vswitch).collect();
        let vswitches = used.into_iter().filter_map(|id| self.vswitches.get(id));
        let unbound = vswitches.filter(|vswitch| vswitch.interface.is_none());
        unbound.map(|vswitch| {
            format!(
                "{}: Interface is missing: nothing arrives at the ENIs in it",
                vswitch.id
            )
        })
    }
}

fn of_policy(endpoint: &Endpoint) -> impl Iterator<Item = String> {
    let notices = endpoint.policy.notices();
    notices.map(move |notice| format!("{}: PolicyDocument: {notice}", endpoint.id))
}
