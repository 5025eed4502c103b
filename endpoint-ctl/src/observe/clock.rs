//! Kernel ticks to wall-clock time.
//!
//! May import: std.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment on both clocks; ticks near it are converted by their distance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    tick: u32,
    length: Duration,
    unix: Duration,
}

impl Clock {
    /// `tick` is `now`; ticks are `length` long.
    pub(super) fn at(tick: u32, length: Duration, now: SystemTime) -> Self {
        Self {
            tick,
            length,
            unix: now.duration_since(UNIX_EPOCH).unwrap_or_default(),
        }
    }

    /// Unix seconds of `tick`.
    pub(super) fn unix_seconds(&self, tick: u32) -> u64 {
        let distance = tick.wrapping_sub(self.tick).cast_signed();
        let ahead = self.length * distance.max(0).unsigned_abs();
        (self.unix + ahead).saturating_sub(self.age(tick)).as_secs()
    }

    /// How long ago `tick` was; none at all if it is still to come.
    pub(super) fn age(&self, tick: u32) -> Duration {
        let distance = self.tick.wrapping_sub(tick).cast_signed();
        self.length * distance.max(0).unsigned_abs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_become_seconds_also_where_they_wrap() {
        for tick in [1_000, 3, u32::MAX] {
            let now = UNIX_EPOCH + Duration::from_secs(5_000);
            let clock = Clock::at(tick, Duration::from_millis(4), now);
            assert_eq!(clock.unix_seconds(tick), 5_000);
            assert_eq!(clock.unix_seconds(tick.wrapping_sub(251)), 4_998);
            assert_eq!(clock.unix_seconds(tick.wrapping_add(251)), 5_001);
            assert_eq!(clock.age(tick.wrapping_sub(251)).as_millis(), 1_004);
            assert_eq!(clock.age(tick.wrapping_add(251)).as_millis(), 0);
        }
    }
}
