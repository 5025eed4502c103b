//! Which resources a caller may know of: its own.
//!
//! May import: api, model, registry, operations' own.

use super::refusals::not_found;
use crate::api::{ApiError, Reader};
use crate::model::{AccountId, Kind};
use crate::registry::Registry;

/// Refuses a resource that is not the caller's, as if there were none.
pub(super) fn own(
    registry: &Registry,
    kind: Kind,
    id: &str,
    account: &AccountId,
) -> Result<(), ApiError> {
    let is_own = registry.is_of(kind, id, account)
        || (kind == Kind::SecurityGroup && has_endpoint(registry, id, account));
    if is_own {
        return Ok(());
    }
    Err(not_found(kind, id))
}

/// Whether a group is the managed one of an endpoint of the caller's.
fn has_endpoint(registry: &Registry, group: &str, account: &AccountId) -> bool {
    let managed = registry.model.security_groups.get(group);
    if !managed.is_some_and(|group| group.service_managed) {
        return false;
    }
    let mut endpoints = registry.model.endpoints.values();
    let endpoint = endpoints.find(|endpoint| endpoint.managed_group.as_str() == group);
    endpoint.is_some_and(|one| registry.is_of(Kind::Endpoint, one.id.as_str(), account))
}

/// The id that a parameter must name, of a resource of the caller's.
pub(super) fn named<'p>(
    reader: &mut Reader<'p>,
    parameter: &'static str,
    kind: Kind,
    registry: &Registry,
    account: &AccountId,
) -> Result<&'p str, ApiError> {
    let id = reader.required(parameter)?;
    own(registry, kind, id, account)?;
    Ok(id)
}
