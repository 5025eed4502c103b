//! kill -9 while many commits are on their way. Imports `rig`.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use endpoint_ctl::store::{Precondition, Store, Transaction};

use crate::rig::{Directory, child, committed, key, open};

const ROUNDS: usize = 40;
const FILE: &str = "STORE_CRASH_FILE";
const ACKNOWLEDGED: &str = "acknowledged ";

/// Not a test: what the test below runs and kills.
#[tokio::test(flavor = "multi_thread")]
async fn writer() {
    let Some(file) = std::env::var_os(FILE) else {
        return;
    };
    let store = open(Path::new(&file)).await.unwrap();
    let known = store.list(Some("left")).await.unwrap().records;
    let next = Arc::new(AtomicU64::new(known.len() as u64 * 10));
    let writers: Vec<_> = (0..4)
        .map(|_| tokio::spawn(write_pairs(store.clone(), Arc::clone(&next))))
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

async fn write_pairs(store: Store, next: Arc<AtomicU64>) {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let value = value(number);
        let transaction = Transaction::new()
            .require(Precondition::Absent(key("left", number)))
            .put(key("left", number), value.clone())
            .put(key("right", number), value);
        committed(store.transact(transaction).await.unwrap());
        let line = format!("{ACKNOWLEDGED}{number}\n");
        std::io::stdout().write_all(line.as_bytes()).unwrap();
    }
}

fn value(number: u64) -> String {
    format!("{number} ").repeat(1 + number as usize * 7 % 300)
}

#[tokio::test]
async fn nothing_acknowledged_is_lost() {
    let directory = Directory::new();
    let file = directory.file("store");
    let mut acknowledged = BTreeSet::new();
    for round in 0..ROUNDS {
        run_and_kill(&file, &mut acknowledged);
        let store = open(&file).await.unwrap();
        let left = store.list(Some("left")).await.unwrap().records;
        let right = store.list(Some("right")).await.unwrap().records;
        let halves = |records: Vec<endpoint_ctl::store::Record>| {
            let mut found = BTreeSet::new();
            for record in records {
                let number = record.key.id().parse().unwrap();
                assert_eq!(record.value, value(number), "round {round}");
                found.insert(number);
            }
            found
        };
        let (left, right) = (halves(left), halves(right));
        assert_eq!(left, right, "round {round}");
        assert!(acknowledged.is_subset(&left), "round {round}");
        store.close().await;
    }
    println!("{ROUNDS} rounds, {} acknowledged", acknowledged.len());
    assert!(acknowledged.len() > ROUNDS * 5);
}

fn run_and_kill(file: &Path, acknowledged: &mut BTreeSet<u64>) {
    let mut writer = child("crash::writer")
        .env(FILE, file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
    let mut read = |line: String| {
        let number = line.strip_prefix(ACKNOWLEDGED).map(|n| n.parse().unwrap());
        number.is_some_and(|number| acknowledged.insert(number))
    };
    while !read(lines.next().unwrap().unwrap()) {}
    std::thread::sleep(Duration::from_micros(fastrand::u64(..60_000)));
    writer.kill().unwrap();
    writer.wait().unwrap();
    // A line that was cut short was not wholly said.
    for line in lines {
        read(line.unwrap());
    }
}
