//! What is known of every server that the manifest names, from what their probes report.
//!
//! May import: model, jiff, tracing, std, drain, probe, standing, watch.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Change;
use super::drain::Moment;
use super::probe::Job;
use super::standing::State;
use super::watch::Report;
use crate::model::{Model, TargetId};

/// What is known of one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) state: State,
    /// Why, in words.
    pub(super) reason: String,
    pub(super) since: Timestamp,
    is_probed: bool,
}

impl Known {
    fn new(is_probed: bool, since: Timestamp) -> Self {
        let reason = if is_probed {
            "not probed yet"
        } else {
            "health checks are off"
        };
        Self {
            state: State::Unknown,
            reason: reason.to_owned(),
            since,
            is_probed,
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Targets {
    known: BTreeMap<TargetId, Known>,
    /// Listeners that have servers, but none for new flows.
    without_backend: BTreeSet<String>,
}

impl Targets {
    pub(super) fn get(&self, target: &TargetId) -> Option<&Known> {
        self.known.get(target)
    }

    pub(super) fn state(&self, target: &TargetId) -> State {
        self.get(target).map_or(State::Unknown, |known| known.state)
    }

    pub(super) fn unhealthy(&self) -> BTreeSet<TargetId> {
        let unhealthy = self
            .known
            .iter()
            .filter(|(_, known)| known.state == State::Unhealthy);
        unhealthy.map(|(target, _)| target.clone()).collect()
    }

    /// Takes over the targets of a model: what is known of those that stay is kept, as long as
    /// they are probed, or not, as before.
    pub(super) fn follow(&mut self, desired: &Model, jobs: &BTreeMap<TargetId, Job>, at: Moment) {
        let mut before = std::mem::take(&mut self.known);
        for (target, ..) in desired.targets() {
            let is_probed = jobs.contains_key(&target);
            let known = before
                .remove(&target)
                .filter(|known| known.is_probed == is_probed);
            let known = known.unwrap_or_else(|| Known::new(is_probed, at.wall));
            self.known.insert(target, known);
        }
    }

    /// Takes a report in.
    pub(super) fn take(&mut self, report: Report) -> Change {
        let Report {
            target,
            state,
            reason,
            when,
            ..
        } = report;
        let Some(known) = self.known.get_mut(&target) else {
            return Change::Shown;
        };
        let before = std::mem::replace(&mut known.state, state);
        known.reason = reason;
        if before == state {
            return Change::Shown;
        }
        known.since = when;
        match state {
            State::Healthy => tracing::info!("{target} is healthy"),
            State::Unhealthy => tracing::warn!("{target} is unhealthy: {}", known.reason),
            State::Unknown => {
                tracing::warn!(
                    "{target} counts as healthy, not being probed: {}",
                    known.reason
                );
            }
        }
        if [before, state].contains(&State::Unhealthy) {
            Change::Served
        } else {
            Change::Shown
        }
    }

    /// Says which listeners have lost their last server for new flows, and which have one again.
    pub(super) fn tell_without_backend(&mut self, served: &Model) {
        let without = without_backend(served);
        for listener in without.difference(&self.without_backend) {
            tracing::warn!("{listener} has no server left that takes new flows");
        }
        for listener in self.without_backend.difference(&without) {
            tracing::info!("{listener} has a server for new flows again");
        }
        self.without_backend = without;
    }
}

/// Listeners by family that have servers, all of weight 0.
fn without_backend(served: &Model) -> BTreeSet<String> {
    let mut heaviest = BTreeMap::new();
    for (target, _, server) in served.targets() {
        let family = if target.ip.is_ipv6() { "IPv6" } else { "IPv4" };
        let name = format!("{} ({family})", target.listener());
        let weight = heaviest.entry(name).or_insert(0);
        *weight = server.weight.max(*weight);
    }
    let without = heaviest.into_iter().filter(|(_, weight)| *weight == 0);
    without.map(|(name, _)| name).collect()
}
