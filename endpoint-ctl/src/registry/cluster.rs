//! The nodes that share a store: who is there, and how far each is.
//!
//! Each node holds a record for as long as it lives, and writes after every change up to where it has put
//! in force what is declared. What all that live have in force is what the API shows as such.
//!
//! May import: std, bytes, serde, serde_json, tokio, tracing, model, store, registry's own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::{MissedTickBehavior, interval};

use super::Registry;
use super::history::History;
use crate::model::{Model, NodeId};
use crate::store::{Cached, Key, Lease, Revision, Snapshot, StoreError, Transaction};

/// The record of a node that lives.
const NODE: &str = "Node";
/// The record of how far a node is.
const APPLIED: &str = "Applied";
/// How long a node that is not heard of counts as there.
const TIME_TO_LIVE: Duration = Duration::from_secs(10);
/// How often it is looked whether the store is still there.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A node, as the others know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeView {
    /// Its id.
    pub node: NodeId,
    /// Whether it is the one that is asked.
    pub is_this: bool,
    /// Whether it lives, as far as the store knows.
    pub is_there: bool,
    /// Whether it has in force all that is declared.
    pub is_current: bool,
}

/// What is known of all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterView {
    /// Those that live, and those that something is bound to; none where no store is shared.
    pub nodes: Vec<NodeView>,
    /// Why what is known may be old, or this node does not count as there.
    pub fault: Option<String>,
}

/// What a node says of itself while it lives.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Alive {
    version: &'static str,
}

/// Up to where a node has put in force what is declared.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Applied {
    revision: u64,
}

/// A handle of what speaks for this node. Clones are of the same one.
#[derive(Debug, Clone)]
pub(super) struct Cluster {
    wake: Arc<Notify>,
    stop: mpsc::Sender<oneshot::Sender<()>>,
}

impl Cluster {
    /// Begins to speak for a node, until all handles are gone. Must be called within a tokio runtime.
    pub(super) async fn join(
        cached: Arc<Cached>,
        node: NodeId,
        history: Arc<History>,
        in_force: watch::Sender<Arc<Registry>>,
        view: watch::Sender<ClusterView>,
    ) -> Result<Self, StoreError> {
        let alive = Key::new(NODE, node.as_str())?;
        let applied = Key::new(APPLIED, node.as_str())?;
        // What it had in force when it was here last says nothing of now.
        let store = cached.store();
        let _ = store
            .transact(Transaction::new().delete(applied.clone()))
            .await?;
        let value = to_bytes(&Alive {
            version: env!("CARGO_PKG_VERSION"),
        });
        let lease = store.lease(alive, value, TIME_TO_LIVE);
        let wake = Arc::new(Notify::new());
        let (stop, stopped) = mpsc::channel(1);
        let herald = Herald {
            cached,
            node,
            applied,
            lease,
            history,
            written: None,
            in_force,
            view,
        };
        tokio::spawn(herald.run(Arc::clone(&wake), stopped));
        Ok(Self { wake, stop })
    }

    /// What is declared, or in force here, has changed.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Takes leave of the others.
    pub(super) async fn leave(&self) {
        let (to, left) = oneshot::channel();
        if self.stop.send(to).await.is_ok() {
            // If it has ended, so much the better.
            let _ = left.await;
        }
    }
}

/// Who speaks for this node.
struct Herald {
    cached: Arc<Cached>,
    node: NodeId,
    applied: Key,
    lease: Lease,
    history: Arc<History>,
    /// What was written last of how far this node is.
    written: Option<Revision>,
    in_force: watch::Sender<Arc<Registry>>,
    view: watch::Sender<ClusterView>,
}

