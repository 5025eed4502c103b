//! Who makes changes: one after the other, each in the store before anybody hears of it.
//!
//! Changes that wait are made together, by one transaction. With a store that several nodes share, a
//! transaction that came too late is made anew on what is stored by then.
//!
//! May import: std, bytes, tokio, tracing, store, registry's own.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use super::job::Job;
use super::now;
use crate::registry::cluster::Cluster;
use crate::registry::history::History;
use crate::registry::record::{self, Writes};
use crate::registry::{Change, Quotas, RecordError, Registry};
use crate::store::{
    Cached, Key, MAX_BYTES, MAX_OPERATIONS, Outcome, Precondition, Revision, StoreError,
    Transaction,
};

/// The most that are made together.
const MOST_TOGETHER: usize = 64;
/// How often a change is made anew that came too late.
const ATTEMPTS: usize = 20;
/// How long to wait for the copy of the store to hold what was written.
const PATIENCE: Duration = Duration::from_secs(10);
/// Before a change is made anew, so that what came before it is here.
const PAUSE: Duration = Duration::from_millis(20);
/// Of a transaction, for the record that all of them write.
const SPARE_BYTES: usize = 4_096;

/// See the module.
pub(super) struct Clerk {
    pub(super) cached: Option<Arc<Cached>>,
    pub(super) registry: Arc<Registry>,
    /// The revision of the record that every transaction writes.
    pub(super) head: Option<Revision>,
    /// The revision that the registry is of.
    pub(super) seen: Revision,
    pub(super) quotas: Quotas,
    pub(super) declared: watch::Sender<Arc<Registry>>,
    pub(super) history: Arc<History>,
    pub(super) cluster: Option<Cluster>,
}

/// How a transaction ended.
enum Kept {
    Yes,
    /// Another node came first.
    TooLate,
    No(StoreError),
}

impl Clerk {
    pub(super) async fn work(mut self, mut waiting: mpsc::Receiver<Box<dyn Job>>) {
        let mut changes = self.cached.as_ref().map(|cached| cached.changes());
        loop {
            tokio::select! {
                job = waiting.recv() => {
                    let Some(first) = job else { return };
                    let mut jobs = vec![first];
                    while jobs.len() < MOST_TOGETHER
                        && let Ok(job) = waiting.try_recv()
                    {
                        jobs.push(job);
                    }
                    self.make(jobs).await;
                }
                () = changed(&mut changes) => self.follow_others(),
            }
        }
    }

    /// Makes changes together, or one by one if they are too much for one transaction.
    async fn make(&mut self, jobs: Vec<Box<dyn Job>>) {
        let mut left = jobs;
        while !left.is_empty() {
            let mut count = left.len();
            let kept = loop {
                let together = left.get_mut(..count).unwrap_or_default();
                match self.try_to_make(together).await {
                    Some(kept) => break kept,
                    None => count = 1,
                }
            };
            let rest = left.split_off(count);
            for job in std::mem::replace(&mut left, rest) {
                job.end(&kept);
            }
        }
    }

    /// `None` if it is too much together.
    async fn try_to_make(&mut self, jobs: &mut [Box<dyn Job>]) -> Option<Result<(), StoreError>> {
        for _ in 0..ATTEMPTS {
            let registry = self.run(jobs);
            if self.cached.is_none() {
                self.publish(registry);
                return Some(Ok(()));
            }
            let writes = match record::writes(&self.registry, &registry) {
                Ok(writes) => writes,
                Err(error) => return Some(Err(unwritable(&error))),
            };
            if writes.is_empty() {
                self.publish(registry);
                return Some(Ok(()));
            }
            if jobs.len() > 1 && is_too_much(&writes) {
                return None;
            }
            match self.keep(writes).await {
                Kept::Yes => {
                    self.publish(registry);
                    return Some(Ok(()));
                }
                Kept::TooLate => {}
                Kept::No(error) => return Some(Err(error)),
            }
        }
        let waited = PATIENCE;
        let (wanted, seen) = (self.head.unwrap_or_default(), self.seen);
        Some(Err(StoreError::Behind {
            wanted,
            seen,
            waited,
        }))
    }

    fn run(&self, jobs: &mut [Box<dyn Job>]) -> Registry {
        let mut registry = Registry::clone(&self.registry);
        for job in jobs {
            let is_shared = self.cluster.is_some();
            let mut change = Change::new(registry.clone(), self.quotas, is_shared, now());
            change.forget_old_tokens();
            if job.run(&mut change) {
                registry = change.into_registry();
            }
        }
        registry
    }

