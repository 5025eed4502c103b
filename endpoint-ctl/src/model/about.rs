//! What people say of a resource: nothing of it changes what happens to packets.
//!
//! May import: std, the model's own modules.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Kind;

/// A resource of any kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceId {
    /// Its kind.
    pub kind: Kind,
    /// Its id among those of its kind.
    pub id: Arc<str>,
}

impl ResourceId {
    /// The resource of that kind and id.
    pub fn new(kind: Kind, id: impl Into<Arc<str>>) -> Self {
        Self {
            kind,
            id: id.into(),
        }
    }
}

impl std::fmt::Display for ResourceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind.name(), self.id)
    }
}

/// Name, description, tags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// Such as `VpcName`.
    pub name: Option<String>,
    /// `Description`, `EndpointDescription`, `ServiceDescription`.
    pub description: Option<String>,
    /// `ResourceGroupId`: a label, since there are no groups of resources here.
    pub resource_group: Option<String>,
    /// `Tags`, by `Key`.
    pub tags: BTreeMap<String, String>,
    /// What is said of its parts: rules and entries, by their ids.
    pub parts: BTreeMap<String, PartAbout>,
}

/// What is said of a rule or an entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartAbout {
    /// `NetworkAclEntryName`.
    pub name: Option<String>,
    /// `Description`.
    pub description: Option<String>,
    /// `CreateTime` of a rule.
    pub created: Option<String>,
}

impl About {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
