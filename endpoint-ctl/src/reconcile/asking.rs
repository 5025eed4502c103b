//! When a neighbour is to be asked for: at once when it is lost, then with growing pauses; now and
//! then while it is only stale.
//!
//! May import: nexthop (its types), std.

use std::time::{Duration, Instant};

use crate::nexthop::Neighbour;

/// A neighbour that is known but stale is not asked for more often than this. The kernel waits as
/// long for another sign of life before it asks.
const STALE_PAUSE: Duration = Duration::from_secs(5);
/// The kernel asks three times, a second apart; by then it has said whether there was an answer.
const ANSWER_TIME: Duration = Duration::from_secs(4);
/// A neighbour that is not known is not asked for more often than this. The pause after it did not
/// answer is as long at first; it doubles with each further time in a row.
const LEAST_PAUSE: Duration = Duration::from_millis(20);
/// The pause doubles this often at most.
const MOST_DOUBLINGS: u32 = 9;

/// When a neighbour was asked for, and when it will be.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asking {
    last: Option<Instant>,
    due: Option<Instant>,
    /// How often in a row without an answer.
    in_vain: u32,
}

impl Asking {
    /// The kernel said what it knows of the neighbour.
    pub(super) fn told(&mut self, known: Option<Neighbour>, now: Instant) {
        let not_before = |pause| self.last.map_or(now, |last| now.max(last + pause));
        self.due = match known {
            Some(Neighbour::Fresh(_) | Neighbour::Probed(_)) => None,
            Some(Neighbour::Stale(_)) => Some(not_before(STALE_PAUSE)),
            // The kernel is at it; only if it never says how it went, it is asked again.
            Some(Neighbour::Asked) => Some(now + ANSWER_TIME),
            Some(Neighbour::Failed) | None => Some(not_before(LEAST_PAUSE).max(now + self.pause())),
        };
        if known.is_some_and(|known| known.mac().is_some()) {
            self.in_vain = 0;
        }
    }

    /// When to ask for it.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// How long to wait after it did not answer: not at all the first time.
    fn pause(&self) -> Duration {
        match self.in_vain.checked_sub(1) {
            None => Duration::ZERO,
            Some(times) => LEAST_PAUSE * 2_u32.pow(times.min(MOST_DOUBLINGS)),
        }
    }

    /// It was asked for; `is_known` if it has a MAC already.
    pub(super) fn asked(&mut self, is_known: bool, now: Instant) {
        self.last = Some(now);
        if is_known {
            self.due = None;
        } else {
            self.due = Some(now + ANSWER_TIME.max(self.pause()));
            self.in_vain += 1;
        }
    }
}
