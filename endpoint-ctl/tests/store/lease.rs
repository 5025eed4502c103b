//! Leases: held while the node is heard of, gone with it, and what comes late is refused. Imports
//! `proxy`, `rig` and `server`.

use std::time::{Duration, Instant};

use endpoint_ctl::store::{Lease, Outcome, Store, Transaction};

use crate::proxy::Proxy;
use crate::rig::{Directory, committed, key, open};
use crate::server::{Server, store};

const TTL: Duration = Duration::from_secs(3);
const SOON: Duration = Duration::from_secs(8);

async fn until(what: &str, within: Duration, mut holds: impl AsyncFnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < within, "{what}: not within {within:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    start.elapsed()
}

async fn is_there(store: &Store) -> bool {
    store.get(&key("Node", "n1")).await.unwrap().is_some()
}

fn lease(store: &Store) -> Lease {
    store.lease(key("Node", "n1"), "{}".into(), TTL)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_there_as_long_as_the_node() {
    let server = Server::start();
    let store = server.store().await;
    let held = lease(&store);
    until("held", SOON, async || held.held()).await;
    // Longer than it lives by itself.
    let start = Instant::now();
    while start.elapsed() < TTL * 2 {
        assert!(held.held() && is_there(&store).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // One of the same name has to wait.
    let second = lease(&store);
    until("refused", SOON, async || second.fault().is_some()).await;
    let fault = second.fault().unwrap();
    assert!(fault.contains("n1 is there already"), "{fault}");
    assert!(!second.held() && second.fence().is_none());
    // As when the process dies.
    drop(held);
    let waited = until("taken over", TTL * 2 + SOON, async || second.held()).await;
    println!("taken over after {waited:?}");
    second.release().await;
    assert!(!is_there(&store).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_cut_off_knows_first_and_comes_late_in_vain() {
    let server = Server::start();
    let proxy = Proxy::to(server.client).await;
    let (far, near) = (store(&proxy.url()).await, server.store().await);
    let held = lease(&far);
    until("held", SOON, async || held.held()).await;
    let fence = held.fence().unwrap();
    let fenced = || {
        Transaction::new()
            .require(fence.clone())
            .put(key("a", 1), "x")
    };
    committed(far.transact(fenced()).await.unwrap());
    proxy.silence();
    let mut knew = false;
    let waited = until("gone", TTL * 2, async || {
        let there = is_there(&near).await;
        knew |= !held.held();
        assert!(knew || there, "the record went first");
        !there
    })
    .await;
    println!("gone after {waited:?}");
    assert!(!held.held() && held.fault().is_some());
    let late = near.transact(fenced()).await.unwrap();
    assert_eq!(late, Outcome::Conflict(key("Node", "n1")));
    proxy.mend();
    until("held again", SOON, async || held.held()).await;
    assert!(is_there(&near).await);
    let late = near.transact(fenced()).await.unwrap();
    assert_eq!(late, Outcome::Conflict(key("Node", "n1")));
    let anew = held.fence().unwrap();
    let transaction = Transaction::new().require(anew).put(key("a", 1), "y");
    committed(near.transact(transaction).await.unwrap());
    held.release().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_etcd_that_is_killed_takes_no_lease_with_it() {
    let mut server = Server::start();
    let store = server.store().await;
    let held = lease(&store);
    until("held", SOON, async || held.held()).await;
    let fence = held.fence();
    server.kill();
    until("late", TTL, async || held.fault().is_some()).await;
    server.run();
    until("held", SOON, async || held.held() && held.fault().is_none()).await;
    // etcd gives leases their whole time again when it starts.
    assert_eq!(held.fence(), fence);
}

#[tokio::test]
async fn a_node_alone_holds_all() {
    let directory = Directory::new();
    let store = open(&directory.file("store")).await.unwrap();
    let held = lease(&store);
    assert!(held.held() && held.fence().is_none() && held.fault().is_none());
    held.release().await;
}
