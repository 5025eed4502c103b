//! Rules that are added. Those that a group has already are not added again, and do no harm.
//!
//! May import: std, serde_json, api, model, registry, operations' own.

use std::collections::HashSet;

use serde_json::Value;

use super::permissions::{Given, group, said};
use crate::api::ApiError;
use crate::model::{Direction, Kind};
use crate::operations::answers::done;
use crate::operations::{Answer, Request};
use crate::registry::Change;

/// `AuthorizeSecurityGroup`.
pub(super) fn ingress(change: &mut Change, request: &Request<'_>) -> Answer {
    authorize(change, request, Direction::Ingress)
}

/// `AuthorizeSecurityGroupEgress`.
pub(super) fn egress(change: &mut Change, request: &Request<'_>) -> Answer {
    authorize(change, request, Direction::Egress)
}

fn authorize(change: &mut Change, request: &Request<'_>, direction: Direction) -> Answer {
    let mut reader = request.reader();
    let (registry, account) = (change.registry(), request.account);
    let group = group(&mut reader, registry, account)?;
    let mut document = change.edit(Kind::SecurityGroup, group.id.as_str())?;
    let mut given = Given::read(&mut reader, direction, registry, account)?;
    reader.finish();
    if given.rules.is_empty() {
        return Err(ApiError::missing("Permissions"));
    }
    let rules = given.decode(change, group.id.as_str(), direction)?;
    let mut known: HashSet<_> = group.rules.iter().map(said).collect();
    let new: Vec<_> = given
        .rules
        .into_iter()
        .zip(&rules)
        .filter(|(_, rule)| known.insert(said(rule)))
        .map(|(given, _)| Value::Object(given))
        .collect();
    if new.is_empty() {
        return Ok(done());
    }
    if let Some(Value::Array(permissions)) = document.fields.get_mut("Permissions") {
        permissions.extend(new);
    }
    change.replace(&document)?;
    Ok(done())
}
