//! Network ACLs. Which vSwitches one is bound to stands in its own document, `Resources`.
//!
//! May import: serde_json, api, document, model, registry, operations' own.

use serde_json::{Value, json};

use super::network_acl_entries::{self as entries, Side};
use crate::api::{ApiError, Reader};
use crate::document::Document;
use crate::model::{Kind, Model, NetworkAcl, NetworkAclId};
use crate::operations::answers::{
    created, description, done, has_tags, members, name, owner, tags,
};
use crate::operations::names::{self, FREE};
use crate::operations::paging::NumberedPage;
use crate::operations::visible::{named, own};
use crate::operations::{Answer, Request};
use crate::registry::{Change, Registry, View};

/// The most vSwitches that one call may name.
const MOST_RESOURCES: usize = 30;
const RESOURCE_TYPE: &str = "VSwitch";

/// `CreateNetworkAcl`. Without entries, it denies everything.
pub(super) fn create(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = change.registry();
    let vpc = named(&mut reader, "VpcId", Kind::Vpc, registry, request.account)?;
    let id = change.fresh_id("nacl");
    let mut document = Document::new(Kind::NetworkAcl, &id);
    document.set("VpcId", vpc);
    describe_it(&mut reader, &mut document)?;
    names::tags(&mut reader, &mut document)?;
    reader.finish();
    change.create(&document, request.account)?;
    let registry = change.registry();
    let acl = registry.model.network_acls.get(id.as_str());
    let acl = acl.ok_or_else(ApiError::internal)?;
    // What is in force does not know it yet.
    let attribute = shown(acl, registry, &Model::default(), request);
    Ok(members(
        json!({ "NetworkAclId": id, "NetworkAclAttribute": attribute }),
    ))
}

fn describe_it(reader: &mut Reader<'_>, document: &mut Document) -> Result<(), ApiError> {
    names::name(reader, "NetworkAclName", FREE, document, "NetworkAclName")?;
    names::description(reader, "Description", document, "Description")
}

/// The id of an ACL of the caller's.
fn its_id<'p>(
    reader: &mut Reader<'p>,
    parameter: &'static str,
    registry: &Registry,
    request: &Request<'_>,
) -> Result<&'p str, ApiError> {
    named(
        reader,
        parameter,
        Kind::NetworkAcl,
        registry,
        request.account,
    )
}

/// `DeleteNetworkAcl`.
pub(super) fn delete(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let id = its_id(&mut reader, "NetworkAclId", change.registry(), request)?;
    reader.finish();
    change.delete(Kind::NetworkAcl, id)?;
    Ok(done())
}

/// `ModifyNetworkAclAttributes`: what people say of it.
pub(super) fn modify(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let id = its_id(&mut reader, "NetworkAclId", change.registry(), request)?;
    let mut document = change.edit(Kind::NetworkAcl, id)?;
    describe_it(&mut reader, &mut document)?;
    reader.finish();
    change.replace(&document)?;
    Ok(done())
}

/// `UpdateNetworkAclEntries`: the entries of a direction are those that are given, if it is to be updated;
/// else it is left alone, whatever is given.
pub(super) fn update_entries(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let id = its_id(&mut reader, "NetworkAclId", change.registry(), request)?;
    let mut document = change.edit(Kind::NetworkAcl, id)?;
    for side in Side::ALL {
        if reader.boolean(side.flag())?.unwrap_or(false) {
            let entries = entries::read(&mut reader, side, &document, change)?;
            document.set(side.field(), entries);
        } else {
            reader.has(side.field());
        }
    }
    reader.finish();
    change.replace(&document)?;
    Ok(done())
}

/// `CopyNetworkAclEntries`: both directions become as those of another ACL of the caller's.
pub(super) fn copy_entries(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let id = its_id(&mut reader, "NetworkAclId", change.registry(), request)?;
    let source = its_id(
        &mut reader,
        "SourceNetworkAclId",
        change.registry(),
        request,
    )?;
    if source == id {
        return Err(reader.invalid("SourceNetworkAclId", "it is NetworkAclId itself"));
    }
    reader.finish();
    let source = crate::document::document(change.model(), Kind::NetworkAcl, source);
    let source = source.ok_or_else(ApiError::internal)?;
    let mut document = change.edit(Kind::NetworkAcl, id)?;
    for side in Side::ALL {
        document.set(side.field(), entries::copied(&source, side, change));
    }
    change.replace(&document)?;
    Ok(done())
}

