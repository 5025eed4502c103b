//! The store of several nodes: an etcd of release 3.4 or later. Imports `error`, `record`,
//! `transaction` and `watch` of the store; its own parts from `failure` up.
//!
//! Records are keys below `PREFIX/r/`. The API is spoken directly (`proto`): what is used of it is
//! small, and generated code would need protoc wherever this is built.

mod failure;
mod lease;
mod members;
mod proto;
mod settings;
mod watching;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::{
    Answer, Key, Listing, Outcome, Precondition, Record, Revision, StoreError, Transaction, Watch,
};
use failure::Failure;
pub use lease::SharedLease;
pub use members::TIMEOUT;
use members::{Members, RANGE, TXN};
use proto::{
    Compare, DeleteRequest, EQUAL, GREATER, Header, KeyValue, MOD_REVISION, PutRequest,
    RangeRequest, RangeResponse, Request, RequestOp, Response, ResponseOp, TxnRequest, TxnResponse,
};
pub use settings::EtcdSettings;
pub use watching::{EtcdWatch, STALE};

/// The schema that this release writes, and the newest it reads.
const SCHEMA: u64 = 1;

/// Records that are asked for at once. Lists are of one revision, whatever number of calls they take.
const PAGE: i64 = 1000;

/// How often a list is begun anew because its revision was compacted meanwhile.
const LISTS: usize = 3;

/// An etcd. Clones are handles of the same one, over the same connection.
#[derive(Debug, Clone)]
pub struct Etcd {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    members: Members,
    prefix: String,
    /// The highest revision that was seen.
    seen: AtomicU64,
}

