//! Disks that are full, or may not be written. Imports `rig`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use endpoint_ctl::store::{StoreError, Transaction};

use crate::rig::{Directory, child, committed, key, open, put, records};

const DISK: &str = "STORE_DISK";

/// Runs a test of this program with a disk of its own, of 2 MiB, which goes with the process.
fn on_small_disk(test: &str) {
    let directory = Directory::new();
    let child = child(test);
    // A user who is not root becomes it in a namespace.
    let output = Command::new("unshare")
        .args(["--mount", "--map-root-user", "sh", "-ec"])
        .arg(r#"mount -t tmpfs -o size=2M tmpfs "$STORE_DISK"; exec "$0" "$@""#)
        .arg(child.get_program())
        .args(child.get_args())
        .env(DISK, directory.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    print!("{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success());
    assert!(said.contains("1 passed"), "no such test");
}

fn disk() -> Option<PathBuf> {
    std::env::var_os(DISK).map(PathBuf::from)
}

#[test]
fn a_full_disk() {
    on_small_disk("disk::inside_a_full_disk");
}

#[test]
fn a_disk_that_may_not_be_written() {
    on_small_disk("disk::inside_a_disk_that_may_not_be_written");
}

/// Not a test of itself: needs the disk.
#[tokio::test]
async fn inside_a_full_disk() {
    let Some(disk) = disk() else { return };
    let ballast = disk.join("ballast");
    fs::write(&ballast, vec![0; 600 << 10]).unwrap();
    let file = disk.join("store");
    let store = open(&file).await.unwrap();
    for number in 0..20 {
        put(&store, &key("first", number), "x").await;
    }
    let mut number = 0;
    let error = loop {
        let transaction = Transaction::new()
            .put(key("left", number), "x".repeat(3000))
            .put(key("right", number), "x".repeat(3000));
        match store.transact(transaction).await {
            Ok(outcome) => drop(committed(outcome)),
            Err(error) => break error,
        }
        number += 1;
        assert!(number < 1000, "never full");
    };
    println!("after {number}: {error}");
    assert!(matches!(error, StoreError::DiskFull { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(&*disk.to_string_lossy()), "{text}");
    // Reads go on, and all that was acknowledged is there, nothing half.
    let full = records(&store).await;
    assert_eq!(full.len(), 20 + 2 * number);
    let again = store.transact(Transaction::new().put(key("left", number), "x".repeat(60_000)));
    assert!(again.await.is_err());
    assert_eq!(records(&store).await, full);
    // No restart is needed.
    fs::remove_file(&ballast).unwrap();
    put(&store, &key("last", 1), &"x".repeat(60_000)).await;
    let after = records(&store).await;
    assert_eq!(after.len(), full.len() + 1);
    store.close().await;
    let store = open(&file).await.unwrap();
    assert_eq!(records(&store).await, after);
    store.close().await;

    // A store that does not fit is not half made.
    fs::write(&ballast, vec![0; 2 << 20]).unwrap_err();
    let other = disk.join("other");
    let error = open(&other).await.unwrap_err();
    assert!(matches!(error, StoreError::DiskFull { .. }), "{error}");
    assert!(!other.exists());
    fs::remove_file(&ballast).unwrap();
    open(&other).await.unwrap();
}

/// Not a test of itself: needs the disk.
#[tokio::test]
async fn inside_a_disk_that_may_not_be_written() {
    let Some(disk) = disk() else { return };
    let file = disk.join("store");
    let store = open(&file).await.unwrap();
    put(&store, &key("a", 1), "x").await;
    store.close().await;
    let remounted = Command::new("mount")
        .args(["-o", "remount,ro"])
        .arg(&disk)
        .status();
    assert!(remounted.unwrap().success());
    let error = open(&file).await.unwrap_err().to_string();
    println!("{error}");
    assert!(error.contains("Read-only file system"), "{error}");
}
