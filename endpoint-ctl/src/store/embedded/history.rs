//! The latest commits, for those who watch. Imports `error`, `record` and `watch` of the store.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

use super::super::{Commit, Revision, StoreError, WatchEvent};

/// The latest commits.
#[derive(Debug)]
pub(super) struct History {
    kept: Mutex<Kept>,
    limit: usize,
    /// The newest revision; closed with the store.
    newest: watch::Sender<Revision>,
    closed: watch::Sender<bool>,
}

#[derive(Debug)]
struct Kept {
    /// All commits after this one are kept.
    after: Revision,
    commits: VecDeque<Arc<Commit>>,
    bytes: usize,
}

impl History {
    /// One that begins at a revision, and keeps that many bytes of keys and values.
    pub(super) fn new(from: Revision, limit: usize) -> Self {
        Self {
            kept: Mutex::new(Kept {
                after: from,
                commits: VecDeque::new(),
                bytes: 0,
            }),
            limit,
            newest: watch::Sender::new(from),
            closed: watch::Sender::new(false),
        }
    }

    /// Tells of a commit, which comes after all before.
    pub(super) fn add(&self, commit: Commit) {
        let revision = commit.revision;
        {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.bytes += size(&commit);
            kept.commits.push_back(Arc::new(commit));
            while kept.bytes > self.limit
                && let Some(oldest) = kept.commits.pop_front()
            {
                kept.bytes -= size(&oldest);
                kept.after = oldest.revision;
            }
        }
        self.newest.send_replace(revision);
    }

    /// Ends all watches.
    pub(super) fn close(&self) {
        self.closed.send_replace(true);
    }

    pub(super) fn watch(history: &Arc<Self>, after: Revision) -> EmbeddedWatch {
        EmbeddedWatch {
            newest: history.newest.subscribe(),
            closed: history.closed.subscribe(),
            history: Arc::clone(history),
            after,
        }
    }

    fn next(&self, after: Revision) -> Option<WatchEvent> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if after < kept.after {
            return Some(WatchEvent::Resync);
        }
        let next = kept.commits.partition_point(|c| c.revision <= after);
        kept.commits
            .get(next)
            .map(|commit| WatchEvent::Committed(Arc::clone(commit)))
    }
}

fn size(commit: &Commit) -> usize {
    let of_changes = commit.changes.iter().map(|change| {
        let value = change.value.as_ref().map_or(0, Bytes::len);
        change.key.kind().len() + change.key.id().len() + value
    });
    of_changes.sum()
}

/// A watch of an embedded store.
#[derive(Debug)]
pub struct EmbeddedWatch {
    history: Arc<History>,
    newest: watch::Receiver<Revision>,
    closed: watch::Receiver<bool>,
    after: Revision,
}

impl EmbeddedWatch {
    pub(in super::super) async fn next(&mut self) -> Result<WatchEvent, StoreError> {
        loop {
            if let Some(event) = self.history.next(self.after) {
                if let WatchEvent::Committed(commit) = &event {
                    self.after = commit.revision;
                }
                return Ok(event);
            }
            tokio::select! {
                changed = self.newest.changed() => changed.map_err(|_| StoreError::Closed)?,
                _ = self.closed.wait_for(|closed| *closed) => return Err(StoreError::Closed),
            }
        }
    }
}
