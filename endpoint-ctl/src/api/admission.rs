//! Who may call how often: nonces that were used, rates, and calls at a time, of each access key.
//!
//! A nonce is remembered for as long as a request that bears it could still be in its time window, so
//! no request is taken twice. A key that has [`MOST_NONCES`] of them in that time is refused further
//! requests until some are out of date: nothing is ever forgotten early. Nonces of other keys take no
//! room from it. They are in memory only.
//!
//! May import: std, tokio, the module's own.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::BuildHasher as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::ApiError;
use super::keys::Key;

/// Nonces of one key that are remembered: 290 requests a second, all the time. 5 MB at most.
pub(super) const MOST_NONCES: usize = 1 << 18;
/// Nonces are forgotten by so much time at once.
const SLICE: Duration = Duration::from_mins(1);

/// What is known of all keys.
#[derive(Debug)]
pub(super) struct Admission {
    began: Instant,
    hasher: RandomState,
    calls_per_key: usize,
    keys: Mutex<HashMap<String, Known>>,
}

/// What is known of one key.
#[derive(Debug)]
struct Known {
    /// Hashes of nonces, by the slice of time in which they may be forgotten.
    nonces: BTreeMap<u64, HashSet<u64>>,
    count: usize,
    tokens: f64,
    filled: Instant,
    calls: Arc<Semaphore>,
}

impl Admission {
    /// `calls_per_key` calls of one key may run at a time.
    pub(super) fn new(calls_per_key: usize, now: Instant) -> Self {
        Self {
            began: now,
            hasher: RandomState::new(),
            calls_per_key,
            keys: Mutex::default(),
        }
    }

    /// Takes a request whose signature is right; it could be sent again for `valid` from now on.
    /// Returns what limits how many calls the key runs at a time.
    pub(super) fn admit(
        &self,
        key: &Key,
        nonce: &str,
        valid: Duration,
        now: Instant,
    ) -> Result<Arc<Semaphore>, ApiError> {
        let nonce = self.hasher.hash_one(nonce);
        let elapsed = now.saturating_duration_since(self.began);
        let forget_before = slice(elapsed);
        let forget_in = slice(elapsed + valid) + 1;
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if !keys.contains_key(&key.id) {
            keys.insert(key.id.clone(), Known::new(key, self.calls_per_key, now));
        }
        let Some(known) = keys.get_mut(&key.id) else {
            return Err(ApiError::internal());
        };
        known.forget(forget_before);
        if known.nonces.values().any(|used| used.contains(&nonce)) {
            return Err(ApiError::new(
                400,
                "SignatureNonceUsed",
                "Specified signature nonce was used already.",
            )
            .mend("Sign each request anew, with a nonce of its own."));
        }
        // Before a token is taken: a request that is refused for its nonce costs its key none.
        if known.count >= MOST_NONCES {
            return Err(ApiError::throttled(
                format!(
                    "This access key has sent {MOST_NONCES} requests whose nonces must be remembered."
                ),
                u32::try_from(SLICE.as_millis()).unwrap_or(u32::MAX),
            ));
        }
        known.take_token(key, now)?;
        known.nonces.entry(forget_in).or_default().insert(nonce);
        known.count += 1;
        Ok(Arc::clone(&known.calls))
    }

    /// Forgets the keys that `is_there` no longer, unless nonces of theirs could still be sent again.
    pub(super) fn retain(&self, is_there: impl Fn(&str) -> bool, now: Instant) {
        let forget_before = slice(now.saturating_duration_since(self.began));
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.retain(|id, known| {
            known.forget(forget_before);
            known.count > 0 || is_there(id)
        });
    }
}

fn slice(since: Duration) -> u64 {
    since.as_secs() / SLICE.as_secs()
}

impl Known {
    fn new(key: &Key, calls: usize, now: Instant) -> Self {
        Self {
            nonces: BTreeMap::new(),
            count: 0,
            tokens: key.requests_per_second.map_or(0.0, f64::from),
            filled: now,
            calls: Arc::new(Semaphore::new(calls)),
        }
    }

    fn forget(&mut self, before: u64) {
        while let Some(first) = self.nonces.first_entry()
            && *first.key() <= before
        {
            self.count -= first.remove().len();
        }
    }

