//! `JoinSecurityGroup` and `LeaveSecurityGroup`: a network interface is an endpoint's here, so its groups are
//! those of the endpoint.
//!
//! May import: serde_json, api, document, model, registry, operations' own.

use serde_json::Value;

use super::permissions::group;
use crate::api::{ApiError, Reader};
use crate::document::Document;
use crate::model::{AccountId, Kind, ResourceId, SecurityGroup};
use crate::operations::answers::done;
use crate::operations::{Answer, Request};
use crate::registry::{Change, Reason, Refusal, Registry};

/// The field of an endpoint's document.
const FIELD: &str = "SecurityGroupIds";

/// `JoinSecurityGroup`.
pub(super) fn join(change: &mut Change, request: &Request<'_>) -> Answer {
    let (id, document) = asked(change, request)?;
    let mut groups = attached(&document);
    if groups.contains(&id) {
        return Err(ApiError::new(
            403,
            "InvalidInstanceId.AlreadyExists",
            format!("{} is in {id} already.", document.id),
        ));
    }
    groups.push(id);
    attach(change, document, groups)
}

/// `LeaveSecurityGroup`.
pub(super) fn leave(change: &mut Change, request: &Request<'_>) -> Answer {
    let (id, document) = asked(change, request)?;
    let mut groups = attached(&document);
    if !groups.contains(&id) {
        return Err(ApiError::new(
            403,
            "InstanceNotInSecurityGroup",
            format!("{} is not in {id}.", document.id),
        ));
    }
    if groups.len() == 1 {
        return Err(ApiError::new(
            403,
            "InstanceLastSecurityGroup",
            format!("{id} is the last security group of {}.", document.id),
        )
        .mend("Join another one first."));
    }
    groups.retain(|one| *one != id);
    attach(change, document, groups)
}

/// The group that is named, and the document of the endpoint whose network interface is.
fn asked(change: &Change, request: &Request<'_>) -> Result<(String, Document), ApiError> {
    let mut reader = request.reader();
    let (registry, account) = (change.registry(), request.account);
    let group = group(&mut reader, registry, account)?;
    must_be_free(group)?;
    let endpoint = endpoint(&mut reader, registry, account)?;
    reader.finish();
    let document = change.edit(Kind::Endpoint, endpoint)?;
    Ok((group.id.to_string(), document))
}

fn must_be_free(group: &SecurityGroup) -> Result<(), ApiError> {
    if !group.service_managed {
        return Ok(());
    }
    Err(Refusal::new(
        Reason::Managed,
        ResourceId::new(Kind::SecurityGroup, group.id.as_str()),
        "it is managed: it comes with an endpoint and goes with it",
        "make a security group of your own",
    )
    .into())
}

fn endpoint<'r>(
    reader: &mut Reader<'_>,
    registry: &'r Registry,
    account: &AccountId,
) -> Result<&'r str, ApiError> {
    let instance = reader.text("InstanceId")?;
    if let Some(instance) = instance.filter(|text| !text.is_empty()) {
        return Err(no(instance, "InvalidInstanceId.NotFound")
            .mend("Name the network interface of an endpoint by NetworkInterfaceId."));
    }
    let interface = reader.required("NetworkInterfaceId")?;
    let mut endpoints = registry.model.endpoints.values();
    let found = endpoints.find(|one| one.zones.iter().any(|zone| zone.eni.as_str() == interface));
    let found = found.map(|endpoint| endpoint.id.as_str());
    found
        .filter(|id| registry.is_of(Kind::Endpoint, id, account))
        .ok_or_else(|| no(interface, "InvalidNetworkInterfaceId.NotFound"))
}

fn no(what: &str, code: &'static str) -> ApiError {
    let message = format!("The specified resource is not found: {what}.");
    ApiError::new(404, code, message)
}

fn attached(document: &Document) -> Vec<String> {
    let groups = document.fields.get(FIELD).and_then(Value::as_array);
    let groups = groups.into_iter().flatten().filter_map(Value::as_str);
    groups.map(ToOwned::to_owned).collect()
}

fn attach(change: &mut Change, mut document: Document, groups: Vec<String>) -> Answer {
    document.set(FIELD, groups);
    change.replace(&document).map_err(|mut refusal| {
        if refusal.field.starts_with(FIELD) {
            "SecurityGroupId".clone_into(&mut refusal.field);
        }
        refusal
    })?;
    Ok(done())
}
