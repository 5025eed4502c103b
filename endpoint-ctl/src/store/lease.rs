//! A node's hold on a record that vanishes with it. Imports `etcd` and `transaction`.

use super::Precondition;
#[cfg(feature = "etcd")]
use super::etcd::SharedLease;

/// A record that is there as long as this node is. Dropping it gives it up after its time to live,
/// [`Lease::release`] at once.
#[derive(Debug)]
pub enum Lease {
    /// Nobody else has the store, so nothing is written and it is always held.
    Alone,
    /// A lease of etcd.
    #[cfg(feature = "etcd")]
    Shared(SharedLease),
}

impl Lease {
    /// Whether the record is surely there now. It is false before the store has given it, and from
    /// when the store may have taken it away: before it does, as far as clocks run alike.
    pub fn held(&self) -> bool {
        match self {
            Self::Alone => true,
            #[cfg(feature = "etcd")]
            Self::Shared(lease) => lease.held(),
        }
    }

    /// What a transaction requires so that it is only carried out while the record is there: what
    /// a node asked for before it lost its lease, and comes late, is then a conflict. None while
    /// there is no record, and none is needed where the node is alone.
    pub fn fence(&self) -> Option<Precondition> {
        match self {
            Self::Alone => None,
            #[cfg(feature = "etcd")]
            Self::Shared(lease) => lease.fence(),
        }
    }

    /// Why it is not held, as far as known.
    pub fn fault(&self) -> Option<String> {
        match self {
            Self::Alone => None,
            #[cfg(feature = "etcd")]
            Self::Shared(lease) => lease.fault(),
        }
    }

    /// Takes the record away now.
    pub async fn release(self) {
        match self {
            Self::Alone => {}
            #[cfg(feature = "etcd")]
            Self::Shared(lease) => lease.release().await,
        }
    }
}
