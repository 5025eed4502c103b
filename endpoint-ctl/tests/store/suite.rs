//! What holds for either store. Imports `interleaving`, `rig` and `server`.

use endpoint_ctl::store::{
    Embedded, Key, MAX_OPERATIONS, Outcome, Precondition, Revision, Store, StoreError, Transaction,
    Watch, WatchEvent,
};

use crate::interleaving::interleavings;
use crate::rig::{Directory, committed, delete, key, put, records};
#[cfg(feature = "etcd")]
use crate::server::Server;

/// A store of either kind, and how to make it forget what it told.
pub(crate) enum Given {
    Embedded {
        _directory: Directory,
    },
    #[cfg(feature = "etcd")]
    Etcd(Server),
}

impl Given {
    /// Forgets the commits up to now; the embedded store by many more.
    async fn forget(&self, store: &Store) {
        match self {
            Self::Embedded { .. } => {
                for _ in 0..20 {
                    put(store, &key("noise", 1), &"x".repeat(100)).await;
                }
            }
            #[cfg(feature = "etcd")]
            Self::Etcd(server) => server.compact(store.list(None).await.unwrap().revision),
        }
    }
}

async fn embedded() -> (Given, Store) {
    let directory = Directory::new();
    let store = Embedded::open_with_history(&directory.file("store"), 1000).await;
    (given(directory), Store::Embedded(store.unwrap()))
}

fn given(directory: Directory) -> Given {
    Given::Embedded {
        _directory: directory,
    }
}

async fn large_embedded() -> (Given, Store) {
    let directory = Directory::new();
    let store = Embedded::open(&directory.file("store")).await;
    (given(directory), Store::Embedded(store.unwrap()))
}

#[cfg(feature = "etcd")]
async fn etcd() -> (Given, Store) {
    let server = Server::start();
    let store = server.store().await;
    (Given::Etcd(server), store)
}

macro_rules! on_both {
    ($($name:ident),*) => {
        mod on_embedded {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let (given, store) = super::embedded().await;
                super::$name(&given, &store).await;
            })*
        }
        #[cfg(feature = "etcd")]
        mod on_etcd {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let (given, store) = super::etcd().await;
                super::$name(&given, &store).await;
            })*

            #[tokio::test(flavor = "multi_thread")]
            async fn random_interleavings() {
                let (_given, store) = super::etcd().await;
                super::interleavings(&store).await;
            }
        }
    };
}

on_both!(
    preconditions,
    nothing_of_a_conflict_is_written,
    a_commit_that_changes_nothing,
    lists_by_kind,
    large_lists,
    limits,
    watches,
    forgotten_commits
);

#[tokio::test(flavor = "multi_thread")]
async fn random_interleavings_on_embedded() {
    let (_given, store) = large_embedded().await;
    interleavings(&store).await;
}

async fn preconditions(_: &Given, store: &Store) {
    let (there, missing) = (key("a", 1), key("a", 2));
    let first = put(store, &there, "x").await;
    let now = put(store, &there, "y").await;
    assert!(now > first);
    for (precondition, holds) in [
        (Precondition::Absent(missing.clone()), true),
        (Precondition::Absent(there.clone()), false),
        (Precondition::Present(there.clone()), true),
        (Precondition::Present(missing.clone()), false),
        (Precondition::Unchanged(there.clone(), now), true),
        (Precondition::Unchanged(there.clone(), first), false),
        (Precondition::Unchanged(missing.clone(), now), false),
        (Precondition::Unchanged(missing.clone(), Revision(0)), false),
    ] {
        let transaction = Transaction::new().require(precondition.clone());
        let outcome = store.transact(transaction).await.unwrap();
        let committed = matches!(outcome, Outcome::Committed(_));
        assert_eq!(committed, holds, "{precondition:?}");
    }
}

async fn nothing_of_a_conflict_is_written(_: &Given, store: &Store) {
    let (a, b, c) = (key("a", 1), key("b", 1), key("c", 1));
    put(store, &a, "x").await;
    let before = store.list(None).await.unwrap();
    let transaction = Transaction::new()
        .require(Precondition::Present(a.clone()))
        .require(Precondition::Present(b.clone()))
        .require(Precondition::Absent(a.clone()))
        .put(c, "new")
        .delete(a);
    let outcome = store.transact(transaction).await.unwrap();
    // The first that does not hold.
    assert_eq!(outcome, Outcome::Conflict(b));
    assert_eq!(store.list(None).await.unwrap(), before);
}

async fn a_commit_that_changes_nothing(_: &Given, store: &Store) {
    put(store, &key("a", 1), "x").await;
    let before = store.list(None).await.unwrap();
    for transaction in [
        Transaction::new(),
        Transaction::new().delete(key("a", "none")),
    ] {
        let outcome = store.transact(transaction).await.unwrap();
        assert_eq!(outcome, Outcome::Committed(Revision(0)));
    }
    assert_eq!(store.list(None).await.unwrap(), before);
    // Writing what is there already is a change.
    assert!(put(store, &key("a", 1), "x").await > before.revision);
}

