//! Flow logs. Numbers of pages, counts and `Success` are texts here, as the SDK has them.
//!
//! May import: std, serde_json, api, document, model, registry, operations' own.

use serde_json::{Value, json};

use crate::api::{ApiError, Reader};
use crate::document::Document;
use crate::model::{FlowLog, FlowLogResource, Kind};
use crate::operations::answers::{created, description, has_tags, members, name, tags};
use crate::operations::names::{self, FREE};
use crate::operations::paging::NumberedPage;
use crate::operations::visible::{named, own};
use crate::operations::{Answer, Request};
use crate::registry::{Change, Progress, Registry, View};

/// `CreateFlowLog`. Without names of project and store, both are the flow log's own id.
pub(super) fn create(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let id = change.fresh_id("fl");
    let mut document = Document::new(Kind::FlowLog, &id);
    document.set("ProjectName", id.as_str());
    document.set("LogStoreName", id.as_str());
    resource(&mut reader, change.registry(), request, &mut document)?;
    document.set("TrafficType", reader.required("TrafficType")?);
    settings(&mut reader, &mut document)?;
    names::tags(&mut reader, &mut document)?;
    reader.finish();
    change.create(&document, request.account)?;
    Ok(members(
        json!({ "FlowLogId": id, "Success": "true", "ResourceGroupId": "" }),
    ))
}

/// What packets are recorded of: a VPC, a vSwitch or an ENI of the caller's.
fn resource(
    reader: &mut Reader<'_>,
    registry: &Registry,
    request: &Request<'_>,
    document: &mut Document,
) -> Result<(), ApiError> {
    let resource_type = reader.required("ResourceType")?;
    let id = reader.required("ResourceId")?;
    let known = FlowLogResource::ALL
        .into_iter()
        .find(|one| one.name() == resource_type);
    match known {
        Some(FlowLogResource::Vpc) => own(registry, Kind::Vpc, id, request.account)?,
        Some(FlowLogResource::VSwitch) => own(registry, Kind::VSwitch, id, request.account)?,
        Some(FlowLogResource::NetworkInterface) => {
            let mut endpoints = registry.model.endpoints.values();
            let of_it = endpoints.find(|one| one.zones.iter().any(|zone| zone.eni.as_str() == id));
            let is_own = of_it.is_some_and(|one| {
                registry.is_of(Kind::Endpoint, one.id.as_str(), request.account)
            });
            if !is_own {
                return Err(ApiError::new(
                    404,
                    "InvalidResourceId.NotFound",
                    format!("The specified resource is not found: the ENI {id}."),
                ));
            }
        }
        // The decoder says what there is.
        None => {}
    }
    document.set("ResourceType", resource_type);
    document.set("ResourceId", id);
    Ok(())
}

fn settings(reader: &mut Reader<'_>, document: &mut Document) -> Result<(), ApiError> {
    names::name(reader, "FlowLogName", FREE, document, "FlowLogName")?;
    names::description(reader, "Description", document, "Description")?;
    for field in [
        "AggregationInterval",
        "ProjectName",
        "LogStoreName",
        "LogFormat",
    ] {
        if let Some(text) = reader.text(field)?.filter(|text| !text.is_empty()) {
            document.set(field, text);
        }
    }
    let version = reader.text("IpVersion")?.filter(|text| !text.is_empty());
    if version.is_some_and(|version| !["IPv4", "IPv6", "DualStack"].contains(&version)) {
        return Err(reader.invalid("IpVersion", "it is none of IPv4, IPv6 and DualStack"));
    }
    let paths = reader.texts("TrafficPath", 10)?;
    if paths.iter().any(|path| *path != "all") {
        return Err(reader.invalid(
            "TrafficPath",
            "paths are not told apart here: name all, or none",
        ));
    }
    Ok(())
}

fn edit(
    change: &Change,
    reader: &mut Reader<'_>,
    request: &Request<'_>,
) -> Result<Document, ApiError> {
    let registry = change.registry();
    let id = named(
        reader,
        "FlowLogId",
        Kind::FlowLog,
        registry,
        request.account,
    )?;
    Ok(change.edit(Kind::FlowLog, id)?)
}

