//! Watches of etcd. Imports `failure`, `members` and `proto`, and `error`, `record` and `watch` of the store.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::super::{Change, Commit, Revision, StoreError, WatchEvent};
use super::failure::Failure;
use super::members::{Answers, WATCH};
use super::proto::{
    DELETE, Event, WatchAsk, WatchCreate, WatchProgress, WatchRequest, WatchResponse,
};
use super::{Etcd, revision_of, signed, unsigned};

/// After how long a silence a sign of life is asked for, and how long that may take.
const QUIET: Duration = Duration::from_secs(1);
const SIGN: Duration = Duration::from_millis(1500);

/// After how long at most a watch notices that etcd does not answer any more.
pub const STALE: Duration = Duration::from_millis(2500);

/// A watch of etcd, over as many streams as it takes.
#[derive(Debug)]
pub struct EtcdWatch {
    store: Etcd,
    /// All up to this one was received.
    after: Revision,
    received: VecDeque<WatchEvent>,
    stream: Option<Stream>,
    lost: bool,
}

#[derive(Debug)]
struct Stream {
    asks: mpsc::Sender<WatchRequest>,
    answers: Answers<WatchResponse>,
    /// When to ask for a sign of life, or to give up if that was done.
    until: Instant,
    asked: bool,
}

impl EtcdWatch {
    pub(super) fn new(store: Etcd, after: Revision) -> Self {
        Self {
            store,
            after,
            received: VecDeque::new(),
            stream: None,
            lost: false,
        }
    }

    pub(in super::super) async fn next(&mut self) -> Result<WatchEvent, StoreError> {
        loop {
            if let Some(event) = self.received.pop_front() {
                return Ok(event);
            }
            if self.lost {
                return Ok(WatchEvent::Resync);
            }
            if self.stream.is_none() {
                self.connect().await?;
            }
            self.receive().await?;
        }
    }

    async fn connect(&mut self) -> Result<(), StoreError> {
        // A store that went back would let us wait for a revision that it reaches who knows when.
        self.store.check_revision(self.after).await?;
        let (key, range_end) = self.store.range_of(None);
        let create = WatchCreate {
            key,
            range_end,
            start_revision: signed(self.after) + 1,
        };
        let first = ask(WatchAsk::Create(create));
        let opened = self.store.inner.members.stream(WATCH, first).await;
        let (asks, answers) = opened.map_err(|failure| self.store.error(failure))?;
        self.stream = Some(Stream {
            asks,
            answers,
            until: Instant::now() + SIGN,
            // It answers that the watch is made.
            asked: true,
        });
        Ok(())
    }

    async fn receive(&mut self) -> Result<(), StoreError> {
        let Some(stream) = &mut self.stream else {
            return Ok(());
        };
        let members = &self.store.inner.members;
        let failure = match timeout_at(stream.until, members.next(&mut stream.answers)).await {
            Ok(Ok(response)) => {
                stream.until = Instant::now() + QUIET;
                stream.asked = false;
                return self.take(response);
            }
            Ok(Err(failure)) => failure,
            // The stream's own task takes the question at once, unless it is over.
            Err(_) if !stream.asked && stream.asks.try_send(ask(progress())).is_ok() => {
                stream.until = Instant::now() + SIGN;
                stream.asked = true;
                return Ok(());
            }
            Err(_) => members.leave_silent(&stream.answers).await,
        };
        self.stream = None;
        Err(self.store.error(failure))
    }

    fn take(&mut self, response: WatchResponse) -> Result<(), StoreError> {
        if response.compact_revision > 0 {
            self.stream = None;
            self.lost = true;
            return Ok(());
        }
        if response.canceled {
            self.stream = None;
            let why = format!("the watch was cancelled: {}", response.cancel_reason);
            return Err(self.store.error(Failure::NotDone(why)));
        }
        if response.events.is_empty() {
            self.received.push_back(WatchEvent::Alive);
            return Ok(());
        }
        for commit in self.commits(response.events)? {
            self.after = commit.revision;
            let event = WatchEvent::Committed(Arc::new(commit));
            self.received.push_back(event);
        }
        let now = revision_of(response.header.as_ref()).max(self.after);
        self.store.inner.seen.fetch_max(now.0, Ordering::SeqCst);
        Ok(())
    }

    /// Events by revision; those of one come together.
    fn commits(&self, events: Vec<Event>) -> Result<Vec<Commit>, StoreError> {
        let mut commits: Vec<Commit> = Vec::new();
        for event in events {
            let Some(kv) = event.kv else { continue };
            let revision = unsigned(kv.mod_revision);
            let change = Change {
                key: self.store.parse(&kv.key)?,
                value: (event.kind != DELETE).then_some(kv.value),
            };
            match commits.last_mut() {
                Some(commit) if commit.revision == revision => commit.changes.push(change),
                _ => commits.push(Commit {
                    revision,
                    changes: vec![change],
                }),
            }
        }
        Ok(commits)
    }
}

fn ask(ask: WatchAsk) -> WatchRequest {
    WatchRequest { ask: Some(ask) }
}

fn progress() -> WatchAsk {
    WatchAsk::Progress(WatchProgress {})
}