impl Herald {
    async fn run(mut self, wake: Arc<Notify>, mut stop: mpsc::Receiver<oneshot::Sender<()>>) {
        let mut changes = self.cached.changes();
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = wake.notified() => {}
                Ok(()) = changes.changed() => {}
                _ = look.tick() => {}
                stopped = stop.recv() => {
                    self.leave().await;
                    if let Some(stopped) = stopped {
                        // Who has gone away does not wait.
                        let _ = stopped.send(());
                    }
                    return;
                }
            }
            self.tell().await;
            self.hear();
        }
    }

    /// Writes how far this node is, if that has changed. What fails is tried again soon.
    async fn tell(&mut self) {
        let here = self.history.here();
        let Some(revision) = here.filter(|_| here != self.written) else {
            return;
        };
        let value = to_bytes(&Applied {
            revision: revision.0,
        });
        let write = Transaction::new().put(self.applied.clone(), value);
        match self.cached.store().transact(write).await {
            Ok(_) => self.written = here,
            Err(error) => tracing::debug!("how far this node is was not written: {error}"),
        }
    }

    /// Takes in how far the others are.
    fn hear(&self) {
        let snapshot = self.cached.snapshot();
        let alive = alive(&snapshot);
        let applied = applied(&snapshot);
        if let Some(here) = self.history.here() {
            let of_others = applied
                .iter()
                .filter(|(node, _)| **node != self.node.as_str());
            let counted = of_others.filter(|(node, _)| alive.contains(*node));
            let least = counted
                .map(|(_, revision)| *revision)
                .fold(here, Revision::min);
            if let Some(registry) = self.history.at(least) {
                self.in_force.send_if_modified(|now| {
                    let is_new = !Arc::ptr_eq(now, &registry);
                    *now = registry;
                    is_new
                });
            }
        }
        let view = ClusterView {
            nodes: self.nodes(&alive, &applied),
            fault: self.fault(),
        };
        self.view.send_if_modified(|now| {
            let is_new = *now != view;
            *now = view;
            is_new
        });
    }

    fn nodes(&self, alive: &BTreeSet<&str>, applied: &BTreeMap<&str, Revision>) -> Vec<NodeView> {
        let own = self.node.as_str();
        let (last, declared) = self.history.last();
        let mut all = named(&declared.model);
        all.extend(alive);
        all.insert(own);
        let views = all.into_iter().map(|node| NodeView {
            node: NodeId::new(node),
            is_this: node == own,
            is_there: alive.contains(node),
            is_current: if node == own {
                self.history.here() == Some(last)
            } else {
                applied.get(node).is_some_and(|revision| *revision >= last)
            },
        });
        views.collect()
    }

    fn fault(&self) -> Option<String> {
        let of_store = self.cached.fault().map(|fault| {
            let since = fault.since.elapsed().as_secs();
            // In steps, so that it is not another text every second.
            let since = since - since % 10;
            format!(
                "the store was not heard of for over {since} s: {}",
                fault.error
            )
        });
        of_store.or_else(|| self.lease.fault())
    }

    /// Takes its records away, so that nobody waits for it.
    async fn leave(self) {
        let delete = Transaction::new().delete(self.applied);
        if let Err(error) = self.cached.store().transact(delete).await {
            tracing::debug!("this node's record stays: {error}");
        }
        self.lease.release().await;
    }
}

/// The nodes that live.
fn alive(snapshot: &Snapshot) -> BTreeSet<&str> {
    snapshot.list(NODE).map(|record| record.key.id()).collect()
}

/// How far each node is.
fn applied(snapshot: &Snapshot) -> BTreeMap<&str, Revision> {
    let records = snapshot.list(APPLIED);
    let revisions = records.filter_map(|record| {
        let applied: Applied = serde_json::from_slice(&record.value).ok()?;
        Some((record.key.id(), Revision(applied.revision)))
    });
    revisions.collect()
}

/// The nodes that something is bound to.
fn named(model: &Model) -> BTreeSet<&str> {
    let vswitches = model.vswitches.values();
    let of_vswitches = vswitches.filter_map(|vswitch| vswitch.node.as_ref());
    let networks = model.provider_networks.values();
    let uplinks = networks.flat_map(|network| &network.uplinks);
    let of_uplinks = uplinks.filter_map(|uplink| uplink.node.as_ref());
    of_vswitches.chain(of_uplinks).map(NodeId::as_str).collect()
}

fn to_bytes(value: &impl Serialize) -> Bytes {
    // Neither has anything that JSON cannot say.
    serde_json::to_vec(value).unwrap_or_default().into()
}
