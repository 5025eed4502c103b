//! `UpdateVpcEndpointZoneConnectionResourceAttribute`: which resource serves a zone of an endpoint.
//!
//! While the zone is not connected, one is chosen for it (`ResourceAllocateMode`). While it is, it is moved
//! from one to another (`ResourceReplaceMode`): with `Force` its flows end, with `Graceful` they may go on at the
//! servers they are at, until `DisableVpcEndpointZoneConnection` with `ReplacedResource` ends them.
//!
//! May import: serde_json, api, model, registry, operations' own.

use super::connections::{REPLACED, denied, edit_zone, endpoint, zone};
use super::service::given;
use super::service_resources::nlb_only;
use crate::api::{ApiError, Reader};
use crate::model::{Endpoint, EndpointZone, Model};
use crate::operations::{Answer, Request};
use crate::registry::Change;

const RESOURCE: &str = "ResourceId";
const REPLACE: &str = "ResourceReplaceMode";
const ALLOCATE: &str = "ResourceAllocateMode";

/// What is to become of a zone.
enum Wish<'p> {
    /// It gets the resource that is found for it.
    Auto,
    /// It gets this one.
    Manual(&'p str),
    /// It is moved to this one, and its flows end.
    Force(&'p str),
    /// It is moved to this one, and its flows go on.
    Graceful(&'p str),
}

pub(super) fn update(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let endpoint = endpoint(change, &mut reader, request)?;
    let zone = zone(&mut reader, endpoint)?;
    let wish = Wish::read(&mut reader)?;
    wish.check(&reader, endpoint, zone, change.model())?;
    reader.finish();
    let serving = change.model().load_balancer(endpoint, zone);
    let serving = serving.map(|one| one.id.to_string());
    let (endpoint, zone) = (endpoint.id.to_string(), zone.zone.to_string());
    edit_zone(change, &endpoint, &zone, |fields| {
        fields.remove(REPLACED);
        match wish {
            Wish::Auto => drop(fields.remove(RESOURCE)),
            Wish::Manual(id) | Wish::Force(id) => {
                fields.insert(RESOURCE.to_owned(), id.into());
            }
            Wish::Graceful(id) => {
                fields.insert(RESOURCE.to_owned(), id.into());
                if let Some(serving) = &serving {
                    fields.insert(REPLACED.to_owned(), serving.as_str().into());
                }
            }
        }
    })
}

impl<'p> Wish<'p> {
    fn read(reader: &mut Reader<'p>) -> Result<Self, ApiError> {
        let allocate = given(reader, ALLOCATE)?;
        let replace = given(reader, REPLACE)?;
        if let Some(kind) = given(reader, "ResourceType")? {
            nlb_only(reader, "ResourceType", kind)?;
        }
        let wish = match (replace, allocate) {
            (None, None) => return Err(ApiError::missing(ALLOCATE)),
            (Some(_), Some("Auto")) => {
                let why = "a resource to move to is named, so it is not found by itself";
                return Err(reader.invalid(ALLOCATE, why));
            }
            (None, Some("Auto")) => return Ok(Self::Auto),
            (_, Some(mode)) if mode != "Manual" => {
                return Err(reader.invalid(ALLOCATE, "it is neither Auto nor Manual"));
            }
            (None, Some(_)) => Self::Manual,
            (Some("Force"), _) => Self::Force,
            (Some("Graceful"), _) => Self::Graceful,
            (Some(_), _) => return Err(reader.invalid(REPLACE, "it is neither Graceful nor Force")),
        };
        Ok(wish(reader.required(RESOURCE)?))
    }

    fn check(
        &self,
        reader: &Reader<'_>,
        endpoint: &Endpoint,
        zone: &EndpointZone,
        model: &Model,
    ) -> Result<(), ApiError> {
        let is_connected = endpoint.is_connected(zone);
        let which = || format!("zone {} of {}", zone.zone, endpoint.id);
        let resource = match self {
            Self::Auto | Self::Manual(_) if is_connected => {
                return Err(denied(format!("{} is connected.", which()))
                    .mend("Give ResourceReplaceMode to move it to another resource."));
            }
            Self::Auto => return Ok(()),
            Self::Force(_) | Self::Graceful(_) if !is_connected => {
                return Err(denied(format!("{} is not connected.", which()))
                    .mend("Choose its resource by ResourceAllocateMode."));
            }
            Self::Graceful(_) if zone.replaced.is_some() => {
                let mend =
                    "Call DisableVpcEndpointZoneConnection with ReplacedResource=true first.";
                return Err(denied(format!("{} has been moved before.", which())).mend(mend));
            }
            Self::Manual(id) => return is_of_service(reader, id, endpoint, model),
            Self::Force(id) | Self::Graceful(id) => id,
        };
        is_of_service(reader, resource, endpoint, model)?;
        let serving = model.load_balancer(endpoint, zone);
        if serving.is_some_and(|serving| serving.id.as_str() == *resource) {
            return Err(reader.invalid(RESOURCE, &format!("it serves {} already", which())));
        }
        Ok(())
    }
}

fn is_of_service(
    reader: &Reader<'_>,
    id: &str,
    endpoint: &Endpoint,
    model: &Model,
) -> Result<(), ApiError> {
    let service = model.services.get(&endpoint.service);
    let mut resources = service.into_iter().flat_map(|one| &one.resources);
    if resources.any(|one| one.load_balancer.as_str() == id) {
        return Ok(());
    }
    let why = format!("{id} is no resource of {}", endpoint.service);
    Err(reader.invalid(RESOURCE, &why))
}
