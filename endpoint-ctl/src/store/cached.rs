//! A copy of all records in memory, kept current by a watch. Imports `error`, `record`, `watch` and
//! `Store`.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::{Commit, Key, Listing, Record, Revision, Store, StoreError, WatchEvent};

/// How long to wait after an error before the store is asked again.
const PAUSE: Duration = Duration::from_millis(200);

type OfKind = BTreeMap<Key, Record>;

/// All records as they stood together at one revision. Cheap to clone; it does not change.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    revision: Revision,
    kinds: BTreeMap<Arc<str>, Arc<OfKind>>,
}

impl Snapshot {
    /// When they stood so.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The record under a key.
    pub fn get(&self, key: &Key) -> Option<&Record> {
        self.kinds.get(key.kind())?.get(key)
    }

    /// All records of a kind, by id.
    pub fn list(&self, kind: &str) -> impl Iterator<Item = &Record> {
        self.kinds
            .get(kind)
            .into_iter()
            .flat_map(|kind| kind.values())
    }

    /// All records, by kind and id.
    pub fn all(&self) -> impl Iterator<Item = &Record> {
        self.kinds.values().flat_map(|kind| kind.values())
    }

    fn of(listing: Listing) -> Self {
        let mut kinds: BTreeMap<Arc<str>, OfKind> = BTreeMap::new();
        for record in listing.records {
            let kind = kinds.entry(Arc::clone(record.key.shared_kind()));
            kind.or_default().insert(record.key.clone(), record);
        }
        Self {
            revision: listing.revision,
            kinds: kinds.into_iter().map(|(k, v)| (k, Arc::new(v))).collect(),
        }
    }

    fn apply(&mut self, commit: &Commit) {
        self.revision = commit.revision;
        for change in &commit.changes {
            let kind = Arc::clone(change.key.shared_kind());
            // Copied only if a snapshot of before is still held by someone.
            let kind = Arc::make_mut(self.kinds.entry(kind).or_default());
            match &change.value {
                Some(value) => {
                    let record = Record {
                        key: change.key.clone(),
                        value: value.clone(),
                        revision: commit.revision,
                    };
                    kind.insert(change.key.clone(), record);
                }
                None => {
                    kind.remove(&change.key);
                }
            }
        }
    }
}

/// The store cannot be followed at the moment.
#[derive(Debug, Clone)]
pub struct Fault {
    /// When it was last heard of: the copy is as old as that.
    pub since: Instant,
    /// What was met.
    pub error: StoreError,
}

/// The copy. It follows the store until it is dropped.
#[derive(Debug)]
pub struct Cached {
    store: Store,
    copy: Arc<Copy>,
    follower: JoinHandle<()>,
}

#[derive(Debug)]
struct Copy {
    snapshot: RwLock<Snapshot>,
    seen: watch::Sender<Revision>,
    fault: RwLock<Option<Fault>>,
}

impl Cached {
    /// Lists the store, and follows it from there.
    pub async fn start(store: Store) -> Result<Self, StoreError> {
        let snapshot = Snapshot::of(store.list(None).await?);
        let copy = Arc::new(Copy {
            seen: watch::Sender::new(snapshot.revision),
            snapshot: RwLock::new(snapshot),
            fault: RwLock::new(None),
        });
        let follower = tokio::spawn(follow(store.clone(), Arc::clone(&copy)));
        Ok(Self {
            store,
            copy,
            follower,
        })
    }

    /// The store itself, for transactions.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What is known now.
    pub fn snapshot(&self) -> Snapshot {
        let snapshot = self.copy.snapshot.read();
        snapshot.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until a commit is in the copy, such as one's own.
    pub async fn wait_for(
        &self,
        wanted: Revision,
        within: Duration,
    ) -> Result<Snapshot, StoreError> {
        let mut seen = self.copy.seen.subscribe();
        let reached = timeout(within, seen.wait_for(|seen| *seen >= wanted)).await;
        if let Ok(Ok(_)) = reached {
            return Ok(self.snapshot());
        }
        Err(StoreError::Behind {
            wanted,
            seen: self.snapshot().revision,
            waited: within,
        })
    }

    /// Tells of every newer revision; some may be left out if it is not looked at in between.
    pub fn changes(&self) -> watch::Receiver<Revision> {
        self.copy.seen.subscribe()
    }

    /// Why the copy may be old, and since when, if the store cannot be followed. With etcd that is
    /// noticed within [`STALE`](super::STALE).
    pub fn fault(&self) -> Option<Fault> {
        let fault = self.copy.fault.read();
        fault.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Cached {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

impl Copy {
    fn publish(&self, change: impl FnOnce(&mut Snapshot)) {
        let revision = {
            let mut snapshot = self
                .snapshot
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            change(&mut snapshot);
            snapshot.revision
        };
        self.seen.send_replace(revision);
    }

    fn set_fault(&self, fault: Option<Fault>) {
        *self.fault.write().unwrap_or_else(PoisonError::into_inner) = fault;
    }
}

async fn follow(store: Store, copy: Arc<Copy>) {
    let after = *copy.seen.borrow();
    let mut watch = store.watch(after);
    let mut heard = Instant::now();
    loop {
        let told = match watch.next_event().await {
            Ok(WatchEvent::Committed(commit)) => {
                copy.publish(|snapshot| snapshot.apply(&commit));
                Ok(())
            }
            Ok(WatchEvent::Alive) => Ok(()),
            Ok(WatchEvent::Resync) => match store.list(None).await {
                Ok(listing) => {
                    watch = store.watch(listing.revision);
                    copy.publish(|snapshot| *snapshot = Snapshot::of(listing));
                    Ok(())
                }
                Err(error) => Err(error),
            },
            Err(StoreError::Closed) => return,
            Err(error) => Err(error),
        };
        match told {
            Ok(()) => {
                heard = Instant::now();
                copy.set_fault(None);
            }
            Err(error) => {
                let since = heard;
                copy.set_fault(Some(Fault { since, error }));
                sleep(PAUSE).await;
            }
        }
    }
}
