//! What a watch tells, and the watch of either store. Imports `embedded`, `etcd`, `record`
//! and `Answer`.

use std::sync::Arc;

use bytes::Bytes;

use super::embedded::EmbeddedWatch;
#[cfg(feature = "etcd")]
use super::etcd::EtcdWatch;
use super::{Answer, Key, Revision};

/// A record that was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What it is called.
    pub key: Key,
    /// Its new bytes, or none if it was deleted.
    pub value: Option<Bytes>,
}

/// All changes of one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its revision.
    pub revision: Revision,
    /// What it changed, each key once.
    pub changes: Vec<Change>,
}

/// What a watch tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchEvent {
    /// The next commit.
    Committed(Arc<Commit>),
    /// The commits that were to be told next are no longer known. The watch is at its end: list
    /// the store, and watch anew from there.
    Resync,
    /// Nothing new, but the store is there and the watch stands.
    Alive,
}

/// A watch from a revision on.
#[derive(Debug)]
pub enum Watch {
    /// Of an embedded store.
    Embedded(EmbeddedWatch),
    /// Of etcd.
    #[cfg(feature = "etcd")]
    Etcd(Box<EtcdWatch>),
}

impl Watch {
    /// Waits for what comes next. After an error it can be called again, and goes on where it was
    /// as soon as the store is there. Dropping the future loses nothing.
    pub fn next_event(&mut self) -> Answer<'_, WatchEvent> {
        match self {
            Self::Embedded(watch) => Box::pin(watch.next()),
            #[cfg(feature = "etcd")]
            Self::Etcd(watch) => Box::pin(watch.next()),
        }
    }
}
