//! Tags of security groups.
//!
//! May import: model, registry, operations' own.

use crate::model::Kind;
use crate::operations::answers::members;
use crate::operations::tagging::{self, Types};
use crate::operations::{Answer, Request};
use crate::registry::{Change, View};

const TYPES: &Types = &[("securitygroup", Kind::SecurityGroup)];

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
    let page = tagging::list(view, request, TYPES)?;
    Ok(members(tagging::wrapped(page)))
}
