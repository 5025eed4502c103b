//! Resources that are added, changed and removed.
//!
//! May import: model, serde, std, fields.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use serde::Serialize;

use super::fields::Fields;
use crate::model::Model;

/// A resource that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Change {
    /// Its `kind` in the manifest.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// `added`, `changed` or `removed`.
    pub change: &'static str,
    /// The fields that differ; rules by id.
    pub fields: Vec<String>,
}

/// What differs between two models, kind by kind, by id.
pub fn changes(before: &Model, after: &Model) -> Vec<Change> {
    let mut found = Vec::new();
    let all = &mut found;
    kind(all, "Vpc", &before.vpcs, &after.vpcs);
    kind(all, "VSwitch", &before.vswitches, &after.vswitches);
    kind(all, "NetworkAcl", &before.network_acls, &after.network_acls);
    kind(all, "PrefixList", &before.prefix_lists, &after.prefix_lists);
    let groups = (&before.security_groups, &after.security_groups);
    kind(all, "SecurityGroup", groups.0, groups.1);
    let networks = (&before.provider_networks, &after.provider_networks);
    kind(all, "ProviderNetwork", networks.0, networks.1);
    let balancers = (&before.load_balancers, &after.load_balancers);
    kind(all, "LoadBalancer", balancers.0, balancers.1);
    kind(all, "VpcEndpointService", &before.services, &after.services);
    kind(all, "VpcEndpoint", &before.endpoints, &after.endpoints);
    found
}

fn kind<I: Ord + Display, R: Fields + PartialEq>(
    found: &mut Vec<Change>,
    kind: &'static str,
    before: &BTreeMap<I, R>,
    after: &BTreeMap<I, R>,
) {
    let ids: BTreeSet<&I> = before.keys().chain(after.keys()).collect();
    for id in ids {
        let (change, fields) = match (before.get(id), after.get(id)) {
            (None, Some(new)) if !new.is_implied() => ("added", Vec::new()),
            (Some(old), None) if !old.is_implied() => ("removed", Vec::new()),
            (Some(old), Some(new)) if old != new => ("changed", old.differ(new)),
            _ => continue,
        };
        found.push(Change {
            kind,
            id: id.to_string(),
            change,
            fields,
        });
    }
}