    /// Writes to the store. What is too much for one transaction is written by several, in an order in
    /// which every part leaves the store consistent.
    async fn keep(&mut self, writes: Writes) -> Kept {
        let Some(cached) = &self.cached else {
            return Kept::Yes;
        };
        let head = match record::head() {
            Ok(head) => head,
            Err(error) => return Kept::No(error),
        };
        let before = self.seen;
        for part in parts(writes) {
            let mut transaction = Transaction::new();
            transaction = transaction.require(match self.head {
                None => Precondition::Absent(head.clone()),
                Some(revision) => Precondition::Unchanged(head.clone(), revision),
            });
            transaction = transaction.put(head.clone(), Bytes::from_static(b"{}"));
            for (key, value) in part {
                transaction = match value {
                    Some(value) => transaction.put(key, value),
                    None => transaction.delete(key),
                };
            }
            match cached.store().transact(transaction).await {
                Ok(Outcome::Committed(revision)) => {
                    self.head = Some(revision);
                    self.seen = revision;
                }
                Ok(Outcome::Conflict(_)) => {
                    let at_least = Revision(self.seen.0 + 1);
                    // What was written of this is read again with what others wrote.
                    self.seen = before;
                    if let Err(error) = cached.wait_for(at_least, PATIENCE).await {
                        return Kept::No(error);
                    }
                    tokio::time::sleep(PAUSE).await;
                    self.follow_others();
                    return Kept::TooLate;
                }
                Err(error) => {
                    self.seen = before;
                    self.follow_others();
                    return Kept::No(error);
                }
            }
        }
        Kept::Yes
    }

    /// Takes over what other nodes changed.
    fn follow_others(&mut self) {
        let Some(cached) = &self.cached else {
            return;
        };
        let snapshot = cached.snapshot();
        if snapshot.revision() <= self.seen {
            return;
        }
        let head = record::head_of(&snapshot);
        if head == self.head {
            // It is about the nodes themselves.
            self.seen = snapshot.revision();
            return;
        }
        let mut registry = Registry::clone(&self.registry);
        match record::follow(&mut registry, &snapshot, Some(self.seen)) {
            Ok(()) => {
                self.head = head;
                self.seen = snapshot.revision();
                self.publish(registry);
            }
            // What is in force stays so; the next change is tried again.
            Err(error) => tracing::error!("what another node stored is not followed: {error}"),
        }
    }

    fn publish(&mut self, registry: Registry) {
        let is_new = *self.registry != registry;
        if is_new {
            self.registry = Arc::new(registry);
        }
        if let Some(cluster) = &self.cluster {
            self.history
                .declare(self.head.unwrap_or_default(), &self.registry);
            cluster.wake();
        }
        if is_new {
            self.declared.send_replace(Arc::clone(&self.registry));
        }
    }
}

/// Waits for a change of the store; without one, for ever.
async fn changed(changes: &mut Option<watch::Receiver<Revision>>) {
    if let Some(changes) = changes
        && changes.changed().await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}

fn unwritable(error: &RecordError) -> StoreError {
    StoreError::Damaged {
        path: "the store".into(),
        what: error.to_string(),
    }
}

fn is_too_much(writes: &Writes) -> bool {
    let bytes: usize = writes.iter().map(size).sum();
    writes.len() >= MAX_OPERATIONS || bytes > MAX_BYTES - SPARE_BYTES
}

fn size((key, value): &(Key, Option<Bytes>)) -> usize {
    let value = value.as_ref().map_or(0, Bytes::len);
    key.kind().len() + key.id().len() + 1 + value
}

/// Writes in parts that fit a transaction.
fn parts(writes: Writes) -> Vec<Writes> {
    let mut parts = vec![Writes::new()];
    let mut bytes = 0;
    for write in writes {
        let more = size(&write);
        let last = parts.last().map_or(0, Vec::len);
        if last + 1 >= MAX_OPERATIONS || (last > 0 && bytes + more > MAX_BYTES - SPARE_BYTES) {
            parts.push(Writes::new());
            bytes = 0;
        }
        bytes += more;
        if let Some(part) = parts.last_mut() {
            part.push(write);
        }
    }
    parts
}
