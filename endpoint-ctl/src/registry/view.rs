//! What is declared, beside what is in force: from the difference follow the states that the API shows.
//!
//! May import: std, registry's own, model.

use std::sync::Arc;

use super::Registry;
use crate::model::{Endpoint, EndpointZone, Kind, Model, SecurityGroupId, VSwitchId};

/// What was declared and what was in force at one moment.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// What is declared.
    pub declared: Arc<Registry>,
    /// What is in force.
    pub in_force: Arc<Registry>,
}

/// A state that a change of the packet path leads to or from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It is declared and not in force yet.
    Coming,
    /// It is in force, but something of it has changed since.
    Changing,
    /// It is in force as it is declared.
    There,
    /// It is in force, and no longer declared.
    Going,
}

impl View {
    /// The resources as they are declared.
    pub fn model(&self) -> &Model {
        &self.declared.model
    }

    /// An endpoint, declared or still in force.
    pub fn endpoint(&self, id: &str) -> Option<(&Endpoint, Progress)> {
        let now = self.declared.model.endpoints.get(id);
        let before = self.in_force.model.endpoints.get(id);
        match (now, before) {
            (Some(now), None) => Some((now, Progress::Coming)),
            (Some(now), Some(before)) if now != before => Some((now, Progress::Changing)),
            (Some(now), Some(_)) => Some((now, Progress::There)),
            (None, Some(before)) => Some((before, Progress::Going)),
            (None, None) => None,
        }
    }

    /// The registry that knows a resource: what is declared, or else what is in force.
    pub fn knows(&self, kind: Kind, id: &str) -> &Registry {
        if self.declared.origin(kind, id).is_some() {
            &self.declared
        } else {
            &self.in_force
        }
    }

    /// The security groups of an endpoint, and how far each is attached.
    pub fn groups(&self, endpoint: &Endpoint) -> Vec<(SecurityGroupId, Progress)> {
        let id = endpoint.id.as_str();
        let groups = |model: &Model| -> Vec<SecurityGroupId> {
            let endpoint = model.endpoints.get(id);
            endpoint.map_or_else(Vec::new, |one| one.security_groups.clone())
        };
        let now = groups(&self.declared.model);
        let before = groups(&self.in_force.model);
        let going = before.iter().filter(|one| !now.contains(one));
        let going = going.map(|one| (one.clone(), Progress::Going));
        let there = now.iter().map(|one| {
            let is_there = before.contains(one);
            let progress = if is_there {
                Progress::There
            } else {
                Progress::Coming
            };
            (one.clone(), progress)
        });
        there.chain(going).collect()
    }

    /// The zones of an endpoint, and how far each is connected.
    pub fn zones<'v>(&'v self, endpoint: &'v Endpoint) -> Vec<(&'v EndpointZone, Progress)> {
        let of = |model: &'v Model| -> &'v [EndpointZone] {
            let endpoint = model.endpoints.get(endpoint.id.as_str());
            endpoint.map_or(&[], |one| &one.zones)
        };
        let now = of(&self.declared.model);
        let before = of(&self.in_force.model);
        let has = |zones: &[EndpointZone], zone: &EndpointZone| {
            zones.iter().any(|one| one.zone == zone.zone)
        };
        let there = now.iter().map(|zone| {
            let progress = match before.iter().find(|one| one.zone == zone.zone) {
                None => Progress::Coming,
                Some(before) if before != zone => Progress::Changing,
                Some(_) => Progress::There,
            };
            (zone, progress)
        });
        let going = before.iter().filter(|zone| !has(now, zone));
        there
            .chain(going.map(|zone| (zone, Progress::Going)))
            .collect()
    }

    /// Whether the ACL that a vSwitch is bound to is in force there.
    pub fn is_bound(&self, vswitch: &VSwitchId) -> bool {
        let acl = |model: &Model| {
            let vswitch = model.vswitches.get(vswitch);
            vswitch.and_then(|one| one.network_acl.clone())
        };
        acl(&self.declared.model) == acl(&self.in_force.model)
    }
}
