//! PrivateLink 2020-04-15: endpoints, their connections, and endpoint services. Lists are bare.
//!
//! May import: operations' own.

mod domains;
mod status;

use super::Operation;

pub(super) fn find(action: &str) -> Option<Operation> {
    let _ = action;
    None
}