impl Etcd {
    /// Connects, and sees that the prefix has a schema we know.
    pub fn open(settings: &EtcdSettings) -> Answer<'_, Self> {
        Box::pin(async {
            let store = Self {
                inner: Arc::new(Inner {
                    members: Members::new(settings)?,
                    prefix: settings.prefix.clone(),
                    seen: AtomicU64::new(0),
                }),
            };
            store.check_schema().await?;
            Ok(store)
        })
    }

    async fn check_schema(&self) -> Result<(), StoreError> {
        let key = self.schema_key();
        let ask = TxnRequest {
            compare: vec![compare(key.clone(), EQUAL, 0)],
            success: vec![put(key.clone(), SCHEMA.to_string().into(), 0)],
            failure: vec![range(key)],
        };
        let answer = self.txn(ask).await?;
        let Some(Response::Range(range)) = answer.responses.into_iter().find_map(|r| r.response)
        else {
            return Ok(());
        };
        let text = range
            .kvs
            .first()
            .map(|kv| String::from_utf8_lossy(&kv.value));
        let found = text.as_deref().and_then(|text| text.parse().ok());
        match found {
            Some(SCHEMA) => Ok(()),
            Some(found) => Err(StoreError::Newer {
                place: self.place(),
                found,
                known: SCHEMA,
            }),
            None => Err(StoreError::Foreign {
                place: self.place(),
                what: format!("{}/schema", self.inner.prefix),
            }),
        }
    }

    pub(super) async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        let ask = RangeRequest {
            key: self.key(key),
            ..RangeRequest::default()
        };
        let mut answer = self
            .range(ask)
            .await?
            .map_err(|failure| self.error(failure))?;
        answer.kvs.pop().map(|kv| self.record(kv)).transpose()
    }

    pub(super) async fn list(&self, kind: Option<&str>) -> Result<Listing, StoreError> {
        for _ in 0..LISTS {
            match self.list_once(kind).await? {
                Ok(listing) => return Ok(listing),
                Err(Failure::Compacted) => {}
                Err(failure) => return Err(self.error(failure)),
            }
        }
        Err(self.error(Failure::Compacted))
    }

    async fn list_once(&self, kind: Option<&str>) -> Result<Result<Listing, Failure>, StoreError> {
        let (mut first, end) = self.range_of(kind);
        let mut listing = Listing {
            revision: Revision(0),
            records: Vec::new(),
        };
        loop {
            let ask = RangeRequest {
                key: first,
                range_end: end.clone(),
                limit: PAGE,
                revision: signed(listing.revision),
                ..RangeRequest::default()
            };
            let answer = match self.range(ask).await? {
                Ok(answer) => answer,
                Err(failure) => return Ok(Err(failure)),
            };
            if listing.revision.0 == 0 {
                listing.revision = revision_of(answer.header.as_ref());
            }
            let Some(last) = answer.kvs.last().filter(|_| answer.more) else {
                self.add(&mut listing, answer.kvs)?;
                return Ok(Ok(listing));
            };
            first = [&last.key[..], &[0]].concat().into();
            self.add(&mut listing, answer.kvs)?;
        }
    }

    fn add(&self, listing: &mut Listing, kvs: Vec<KeyValue>) -> Result<(), StoreError> {
        for kv in kvs {
            listing.records.push(self.record(kv)?);
        }
        Ok(())
    }

    pub(super) async fn transact(&self, transaction: Transaction) -> Result<Outcome, StoreError> {
        let preconditions = &transaction.preconditions;
        let ask = TxnRequest {
            compare: preconditions.iter().map(|p| self.compare(p)).collect(),
            success: transaction
                .writes
                .into_iter()
                .map(|(key, value)| match value {
                    Some(value) => put(self.key(&key), value, 0),
                    None => delete(self.key(&key)),
                })
                .collect(),
            // So that we can say which one does not hold.
            failure: preconditions
                .iter()
                .map(|precondition| range(self.key(precondition.key())))
                .collect(),
        };
        let answer = self.txn(ask).await?;
        if answer.succeeded {
            let changed = answer.responses.iter().any(changed_something);
            let revision = changed.then(|| revision_of(answer.header.as_ref()));
            return Ok(Outcome::Committed(revision.unwrap_or_default()));
        }
        let now = answer.responses.into_iter().map(|op| match op.response {
            Some(Response::Range(range)) => range.kvs.first().map(|kv| unsigned(kv.mod_revision)),
            _ => None,
        });
        let failed = preconditions
            .iter()
            .zip(now)
            .find(|(p, now)| !p.holds(*now));
        match failed {
            Some((precondition, _)) => Ok(Outcome::Conflict(precondition.key().clone())),
            None => Err(StoreError::Refused {
                place: self.place(),
                why: "a transaction was refused though all its preconditions hold".to_owned(),
                mend: "See that it is an etcd of release 3.4 or later",
            }),
        }
    }

    pub(super) fn watch(&self, after: Revision) -> Watch {
        Watch::Etcd(Box::new(EtcdWatch::new(self.clone(), after)))
    }

    pub(super) fn lease(&self, key: Key, value: Bytes, ttl: Duration) -> super::Lease {
        super::Lease::Shared(SharedLease::start(self.clone(), key, value, ttl))
    }

    /// Asks for something, to learn that the store has not gone back behind a revision.
    async fn check_revision(&self, seen: Revision) -> Result<(), StoreError> {
        self.inner.seen.fetch_max(seen.0, Ordering::SeqCst);
        let ask = RangeRequest {
            key: self.schema_key(),
            keys_only: true,
            ..RangeRequest::default()
        };
        let asked = self.range(ask).await?;
        asked.map(drop).map_err(|failure| self.error(failure))
    }

    async fn range(&self, ask: RangeRequest) -> Result<Result<RangeResponse, Failure>, StoreError> {
        let before = self.seen();
        let answer: RangeResponse = match self.inner.members.call(RANGE, ask).await {
            Ok(answer) => answer,
            Err(failure) => return Ok(Err(failure)),
        };
        self.saw(before, answer.header.as_ref())?;
        Ok(Ok(answer))
    }

    async fn txn(&self, ask: TxnRequest) -> Result<TxnResponse, StoreError> {
        let before = self.seen();
        let called = self.inner.members.call(TXN, ask).await;
        let answer: TxnResponse = called.map_err(|failure| self.error(failure))?;
        self.saw(before, answer.header.as_ref())?;
        Ok(answer)
    }

    fn seen(&self) -> Revision {
        Revision(self.inner.seen.load(Ordering::SeqCst))
    }

    /// Refuses an answer that is older than what was seen before it was asked for.
    fn saw(&self, before: Revision, header: Option<&Header>) -> Result<(), StoreError> {
        let now = revision_of(header);
        if now < before {
            return Err(StoreError::WentBack {
                place: self.place(),
                seen: before,
                now,
            });
        }
        self.inner.seen.fetch_max(now.0, Ordering::SeqCst);
        Ok(())
    }

    fn key(&self, key: &Key) -> Bytes {
        format!("{}/r/{}", self.inner.prefix, key.path()).into()
    }

    fn schema_key(&self) -> Bytes {
        format!("{}/schema", self.inner.prefix).into()
    }

    fn range_of(&self, kind: Option<&str>) -> (Bytes, Bytes) {
        let prefix = &self.inner.prefix;
        match kind {
            Some(kind) => {
                let (first, end) = Key::paths_of(kind);
                let below = |path| format!("{prefix}/r/{path}").into();
                (below(first), below(end))
            }
            // `0` comes after `/`.
            None => (format!("{prefix}/r/").into(), format!("{prefix}/r0").into()),
        }
    }

    fn parse(&self, key: &[u8]) -> Result<Key, StoreError> {
        let text = std::str::from_utf8(key).ok();
        text.and_then(|text| text.strip_prefix(self.inner.prefix.as_str()))
            .and_then(|text| text.strip_prefix("/r/"))
            .and_then(Key::parse)
            .ok_or_else(|| StoreError::Foreign {
                place: self.place(),
                what: String::from_utf8_lossy(key).into_owned(),
            })
    }

    fn record(&self, kv: KeyValue) -> Result<Record, StoreError> {
        Ok(Record {
            key: self.parse(&kv.key)?,
            value: kv.value,
            revision: unsigned(kv.mod_revision),
        })
    }

    fn compare(&self, precondition: &Precondition) -> Compare {
        let key = self.key(precondition.key());
        match precondition {
            Precondition::Absent(_) => compare(key, EQUAL, 0),
            Precondition::Present(_) => compare(key, GREATER, 0),
            // No record has it, but etcd says 0 of what is not there.
            Precondition::Unchanged(_, Revision(0)) => compare(key, EQUAL, -1),
            Precondition::Unchanged(_, revision) => compare(key, EQUAL, signed(*revision)),
        }
    }

    fn place(&self) -> String {
        self.inner.members.place().to_owned()
    }

    fn error(&self, failure: Failure) -> StoreError {
        self.inner.members.error(failure)
    }
}

