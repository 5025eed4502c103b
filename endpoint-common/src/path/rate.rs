//! Stage: whether an endpoint's bandwidth allows a packet.
//!
//! A token bucket for each direction, told as how much of it is taken: [`FlowLimits::rate`] bytes are
//! given back every tick, and a packet that would take more than [`FlowLimits::burst`] is excess. All
//! CPUs share it: one word, the time of the last change above, the bytes taken below. A row that
//! nobody wrote is a full bucket.
//!
//! May import: core, abi, flows.

use super::flows::{FlowMemory, Repeated};
use crate::abi::flow::{Direction, FlowLimits, LIMITED};
use crate::abi::reason::DropReason;

/// How often another CPU may be first before a packet goes without having been counted.
const TRIES: u32 = 8;
/// How many ticks a CPU's clock may be behind another's.
const BEHIND: u32 = 1024;

/// The memory of all buckets: `RATE_BUCKETS`.
pub trait RateMemory {
    /// One direction of a row.
    fn rate_word(&self, bucket: u32, direction: Direction) -> Option<u64>;
    /// Writes it if it holds `from`.
    fn change_rate_word(&self, bucket: u32, direction: Direction, from: u64, to: u64) -> bool;
}

/// [`LIMITED`] if an ENI has a bandwidth, else nothing.
#[inline(always)]
pub(super) fn flag<M: FlowMemory>(memory: &M, eni: u16) -> u8 {
    if memory.limits(eni).rate == 0 {
        0
    } else {
        LIMITED
    }
}

/// Takes a packet's share of its ENI's bandwidth.
///
/// # Errors
/// [`DropReason::BandwidthExceeded`]: there is not as much left.
#[inline(always)]
pub(super) fn ask<M: FlowMemory + RateMemory>(
    memory: &M,
    eni: u16,
    direction: Direction,
    bytes: u32,
    tick: u32,
) -> Result<(), DropReason> {
    if take(memory, eni, direction, bytes, tick) {
        Ok(())
    } else {
        Err(DropReason::BandwidthExceeded)
    }
}

#[inline(never)]
fn take<M: FlowMemory + RateMemory>(
    memory: &M,
    eni: u16,
    direction: Direction,
    bytes: u32,
    tick: u32,
) -> bool {
    let limits = memory.limits(eni);
    if limits.rate == 0 {
        return true;
    }
    let mut taking = Taking {
        limits,
        direction,
        bytes,
        tick,
        is_excess: false,
    };
    memory.repeat(TRIES, &mut taking);
    !taking.is_excess
}

/// A packet's share on its way out of a bucket.
struct Taking {
    limits: FlowLimits,
    direction: Direction,
    bytes: u32,
    tick: u32,
    is_excess: bool,
}

impl<M: RateMemory> Repeated<M> for Taking {
    /// Goes on while another CPU is first.
    #[inline(always)]
    fn turn(&mut self, memory: &M) -> bool {
        let (bucket, direction) = (self.limits.bucket, self.direction);
        let Some(word) = memory.rate_word(bucket, direction) else {
            return false;
        };
        let Some(after) = after(word, &self.limits, self.bytes, self.tick) else {
            self.is_excess = true;
            return false;
        };
        !memory.change_rate_word(bucket, direction, word, after)
    }
}

/// The word of a bucket after a packet; `None` if it is excess.
#[must_use]
#[inline(always)]
pub fn after(word: u64, limits: &FlowLimits, bytes: u32, tick: u32) -> Option<u64> {
    let (changed, taken) = if word == 0 {
        // Never written: the clock may begin anywhere.
        (tick, 0)
    } else {
        ((word >> 32) as u32, word & 0xffff_ffff)
    };
    let passed = tick.wrapping_sub(changed);
    let (passed, now) = if passed > BEHIND.wrapping_neg() {
        (0, changed)
    } else {
        (passed, tick)
    };
    let back = u64::from(passed).wrapping_mul(u64::from(limits.rate));
    let taken = taken.saturating_sub(back).wrapping_add(u64::from(bytes));
    if taken > u64::from(limits.burst) {
        return None;
    }
    Some((u64::from(now) << 32) | taken)
}

#[cfg(test)]
mod tests {
    use super::{BEHIND, after};
    use crate::abi::flow::FlowLimits;

    const RATE: u32 = 1000;
    const BURST: u32 = 10_000;

    fn limits() -> FlowLimits {
        FlowLimits {
            rate: RATE,
            burst: BURST,
            ..FlowLimits::default()
        }
    }

    /// Offers packets of 700 bytes, so many every tick; how many bytes go.
    fn carried(word: &mut u64, from: u32, ticks: u32, each: u32) -> u32 {
        let mut carried = 0_u32;
        for tick in 0..ticks {
            for _ in 0..each {
                if let Some(next) = after(*word, &limits(), 700, from.wrapping_add(tick)) {
                    *word = next;
                    carried = carried.saturating_add(700);
                }
            }
        }
        carried
    }

    #[test]
    fn a_burst_and_then_the_rate_even_as_the_clock_wraps() {
        for from in [5_000, u32::MAX - 300] {
            let mut word = 0;
            let carried = carried(&mut word, from, 1_000, 10);
            let ideal = BURST + 999 * RATE;
            assert!(
                carried <= ideal && ideal - carried < 700,
                "from {from}: {carried} of {ideal}"
            );
        }
    }

    #[test]
    fn what_stays_below_the_rate_loses_nothing() {
        let mut word = 0;
        assert_eq!(carried(&mut word, 7, 1_000, 1), 700_000);
    }

    #[test]
    fn silence_fills_the_bucket_and_no_more() {
        for silence in [BURST / RATE, 1 << 20, 1 << 31, u32::MAX - BEHIND] {
            let mut word = 0;
            carried(&mut word, 0, 1, 100);
            assert_eq!(after(word, &limits(), 700, 0), None);
            let burst = carried(&mut word, silence, 1, 100);
            assert_eq!(burst, BURST / 700 * 700, "after {silence} ticks");
        }
    }

    #[test]
    fn a_clock_that_is_behind_gives_nothing_back_twice() {
        let full = after(0, &limits(), BURST, 50).expect("a full bucket");
        assert_eq!(after(full, &limits(), 1, 49), None);
        let half = after(full, &limits(), BURST / 2, 55).expect("half of it is back");
        assert_eq!(after(half, &limits(), 1, 54), None);
        assert_eq!(after(half, &limits(), 1, 55), None);
        assert!(after(half, &limits(), RATE, 56).is_some());
    }

    #[test]
    fn a_packet_larger_than_the_burst_never_goes() {
        assert_eq!(after(0, &limits(), BURST + 1, 1 << 30), None);
        let largest = FlowLimits {
            burst: u32::MAX,
            ..limits()
        };
        assert!(after(u64::from(u32::MAX), &largest, 65_535, 0).is_none());
    }
}
