//! Flow logs.
//!
//! May import: serde_json, api, document, model, registry, operations' own.

use serde_json::{Map, Value, json};

use crate::api::{ApiError, Reader};
use crate::document::Document;
use crate::model::{EndpointZone, FlowLog, FlowLogResource, Kind};
use crate::operations::answers::{created, description, has_tags, members, name, tags};
use crate::operations::names::{self, FREE};
use crate::operations::paging::NumberedPage;
use crate::operations::visible::{named, own};
use crate::operations::{Answer, Request};
use crate::registry::{Change, Registry, View};

const KIND: Kind = Kind::FlowLog;
/// What can be set at any time, beside name and description.
const CHANGEABLE: [&str; 3] = ["AggregationInterval", "IpVersion", "LogFormat"];

/// The API says so in a text.
fn success() -> Map<String, Value> {
    members(json!({ "Success": "true" }))
}

/// `CreateFlowLog`: it records from then on.
pub(super) fn create(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let id = change.fresh_id("fl");
    let mut document = Document::new(KIND, &id);
    for field in ["ResourceType", "ResourceId", "TrafficType"] {
        document.set(field, reader.required(field)?);
    }
    set(&mut reader, &["ProjectName", "LogStoreName"], &mut document)?;
    set(&mut reader, &CHANGEABLE, &mut document)?;
    describe_it(&mut reader, &mut document)?;
    let paths = reader.texts("TrafficPath", 10)?;
    if paths.iter().any(|path| !path.eq_ignore_ascii_case("all")) {
        let why = "flows are told apart by no path here: write all";
        return Err(reader.invalid("TrafficPath", why));
    }
    names::tags(&mut reader, &mut document)?;
    reader.has("ResourceGroupId");
    reader.finish();
    change.create(&document, request.account)?;
    let made = change.model().flow_logs.get(id.as_str());
    is_there(
        made.ok_or_else(ApiError::internal)?,
        change.registry(),
        request,
    )?;
    let mut answer = success();
    answer.insert("FlowLogId".to_owned(), id.into());
    Ok(answer)
}