fn compare(key: Bytes, result: i32, mod_revision: i64) -> Compare {
    Compare {
        result,
        target: MOD_REVISION,
        key,
        mod_revision: Some(mod_revision),
    }
}

fn op(request: Request) -> RequestOp {
    RequestOp {
        request: Some(request),
    }
}

fn put(key: Bytes, value: Bytes, lease: i64) -> RequestOp {
    op(Request::Put(PutRequest { key, value, lease }))
}

fn delete(key: Bytes) -> RequestOp {
    op(Request::Delete(DeleteRequest { key }))
}

fn range(key: Bytes) -> RequestOp {
    op(Request::Range(RangeRequest {
        key,
        ..RangeRequest::default()
    }))
}

fn changed_something(op: &ResponseOp) -> bool {
    match &op.response {
        Some(Response::Put(_)) => true,
        Some(Response::Delete(delete)) => delete.deleted > 0,
        _ => false,
    }
}

fn revision_of(header: Option<&Header>) -> Revision {
    header.map_or_else(Revision::default, |header| unsigned(header.revision))
}

/// etcd counts in signed numbers, from 1.
fn unsigned(revision: i64) -> Revision {
    Revision(u64::try_from(revision).unwrap_or(0))
}

fn signed(revision: Revision) -> i64 {
    i64::try_from(revision.0).unwrap_or(i64::MAX)
}
