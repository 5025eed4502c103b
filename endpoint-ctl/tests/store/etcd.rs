//! An etcd that is frozen, killed, cut off, compacted or wiped. Imports `proxy`, `rig` and `server`.

use std::fs;
use std::time::{Duration, Instant};

use endpoint_ctl::store::{
    Cached, Revision, STALE, Snapshot, Store, StoreError, TIMEOUT, Transaction, Watch, WatchEvent,
};
use tokio::time::timeout;

use crate::proxy::Proxy;
use crate::rig::{delete, key, put, sorted};
use crate::server::{Server, store};

const SOON: Duration = Duration::from_secs(8);

/// Two more than promised: this machine does other things as well.
const SLACK: Duration = Duration::from_millis(400);

fn write(id: &str) -> Transaction {
    Transaction::new().put(key("a", id), id.to_owned())
}

/// Both kinds of calls fail, and in time.
async fn all_fails_in_time(store: &Store) -> StoreError {
    let start = Instant::now();
    let (written, read) = tokio::join!(
        async { (store.transact(write("lost")).await, start.elapsed()) },
        async { (store.list(None).await, start.elapsed()) }
    );
    for (error, elapsed) in [
        (written.0.clone().unwrap_err(), written.1),
        (read.0.unwrap_err(), read.1),
    ] {
        println!("after {elapsed:?}: {error}");
        assert!(elapsed < TIMEOUT + SLACK, "{elapsed:?}");
    }
    written.0.unwrap_err()
}

