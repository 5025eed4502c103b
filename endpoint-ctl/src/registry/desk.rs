//! Where changes are made: one after the other, each in the store before anybody hears of it.
//!
//! Changes that wait are made together, by one transaction. With a store that several nodes share, a
//! transaction that came too late is made anew on what is stored by then.
//!
//! May import: std, jiff, tokio, tracing, store, registry's own.

mod job;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::{Timestamp, Unit};
use thiserror::Error;
use tokio::sync::{mpsc, watch};

pub use job::Failed;
use job::{Job, JobOf};

use super::record::{self, Writes};
use super::{Change, Quotas, RecordError, Registry, View};
use crate::store::{
    Cached, MAX_BYTES, MAX_OPERATIONS, Outcome, Precondition, Revision, Store, StoreError,
    Transaction,
};

/// Changes that may wait.
const WAITING: usize = 1_024;
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

/// Why the desk could not be set up.
#[derive(Debug, Error)]
pub enum DeskError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It holds what cannot be used.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// See the module. Clones are handles of the same one.
#[derive(Debug, Clone)]
pub struct Desk {
    jobs: mpsc::Sender<Box<dyn Job>>,
    declared: watch::Receiver<Arc<Registry>>,
    in_force: watch::Sender<Arc<Registry>>,
    quotas: Quotas,
    store: Option<Store>,
}

impl Desk {
    /// Takes what the store holds and begins to make changes. Without a store, nothing is kept. Must be
    /// called within a tokio runtime.
    ///
    /// # Errors
    /// The store cannot be read, or holds what cannot be used.
    pub async fn open(store: Option<Store>, quotas: Quotas) -> Result<Self, DeskError> {
        let cached = match &store {
            None => None,
            Some(store) => Some(Cached::start(store.clone()).await?),
        };
        let (registry, head) = match &cached {
            None => (Registry::default(), None),
            Some(cached) => record::load(&cached.snapshot())?,
        };
        let seen = cached.as_ref().map(|cached| cached.snapshot().revision());
        let registry = Arc::new(registry);
        let (declared, watched) = watch::channel(Arc::clone(&registry));
        let (in_force, _) = watch::channel(Arc::new(Registry::default()));
        let (jobs, waiting) = mpsc::channel(WAITING);
        let clerk = Clerk {
            cached,
            registry,
            head,
            seen: seen.unwrap_or_default(),
            quotas,
            declared,
        };
        tokio::spawn(clerk.work(waiting));
        Ok(Self {
            jobs,
            declared: watched,
            in_force,
            quotas,
            store,
        })
    }

    /// Makes a change. `work` may be run several times, each on what is declared by then; what it returns
    /// from the last time comes back once its change is kept. If it fails, nothing is changed.
    ///
    /// # Errors
    /// What `work` fails with, or that the store does.
    pub async fn change<T, E, W>(&self, work: W) -> Result<T, Failed<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
        W: Fn(&mut Change) -> Result<T, E> + Send + 'static,
    {
        let (job, outcome) = JobOf::new(work);
        if self.jobs.send(Box::new(job)).await.is_err() {
            return Err(Failed::Stopping);
        }
        outcome.await.unwrap_or(Err(Failed::Stopping))
    }

    /// Ends the store in good order; what waits is made before.
    pub async fn close(&self) {
        let (job, ended) = JobOf::new(|_: &mut Change| Ok::<(), ()>(()));
        if self.jobs.send(Box::new(job)).await.is_ok() {
            // It is the last that is waited for, and changes nothing.
            let _ = ended.await;
        }
        if let Some(store) = &self.store {
            store.close().await;
        }
    }

    /// Copies the store to a file that is not there yet; its revision, or none without a store.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn backup(&self, to: &Path) -> Result<Option<Revision>, StoreError> {
        match &self.store {
            None => Ok(None),
            Some(store) => store.backup(to).await.map(Some),
        }
    }

    /// A change of what is declared now that is tried out, and never made.
    pub fn draft(&self) -> Change {
        let declared = Registry::clone(&self.declared.borrow());
        Change::new(declared, self.quotas, now())
    }

    /// What is declared, and what of it is in force.
    pub fn view(&self) -> View {
        View {
            declared: Arc::clone(&self.declared.borrow()),
            in_force: Arc::clone(&self.in_force.borrow()),
        }
    }

    /// Tells of what is declared whenever that has changed.
    pub fn declared(&self) -> watch::Receiver<Arc<Registry>> {
        self.declared.clone()
    }

    /// Says what is in force now.
    pub fn set_in_force(&self, registry: Arc<Registry>) {
        self.in_force.send_replace(registry);
    }

    /// Tells of what is in force whenever that has changed.
    pub fn in_force(&self) -> watch::Receiver<Arc<Registry>> {
        self.in_force.subscribe()
    }
}

/// Who makes the changes.
struct Clerk {
    cached: Option<Cached>,
    registry: Arc<Registry>,
    /// The revision of the record that every transaction writes.
    head: Option<Revision>,
    /// The revision that the registry is of.
    seen: Revision,
    quotas: Quotas,
    declared: watch::Sender<Arc<Registry>>,
}

/// How a transaction ended.
enum Kept {
    Yes,
    /// Another node came first.
    TooLate,
    No(StoreError),
}

impl Clerk {
    async fn work(mut self, mut waiting: mpsc::Receiver<Box<dyn Job>>) {
        let mut changes = self.cached.as_ref().map(Cached::changes);
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
            let mut change = Change::new(registry.clone(), self.quotas, now());
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
        let mut registry = Registry::clone(&self.registry);
        match record::follow(&mut registry, &snapshot, Some(self.seen)) {
            Ok(()) => {
                self.head = record::head_of(&snapshot);
                self.seen = snapshot.revision();
                self.publish(registry);
            }
            // What is in force stays so; the next change is tried again.
            Err(error) => tracing::error!("what another node stored is not followed: {error}"),
        }
    }

    fn publish(&mut self, registry: Registry) {
        if *self.registry != registry {
            self.registry = Arc::new(registry);
            self.declared.send_replace(Arc::clone(&self.registry));
        }
    }
}

/// The time, to the second.
fn now() -> Timestamp {
    Timestamp::now().round(Unit::Second).unwrap_or_default()
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

fn size((key, value): &(crate::store::Key, Option<Bytes>)) -> usize {
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
