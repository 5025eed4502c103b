//! Who may connect to a service beside its own account.
//!
//! May import: std, serde_json, api, document, model, registry, operations' own.

use serde_json::{Value, json};

use super::service::given;
use super::service_list;
use crate::api::{ApiError, Reader};
use crate::document::Document;
use crate::model::Kind;
use crate::operations::answers::{done, members};
use crate::operations::paging::TokenPage;
use crate::operations::visible::named;
use crate::operations::{Answer, Request};
use crate::registry::Change;
use crate::registry::View;

const FIELD: &str = "Users";
/// Of a `UserARN`, with the account between them; `*` stands for all accounts.
const ARN: (&str, &str) = ("acs:ram:*:", ":*");

/// `AddUserToVpcEndpointService`. Whoever is among the users already stays.
pub(super) fn add(change: &mut Change, request: &Request<'_>) -> Answer {
    let (mut document, user) = edit(change, request)?;
    let mut users = users_of(&document);
    if !users.contains(&user) {
        let within = format!("{FIELD}[{}]", users.len());
        users.push(user);
        document.set(FIELD, users);
        change.replace(&document).map_err(|mut refusal| {
            if refusal.field == within {
                "UserId".clone_into(&mut refusal.field);
            }
            refusal
        })?;
    }
    Ok(done())
}

/// `RemoveUserFromVpcEndpointService`. Endpoints that are connected stay so.
pub(super) fn remove(change: &mut Change, request: &Request<'_>) -> Answer {
    let (mut document, user) = edit(change, request)?;
    let mut users = users_of(&document);
    let Some(place) = users.iter().position(|one| *one == user) else {
        return Err(ApiError::new(
            404,
            "EndpointServiceUserNotFound",
            format!(
                "The specified resource is not found: {user} is not among the users of {}.",
                document.id
            ),
        ));
    };
    users.remove(place);
    document.set(FIELD, users);
    change.replace(&document)?;
    Ok(done())
}

/// The document of the service, and the user that is named.
fn edit(change: &Change, request: &Request<'_>) -> Result<(Document, String), ApiError> {
    let mut reader = request.reader();
    let registry = change.registry();
    let id = named(
        &mut reader,
        "ServiceId",
        Kind::Service,
        registry,
        request.account,
    )?;
    let user = user(&mut reader)?;
    reader.finish();
    Ok((change.edit(Kind::Service, id)?, user.to_owned()))
}

fn user<'p>(reader: &mut Reader<'p>) -> Result<&'p str, ApiError> {
    let id = given(reader, "UserId")?;
    let of_arn = match given(reader, "UserARN")? {
        None => None,
        Some("acs:ram:*:*") => Some("*"),
        Some(arn) => {
            let user = arn
                .strip_prefix(ARN.0)
                .and_then(|rest| rest.strip_suffix(ARN.1));
            let user = user.filter(|user| !user.is_empty() && !user.contains(':'));
            Some(user.ok_or_else(|| reader.invalid("UserARN", "it is not acs:ram:*:<account>:*"))?)
        }
    };
    match (id, of_arn) {
        (Some(id), Some(of_arn)) if id != of_arn => {
            Err(reader.invalid("UserARN", "it is not that of UserId"))
        }
        (id, of_arn) => id.or(of_arn).ok_or_else(|| ApiError::missing("UserId")),
    }
}

fn users_of(document: &Document) -> Vec<String> {
    let users = document.fields.get(FIELD).and_then(Value::as_array);
    let users = users.into_iter().flatten().filter_map(Value::as_str);
    users.map(str::to_owned).collect()
}

/// `ListVpcEndpointServiceUsers`. With `UserListType`, `UserId` or `UserARN`, only the one of the two lists.
pub(super) fn list(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let service = service_list::named(view, &mut reader, request)?;
    let page = TokenPage::read(&mut reader, 1..=50, 50)?;
    let wanted = given(&mut reader, "UserId")?;
    let (has_ids, has_arns) = match given(&mut reader, "UserListType")? {
        None => (true, true),
        Some("UserId") => (true, false),
        Some("UserARN") => (false, true),
        Some(_) => return Err(reader.invalid("UserListType", "it is neither UserId nor UserARN")),
    };
    reader.finish();
    let users = service.users.iter();
    let users: Vec<&String> = users
        .filter(|user| wanted.is_none_or(|wanted| wanted == *user))
        .collect();
    let total = users.len();
    let (users, next) = page.cut(users, |user| (*user).clone());
    let all = users.iter();
    let ids = all.clone().map(|user| json!({ "UserId": account(user) }));
    let arns = all.map(|user| json!({ "UserARN": format!("{}{user}{}", ARN.0, ARN.1) }));
    let ids: Vec<Value> = ids.filter(|_| has_ids).collect();
    let arns: Vec<Value> = arns.filter(|_| has_arns).collect();
    Ok(members(json!({
        "Users": ids,
        "UserARNs": arns,
        "MaxResults": page.most(),
        "NextToken": next,
        // The SDK has it as a text here.
        "TotalCount": total.to_string(),
    })))
}

/// An account as the API has it: a number, where it is one.
pub(super) fn account(id: &str) -> Value {
    let number = id.parse::<u64>().ok();
    let number = number.filter(|number| number.to_string() == id);
    number.map_or_else(|| Value::from(id), Value::from)
}
