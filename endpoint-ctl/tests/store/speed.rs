//! How many commits there are in a second. Only to be read: a machine that others use too proves
//! nothing. Imports `rig` and `server`.

use std::time::{Duration, Instant};

use endpoint_ctl::store::{Precondition, Store, Transaction};

use crate::rig::{Directory, committed, key, open};
#[cfg(feature = "etcd")]
use crate::server::Server;

async fn measure(name: &str, store: &Store) {
    for writers in [1, 16] {
        let start = Instant::now();
        let tasks: Vec<_> = (0..writers)
            .map(|writer| {
                let store = store.clone();
                tokio::spawn(async move {
                    let mut count = 0_u32;
                    let mut slowest = Duration::ZERO;
                    while start.elapsed() < Duration::from_secs(2) {
                        let key = key("speed", format!("{writers}.{writer}.{count}"));
                        let transaction = Transaction::new()
                            .require(Precondition::Absent(key.clone()))
                            .put(key, "x".repeat(500));
                        let asked = Instant::now();
                        committed(store.transact(transaction).await.unwrap());
                        slowest = slowest.max(asked.elapsed());
                        count += 1;
                    }
                    (count, slowest)
                })
            })
            .collect();
        let (mut count, mut slowest) = (0, Duration::ZERO);
        for task in tasks {
            let (of_task, slowest_of_task) = task.await.unwrap();
            count += of_task;
            slowest = slowest.max(slowest_of_task);
        }
        let seconds = start.elapsed().as_secs_f64();
        let rate = f64::from(count) / seconds;
        println!(
            "{name}, {writers} writers: {rate:.0} commits a second, the slowest took {slowest:?}"
        );
        assert!(count > 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_embedded() {
    let directory = Directory::new();
    let store = open(&directory.file("store")).await.unwrap();
    measure("embedded", &store).await;
}

#[cfg(feature = "etcd")]
#[tokio::test(flavor = "multi_thread")]
async fn of_etcd() {
    let server = Server::start();
    measure("etcd", &server.store().await).await;
}
