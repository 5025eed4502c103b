//! Which drops are told: at most so many of an ENI in a period, on each CPU. All are counted; a flood
//! of what is refused costs the observer no more than a trickle does.
//!
//! May import: core, abi.

use crate::abi::counter::Told;

/// How many drops are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TellLimit {
    /// Of one ENI, in one period, on one CPU.
    pub most: u32,
    /// Ticks of a period, which begins with the first drop after the last one.
    pub period: u32,
}

impl TellLimit {
    /// Everything is told.
    pub const NONE: Self = Self {
        most: u32::MAX,
        period: u32::MAX,
    };
}

/// Whether a drop is told; takes note if it is.
#[must_use]
#[inline(always)]
pub fn is_told(told: &mut Told, limit: TellLimit, tick: u32) -> bool {
    if tick.wrapping_sub(told.since) >= limit.period {
        *told = Told {
            since: tick,
            events: 0,
        };
    }
    if told.events >= limit.most {
        return false;
    }
    told.events = told.events.saturating_add(1);
    true
}

#[cfg(test)]
mod tests {
    use super::{TellLimit, is_told};
    use crate::abi::counter::Told;

    const LIMIT: TellLimit = TellLimit {
        most: 3,
        period: 250,
    };

    fn told(row: &mut Told, limit: TellLimit, drops: u32, tick: u32) -> usize {
        (0..drops).filter(|_| is_told(row, limit, tick)).count()
    }

    #[test]
    fn a_period_has_its_share_even_as_the_clock_wraps() {
        for begin in [1_000, u32::MAX - 100] {
            let mut row = Told::default();
            assert_eq!(told(&mut row, LIMIT, 2, begin), 2);
            assert_eq!(told(&mut row, LIMIT, 9, begin.wrapping_add(249)), 1);
            assert_eq!(told(&mut row, LIMIT, 9, begin.wrapping_add(250)), 3);
        }
    }

    #[test]
    fn without_a_limit_everything_is_told() {
        let mut row = Told::default();
        assert_eq!(told(&mut row, TellLimit::NONE, 1_000, 1 << 31), 1_000);
    }
}
