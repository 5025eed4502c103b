//! What answers are made of.
//!
//! May import: std, jiff, serde_json, model, registry.

use serde_json::{Map, Value, json};

use crate::model::Kind;
use crate::registry::Registry;

/// The members of an answer.
pub(super) fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// An answer that has nothing but its `RequestId`.
pub(super) fn done() -> Map<String, Value> {
    Map::new()
}

/// `CreateTime` of a resource, such as `2026-11-23T10:26:09Z`; empty if it is not known.
pub(super) fn created(registry: &Registry, kind: Kind, id: &str) -> String {
    let origin = registry.origin(kind, id);
    origin.map_or_else(String::new, |origin| origin.created.to_string())
}

/// `OwnerId` of a resource: the account as a number, if it is one that fits.
pub(super) fn owner(registry: &Registry, kind: Kind, id: &str) -> Option<Value> {
    let origin = registry.origin(kind, id)?;
    let number: i64 = origin.account.as_str().parse().ok()?;
    Some(number.into())
}

/// Name of a resource, or an empty text.
pub(super) fn name<'r>(registry: &'r Registry, kind: Kind, id: &str) -> &'r str {
    let about = registry.model.about(kind, id);
    about
        .and_then(|about| about.name.as_deref())
        .unwrap_or_default()
}

/// Description of a resource, or an empty text.
pub(super) fn description<'r>(registry: &'r Registry, kind: Kind, id: &str) -> &'r str {
    let about = registry.model.about(kind, id);
    about
        .and_then(|about| about.description.as_deref())
        .unwrap_or_default()
}

/// `ResourceGroupId` of a resource, or an empty text.
pub(super) fn resource_group<'r>(registry: &'r Registry, kind: Kind, id: &str) -> &'r str {
    let about = registry.model.about(kind, id);
    about
        .and_then(|about| about.resource_group.as_deref())
        .unwrap_or_default()
}

/// Tags of a resource: `[{"Key":..., "Value":...}]`.
pub(super) fn tags(registry: &Registry, kind: Kind, id: &str) -> Vec<Value> {
    let about = registry.model.about(kind, id);
    let tags = about.into_iter().flat_map(|about| &about.tags);
    tags.map(|(key, value)| json!({ "Key": key, "Value": value }))
        .collect()
}

/// Whether a resource has all of these tags; an empty value stands for any.
pub(super) fn has_tags(registry: &Registry, kind: Kind, id: &str, wanted: &[(&str, &str)]) -> bool {
    let about = registry.model.about(kind, id);
    wanted.iter().all(|(key, value)| {
        let found = about.and_then(|about| about.tags.get(*key));
        found.is_some_and(|found| value.is_empty() || found == value)
    })
}