/// `AssociateNetworkAcl`. What is associated with it already stays so.
pub(super) fn associate(change: &mut Change, request: &Request<'_>) -> Answer {
    let (mut document, named) = resources(change, request)?;
    let mut bound = bound(&document);
    for (parameter, vswitch) in named {
        if bound.contains(&vswitch) {
            continue;
        }
        may_bind(change.model(), &document, &parameter, &vswitch)?;
        bound.push(vswitch);
    }
    let count = bound.len();
    if count > MOST_RESOURCES {
        let why = format!("{count} vSwitches would have it, and {MOST_RESOURCES} are the most");
        return Err(ApiError::new(
            400,
            "QuotaExceeded",
            format!("Resource: {why}."),
        ));
    }
    set_bound(&mut document, &bound);
    change.replace(&document)?;
    Ok(done())
}

/// Row F37: a vSwitch has one ACL, of its own VPC. The decoder says so too, of a place in the document that is
/// no place of the request.
fn may_bind(model: &Model, acl: &Document, parameter: &str, vswitch: &str) -> Result<(), ApiError> {
    let vpc = acl.fields.get("VpcId").and_then(Value::as_str);
    let Some(found) = model.vswitches.get(vswitch) else {
        return Ok(());
    };
    if Some(found.vpc.as_str()) != vpc {
        let why = format!(
            "{vswitch} is in {}, the network ACL in {}",
            found.vpc,
            vpc.unwrap_or_default()
        );
        return Err(ApiError::invalid(parameter, why));
    }
    match &found.network_acl {
        Some(other) if other.as_str() != acl.id => Err(ApiError::new(
            409,
            "ResourceAlreadyAssociated",
            format!("{parameter}: {vswitch} has the network ACL {other} already."),
        )
        .mend("Call UnassociateNetworkAcl for that one first: a vSwitch has at most one.")),
        _ => Ok(()),
    }
}

/// `UnassociateNetworkAcl`.
pub(super) fn unassociate(change: &mut Change, request: &Request<'_>) -> Answer {
    let (mut document, named) = resources(change, request)?;
    let mut bound = bound(&document);
    for (parameter, vswitch) in named {
        if !bound.contains(&vswitch) {
            let why = format!("{vswitch} is not associated with {}", document.id);
            return Err(ApiError::invalid(&parameter, why));
        }
        bound.retain(|one| *one != vswitch);
    }
    set_bound(&mut document, &bound);
    change.replace(&document)?;
    Ok(done())
}

/// The document of the ACL that is named, and the vSwitches, each with the parameter that names it and once.
fn resources(
    change: &Change,
    request: &Request<'_>,
) -> Result<(Document, Vec<(String, String)>), ApiError> {
    let mut reader = request.reader();
    let registry = change.registry();
    let id = its_id(&mut reader, "NetworkAclId", registry, request)?;
    let document = change.edit(Kind::NetworkAcl, id)?;
    let mut named: Vec<(String, String)> = Vec::new();
    for mut item in reader.items("Resource", MOST_RESOURCES)? {
        let vswitch = item.required("ResourceId")?;
        let kind = item.required("ResourceType")?;
        if !kind.eq_ignore_ascii_case(RESOURCE_TYPE) {
            return Err(item.invalid("ResourceType", &format!("it is not {RESOURCE_TYPE}")));
        }
        own(registry, Kind::VSwitch, vswitch, request.account)?;
        if named.iter().all(|(_, known)| known != vswitch) {
            named.push((item.path_of("ResourceId"), vswitch.to_owned()));
        }
        item.finish();
    }
    if named.is_empty() {
        return Err(ApiError::missing("Resource.1.ResourceId"));
    }
    reader.finish();
    Ok((document, named))
}

/// The vSwitches that a document binds its ACL to.
fn bound(document: &Document) -> Vec<String> {
    let resources = document.fields.get("Resources").and_then(Value::as_array);
    let resources = resources.into_iter().flatten();
    let ids = resources.filter_map(|one| one.get("ResourceId")?.as_str());
    ids.map(str::to_owned).collect()
}

fn set_bound(document: &mut Document, vswitches: &[String]) {
    let resources = vswitches
        .iter()
        .map(|vswitch| json!({ "ResourceId": vswitch, "ResourceType": RESOURCE_TYPE }));
    document.set("Resources", resources.collect::<Vec<_>>());
}