    /// A bucket holds the tokens of one second.
    fn take_token(&mut self, key: &Key, now: Instant) -> Result<(), ApiError> {
        let Some(rate) = key.requests_per_second.map(f64::from) else {
            return Ok(());
        };
        let gained = now.saturating_duration_since(self.filled).as_secs_f64() * rate;
        self.filled = now;
        self.tokens = (self.tokens + gained).min(rate);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        let wait = Duration::from_secs_f64((1.0 - self.tokens) / rate);
        let wait_ms = u32::try_from(wait.as_millis() + 1).unwrap_or(u32::MAX);
        Err(ApiError::throttled(
            format!(
                "Request was denied due to user flow control: this access key may send {rate} requests a second."
            ),
            wait_ms,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::Secret;
    use super::*;
    use crate::model::AccountId;

    const WINDOW: Duration = Duration::from_mins(15);

    fn key(id: &str, requests_per_second: Option<u32>) -> Key {
        Key {
            id: id.to_owned(),
            account: AccountId::new("a"),
            secret: Secret::new("s"),
            requests_per_second,
            disabled: false,
        }
    }

    fn code(result: Result<Arc<Semaphore>, ApiError>) -> String {
        result.map_or_else(|error| error.code.into_owned(), |_| "admitted".to_owned())
    }

    #[test]
    fn a_nonce_is_remembered_as_long_as_its_window() {
        let began = Instant::now();
        let admission = Admission::new(1, began);
        let one = key("one", None);
        let sent = |nonce: &str, after: u64, valid| {
            code(admission.admit(&one, nonce, valid, began + Duration::from_secs(after)))
        };
        assert_eq!(sent("n", 50, WINDOW), "admitted");
        for after in [50, 51, 60, 500, 949, 950] {
            assert_eq!(
                sent("n", after, WINDOW),
                "SignatureNonceUsed",
                "after {after}"
            );
        }
        assert_eq!(sent("m", 60, WINDOW), "admitted");
        // Out of the window, and soon forgotten.
        assert_eq!(sent("n", 50 + 900 + 120, WINDOW), "admitted");
    }

    #[test]
    fn nonces_of_keys_are_apart() {
        let now = Instant::now();
        let admission = Admission::new(1, now);
        for id in ["one", "two"] {
            assert_eq!(
                code(admission.admit(&key(id, None), "n", WINDOW, now)),
                "admitted"
            );
        }
    }

    #[test]
    fn a_full_memory_refuses_and_forgets_nothing() {
        let began = Instant::now();
        let admission = Admission::new(1, began);
        let (one, two) = (key("one", None), key("two", None));
        let admit = |key: &Key, nonce: &str, after: u64| {
            code(admission.admit(key, nonce, WINDOW, began + Duration::from_secs(after)))
        };
        for count in 0..MOST_NONCES {
            assert_eq!(admit(&one, &count.to_string(), 0), "admitted");
        }
        assert_eq!(admit(&one, "new", 1), "Throttling.User");
        assert_eq!(admit(&one, "0", 1), "SignatureNonceUsed");
        assert_eq!(admit(&two, "new", 1), "admitted");
        assert_eq!(admit(&one, "new", 1_020), "admitted");
    }

    #[test]
    fn a_rate_holds_over_time_with_a_burst_of_a_second() {
        let began = Instant::now();
        let admission = Admission::new(1, began);
        let key = key("one", Some(10));
        let mut admitted = 0;
        for count in 0..10_000_u32 {
            let now = began + Duration::from_millis(u64::from(count));
            match admission.admit(&key, &count.to_string(), WINDOW, now) {
                Ok(_) => admitted += 1,
                Err(error) => {
                    assert_eq!((error.status, &*error.code), (429, "Throttling.User"));
                    let wait = error.retry_after_ms.expect("says when");
                    assert!((1..=101).contains(&wait), "{wait}");
                }
            }
        }
        // 10 s at 10/s, and the first second's burst.
        assert!((109..=110).contains(&admitted), "{admitted}");
    }

    #[test]
    fn a_refused_request_may_be_sent_again_when_told() {
        let began = Instant::now();
        let admission = Admission::new(1, began);
        let key = key("one", Some(1));
        let admit = |nonce, now| admission.admit(&key, nonce, WINDOW, now);
        assert_eq!(code(admit("a", began)), "admitted");
        let wait = admit("b", began).expect_err("too soon").retry_after_ms;
        let later = began + Duration::from_millis(wait.expect("says when").into());
        assert_eq!(code(admit("b", later)), "admitted");
    }

    #[test]
    fn keys_that_are_gone_are_forgotten_when_their_nonces_are() {
        let began = Instant::now();
        let admission = Admission::new(1, began);
        let one = key("one", None);
        assert_eq!(code(admission.admit(&one, "n", WINDOW, began)), "admitted");
        admission.retain(|_| false, began + Duration::from_mins(1));
        assert_eq!(
            code(admission.admit(&one, "n", WINDOW, began)),
            "SignatureNonceUsed"
        );
        admission.retain(|_| false, began + Duration::from_mins(20));
        assert!(admission.keys.lock().expect("no panic").is_empty());
    }
}
