//! The store of the control plane: records, changed by transactions, watched. May import: nothing
//! of this crate.
//!
//! A record is bytes under a kind and an id. A [`Transaction`] is carried out whole and is durable
//! before it is answered, or not at all; its preconditions make every allocation safe without a
//! leader. Two stores do the same: [`Embedded`], a file for one node, and `Etcd`, for several.
//! [`Cached`] is a copy in memory that follows either.

mod cached;
mod embedded;
mod error;
#[cfg(feature = "etcd")]
mod etcd;
mod lease;
mod record;
mod transaction;
mod watch;

use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

pub use cached::{Cached, Fault, Snapshot};
pub use embedded::{Embedded, EmbeddedWatch, restore};
pub use error::StoreError;
#[cfg(feature = "etcd")]
pub use etcd::{Etcd, EtcdSettings, EtcdWatch, STALE, SharedLease, TIMEOUT};
pub use lease::Lease;
pub use record::{Key, Listing, MAX_ID, MAX_KIND, Record, Revision};
pub use transaction::{MAX_BYTES, MAX_OPERATIONS, Outcome, Precondition, Transaction};
pub use watch::{Change, Commit, Watch, WatchEvent};

/// What a store will answer. Boxed, so that whoever waits for it does not compile the store's inside
/// once more.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A store, of either kind. Clones are handles of the same store.
#[derive(Debug, Clone)]
pub enum Store {
    /// A file of this node.
    Embedded(Embedded),
    /// An etcd that several nodes share.
    #[cfg(feature = "etcd")]
    Etcd(Etcd),
}

impl Store {
    /// The record under a key as of now, or none.
    pub fn get<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<Record>> {
        match self {
            Self::Embedded(store) => Box::pin(store.get(key)),
            #[cfg(feature = "etcd")]
            Self::Etcd(store) => Box::pin(store.get(key)),
        }
    }

    /// All records of a kind, or of all kinds, as they were together at one revision.
    pub fn list<'a>(&'a self, kind: Option<&'a str>) -> Answer<'a, Listing> {
        match self {
            Self::Embedded(store) => Box::pin(store.list(kind)),
            #[cfg(feature = "etcd")]
            Self::Etcd(store) => Box::pin(store.list(kind)),
        }
    }

    /// Carries out a transaction, if its preconditions hold. A committed one is durable. A future
    /// that is dropped may still have been carried out.
    pub fn transact(&self, transaction: Transaction) -> Answer<'_, Outcome> {
        Box::pin(async move {
            transaction.check()?;
            match self {
                Self::Embedded(store) => store.transact(transaction).await,
                #[cfg(feature = "etcd")]
                Self::Etcd(store) => store.transact(transaction).await,
            }
        })
    }

    /// Every commit after a revision, once and in order. To follow the store, `list` it and watch
    /// from the listing's revision.
    pub fn watch(&self, after: Revision) -> Watch {
        match self {
            Self::Embedded(store) => store.watch(after),
            #[cfg(feature = "etcd")]
            Self::Etcd(store) => store.watch(after),
        }
    }

    /// Writes a consistent copy of all records to a new file, which [`restore`] takes.
    pub async fn backup(&self, to: &Path) -> Result<Revision, StoreError> {
        let listing = self.list(None).await?;
        let revision = listing.revision;
        embedded::write_backup(listing, to.to_owned()).await?;
        Ok(revision)
    }

    /// Holds a record that vanishes when this node does: `ttl` after the store last heard of it.
    /// An embedded store has one node, which holds all: no record is written.
    #[cfg_attr(
        not(feature = "etcd"),
        allow(unused_variables, reason = "a file needs no lease")
    )]
    pub fn lease(&self, key: Key, value: Bytes, ttl: Duration) -> Lease {
        match self {
            Self::Embedded(_) => Lease::Alone,
            #[cfg(feature = "etcd")]
            Self::Etcd(store) => store.lease(key, value, ttl),
        }
    }

    /// Whether several nodes may have it.
    pub fn is_shared(&self) -> bool {
        match self {
            Self::Embedded(_) => false,
            #[cfg(feature = "etcd")]
            Self::Etcd(_) => true,
        }
    }

    /// Ends the store in good order. Further calls of any handle are answered by
    /// [`StoreError::Closed`] if it is embedded; etcd needs no such end.
    pub async fn close(&self) {
        match self {
            Self::Embedded(store) => store.close().await,
            #[cfg(feature = "etcd")]
            Self::Etcd(_) => {}
        }
    }
}
