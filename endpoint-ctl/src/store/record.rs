//! Records and their keys. Imports `error`.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::StoreError;

/// The longest kind, in bytes.
pub const MAX_KIND: usize = 64;
/// The longest id, in bytes.
pub const MAX_ID: usize = 255;

/// A count of commits. Every commit that changes something has a higher one than all before;
/// in etcd, which others may use too, not all numbers are ours. 0 is before the first commit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a record is called: a kind of letters, digits and `-`, and an id of letters, digits and
/// `-._:@+=`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    kind: Arc<str>,
    id: Arc<str>,
}

impl Key {
    /// A key, if both parts are of the alphabet and neither empty nor too long.
    pub fn new(kind: &str, id: &str) -> Result<Self, StoreError> {
        let of_kind = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let of_id = |c: char| of_kind(c) || "._:@+=".contains(c);
        let fits = (1..=MAX_KIND).contains(&kind.len())
            && (1..=MAX_ID).contains(&id.len())
            && kind.chars().all(of_kind)
            && id.chars().all(of_id);
        if !fits {
            return Err(StoreError::Key {
                kind: kind.to_owned(),
                id: id.to_owned(),
            });
        }
        Ok(Self {
            kind: kind.into(),
            id: id.into(),
        })
    }

    /// The kind.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The id.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn shared_kind(&self) -> &Arc<str> {
        &self.kind
    }

    /// The key as both stores write it; `parse` reads it.
    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.kind, self.id)
    }

    pub(super) fn parse(path: &str) -> Option<Self> {
        let (kind, id) = path.split_once('/')?;
        Self::new(kind, id).ok()
    }

    /// The paths of a kind are those from the first up to before the second.
    pub(super) fn paths_of(kind: &str) -> (String, String) {
        (format!("{kind}/"), format!("{kind}0"))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.id)
    }
}

/// A record as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What it is called.
    pub key: Key,
    /// Its bytes; the store does not look into them.
    pub value: Bytes,
    /// The commit that changed it last.
    pub revision: Revision,
}

/// Records that stood together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// When they stood so.
    pub revision: Revision,
    /// In no particular order.
    pub records: Vec<Record>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_of_the_alphabet() {
        let long = "x".repeat(MAX_ID + 1);
        for (kind, id) in [
            ("", "a"),
            ("a", ""),
            ("a/b", "c"),
            ("a", "b/c"),
            ("a_b", "c"),
            ("a", "b c"),
            ("a", "ä"),
            ("a", "b\0"),
            ("a", &long),
            (&long[..=MAX_KIND], "a"),
        ] {
            assert!(Key::new(kind, id).is_err(), "{kind} {id}");
        }
        let key = Key::new("VpcEndpoint", "ep-a:10.0.0.1@x_y+z=").unwrap();
        assert_eq!(Key::parse(&key.path()), Some(key));
    }

    #[test]
    fn the_range_of_a_kind_holds_no_other() {
        let (first, end) = Key::paths_of("vpc");
        let inside = |kind| {
            let path = Key::new(kind, "x").unwrap().path();
            first <= path && path < end
        };
        assert!(inside("vpc"));
        for other in ["vpc-a", "vpc0", "vpcs", "vp", "a", "z"] {
            assert!(!inside(other), "{other}");
        }
    }
}
