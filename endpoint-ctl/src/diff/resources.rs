//! Resources that are added, changed and removed.
//!
//! May import: model, serde, std, fields.

use std::fmt::Display;

use serde::Serialize;

use super::fields::Fields;
use crate::model::{Kind, Model, Resources};

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
    let of_kind = |of| match of {
        Kind::Vpc => kind(of, &before.vpcs, &after.vpcs),
        Kind::VSwitch => kind(of, &before.vswitches, &after.vswitches),
        Kind::NetworkAcl => kind(of, &before.network_acls, &after.network_acls),
        Kind::PrefixList => kind(of, &before.prefix_lists, &after.prefix_lists),
        Kind::SecurityGroup => kind(of, &before.security_groups, &after.security_groups),
        Kind::ProviderNetwork => kind(of, &before.provider_networks, &after.provider_networks),
        Kind::ServerGroup => kind(of, &before.server_groups, &after.server_groups),
        Kind::LoadBalancer => kind(of, &before.load_balancers, &after.load_balancers),
        Kind::Service => kind(of, &before.services, &after.services),
        Kind::FlowLog => kind(of, &before.flow_logs, &after.flow_logs),
        Kind::Endpoint => kind(of, &before.endpoints, &after.endpoints),
    };
    Kind::ALL.into_iter().flat_map(of_kind).collect()
}

fn kind<I: Ord + Display, R: Fields + PartialEq>(
    kind: Kind,
    before: &Resources<I, R>,
    after: &Resources<I, R>,
) -> Vec<Change> {
    let differences = after.differences(before).into_iter();
    let changes = differences.filter_map(|difference| {
        let (change, fields) = match (difference.before, difference.now) {
            (None, Some(new)) if !new.is_implied() => ("added", Vec::new()),
            (Some(old), None) if !old.is_implied() => ("removed", Vec::new()),
            (Some(old), Some(new)) => ("changed", old.differ(new)),
            _ => return None,
        };
        Some(Change {
            kind: kind.name(),
            id: difference.id.to_string(),
            change,
            fields,
        })
    });
    let mut changes: Vec<_> = changes.collect();
    changes.sort_by(|a, b| a.id.cmp(&b.id));
    changes
}
