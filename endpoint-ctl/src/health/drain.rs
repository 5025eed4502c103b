//! Which servers drain, and the model that is served meanwhile. Pure: the time is told.
//!
//! A server drains when the manifest says so, or when it is named no more while its listener
//! drains. Until its deadline it stays in the model that is served, without new flows; then it goes
//! from it, and with it the flows it had.
//!
//! May import: model, std, jiff.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::model::{Listener, LoadBalancer, LoadBalancerId, Model, Server, TargetId};

/// A moment, on the clock that measures and on the one that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// For deadlines.
    pub at: Instant,
    /// For people.
    pub wall: Timestamp,
}

impl Moment {
    /// This one.
    pub fn now() -> Self {
        Self {
            at: Instant::now(),
            wall: Timestamp::now(),
        }
    }
}

/// A server that drains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Drain {
    /// Since when.
    pub(super) since: Moment,
    /// As the manifest named it last.
    pub(super) server: Server,
    /// Whether the manifest names it still.
    pub(super) is_named: bool,
    /// How long it may, by its listener as it is now.
    timeout: Duration,
}

impl Drain {
    fn deadline(&self) -> Instant {
        self.since.at + self.timeout
    }

    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.deadline() <= now
    }

    /// The deadline as people see it.
    pub(super) fn until(&self) -> Timestamp {
        self.since
            .wall
            .saturating_add(self.timeout)
            .unwrap_or(Timestamp::MAX)
    }
}

/// The servers that drain, those that are done with it but still named included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Drains(BTreeMap<TargetId, Drain>);

impl Drains {
    /// What drains once the manifest says `after` instead of `before`. What has been draining goes
    /// on from where it is.
    pub(super) fn follow(&self, before: &Model, after: &Model, now: Moment) -> Self {
        let mut drains = BTreeMap::new();
        for (balancer, listener) in listeners(after) {
            let Some(timeout) = listener.connection_drain_timeout else {
                continue;
            };
            let named = named(balancer, listener);
            let drain = |(id, server): (TargetId, Server)| {
                let since = self.0.get(&id).map_or(now, |drain| drain.since);
                let is_named = named.contains_key(&id);
                let drain = Drain {
                    since,
                    server,
                    is_named,
                    timeout,
                };
                (id, drain)
            };
            let asked_for = named.clone().into_iter().filter(|(_, server)| server.drain);
            drains.extend(asked_for.map(drain));
            let mut leaving = self.known_before(before, balancer, listener);
            leaving.retain(|id, _| !named.contains_key(id));
            let leaving = leaving.into_iter().map(drain);
            drains.extend(leaving.filter(|(_, drain)| !drain.is_over(now.at)));
        }
        Self(drains)
    }

    /// The servers a listener had before: those named, and those that were leaving then. None if
    /// it led to another network: flows do not move to this one.
    fn known_before(
        &self,
        before: &Model,
        balancer: &LoadBalancer,
        listener: &Listener,
    ) -> BTreeMap<TargetId, Server> {
        let old = before.load_balancers.get(&balancer.id);
        let old = old.filter(|old| old.provider_network == balancer.provider_network);
        let Some(old) = old else {
            return BTreeMap::new();
        };
        let key = |one: &Listener| (one.transport, one.port);
        let mut listeners = old.listeners.iter();
        let old_listener = listeners.find(|one| key(one) == key(listener));
        let mut servers = old_listener.map_or_else(BTreeMap::new, |one| named(old, one));
        let leaving = self.leaving_from(&balancer.id, listener);
        servers.extend(leaving.map(|(id, drain)| (id.clone(), drain.server.clone())));
        servers
    }

    /// The model to serve: who takes no new flows has weight 0, whether it drains or is unhealthy;
    /// who is leaving is still there; who has drained is not.
    pub(super) fn served(
        &self,
        desired: &Model,
        unhealthy: &BTreeSet<TargetId>,
        now: Instant,
    ) -> Model {
        let mut served = desired.clone();
        for LoadBalancer { id, listeners, .. } in served.load_balancers.values_mut() {
            for listener in listeners {
                let mut servers = std::mem::take(&mut listener.servers);
                let leaving = self.leaving_from(id, listener);
                servers.extend(leaving.map(|(_, drain)| drain.server.clone()));
                servers.retain_mut(|server| {
                    let target = TargetId::new(id, listener, server);
                    let drain = self.0.get(&target);
                    let fails = listener.health_check.is_some() && unhealthy.contains(&target);
                    if fails || drain.is_some() {
                        server.weight = 0;
                    }
                    drain.is_none_or(|drain| !drain.is_over(now))
                });
                listener.servers = servers;
            }
        }
        served
    }

    /// When the next server is done draining, after `now`.
    pub(super) fn next_deadline(&self, now: Instant) -> Option<Instant> {
        let deadlines = self.0.values().map(Drain::deadline);
        deadlines.filter(|deadline| *deadline > now).min()
    }

    pub(super) fn get(&self, id: &TargetId) -> Option<&Drain> {
        self.0.get(id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&TargetId, &Drain)> {
        self.0.iter()
    }

    /// Those the manifest does not name any more.
    pub(super) fn leaving(&self) -> impl Iterator<Item = (&TargetId, &Drain)> {
        self.0.iter().filter(|(_, drain)| !drain.is_named)
    }

    fn leaving_from(
        &self,
        balancer: &LoadBalancerId,
        listener: &Listener,
    ) -> impl Iterator<Item = (&TargetId, &Drain)> {
        self.leaving()
            .filter(|(id, _)| id.is_behind(balancer, listener))
    }
}

fn listeners(model: &Model) -> impl Iterator<Item = (&LoadBalancer, &Listener)> {
    let balancers = model.load_balancers.values();
    balancers.flat_map(|balancer| balancer.listeners.iter().map(move |one| (balancer, one)))
}

fn named(balancer: &LoadBalancer, listener: &Listener) -> BTreeMap<TargetId, Server> {
    let servers = listener.servers.iter();
    servers
        .map(|server| {
            (
                TargetId::new(&balancer.id, listener, server),
                server.clone(),
            )
        })
        .collect()
}