/// `DescribeNetworkAcls`. Numbers of pages are texts here.
pub(super) fn describe(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = &*view.declared;
    let page = NumberedPage::read(&mut reader, 50, 10)?;
    let mut given = |name| Ok::<_, ApiError>(reader.text(name)?.filter(|text| !text.is_empty()));
    let (id, called, vpc) = (
        given("NetworkAclId")?,
        given("NetworkAclName")?,
        given("VpcId")?,
    );
    let (resource, resource_type) = (given("ResourceId")?, given("ResourceType")?);
    if resource_type.is_some_and(|kind| !kind.eq_ignore_ascii_case(RESOURCE_TYPE)) {
        return Err(reader.invalid("ResourceType", &format!("it is not {RESOURCE_TYPE}")));
    }
    let tagged = names::pairs_of(&mut reader, "Tags")?;
    reader.finish();
    let kind = Kind::NetworkAcl;
    let has = |acl: &NetworkAcl, vswitch: &str| {
        let vswitch = registry.model.vswitches.get(vswitch);
        vswitch.and_then(|one| one.network_acl.as_ref()) == Some(&acl.id)
    };
    let own = registry.ids_of(kind, request.account);
    let found: Vec<&NetworkAcl> = own
        .filter(|own| id.is_none_or(|id| id == *own))
        .filter(|own| called.is_none_or(|called| name(registry, kind, own) == called))
        .filter(|own| has_tags(registry, kind, own, &tagged))
        .filter_map(|own| registry.model.network_acls.get(own))
        .filter(|acl| vpc.is_none_or(|vpc| acl.vpc.as_str() == vpc))
        .filter(|acl| resource.is_none_or(|vswitch| has(acl, vswitch)))
        .collect();
    let total = found.len();
    let in_force = &view.in_force.model;
    let acls = page.cut(found).into_iter();
    let acls = acls.map(|acl| shown(acl, registry, in_force, request));
    Ok(members(json!({
        "NetworkAcls": { "NetworkAcl": acls.collect::<Vec<_>>() },
        "PageNumber": page.number.to_string(),
        "PageSize": page.size.to_string(),
        "TotalCount": total.to_string(),
    })))
}

/// `DescribeNetworkAclAttributes`.
pub(super) fn attributes(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = &*view.declared;
    let id = its_id(&mut reader, "NetworkAclId", registry, request)?;
    reader.finish();
    let acl = registry.model.network_acls.get(id);
    let acl = acl.ok_or_else(ApiError::internal)?;
    let attribute = shown(acl, registry, &view.in_force.model, request);
    Ok(members(json!({ "NetworkAclAttribute": attribute })))
}

fn shown(acl: &NetworkAcl, registry: &Registry, in_force: &Model, request: &Request<'_>) -> Value {
    let id = acl.id.as_str();
    let kind = Kind::NetworkAcl;
    let is_there = in_force.network_acls.get(id) == Some(acl);
    let about = registry.model.about(kind, id);
    let mut fields = json!({
        "NetworkAclId": id,
        "NetworkAclName": name(registry, kind, id),
        "Description": description(registry, kind, id),
        "VpcId": acl.vpc.as_str(),
        "RegionId": request.settings.region,
        "CreationTime": created(registry, kind, id),
        "Status": if is_there { "Available" } else { "Modifying" },
        "IngressAclEntries": { "IngressAclEntry": entries::shown(&acl.ingress, Side::Ingress, about) },
        "EgressAclEntries": { "EgressAclEntry": entries::shown(&acl.egress, Side::Egress, about) },
        "Resources": { "Resource": shown_resources(&acl.id, &registry.model, in_force) },
        "Tags": { "Tag": tags(registry, kind, id) },
    });
    if let (Value::Object(fields), Some(owner)) = (&mut fields, owner(registry, kind, id)) {
        fields.insert("OwnerId".to_owned(), owner);
    }
    fields
}

/// The vSwitches that have an ACL, and those that have it in force still.
fn shown_resources(acl: &NetworkAclId, declared: &Model, in_force: &Model) -> Vec<Value> {
    let has = |model: &Model, vswitch: &str| {
        let vswitch = model.vswitches.get(vswitch);
        vswitch.and_then(|one| one.network_acl.as_ref()) == Some(acl)
    };
    let there = declared.vswitches.keys();
    let going = in_force.vswitches.keys();
    let going = going.filter(|vswitch| !declared.vswitches.contains_key(*vswitch));
    let resources = there.chain(going).filter_map(|vswitch| {
        let vswitch = vswitch.as_str();
        let status = match (has(declared, vswitch), has(in_force, vswitch)) {
            (true, true) => "BINDED",
            (true, false) => "BINDING",
            (false, true) => "UNBINDING",
            (false, false) => return None,
        };
        Some(json!({
            "ResourceId": vswitch,
            "ResourceType": RESOURCE_TYPE,
            "Status": status,
        }))
    });
    resources.collect()
}
