//! Kernel ticks to wall-clock time.
//!
//! May import: endpoint-common::abi, std.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use endpoint_common::abi::TICK_SHIFT;

/// A moment on both clocks; ticks near it are converted by their distance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    tick: u32,
    unix: Duration,
}

impl Clock {
    pub(super) fn at(tick: u32, now: SystemTime) -> Self {
        Self {
            tick,
            unix: now.duration_since(UNIX_EPOCH).unwrap_or_default(),
        }
    }

    /// Unix seconds of `tick`.
    pub(super) fn unix_seconds(&self, tick: u32) -> u64 {
        let age = Duration::from_nanos(u64::from(self.tick.saturating_sub(tick)) << TICK_SHIFT);
        let ahead = Duration::from_nanos(u64::from(tick.saturating_sub(self.tick)) << TICK_SHIFT);
        (self.unix + ahead).saturating_sub(age).as_secs()
    }

    /// How long ago `tick` was.
    pub(super) fn age(&self, tick: u32) -> Duration {
        Duration::from_nanos(u64::from(self.tick.saturating_sub(tick)) << TICK_SHIFT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_become_seconds() {
        let clock = Clock::at(1_000, UNIX_EPOCH + Duration::from_secs(5_000));
        assert_eq!(clock.unix_seconds(1_000), 5_000);
        // 15 ticks are 1.007 s.
        assert_eq!(clock.unix_seconds(985), 4_998);
        assert_eq!(clock.age(985).as_millis(), 1_006);
    }
}
