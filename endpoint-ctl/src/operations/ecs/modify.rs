//! Rules that are changed: what is given of them is new, the rest stays.
//!
//! May import: std, serde_json, api, model, registry, operations' own.

use serde_json::{Map, Value};

use super::permissions::{self, Given, said, told};
use super::revoke::no_rule;
use crate::api::{ApiError, Reader};
use crate::model::{Direction, Kind, SecurityGroup};
use crate::operations::answers::done;
use crate::operations::{Answer, Request};
use crate::registry::Change;

/// `ModifySecurityGroupRule`.
pub(super) fn ingress(change: &mut Change, request: &Request<'_>) -> Answer {
    modify(change, request, Direction::Ingress)
}

/// `ModifySecurityGroupEgressRule`.
pub(super) fn egress(change: &mut Change, request: &Request<'_>) -> Answer {
    modify(change, request, Direction::Egress)
}

fn modify(change: &mut Change, request: &Request<'_>, direction: Direction) -> Answer {
    let mut reader = request.reader();
    let (registry, account) = (change.registry(), request.account);
    let group = permissions::group(&mut reader, registry, account)?;
    let mut document = change.edit(Kind::SecurityGroup, group.id.as_str())?;
    let named = reader.text("SecurityGroupRuleId")?;
    let (id, given) = match named.filter(|id| !id.is_empty()) {
        Some(id) => {
            let given = Given::read_part(&mut reader, direction, registry, account)?;
            (id.to_owned(), given)
        }
        None => described(&mut reader, direction, change, request)?,
    };
    reader.finish();
    let mut rules = group.rules.iter();
    let place = rules.position(|rule| rule.id == id && rule.direction == direction);
    let rule = match document.fields.get_mut("Permissions") {
        Some(Value::Array(rules)) => place.and_then(|place| rules.get_mut(place)),
        _ => None,
    };
    let Some(Value::Object(rule)) = rule else {
        return Err(no_rule(&id));
    };
    permissions::merge(rule, given, direction);
    must_be_alone(change, group, rule, &id)?;
    change.replace(&document)?;
    Ok(done())
}

/// A rule that is described instead of named, of which the description is new: its id, and that.
fn described(
    reader: &mut Reader<'_>,
    direction: Direction,
    change: &Change,
    request: &Request<'_>,
) -> Result<(String, Map<String, Value>), ApiError> {
    let registry = change.registry();
    let group = permissions::group(reader, registry, request.account)?;
    let mut given = Given::read(reader, direction, registry, request.account)?;
    let [wanted] = &given.decode(change, group.id.as_str(), direction)?[..] else {
        return Err(ApiError::missing("SecurityGroupRuleId"));
    };
    let wanted = said(wanted);
    let Some(rule) = group.rules.iter().find(|rule| said(rule) == wanted) else {
        return Err(ApiError::new(
            404,
            "InvalidSecurityGroupRule.NotFound",
            format!("{} has no rule that says this.", group.id),
        )
        .mend("Name a rule by SecurityGroupRuleId."));
    };
    let mut rules = given.rules.into_iter().flatten();
    let description = rules.find(|(name, _)| name == "Description");
    Ok((rule.id.clone(), description.into_iter().collect()))
}

/// Refuses a rule that has faults, or says what another says.
fn must_be_alone(
    change: &Change,
    group: &SecurityGroup,
    rule: &Map<String, Value>,
    id: &str,
) -> Result<(), ApiError> {
    let read = change.rules(group.id.as_str(), std::slice::from_ref(rule));
    let read = read.map_err(|refusal| told(refusal, false))?;
    let wanted = read.first().map(said);
    let mut others = group.rules.iter().filter(|other| other.id != id);
    match others.find(|other| Some(said(other)) == wanted) {
        None => Ok(()),
        Some(other) => Err(ApiError::new(
            409,
            "SecurityGroupRuleConflict.Duplicate",
            format!("{} says the same already.", other.id),
        )
        .mend("Revoke one of the two.")),
    }
}
