//! Waiting for something to become true.

use std::time::{Duration, Instant};

/// How long anything that must happen may take on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(50);

/// Looks until `look` finds something, and fails with what it saw last.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, look: impl FnMut() -> Result<T, String>) -> T {
    eventually_within(PATIENCE, what, look)
}

/// The same with another limit.
#[track_caller]
pub(crate) fn eventually_within<T>(
    limit: Duration,
    what: &str,
    mut look: impl FnMut() -> Result<T, String>,
) -> T {
    let deadline = Instant::now() + limit;
    loop {
        match look() {
            Ok(found) => return found,
            Err(seen) if Instant::now() >= deadline => {
                panic!("after {limit:?}, still not so: {what}; seen last: {seen}")
            }
            Err(_) => std::thread::sleep(POLL),
        }
    }
}
