//! A place for files, and what tests say often. Imports nothing of these tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use endpoint_ctl::store::{
    Embedded, Key, Outcome, Precondition, Record, Revision, Store, StoreError, Transaction,
};

/// A directory that is removed at the end.
#[derive(Debug)]
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("endpoint-store-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) async fn open(path: &Path) -> Result<Store, StoreError> {
    Embedded::open(path).await.map(Store::Embedded)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "numbers and words read the same"
)]
pub(crate) fn key(kind: &str, id: impl ToString) -> Key {
    Key::new(kind, &id.to_string()).unwrap()
}

/// Writes one record, which must work.
pub(crate) async fn put(store: &Store, key: &Key, value: &str) -> Revision {
    let transaction = Transaction::new().put(key.clone(), value.to_owned());
    committed(store.transact(transaction).await.unwrap())
}

pub(crate) async fn delete(store: &Store, key: &Key) -> Revision {
    let transaction = Transaction::new()
        .require(Precondition::Present(key.clone()))
        .delete(key.clone());
    committed(store.transact(transaction).await.unwrap())
}

pub(crate) fn committed(outcome: Outcome) -> Revision {
    match outcome {
        Outcome::Committed(revision) => revision,
        Outcome::Conflict(key) => panic!("a conflict about {key}"),
    }
}

/// The records, sorted.
pub(crate) async fn records(store: &Store) -> Vec<Record> {
    sorted(store.list(None).await.unwrap().records)
}

pub(crate) fn sorted(mut records: Vec<Record>) -> Vec<Record> {
    records.sort_by(|a, b| a.key.cmp(&b.key));
    records
}

/// This test program, to run one of its tests as a process of its own.
pub(crate) fn child(test: &str) -> std::process::Command {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]);
    command
}