/// `ModifyFlowLogAttribute`.
pub(super) fn modify(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let mut document = edit(change, &mut reader, request)?;
    settings(&mut reader, &mut document)?;
    reader.finish();
    change.replace(&document)?;
    Ok(success())
}

/// `ActiveFlowLog`.
pub(super) fn activate(change: &mut Change, request: &Request<'_>) -> Answer {
    set_active(change, request, true)
}

/// `DeactiveFlowLog`, as the API spells it.
pub(super) fn deactivate(change: &mut Change, request: &Request<'_>) -> Answer {
    set_active(change, request, false)
}

fn set_active(change: &mut Change, request: &Request<'_>, active: bool) -> Answer {
    let mut reader = request.reader();
    let mut document = edit(change, &mut reader, request)?;
    reader.finish();
    document.set("Active", active);
    change.replace(&document)?;
    Ok(success())
}

/// `DeleteFlowLog`.
pub(super) fn delete(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let document = edit(change, &mut reader, request)?;
    reader.finish();
    change.delete(Kind::FlowLog, &document.id)?;
    Ok(success())
}

fn success() -> serde_json::Map<String, Value> {
    members(json!({ "Success": "true" }))
}

/// `DescribeFlowLogs`.
pub(super) fn describe(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = &*view.declared;
    let page = NumberedPage::read(&mut reader, 50, 10)?;
    let mut wanted = Vec::new();
    for parameter in [
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
        if let Some(text) = reader.text(parameter)?.filter(|text| !text.is_empty()) {
            wanted.push((parameter, text));
        }
    }
    let tagged = names::pairs(&mut reader)?;
    reader.finish();
    let own = registry.ids_of(Kind::FlowLog, request.account);
    let found: Vec<Value> = own
        .filter(|id| has_tags(registry, Kind::FlowLog, id, &tagged))
        .filter_map(|id| registry.model.flow_logs.get(id))
        .map(|log| shown(log, view, request))
        .filter(|log| {
            let mut wanted = wanted.iter();
            wanted.all(|(field, value)| log.get(*field).and_then(Value::as_str) == Some(value))
        })
        .collect();
    let total = found.len();
    Ok(members(json!({
        "FlowLogs": { "FlowLog": page.cut(found) },
        "Success": "true",
        "PageNumber": page.number.to_string(),
        "PageSize": page.size.to_string(),
        "TotalCount": total.to_string(),
    })))
}

fn shown(log: &FlowLog, view: &View, request: &Request<'_>) -> Value {
    let registry = &*view.declared;
    let id = log.id.as_str();
    let progress = match view.in_force.model.flow_logs.get(id) {
        Some(before) if before == log => Progress::There,
        Some(_) => Progress::Changing,
        None => Progress::Coming,
    };
    let status = match (progress, log.active) {
        (_, false) => "Inactive",
        (Progress::Coming, true) => "Activating",
        (_, true) => "Active",
    };
    json!({
        "FlowLogId": id,
        "FlowLogName": name(registry, Kind::FlowLog, id),
        "Description": description(registry, Kind::FlowLog, id),
        "CreationTime": created(registry, Kind::FlowLog, id),
        "ResourceType": log.resource_type.name(),
        "ResourceId": log.resource,
        "TrafficType": log.traffic.name(),
        "AggregationInterval": log.interval,
        "LogFormat": log.log_format.as_deref().unwrap_or_default(),
        "ProjectName": log.project,
        "LogStoreName": log.log_store,
        "TrafficPath": { "TrafficPathList": ["all"] },
        "RegionId": request.settings.region,
        "Region": request.settings.region,
        "Status": status,
        "BusinessStatus": "Normal",
        "ServiceType": "sls",
        "ResourceGroupId": "",
        "Tags": { "Tag": tags(registry, Kind::FlowLog, id) },
    })
}

/// `OpenFlowLogService`: there is nothing to open.
pub(super) fn open(_: &View, request: &Request<'_>) -> Answer {
    request.reader().finish();
    Ok(members(
        json!({ "Success": "true", "Code": "OK", "Message": "" }),
    ))
}

/// `GetFlowLogServiceStatus`.
pub(super) fn service(_: &View, request: &Request<'_>) -> Answer {
    request.reader().finish();
    Ok(members(
        json!({ "Success": "true", "Enabled": true, "Code": "OK", "Message": "" }),
    ))
}