async fn lists_by_kind(_: &Given, store: &Store) {
    for kind in ["a", "ab", "a-b", "b", "A"] {
        for id in ["x", "y:10.0.0.1"] {
            put(store, &key(kind, id), kind).await;
        }
    }
    delete(store, &key("a", "x")).await;
    let count = async |kind| store.list(kind).await.unwrap().records.len();
    assert_eq!(count(None).await, 9);
    assert_eq!(count(Some("a")).await, 1);
    assert_eq!(count(Some("ab")).await, 2);
    assert_eq!(count(Some("none")).await, 0);
    let listing = store.list(Some("a")).await.unwrap();
    let record = store.get(&key("a", "y:10.0.0.1")).await.unwrap();
    assert_eq!(listing.records.first(), record.as_ref());
    assert!(listing.revision > record.unwrap().revision);
    assert_eq!(store.get(&key("a", "x")).await.unwrap(), None);
}

/// More than etcd gives at once, and more than a message of gRPC usually has.
async fn large_lists(_: &Given, store: &Store) {
    let value = "v".repeat(4000);
    for group in 0..20 {
        let transaction = (0..120).fold(Transaction::new(), |transaction, number| {
            transaction.put(key("many", group * 120 + number), value.clone())
        });
        committed(store.transact(transaction).await.unwrap());
    }
    let records = records(store).await;
    assert_eq!(records.len(), 2400);
    assert!(records.iter().all(|record| record.value == value));
}

async fn limits(_: &Given, store: &Store) {
    let many = |count| {
        (0..count).fold(Transaction::new(), |transaction, number| {
            let key = key("a", number);
            transaction
                .require(Precondition::Absent(key.clone()))
                .put(key, vec![b'x'; 7000])
        })
    };
    committed(store.transact(many(MAX_OPERATIONS)).await.unwrap());
    let refused = store.transact(many(MAX_OPERATIONS + 1)).await.unwrap_err();
    assert!(matches!(refused, StoreError::TooManyOperations(_)));
    let large = |size: usize| Transaction::new().put(key("b", 1), vec![b'x'; size]);
    committed(store.transact(large((1 << 20) - 10)).await.unwrap());
    let refused = store.transact(large(1 << 20)).await.unwrap_err();
    assert!(matches!(refused, StoreError::TooManyBytes(_)));
}

async fn next(watch: &mut Watch) -> (Revision, Vec<(Key, Option<String>)>) {
    loop {
        match watch.next_event().await.unwrap() {
            WatchEvent::Alive => {}
            WatchEvent::Resync => panic!("resync"),
            WatchEvent::Committed(commit) => {
                let changes = commit.changes.iter().map(|change| {
                    let value = change.value.as_ref();
                    let value = value.map(|value| String::from_utf8_lossy(value).into_owned());
                    (change.key.clone(), value)
                });
                return (commit.revision, changes.collect());
            }
        }
    }
}

async fn watches(_: &Given, store: &Store) {
    let (a, b) = (key("a", 1), key("b", 1));
    let start = store.list(None).await.unwrap().revision;
    let mut early = store.watch(start);
    let one = put(store, &a, "1").await;
    let transaction = Transaction::new().put(b.clone(), "2").delete(a.clone());
    let two = committed(store.transact(transaction).await.unwrap());
    for watch in [&mut early, &mut store.watch(start)] {
        let first = next(watch).await;
        assert_eq!(first, (one, vec![(a.clone(), Some("1".to_owned()))]));
        // All changes of a commit come together.
        let (revision, mut changes) = next(watch).await;
        changes.sort();
        let expected = vec![(a.clone(), None), (b.clone(), Some("2".to_owned()))];
        assert_eq!((revision, changes), (two, expected));
    }
    let mut late = store.watch(two);
    let three = put(store, &a, "3").await;
    assert_eq!(next(&mut late).await.0, three);
}

async fn forgotten_commits(given: &Given, store: &Store) {
    let start = store.list(None).await.unwrap().revision;
    let mut reading = store.watch(start);
    put(store, &key("a", 1), "x").await;
    next(&mut reading).await;
    delete(store, &key("a", 1)).await;
    put(store, &key("a", 2), "y").await;
    given.forget(store).await;
    let mut watch = store.watch(start);
    loop {
        match watch.next_event().await.unwrap() {
            WatchEvent::Alive => {}
            WatchEvent::Resync => break,
            WatchEvent::Committed(commit) => panic!("{commit:?}"),
        }
    }
    assert_eq!(watch.next_event().await.unwrap(), WatchEvent::Resync);
    let listing = store.list(None).await.unwrap();
    let mut watch = store.watch(listing.revision);
    let last = put(store, &key("a", 3), "z").await;
    assert_eq!(next(&mut watch).await.0, last);
}
