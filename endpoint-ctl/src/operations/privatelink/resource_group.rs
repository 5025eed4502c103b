//! `ChangeResourceGroup`. There are no groups of resources here; which one a resource is in is kept, shown
//! and looked for.
//!
//! May import: api, model, registry, operations' own.

use super::service::given;
use crate::api::{ApiError, Reader};
use crate::model::Kind;
use crate::operations::answers::done;
use crate::operations::visible::own;
use crate::operations::{Answer, Request};
use crate::registry::Change;

pub(super) fn change(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let group = reader.required("ResourceGroupId")?;
    let id = reader.required("ResourceId")?;
    let kind = kind(&mut reader, id, change)?;
    reader.finish();
    own(change.registry(), kind, id, request.account)?;
    let mut document = change.edit(kind, id)?;
    document.set("ResourceGroupId", group);
    change.replace(&document)?;
    Ok(done())
}

fn kind(reader: &mut Reader<'_>, id: &str, change: &Change) -> Result<Kind, ApiError> {
    match given(reader, "ResourceType")? {
        Some("VpcEndpoint") => Ok(Kind::Endpoint),
        Some("VpcEndpointService") => Ok(Kind::Service),
        Some(_) => {
            let why = "it is neither VpcEndpoint nor VpcEndpointService";
            Err(reader.invalid("ResourceType", why))
        }
        None if change.model().services.contains_key(id) => Ok(Kind::Service),
        None => Ok(Kind::Endpoint),
    }
}
