//! Tags of endpoints and services.
//!
//! May import: serde_json, model, registry, operations' own.

use serde_json::json;

use crate::model::Kind;
use crate::operations::answers::members;
use crate::operations::tagging::{self, Types};
use crate::operations::{Answer, Request};
use crate::registry::{Change, View};

const TYPES: &Types = &[
    ("VpcEndpoint", Kind::Endpoint),
    ("VpcEndpointService", Kind::Service),
];

/// `TagResources`.
pub(super) fn tag(change: &mut Change, request: &Request<'_>) -> Answer {
    tagging::tag(change, request, TYPES)
}

/// `UntagResources`.
pub(super) fn untag(change: &mut Change, request: &Request<'_>) -> Answer {
    tagging::untag(change, request, TYPES)
}

/// `ListTagResources`.
pub(super) fn list(view: &View, request: &Request<'_>) -> Answer {
    let (items, token) = tagging::list(view, request, TYPES)?;
    Ok(members(
        json!({ "TagResources": items, "NextToken": token }),
    ))
}
