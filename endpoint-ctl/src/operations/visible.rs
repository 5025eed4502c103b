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
    if registry.is_of(kind, id, account) {
        return Ok(());
    }
    Err(not_found(kind, id))
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
