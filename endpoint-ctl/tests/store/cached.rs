//! The copy in memory. Imports `rig`.

use std::time::Duration;

use endpoint_ctl::store::{Cached, Embedded, Store, StoreError, Transaction};

use crate::rig::{Directory, committed, delete, key, open, put, sorted};

const SOON: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn it_follows_the_store() {
    let directory = Directory::new();
    let store = open(&directory.file("store")).await.unwrap();
    put(&store, &key("a", 1), "before").await;
    let cached = Cached::start(store.clone()).await.unwrap();
    let before = cached.snapshot();
    assert_eq!(before.get(&key("a", 1)).unwrap().value, "before");
    let transaction = Transaction::new()
        .put(key("a", 2), "x")
        .put(key("b", 1), "y")
        .delete(key("a", 1));
    let revision = committed(store.transact(transaction).await.unwrap());
    let after = cached.wait_for(revision, SOON).await.unwrap();
    assert_eq!(after.get(&key("a", 1)), None);
    assert_eq!(after.list("a").count(), 1);
    assert_eq!(after.list("none").count(), 0);
    // One that is held does not change.
    assert_eq!(before.all().count(), 1);
    assert!(cached.fault().is_none());
    let listing = sorted(store.list(None).await.unwrap().records);
    assert_eq!(after.all().cloned().collect::<Vec<_>>(), listing);
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_ends() {
    let directory = Directory::new();
    let store = open(&directory.file("store")).await.unwrap();
    let revision = put(&store, &key("a", 1), "x").await;
    let cached = Cached::start(store).await.unwrap();
    let next = endpoint_ctl::store::Revision(revision.0 + 1);
    let waited = cached.wait_for(next, Duration::from_millis(50)).await;
    assert!(
        matches!(waited, Err(StoreError::Behind { .. })),
        "{waited:?}"
    );
}

/// With a history of nothing, every commit is one that may be missed.
#[tokio::test(flavor = "multi_thread")]
async fn it_lists_anew_when_it_missed_something() {
    let directory = Directory::new();
    let store = Embedded::open_with_history(&directory.file("store"), 0).await;
    let store = Store::Embedded(store.unwrap());
    let cached = Cached::start(store.clone()).await.unwrap();
    for number in 0..50 {
        put(&store, &key("a", number), "x").await;
        if number % 3 == 0 {
            delete(&store, &key("a", number)).await;
        }
    }
    let last = put(&store, &key("a", "last"), "x").await;
    let snapshot = cached.wait_for(last, SOON).await.unwrap();
    let listing = sorted(store.list(None).await.unwrap().records);
    assert_eq!(snapshot.all().cloned().collect::<Vec<_>>(), listing);
}
