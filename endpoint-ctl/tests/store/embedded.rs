//! The embedded store's file: its lock, its schema, its mode, its backups. Imports `rig`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use endpoint_ctl::store::{Precondition, StoreError, Transaction, WatchEvent, restore};

use crate::rig::{Directory, committed, key, open, put, records};

#[tokio::test]
async fn what_was_written_is_there_when_it_is_opened_again() {
    let directory = Directory::new();
    let file = directory.file("store");
    let store = open(&file).await.unwrap();
    put(&store, &key("a", 1), "x").await;
    let last = put(&store, &key("a", 2), "y").await;
    let before = store.list(None).await.unwrap();
    store.close().await;
    let closed = store.list(None).await.unwrap_err();
    assert!(matches!(closed, StoreError::Closed), "{closed}");

    let store = open(&file).await.unwrap();
    assert_eq!(store.list(None).await.unwrap(), before);
    let next = put(&store, &key("a", 3), "z").await;
    assert!(next > last);
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // What was told before it was opened is not known any more.
    let mut watch = store.watch(endpoint_ctl::store::Revision(0));
    assert_eq!(watch.next_event().await.unwrap(), WatchEvent::Resync);
}

#[tokio::test]
async fn watches_end_with_the_store() {
    let directory = Directory::new();
    let store = open(&directory.file("store")).await.unwrap();
    let mut watch = store.watch(store.list(None).await.unwrap().revision);
    let (next, ()) = tokio::join!(watch.next_event(), store.close());
    assert!(matches!(next, Err(StoreError::Closed)), "{next:?}");
}

#[tokio::test]
async fn a_second_opener_is_told_who_has_it() {
    let directory = Directory::new();
    let file = directory.file("store");
    let store = open(&file).await.unwrap();
    let refused = open(&file).await.unwrap_err().to_string();
    let pid = std::process::id().to_string();
    assert!(refused.contains(&pid), "{refused}");
    assert!(refused.contains("in use"), "{refused}");
    let refused = restore(&file, &file, true).await.unwrap_err();
    assert!(matches!(refused, StoreError::InUse { .. }), "{refused}");
    put(&store, &key("a", 1), "x").await;
    store.close().await;
    open(&file).await.unwrap();
}

#[tokio::test]
async fn a_lock_is_given_up_when_the_last_handle_is_dropped() {
    let directory = Directory::new();
    let file = directory.file("store");
    drop(open(&file).await.unwrap());
    for _ in 0..200 {
        if open(&file).await.is_ok() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("still locked");
}

#[tokio::test]
async fn a_file_of_a_later_release_is_refused() {
    let directory = Directory::new();
    let file = directory.file("store");
    open(&file).await.unwrap().close().await;
    {
        let database = redb::Database::open(&file).unwrap();
        let writing = database.begin_write().unwrap();
        {
            let meta: redb::TableDefinition<'_, &str, &[u8]> = redb::TableDefinition::new("meta");
            let mut meta = writing.open_table(meta).unwrap();
            let two = 2_u64.to_le_bytes();
            let mut sum = crc32fast::Hasher::new();
            sum.update(b"schema");
            sum.update(&two);
            let row = [&two[..], &sum.finalize().to_le_bytes()].concat();
            meta.insert("schema", row.as_slice()).unwrap();
        }
        writing.commit().unwrap();
    }
    let refused = open(&file).await.unwrap_err();
    assert!(
        matches!(refused, StoreError::Newer { found: 2, .. }),
        "{refused}"
    );
}

#[tokio::test]
async fn a_backup_is_one_state_while_others_write() {
    let directory = Directory::new();
    let store = open(&directory.file("store")).await.unwrap();
    let writer = {
        let store = store.clone();
        tokio::spawn(async move {
            // Always in pairs.
            for number in 0..200 {
                let transaction = Transaction::new()
                    .put(key("left", number % 20), number.to_string())
                    .put(key("right", number % 20), number.to_string());
                committed(store.transact(transaction).await.unwrap());
            }
        })
    };
    for number in 0..5 {
        let to = directory.file(&format!("backup-{number}"));
        let revision = store.backup(&to).await.unwrap();
        let refused = store.backup(&to).await.unwrap_err();
        assert!(matches!(refused, StoreError::Exists(_)), "{refused}");
        let restored = directory.file(&format!("restored-{number}"));
        assert_eq!(restore(&to, &restored, false).await.unwrap(), revision);
        let restored = open(&restored).await.unwrap();
        let of_kind = async |kind| {
            let records = restored.list(Some(kind)).await.unwrap().records;
            records
                .into_iter()
                .map(|record| (record.value, record.revision))
                .collect::<Vec<_>>()
        };
        assert_eq!(of_kind("left").await, of_kind("right").await);
        assert_eq!(restored.list(None).await.unwrap().revision, revision);
    }
    writer.await.unwrap();
}

#[tokio::test]
async fn a_restore_keeps_what_it_replaces() {
    let directory = Directory::new();
    let (file, backup) = (directory.file("store"), directory.file("backup"));
    let store = open(&file).await.unwrap();
    let first = put(&store, &key("a", 1), "old").await;
    store.backup(&backup).await.unwrap();
    let saved = records(&store).await;
    put(&store, &key("a", 1), "new").await;
    store.close().await;

    let refused = restore(&backup, &file, false).await.unwrap_err();
    assert!(matches!(refused, StoreError::Exists(_)), "{refused}");
    restore(&backup, &file, true).await.unwrap();
    let store = open(&file).await.unwrap();
    assert_eq!(records(&store).await, saved);
    let unchanged = Precondition::Unchanged(key("a", 1), first);
    let transaction = Transaction::new().require(unchanged).delete(key("a", 1));
    committed(store.transact(transaction).await.unwrap());
    store.close().await;

    let replaced = open(&directory.file("store.replaced")).await.unwrap();
    assert_eq!(records(&replaced).await[0].value, "new");
    replaced.close().await;
    let refused = restore(&directory.file("none"), &directory.file("x"), false).await;
    assert!(refused.unwrap_err().to_string().contains("none"));
}

#[tokio::test]
async fn what_was_put_back_by_hand_is_refused() {
    let directory = Directory::new();
    let (file, old) = (directory.file("store"), directory.file("old"));
    let store = open(&file).await.unwrap();
    put(&store, &key("a", 1), "old").await;
    store.close().await;
    fs::copy(&file, &old).unwrap();
    let store = open(&file).await.unwrap();
    put(&store, &key("a", 1), "new").await;
    store.close().await;
    fs::copy(&old, &file).unwrap();
    let refused = open(&file).await.unwrap_err().to_string();
    assert!(refused.contains("though 2 was acknowledged"), "{refused}");
    fs::remove_file(&file).unwrap();
    let refused = open(&file).await.unwrap_err().to_string();
    assert!(refused.contains("gone"), "{refused}");
    restore(&old, &file, false).await.unwrap();
    assert_eq!(records(&open(&file).await.unwrap()).await[0].value, "old");
}
