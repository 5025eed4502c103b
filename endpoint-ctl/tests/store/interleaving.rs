//! Many tasks at once against a model: every commit must be one that the commits before it allow,
//! and every read one state between two of them. Imports `rig`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use endpoint_ctl::store::{
    Commit, Key, Listing, Outcome, Precondition, Record, Revision, Store, Transaction, WatchEvent,
};

use crate::rig::{key, sorted};

const TASKS: u64 = 16;
const STEPS: usize = 40;
const KEYS: u32 = 10;

#[derive(Debug, Clone)]
struct Asked {
    preconditions: Vec<Precondition>,
    writes: BTreeMap<Key, Option<String>>,
}

/// What was answered, between two revisions that the store had before and after.
#[derive(Debug)]
struct Answered {
    asked: Asked,
    outcome: Outcome,
    between: (Revision, Revision),
}

#[derive(Debug, Default)]
struct Log {
    answered: Vec<Answered>,
    listings: Vec<Listing>,
    gets: Vec<(Key, Option<Record>, (Revision, Revision))>,
}

/// Records by key, with the revision of their last change.
type State = BTreeMap<Key, (String, Revision)>;

pub(crate) async fn interleavings(store: &Store) {
    let start = store.list(None).await.unwrap();
    let mut watch = store.watch(start.revision);
    let log = Arc::new(Mutex::new(Log::default()));
    let newest = Arc::new(AtomicU64::new(start.revision.0));
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (store, log, newest) = (store.clone(), Arc::clone(&log), Arc::clone(&newest));
            tokio::spawn(work(task, store, log, newest))
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let end = store.list(None).await.unwrap();
    let log = Arc::into_inner(log).unwrap().into_inner().unwrap();

    let states = replay(&start, &log);
    let at = |revision: Revision| &states.range(..=revision).next_back().unwrap().1.0;
    for listing in log.listings.iter().chain([&end]) {
        assert_eq!(&state_of(listing), at(listing.revision), "{listing:?}");
    }
    for (key, record, (from, to)) in &log.gets {
        let found = record.as_ref().map(value_of);
        let mut between = states.range(*from..=*to).map(|(_, (state, _))| state);
        let seen = |state: &State| state.get(key).cloned() == found;
        assert!(seen(at(*from)) || between.any(seen), "{key} {found:?}");
    }
    let conflicts = check_conflicts(&log, &states);
    let commits = states.len() - 1;
    println!("{commits} commits, {conflicts} conflicts");
    assert!(commits > 50 && conflicts > 50, "{commits} {conflicts}");

    let mut told = Vec::new();
    let until_end = async {
        while told.len() < commits {
            match watch.next_event().await.unwrap() {
                WatchEvent::Committed(commit) => told.push(commit),
                WatchEvent::Alive => {}
                WatchEvent::Resync => panic!("resync"),
            }
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(10), until_end).await;
    waited.expect("the watch tells all");
    for (commit, (revision, (_, expected))) in told.iter().zip(states.iter().skip(1)) {
        assert_eq!(
            (commit.revision, &changes_of(commit)),
            (*revision, expected)
        );
    }
}

async fn work(task: u64, store: Store, log: Arc<Mutex<Log>>, newest: Arc<AtomicU64>) {
    let mut random = fastrand::Rng::with_seed(task);
    // What this task knows of the records, which may be old.
    let mut known: BTreeMap<Key, Revision> = BTreeMap::new();
    for step in 0..STEPS {
        let from = Revision(newest.load(Ordering::SeqCst));
        match random.u8(..10) {
            0 => {
                let listing = store.list(None).await.unwrap();
                known = (listing.records.iter().map(|r| (r.key.clone(), r.revision))).collect();
                log.lock().unwrap().listings.push(listing);
            }
            1..4 => {
                let key = some_key(&mut random);
                let record = store.get(&key).await.unwrap();
                let to = store.list(Some("none")).await.unwrap().revision;
                match &record {
                    Some(record) => known.insert(key.clone(), record.revision),
                    None => known.remove(&key),
                };
                log.lock().unwrap().gets.push((key, record, (from, to)));
            }
            _ => {
                let asked = some_transaction(&mut random, &known, task, step);
                let outcome = store.transact(build(&asked)).await.unwrap();
                if let Outcome::Committed(revision) = outcome {
                    newest.fetch_max(revision.0, Ordering::SeqCst);
                    for (key, value) in &asked.writes {
                        match value {
                            Some(_) => known.insert(key.clone(), revision),
                            None => known.remove(key),
                        };
                    }
                }
                let to = store.list(Some("none")).await.unwrap().revision;
                log.lock().unwrap().answered.push(Answered {
                    asked,
                    outcome,
                    between: (from, to),
                });
            }
        }
    }
}

fn some_key(random: &mut fastrand::Rng) -> Key {
    key("k", random.u32(..KEYS))
}

fn some_transaction(
    random: &mut fastrand::Rng,
    known: &BTreeMap<Key, Revision>,
    task: u64,
    step: usize,
) -> Asked {
    let preconditions = (0..random.usize(..3)).map(|_| {
        let key = some_key(random);
        match (known.get(&key), random.u8(..4)) {
            (Some(revision), 1..) => Precondition::Unchanged(key, *revision),
            (Some(_), 0) => Precondition::Present(key),
            (None, _) => Precondition::Absent(key),
        }
    });
    let preconditions = preconditions.collect();
    let writes = (0..random.usize(1..4)).map(|number| {
        let value = (random.u8(..4) > 0).then(|| format!("{task}.{step}.{number}"));
        (some_key(random), value)
    });
    Asked {
        preconditions,
        writes: writes.collect(),
    }
}

fn build(asked: &Asked) -> Transaction {
    let mut transaction = Transaction::new();
    for precondition in &asked.preconditions {
        transaction = transaction.require(precondition.clone());
    }
    for (key, value) in &asked.writes {
        transaction = match value {
            Some(value) => transaction.put(key.clone(), value.clone()),
            None => transaction.delete(key.clone()),
        };
    }
    transaction
}

/// The state after each commit, with what the commit changed.
fn replay(
    start: &Listing,
    log: &Log,
) -> BTreeMap<Revision, (State, BTreeMap<Key, Option<String>>)> {
    let mut commits = BTreeMap::new();
    for answered in &log.answered {
        if let Outcome::Committed(revision) = answered.outcome
            && revision.0 > 0
        {
            let twice = commits.insert(revision, &answered.asked);
            assert!(twice.is_none(), "two commits at {revision}");
        }
    }
    let mut state = state_of(start);
    let mut states = BTreeMap::from([(start.revision, (state.clone(), BTreeMap::new()))]);
    for (revision, asked) in commits {
        assert_eq!(failing(&state, asked), None, "at {revision}: {asked:?}");
        let mut changes = BTreeMap::new();
        for (key, value) in &asked.writes {
            let changed = match value {
                Some(value) => {
                    state.insert(key.clone(), (value.clone(), revision));
                    true
                }
                None => state.remove(key).is_some(),
            };
            if changed {
                changes.insert(key.clone(), value.clone());
            }
        }
        states.insert(revision, (state.clone(), changes));
    }
    states
}

/// The key of the first precondition that does not hold.
fn failing(state: &State, asked: &Asked) -> Option<Key> {
    let holds = |precondition: &&Precondition| match precondition {
        Precondition::Absent(key) => !state.contains_key(key),
        Precondition::Present(key) => state.contains_key(key),
        Precondition::Unchanged(key, revision) => state
            .get(key)
            .is_some_and(|(_, changed)| changed == revision),
    };
    let failing = asked.preconditions.iter().find(|p| !holds(p));
    failing.map(|precondition| match precondition {
        Precondition::Absent(key)
        | Precondition::Present(key)
        | Precondition::Unchanged(key, _) => key.clone(),
    })
}

fn check_conflicts(
    log: &Log,
    states: &BTreeMap<Revision, (State, BTreeMap<Key, Option<String>>)>,
) -> usize {
    let mut count = 0;
    for answered in &log.answered {
        let Outcome::Conflict(key) = &answered.outcome else {
            continue;
        };
        count += 1;
        let (from, to) = answered.between;
        let first = states.range(..=from).next_back().unwrap();
        let is_right = [first]
            .into_iter()
            .chain(states.range(from..=to))
            .any(|(_, (state, _))| failing(state, &answered.asked).as_ref() == Some(key));
        assert!(is_right, "{answered:?}");
    }
    count
}

fn value_of(record: &Record) -> (String, Revision) {
    let value = String::from_utf8_lossy(&record.value).into_owned();
    (value, record.revision)
}

fn state_of(listing: &Listing) -> State {
    sorted(listing.records.clone())
        .into_iter()
        .map(|record| (record.key.clone(), value_of(&record)))
        .collect()
}

fn changes_of(commit: &Commit) -> BTreeMap<Key, Option<String>> {
    let changes = commit.changes.iter().map(|change| {
        let value = change.value.as_ref();
        let value = value.map(|value| String::from_utf8_lossy(value).into_owned());
        (change.key.clone(), value)
    });
    changes.collect()
}
