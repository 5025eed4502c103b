//! PrivateLink 2020-04-15: endpoints and endpoint services. Lists are bare.
//!
//! May import: operations' own.

mod tags;

use super::Operation;

pub(super) fn find(action: &str) -> Option<Operation> {
    Some(match action {
        "TagResources" => Operation::write(tags::tag),
        "UntagResources" => Operation::write(tags::untag),
        "ListTagResources" => Operation::read(tags::list),
        _ => return None,
    })
}
