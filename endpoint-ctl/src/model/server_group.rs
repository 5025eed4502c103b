//! Server groups: servers that listeners share, and how they are probed.
//!
//! A listener that names a group holds what the group has, so that nothing else needs to know of groups.
//!
//! May import: std, the model's own modules.

use std::time::Duration;

use super::{HealthCheck, Listener, Model, ProviderNetworkId, Server, ServerGroupId, Transport};

/// Servers, for listeners to name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerGroup {
    /// `ServerGroupId`.
    pub id: ServerGroupId,
    /// The provider network its servers are in.
    pub provider_network: ProviderNetworkId,
    /// `Protocol`: that of the listeners that may name it.
    pub transport: Transport,
    /// `HealthCheckConfig`; without it, servers are not probed.
    pub health_check: Option<HealthCheck>,
    /// `ConnectionDrainTimeout`, if `ConnectionDrainEnabled`.
    pub connection_drain_timeout: Option<Duration>,
    /// `Servers`; (ip, port) is unique. May be empty.
    pub servers: Vec<Server>,
}

impl ServerGroup {
    /// Whether a listener has what the group has.
    fn is_in(&self, listener: &Listener) -> bool {
        listener.health_check == self.health_check
            && listener.connection_drain_timeout == self.connection_drain_timeout
            && listener.servers == self.servers
    }

    fn put_into(&self, listener: &mut Listener) {
        listener.health_check.clone_from(&self.health_check);
        listener.connection_drain_timeout = self.connection_drain_timeout;
        listener.servers.clone_from(&self.servers);
    }
}

impl Model {
    /// Gives every listener that names a group what the group has. Load balancers that have it already are
    /// not touched, so that they stay the same to those who compare.
    pub fn resolve_server_groups(&mut self) {
        let groups = &self.server_groups;
        let group = |listener: &Listener| groups.get(listener.server_group.as_ref()?);
        let is_stale =
            |listener: &Listener| group(listener).is_some_and(|one| !one.is_in(listener));
        let balancers = self.load_balancers.values();
        let stale = balancers.filter(|balancer| balancer.listeners.iter().any(is_stale));
        let stale: Vec<_> = stale.map(|balancer| balancer.id.clone()).collect();
        for id in stale {
            let Some(balancer) = self.load_balancers.get_mut(&id) else {
                continue;
            };
            for listener in &mut balancer.listeners {
                if let Some(group) = group(listener) {
                    group.put_into(listener);
                }
            }
        }
    }
}