async fn fault(cached: &Cached) -> StoreError {
    let start = Instant::now();
    loop {
        if let Some(fault) = cached.fault() {
            println!(
                "noticed after {:?}, {:?} old",
                start.elapsed(),
                fault.since.elapsed()
            );
            return fault.error;
        }
        assert!(start.elapsed() < STALE + SLACK, "nothing noticed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Writes as soon as it is possible again.
async fn write_again(store: &Store, id: &str) -> Revision {
    let start = Instant::now();
    loop {
        match store.transact(write(id)).await {
            Ok(outcome) => {
                println!("healed after {:?}", start.elapsed());
                return crate::rig::committed(outcome);
            }
            Err(error) => assert!(start.elapsed() < SOON, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn healed(cached: &Cached, store: &Store, last: Revision) {
    let snapshot = cached.wait_for(last, SOON).await.unwrap();
    assert_eq!(
        all(&snapshot),
        sorted(store.list(None).await.unwrap().records)
    );
    let start = Instant::now();
    while let Some(fault) = cached.fault() {
        assert!(start.elapsed() < SOON, "{fault:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn all(snapshot: &Snapshot) -> Vec<endpoint_ctl::store::Record> {
    snapshot.all().cloned().collect()
}

/// The revisions that a watch tells, up to one.
async fn revisions(watch: &mut Watch, last: Revision) -> Vec<Revision> {
    let mut told = Vec::new();
    let until_last = async {
        while told.last() != Some(&last) {
            match watch.next_event().await {
                Ok(WatchEvent::Committed(commit)) => told.push(commit.revision),
                Ok(WatchEvent::Alive) => {}
                Ok(WatchEvent::Resync) => panic!("resync"),
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    timeout(SOON, until_last).await.expect("it tells the last");
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn frozen() {
    let server = Server::start();
    let store = server.store().await;
    let cached = Cached::start(store.clone()).await.unwrap();
    let first = put(&store, &key("a", 1), "x").await;
    cached.wait_for(first, SOON).await.unwrap();
    server.freeze();
    let error = all_fails_in_time(&store).await;
    assert!(matches!(error, StoreError::Unanswered { .. }), "{error}");
    fault(&cached).await;
    assert_eq!(all(&cached.snapshot()).len(), 1);
    // More than a moment.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(cached.fault().unwrap().since.elapsed() > Duration::from_secs(3));
    server.thaw();
    let last = write_again(&store, "after").await;
    healed(&cached, &store, last).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_and_started_again() {
    let mut server = Server::start();
    let store = server.store().await;
    let cached = Cached::start(store.clone()).await.unwrap();
    let start = store.list(None).await.unwrap().revision;
    let mut watch = store.watch(start);
    let mut written = vec![put(&store, &key("a", 1), "x").await];
    let (_, first) = (watch.next_event().await.unwrap(), written[0]);
    for round in 0..3 {
        server.kill();
        // The first may go into a connection that is dying: nobody can say what became of it.
        let error = all_fails_in_time(&store).await;
        let is_known = |error: &StoreError| matches!(error, StoreError::Unreachable { .. });
        let is_open = matches!(error, StoreError::Unanswered { .. });
        assert!(is_known(&error) || is_open, "{error}");
        let error = all_fails_in_time(&store).await;
        assert!(is_known(&error), "{error}");
        fault(&cached).await;
        server.run();
        written.push(write_again(&store, &format!("after-{round}")).await);
        written.push(put(&store, &key("a", 1), "y").await);
        healed(&cached, &store, written[written.len() - 1]).await;
    }
    // Every commit once and in order, over all streams. The first may have been told above.
    let mut told = revisions(&mut watch, written[written.len() - 1]).await;
    if told.first() != Some(&first) {
        told.insert(0, first);
    }
    assert_eq!(told, written);
}

/// A connection that stands but carries nothing, as to a host that vanished.
#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_is_silently_dead() {
    let server = Server::start();
    let proxy = Proxy::to(server.client).await;
    let (far, near) = (store(&proxy.url()).await, server.store().await);
    let cached = Cached::start(far.clone()).await.unwrap();
    put(&near, &key("a", 1), "x").await;
    proxy.silence();
    put(&near, &key("a", 2), "x").await;
    fault(&cached).await;
    all_fails_in_time(&far).await;
    proxy.mend();
    let last = put(&near, &key("a", 3), "x").await;
    healed(&cached, &near, last).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn compacted_while_we_are_away() {
    let server = Server::start();
    let proxy = Proxy::to(server.client).await;
    let (far, near) = (store(&proxy.url()).await, server.store().await);
    let cached = Cached::start(far.clone()).await.unwrap();
    let start = far.list(None).await.unwrap().revision;
    let mut watch = far.watch(start);
    put(&near, &key("a", "gone"), "x").await;
    let both = put(&near, &key("a", "stays"), "x").await;
    cached.wait_for(both, SOON).await.unwrap();
    revisions(&mut watch, both).await;
    proxy.cut();
    delete(&near, &key("a", "gone")).await;
    let last = put(&near, &key("a", "new"), "x").await;
    server.compact(last);
    fault(&cached).await;
    proxy.mend();
    healed(&cached, &near, last).await;
    let resync = async {
        while !matches!(watch.next_event().await, Ok(WatchEvent::Resync)) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, resync).await.expect("a resync");
    // And it goes on from there.
    let after = put(&near, &key("a", "after"), "x").await;
    healed(&cached, &near, after).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_went_back_is_not_believed() {
    let mut server = Server::start();
    let store = server.store().await;
    for number in 0..5 {
        put(&store, &key("a", number), "x").await;
    }
    let cached = Cached::start(store.clone()).await.unwrap();
    server.kill();
    fs::remove_dir_all(server.data()).unwrap();
    server.run();
    server.wait_until_ready();
    let start = Instant::now();
    loop {
        let read = store.list(None).await;
        let fault = cached.fault();
        let error = fault.map(|fault| fault.error);
        if let (Err(StoreError::WentBack { .. }), Some(StoreError::WentBack { .. })) =
            (&read, &error)
        {
            break;
        }
        assert!(read.is_err(), "{read:?}");
        assert!(start.elapsed() < SOON, "{error:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // It stays so.
    for _ in 0..20 {
        let error = cached.fault().map(|fault| fault.error);
        assert!(
            matches!(error, Some(StoreError::WentBack { .. })),
            "{error:?}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(all(&cached.snapshot()).len(), 5);
    // A new handle, as after a restart, takes it as it is.
    assert_eq!(server.store().await.list(None).await.unwrap().records, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn others_keys_are_not_ours() {
    let server = Server::start();
    let store = server.store().await;
    for other in ["test/other", "test/r0", "tes", "tests/r/a/1", "other/r/a/1"] {
        server.control(&["put", other, "x"]);
    }
    put(&store, &key("a", 1), "x").await;
    assert_eq!(store.list(None).await.unwrap().records.len(), 1);
    server.control(&["put", "test/r/no-record", "x"]);
    let error = store.list(None).await.unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    server.control(&["del", "test/r/no-record"]);
    server.control(&["put", "test/schema", "2"]);
    let settings = endpoint_ctl::store::EtcdSettings::parse(&server.url()).unwrap();
    let refused = endpoint_ctl::store::Etcd::open(&settings)
        .await
        .unwrap_err();
    assert!(matches!(refused, StoreError::Newer { .. }), "{refused}");
}