fn set(
    reader: &mut Reader<'_>,
    fields: &[&'static str],
    document: &mut Document,
) -> Result<(), ApiError> {
    for field in fields {
        if let Some(text) = reader.text(field)?.filter(|text| !text.is_empty()) {
            document.set(field, text);
        }
    }
    Ok(())
}

fn describe_it(reader: &mut Reader<'_>, document: &mut Document) -> Result<(), ApiError> {
    names::name(reader, "FlowLogName", FREE, document, "FlowLogName")?;
    if let Some(text) = names::given(reader, "Description", 1..=256)? {
        document.set("Description", text);
    }
    Ok(())
}

/// Refuses a flow log whose resource is not the caller's.
fn is_there(log: &FlowLog, registry: &Registry, request: &Request<'_>) -> Result<(), ApiError> {
    let (kind, id) = match log.resource_type {
        FlowLogResource::Vpc => (Kind::Vpc, log.resource.as_str()),
        FlowLogResource::VSwitch => (Kind::VSwitch, log.resource.as_str()),
        FlowLogResource::NetworkInterface => {
            let has = |zone: &EndpointZone| zone.eni.as_str() == log.resource;
            let mut all = registry.model.endpoints.values();
            let endpoint = all.find(|one| one.zones.iter().any(has));
            let endpoint = endpoint.map(|one| one.id.as_str());
            let is_own = |id: &&str| registry.is_of(Kind::Endpoint, id, request.account);
            if endpoint.as_ref().is_some_and(is_own) {
                return Ok(());
            }
            return Err(ApiError::new(
                404,
                "InvalidResourceId.NotFound",
                format!(
                    "ResourceId: there is no network interface {}.",
                    log.resource
                ),
            ));
        }
    };
    own(registry, kind, id, request.account)
}

/// `ActiveFlowLog`.
pub(super) fn activate(change: &mut Change, request: &Request<'_>) -> Answer {
    switch(change, request, "Active")
}

/// `DeactiveFlowLog`, as the API spells it.
pub(super) fn deactivate(change: &mut Change, request: &Request<'_>) -> Answer {
    switch(change, request, "Inactive")
}

fn switch(change: &mut Change, request: &Request<'_>, status: &str) -> Answer {
    let mut reader = request.reader();
    let registry = change.registry();
    let id = named(&mut reader, "FlowLogId", KIND, registry, request.account)?;
    reader.finish();
    let mut document = change.edit(KIND, id)?;
    document.set("Status", status);
    change.replace(&document)?;
    Ok(success())
}

/// `DeleteFlowLog`.
pub(super) fn delete(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = change.registry();
    let id = named(&mut reader, "FlowLogId", KIND, registry, request.account)?;
    reader.finish();
    change.delete(KIND, id)?;
    Ok(success())
}

/// `ModifyFlowLogAttribute`.
pub(super) fn modify(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = change.registry();
    let id = named(&mut reader, "FlowLogId", KIND, registry, request.account)?;
    let mut document = change.edit(KIND, id)?;
    set(&mut reader, &CHANGEABLE, &mut document)?;
    describe_it(&mut reader, &mut document)?;
    reader.finish();
    change.replace(&document)?;
    Ok(success())
}

/// `DescribeFlowLogs`. Numbers of pages are texts here.
pub(super) fn describe(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = &*view.declared;
    let page = NumberedPage::read(&mut reader, 50, 10)?;
    // Each is a member of what is shown, too.
    let mut wanted = Vec::new();
    for field in [
        "FlowLogId",
        "FlowLogName",
        "Description",
        "ResourceType",
        "ResourceId",
        "TrafficType",
        "ProjectName",
        "LogStoreName",
        "Status",
    ] {
        let given = reader.text(field)?.filter(|text| !text.is_empty());
        wanted.extend(given.map(|value| (field, value)));
    }
    let vpc = reader.text("VpcId")?.filter(|text| !text.is_empty());
    let tagged = names::pairs_of(&mut reader, "Tags")?;
    reader.finish();
    let own = registry.ids_of(KIND, request.account);
    let found: Vec<Value> = own
        .filter(|id| has_tags(registry, KIND, id, &tagged))
        .filter_map(|id| registry.model.flow_logs.get(id))
        .filter(|log| vpc.is_none_or(|vpc| vpc_of(log, registry) == Some(vpc)))
        .map(|log| shown(log, view, request))
        .filter(|log| wanted.iter().all(|(field, value)| log[*field] == *value))
        .collect();
    let total = found.len();
    Ok(members(json!({
        "FlowLogs": { "FlowLog": page.cut(found) },
        "PageNumber": page.number.to_string(),
        "PageSize": page.size.to_string(),
        "TotalCount": total.to_string(),
        "Success": "true",
    })))
}

/// The VPC that what is recorded is in, if it is there.
fn vpc_of<'r>(log: &'r FlowLog, registry: &'r Registry) -> Option<&'r str> {
    let (model, resource) = (&registry.model, log.resource.as_str());
    match log.resource_type {
        FlowLogResource::Vpc => Some(resource),
        FlowLogResource::VSwitch => Some(model.vswitches.get(resource)?.vpc.as_str()),
        FlowLogResource::NetworkInterface => {
            let has = |zone: &EndpointZone| zone.eni.as_str() == resource;
            let mut all = model.endpoints.values();
            Some(all.find(|one| one.zones.iter().any(has))?.vpc.as_str())
        }
    }
}

fn shown(log: &FlowLog, view: &View, request: &Request<'_>) -> Value {
    let registry = &*view.declared;
    let id = log.id.as_str();
    let is_there = view.in_force.model.flow_logs.get(id) == Some(log);
    let status = match (log.active, is_there) {
        (false, _) => "Inactive",
        (true, false) => "Activating",
        (true, true) => "Active",
    };
    json!({
        "FlowLogId": id,
        "FlowLogName": name(registry, KIND, id),
        "Description": description(registry, KIND, id),
        "CreationTime": created(registry, KIND, id),
        "RegionId": request.settings.region,
        "ResourceType": log.resource_type.name(),
        "ResourceId": log.resource,
        "TrafficType": log.traffic.name(),
        "TrafficPath": { "TrafficPathList": ["all"] },
        "AggregationInterval": log.aggregation_interval,
        "IpVersion": log.ip_version.name(),
        "LogFormat": log.log_format.as_deref().unwrap_or_default(),
        "ProjectName": log.project.as_deref().unwrap_or_default(),
        "LogStoreName": log.log_store.as_deref().unwrap_or_default(),
        "Status": status,
        "BusinessStatus": "Normal",
        "Tags": { "Tag": tags(registry, KIND, id) },
    })
}

/// `OpenFlowLogService`: it always is.
#[expect(clippy::unnecessary_wraps, reason = "it is an operation")]
pub(super) fn open_service(_: &View, request: &Request<'_>) -> Answer {
    request.reader().finish();
    Ok(members(json!({ "Code": "200", "Message": "successful" })))
}

/// `GetFlowLogServiceStatus`.
#[expect(clippy::unnecessary_wraps, reason = "it is an operation")]
pub(super) fn service_status(_: &View, request: &Request<'_>) -> Answer {
    request.reader().finish();
    Ok(members(json!({ "Enabled": true })))
}
