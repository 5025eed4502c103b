//! Security groups of endpoints: they hold for the ENIs of all zones.
//!
//! May import: std, serde_json, api, document, model, registry, operations' own.

use serde_json::{Value, json};

use super::endpoint::edit;
use super::{endpoint_list, status};
use crate::api::{ApiError, Reader};
use crate::document::Document;
use crate::model::Kind;
use crate::operations::answers::{done, members};
use crate::operations::paging::TokenPage;
use crate::operations::refusals::not_found;
use crate::operations::visible::own;
use crate::operations::{Answer, Request};
use crate::registry::{Change, View};

const FIELD: &str = "SecurityGroupIds";
const MOST: usize = 10;

/// `AttachSecurityGroupToVpcEndpoint`.
pub(super) fn attach(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let mut document = edit(change, &mut reader, request)?;
    let group = group(&mut reader)?;
    reader.finish();
    own(
        change.registry(),
        Kind::SecurityGroup,
        group,
        request.account,
    )?;
    let mut groups = groups_of(&document);
    if groups.iter().any(|one| one == group) {
        return Err(ApiError::new(
            400,
            "InvalidSecurityGroupId.Duplicate",
            format!("{group} is attached already."),
        ));
    }
    if groups.len() >= MOST {
        return Err(ApiError::new(
            400,
            "QuotaExceeded.SecurityGroup",
            format!("An endpoint may have {MOST} security groups."),
        ));
    }
    let within = format!("{FIELD}[{}]", groups.len());
    groups.push(group.to_owned());
    document.set(FIELD, groups);
    change.replace(&document).map_err(|mut refusal| {
        if refusal.field == within {
            "SecurityGroupId".clone_into(&mut refusal.field);
        }
        refusal
    })?;
    Ok(done())
}

/// `DetachSecurityGroupFromVpcEndpoint`: one at least stays (row F33).
pub(super) fn detach(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let mut document = edit(change, &mut reader, request)?;
    let group = group(&mut reader)?;
    reader.finish();
    let mut groups = groups_of(&document);
    let Some(place) = groups.iter().position(|one| one == group) else {
        return Err(not_found(
            Kind::SecurityGroup,
            &format!("{group} is not attached"),
        ));
    };
    if groups.len() == 1 {
        return Err(ApiError::new(
            400,
            "OperationDenied.LastSecurityGroup",
            format!("{group} is the last security group of the endpoint, which needs one."),
        )
        .mend("Attach another one first."));
    }
    groups.remove(place);
    document.set(FIELD, groups);
    change.replace(&document)?;
    Ok(done())
}

fn group<'p>(reader: &mut Reader<'p>) -> Result<&'p str, ApiError> {
    reader.required("SecurityGroupId")
}

fn groups_of(document: &Document) -> Vec<String> {
    let groups = document.fields.get(FIELD).and_then(Value::as_array);
    let groups = groups.into_iter().flatten().filter_map(Value::as_str);
    groups.map(str::to_owned).collect()
}

/// `ListVpcEndpointSecurityGroups`.
pub(super) fn list(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let endpoint = endpoint_list::named(view, &mut reader, request)?;
    let page = TokenPage::read(&mut reader, 1..=50, 50)?;
    reader.finish();
    let groups = view.groups(endpoint);
    let total = groups.len();
    let (groups, next) = page.cut(groups, |(group, _)| group.to_string());
    let groups = groups.into_iter().map(|(group, progress)| {
        json!({
            "SecurityGroupId": group.as_str(),
            "SecurityGroupStatus": status::group(progress),
        })
    });
    Ok(members(json!({
        "SecurityGroups": groups.collect::<Vec<_>>(),
        "MaxResults": page.most(),
        "NextToken": next,
        "TotalCount": total,
    })))
}
