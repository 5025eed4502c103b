//! Leases of etcd: a record that is there as long as it is kept alive. Imports `failure`, `members` and `proto`,
//! and `error`, `record` and `transaction` of the store.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::super::{Key, Precondition, Revision, StoreError};
use super::failure::Failure;
use super::members::{GRANT, KEEP_ALIVE, REVOKE, TIMEOUT};
use super::proto::{
    EQUAL, KeepAliveRequest, KeepAliveResponse, LeaseGrantRequest, LeaseGrantResponse,
    LeaseRevokeRequest, LeaseRevokeResponse, TxnRequest,
};
use super::{Etcd, compare, put, revision_of};

/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_millis(300);

/// A lease that is obtained, kept alive, and obtained anew when it was lost, until it is dropped.
#[derive(Debug)]
pub struct SharedLease {
    store: Etcd,
    key: Key,
    state: Arc<Mutex<State>>,
    keeper: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    granted: Option<Granted>,
    fault: Option<String>,
}

#[derive(Debug, Clone, Copy)]
struct Granted {
    id: i64,
    /// The commit that wrote the record.
    revision: Revision,
    /// Until when etcd surely keeps it.
    until: Instant,
}

impl SharedLease {
    pub(super) fn start(store: Etcd, key: Key, value: Bytes, ttl: Duration) -> Self {
        let state = Arc::default();
        let keeper = tokio::spawn(keep(
            store.clone(),
            key.clone(),
            value,
            ttl,
            Arc::clone(&state),
        ));
        Self {
            store,
            key,
            state,
            keeper,
        }
    }

    pub(in super::super) fn held(&self) -> bool {
        let granted = lock(&self.state).granted;
        granted.is_some_and(|granted| Instant::now() < granted.until)
    }

    pub(in super::super) fn fence(&self) -> Option<Precondition> {
        let granted = lock(&self.state).granted?;
        Some(Precondition::Unchanged(self.key.clone(), granted.revision))
    }

    pub(in super::super) fn fault(&self) -> Option<String> {
        let state = lock(&self.state);
        let is_late = state
            .granted
            .is_some_and(|granted| Instant::now() >= granted.until);
        // Whoever asks while the call that renews it still waits is told as well.
        let late = is_late.then(|| format!("the lease of {} was not renewed in time", self.key));
        state.fault.clone().or(late)
    }

    pub(in super::super) async fn release(self) {
        self.keeper.abort();
        let granted = lock(&self.state).granted.take();
        if let Some(granted) = granted {
            revoke(&self.store, granted.id).await;
        }
    }
}

impl Drop for SharedLease {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn keep(store: Etcd, key: Key, value: Bytes, ttl: Duration, state: Arc<Mutex<State>>) {
    loop {
        match obtain(&store, &key, &value, ttl).await {
            Ok((granted, ttl)) => {
                {
                    let mut state = lock(&state);
                    state.granted = Some(granted);
                    state.fault = None;
                }
                keep_alive(&store, granted.id, ttl, &state).await;
                let mut state = lock(&state);
                state.granted = None;
                state.fault = Some(format!("the lease of {key} ran out"));
            }
            Err(error) => {
                lock(&state).fault = Some(error.to_string());
                sleep(PAUSE).await;
            }
        }
    }
}

/// Writes the record under a new lease, unless it is there: then another node of this name is
/// alive, or was until just now.
async fn obtain(
    store: &Etcd,
    key: &Key,
    value: &Bytes,
    ttl: Duration,
) -> Result<(Granted, Duration), StoreError> {
    let sent = Instant::now();
    let ask = LeaseGrantRequest {
        ttl: i64::try_from(ttl.as_secs().max(1)).unwrap_or(i64::MAX),
    };
    let lease: LeaseGrantResponse = store
        .inner
        .members
        .call(GRANT, ask)
        .await
        .map_err(|failure| store.error(failure))?;
    let path = store.key(key);
    let written = store
        .txn(TxnRequest {
            compare: vec![compare(path.clone(), EQUAL, 0)],
            success: vec![put(path, value.clone(), lease.id)],
            failure: Vec::new(),
        })
        .await;
    match written {
        Ok(answer) if answer.succeeded => {
            let ttl = seconds(lease.ttl);
            let granted = Granted {
                id: lease.id,
                revision: revision_of(answer.header.as_ref()),
                until: until(sent, ttl),
            };
            Ok((granted, ttl))
        }
        refused => {
            revoke(store, lease.id).await;
            refused?;
            Err(StoreError::Refused {
                place: store.place(),
                why: format!("{key} is there already"),
                mend: "If this node was restarted, its old lease runs out by itself; otherwise give each \
                       node a name of its own",
            })
        }
    }
}

/// Returns when the lease is gone.
async fn keep_alive(store: &Etcd, id: i64, ttl: Duration, state: &Mutex<State>) {
    let mut pause = ttl / 3;
    loop {
        sleep(pause).await;
        let sent = Instant::now();
        match keep_alive_once(store, id).await {
            Ok(0) => return,
            Ok(now) => {
                let mut state = lock(state);
                if let Some(granted) = &mut state.granted {
                    granted.until = until(sent, seconds(now));
                }
                state.fault = None;
                pause = ttl / 3;
            }
            Err(failure) => {
                lock(state).fault = Some(store.error(failure).to_string());
                pause = PAUSE.min(ttl / 6);
            }
        }
    }
}

/// The seconds that the lease has from now on, 0 if it is gone.
async fn keep_alive_once(store: &Etcd, id: i64) -> Result<i64, Failure> {
    let members = &store.inner.members;
    let asking = async {
        let (_asks, mut answers) = members.stream(KEEP_ALIVE, KeepAliveRequest { id }).await?;
        let answer: KeepAliveResponse = members.next(&mut answers).await?;
        Ok(answer.ttl.max(0))
    };
    let late = |_| Err(Failure::Unknown("no answer in time".to_owned()));
    timeout(TIMEOUT, asking).await.unwrap_or_else(late)
}

/// Gives it up. If that fails, it runs out by itself.
async fn revoke(store: &Etcd, id: i64) {
    let ask = LeaseRevokeRequest { id };
    let revoked: Result<LeaseRevokeResponse, _> = store.inner.members.call(REVOKE, ask).await;
    if let Err(failure) = revoked {
        let error = store.error(failure);
        tracing::debug!(%error, "a lease was not given up");
    }
}

/// etcd counts from when it was asked, which is later than when we asked. A tenth is for clocks that
/// run at different speeds.
fn until(asked: Instant, ttl: Duration) -> Instant {
    asked + ttl * 9 / 10
}

fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}
