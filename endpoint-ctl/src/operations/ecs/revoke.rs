//! Rules that are taken away: by their ids, or by what they say. One that is described and not there does no
//! harm.
//!
//! May import: std, serde_json, api, model, registry, operations' own.

use std::collections::HashSet;

use serde_json::Value;

use super::permissions::{Given, group, said};
use crate::api::ApiError;
use crate::model::{Direction, Kind, SecurityGroup};
use crate::operations::answers::done;
use crate::operations::{Answer, Request};
use crate::registry::Change;

/// Rules of one call.
const MOST: usize = 100;

/// `RevokeSecurityGroup`.
pub(super) fn ingress(change: &mut Change, request: &Request<'_>) -> Answer {
    revoke(change, request, Direction::Ingress)
}

/// `RevokeSecurityGroupEgress`.
pub(super) fn egress(change: &mut Change, request: &Request<'_>) -> Answer {
    revoke(change, request, Direction::Egress)
}

fn revoke(change: &mut Change, request: &Request<'_>, direction: Direction) -> Answer {
    let mut reader = request.reader();
    let (registry, account) = (change.registry(), request.account);
    let group = group(&mut reader, registry, account)?;
    let mut document = change.edit(Kind::SecurityGroup, group.id.as_str())?;
    let named = reader.texts("SecurityGroupRuleId", MOST)?;
    // Clients that know the id of a rule say what they know of it as well.
    let going: HashSet<&str> = if named.is_empty() {
        let mut given = Given::read(&mut reader, direction, registry, account)?;
        if given.rules.is_empty() {
            return Err(ApiError::missing("Permissions"));
        }
        let rules = given.decode(change, group.id.as_str(), direction)?;
        let rules: HashSet<_> = rules.iter().map(said).collect();
        let all = group.rules.iter();
        let going = all.filter(|rule| rules.contains(&said(rule)));
        going.map(|rule| rule.id.as_str()).collect()
    } else {
        must_have(group, &named, direction)?;
        named.into_iter().collect()
    };
    reader.finish();
    if going.is_empty() {
        return Ok(done());
    }
    if let Some(Value::Array(permissions)) = document.fields.get_mut("Permissions") {
        permissions.retain(|rule| {
            let id = rule.get("SecurityGroupRuleId").and_then(Value::as_str);
            !id.is_some_and(|id| going.contains(id))
        });
    }
    change.replace(&document)?;
    Ok(done())
}

fn must_have(group: &SecurityGroup, ids: &[&str], direction: Direction) -> Result<(), ApiError> {
    let rules = group.rules.iter();
    let rules = rules.filter(|rule| rule.direction == direction);
    let there: HashSet<_> = rules.map(|rule| rule.id.as_str()).collect();
    match ids.iter().find(|id| !there.contains(*id)) {
        None => Ok(()),
        Some(id) => Err(no_rule(id)),
    }
}

/// The group has no rule with that id in that direction.
pub(super) fn no_rule(id: &str) -> ApiError {
    ApiError::new(
        404,
        "InvalidSecurityGroupRuleId.NotFound",
        format!("The specified SecurityGroupRuleId does not exist: {id}."),
    )
}
