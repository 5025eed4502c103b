//! Security groups themselves: made, renamed, deleted, and who refers to them.
//!
//! May import: serde_json, api, document, model, registry, operations' own.

use serde_json::json;

use super::permissions::group;
use crate::api::{ApiError, Reader};
use crate::document::Document;
use crate::model::{Kind, ResourceId};
use crate::operations::answers::{done, members};
use crate::operations::names::{self, NameRule};
use crate::operations::visible::{named, own};
use crate::operations::{Answer, Request};
use crate::registry::{Change, View, referrers};

/// Groups that `DescribeSecurityGroupReferences` is asked of.
const MOST_ASKED: usize = 10;
/// Names of security groups.
const NAME: NameRule = NameRule {
    shortest: 2,
    longest: 128,
    is_strict: false,
};

/// `CreateSecurityGroup`.
pub(super) fn create(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = change.registry();
    let vpc = named(&mut reader, "VpcId", Kind::Vpc, registry, request.account)?;
    let id = change.fresh_id("sg");
    let mut document = Document::new(Kind::SecurityGroup, &id);
    document.set("VpcId", vpc);
    let group_type = reader.text("SecurityGroupType")?;
    if let Some(group_type) = group_type.filter(|text| !text.is_empty()) {
        document.set("SecurityGroupType", group_type);
    }
    describe_it(&mut reader, &mut document)?;
    names::tags(&mut reader, &mut document)?;
    reader.finish();
    change.create(&document, request.account)?;
    Ok(members(json!({ "SecurityGroupId": id })))
}

fn describe_it(reader: &mut Reader<'_>, document: &mut Document) -> Result<(), ApiError> {
    names::name(
        reader,
        "SecurityGroupName",
        NAME,
        document,
        "SecurityGroupName",
    )?;
    names::description(reader, "Description", document, "Description")
}

/// `ModifySecurityGroupAttribute`: the name and the description, each if it is given.
pub(super) fn modify_attribute(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let group = group(&mut reader, change.registry(), request.account)?;
    let mut document = change.edit(Kind::SecurityGroup, group.id.as_str())?;
    describe_it(&mut reader, &mut document)?;
    reader.finish();
    change.replace(&document)?;
    Ok(done())
}

/// `ModifySecurityGroupPolicy`: whether members reach each other.
pub(super) fn modify_policy(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let group = group(&mut reader, change.registry(), request.account)?;
    let mut document = change.edit(Kind::SecurityGroup, group.id.as_str())?;
    document.set("InnerAccessPolicy", reader.required("InnerAccessPolicy")?);
    reader.finish();
    change.replace(&document)?;
    Ok(done())
}

/// `DeleteSecurityGroup`.
pub(super) fn delete(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let id = group(&mut reader, change.registry(), request.account)?
        .id
        .clone();
    reader.finish();
    change.delete(Kind::SecurityGroup, id.as_str())?;
    Ok(done())
}

/// `DescribeSecurityGroupReferences`: the groups whose rules refer to these. Those that none refers to are
/// left out.
pub(super) fn references(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = &*view.declared;
    let ids = reader.texts("SecurityGroupId", MOST_ASKED)?;
    reader.finish();
    if ids.is_empty() {
        return Err(ApiError::missing("SecurityGroupId"));
    }
    let mut found = Vec::new();
    for id in ids {
        own(registry, Kind::SecurityGroup, id, request.account)?;
        let of = ResourceId::new(Kind::SecurityGroup, id);
        let all = referrers(&registry.model, &of).into_iter();
        let groups = all.filter(|one| one.kind == Kind::SecurityGroup);
        let groups = groups.map(|one| {
            let owner = registry.origin(one.kind, &one.id);
            let owner = owner.map(|origin| origin.account.to_string());
            json!({ "SecurityGroupId": &*one.id, "AliUid": owner })
        });
        let groups: Vec<_> = groups.collect();
        if !groups.is_empty() {
            found.push(json!({
                "SecurityGroupId": id,
                "ReferencingSecurityGroups": { "ReferencingSecurityGroup": groups },
            }));
        }
    }
    Ok(members(json!({
        "SecurityGroupReferences": { "SecurityGroupReference": found },
    })))
}
