//! Where changes are handed in, and what is declared and in force is asked for.
//!
//! May import: std, jiff, thiserror, tokio, model, store, registry's own.

mod clerk;
mod job;

use std::path::Path;
use std::sync::Arc;

use jiff::{Timestamp, Unit};
use thiserror::Error;
use tokio::sync::{mpsc, watch};

use clerk::Clerk;
pub use job::Failed;
use job::{Job, JobOf};

use super::cluster::Cluster;
use super::history::History;
use super::record;
use super::{Change, ClusterView, Quotas, RecordError, Registry, View};
use crate::model::NodeId;
use crate::store::{Cached, Revision, Store, StoreError};

/// Changes that may wait.
const WAITING: usize = 1_024;

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
    history: Arc<History>,
    /// Of a store that nodes share.
    cluster: Option<Cluster>,
    nodes: watch::Sender<ClusterView>,
}

impl Desk {
    /// Takes what the store holds and begins to make changes, as one of the nodes that share it if it is of
    /// that kind. Without a store, nothing is kept. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The store cannot be read, or holds what cannot be used.
    pub async fn open(
        store: Option<Store>,
        quotas: Quotas,
        node: NodeId,
    ) -> Result<Self, DeskError> {
        let cached = match &store {
            None => None,
            Some(store) => Some(Arc::new(Cached::start(store.clone()).await?)),
        };
        let (registry, head) = match &cached {
            None => (Registry::default(), None),
            Some(cached) => record::load(&cached.snapshot())?,
        };
        let seen = cached.as_ref().map(|cached| cached.snapshot().revision());
        let registry = Arc::new(registry);
        let (declared, watched) = watch::channel(Arc::clone(&registry));
        let (in_force, _) = watch::channel(Arc::new(Registry::default()));
        let (nodes, _) = watch::channel(ClusterView::default());
        let history = History::new(head.unwrap_or_default(), Arc::clone(&registry));
        let history = Arc::new(history);
        let shared = cached.clone().filter(|cached| cached.store().is_shared());
        let cluster = match shared {
            None => None,
            Some(cached) => {
                let (history, in_force) = (Arc::clone(&history), in_force.clone());
                Some(Cluster::join(cached, node, history, in_force, nodes.clone()).await?)
            }
        };
        let (jobs, waiting) = mpsc::channel(WAITING);
        let clerk = Clerk {
            cached,
            registry,
            head,
            seen: seen.unwrap_or_default(),
            quotas,
            declared,
            history: Arc::clone(&history),
            cluster: cluster.clone(),
        };
        tokio::spawn(clerk.work(waiting));
        Ok(Self {
            jobs,
            declared: watched,
            in_force,
            quotas,
            store,
            history,
            cluster,
            nodes,
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
        if let Some(cluster) = &self.cluster {
            cluster.leave().await;
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
        Change::new(declared, self.quotas, self.cluster.is_some(), now())
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

    /// Says what is in force now at this node.
    pub fn set_in_force(&self, registry: Arc<Registry>) {
        match &self.cluster {
            None => drop(self.in_force.send_replace(registry)),
            Some(cluster) => {
                self.history.put_in_force(registry);
                cluster.wake();
            }
        }
    }

    /// Tells of what is in force at all nodes whenever that has changed.
    pub fn in_force(&self) -> watch::Receiver<Arc<Registry>> {
        self.in_force.subscribe()
    }

    /// Tells of the nodes that share the store whenever something about them has changed.
    pub fn nodes(&self) -> watch::Receiver<ClusterView> {
        self.nodes.subscribe()
    }
}

/// The time, to the second.
fn now() -> Timestamp {
    Timestamp::now().round(Unit::Second).unwrap_or_default()
}
