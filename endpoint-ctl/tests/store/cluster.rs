//! Three members: one that fails is left for another, and without a majority nothing is written.
//! Imports `rig` and `server`.

use std::time::{Duration, Instant};

use endpoint_ctl::store::{Cached, Store, TIMEOUT, Transaction};

use crate::rig::{committed, key, put, sorted};
use crate::server::{Server, store};

const SOON: Duration = Duration::from_secs(10);

async fn write_again(store: &Store, id: &str) -> endpoint_ctl::store::Revision {
    let start = Instant::now();
    loop {
        let asked = Instant::now();
        let transaction = Transaction::new().put(key("a", id), "x");
        match store.transact(transaction).await {
            Ok(outcome) => {
                println!("{id}: after {:?}", start.elapsed());
                return committed(outcome);
            }
            Err(error) => {
                let elapsed = asked.elapsed();
                assert!(
                    elapsed < TIMEOUT + Duration::from_millis(400),
                    "{elapsed:?}"
                );
                assert!(start.elapsed() < SOON, "{error}");
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_three_may_fail() {
    let mut servers = Server::cluster(["a", "b", "c"]);
    let members: Vec<_> = servers
        .iter()
        .map(|server| format!("127.0.0.1:{}", server.client))
        .collect();
    let url = format!("etcd://{}/test", members.join(","));
    let store = store(&url).await;
    let cached = Cached::start(store.clone()).await.unwrap();
    put(&store, &key("a", "first"), "x").await;
    for (number, server) in servers.iter().enumerate() {
        server.freeze();
        let last = write_again(&store, &format!("frozen-{number}")).await;
        cached.wait_for(last, SOON).await.unwrap();
        server.thaw();
        server.wait_until_ready();
    }
    servers[0].kill();
    let last = write_again(&store, "killed").await;
    cached.wait_for(last, SOON).await.unwrap();
    let listing = sorted(store.list(None).await.unwrap().records);
    assert_eq!(
        cached.snapshot().all().cloned().collect::<Vec<_>>(),
        listing
    );

    // One of three is not enough.
    servers[1].kill();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let start = Instant::now();
    let error = store
        .transact(Transaction::new().put(key("a", "lost"), "x"))
        .await;
    let elapsed = start.elapsed();
    println!("after {elapsed:?}: {}", error.unwrap_err());
    assert!(
        elapsed < TIMEOUT + Duration::from_millis(400),
        "{elapsed:?}"
    );
    assert_eq!(cached.snapshot().all().count(), listing.len());
    servers[1].run();
    let last = write_again(&store, "majority").await;
    cached.wait_for(last, SOON).await.unwrap();
}
