//! Where a resource comes from.
//!
//! May import: jiff, model.

use jiff::Timestamp;

use crate::model::AccountId;

/// Who made a resource, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The account that it belongs to.
    pub account: AccountId,
    /// When it was made, to the second.
    pub created: Timestamp,
    /// The manifest that owns it, by the name under which that was applied; `None`: the API made it.
    pub manifest: Option<String>,
}
