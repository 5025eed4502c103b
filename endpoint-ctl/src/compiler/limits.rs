//! What ENIs may use: limits as tables hold them, and the rows they come to.
//!
//! May import: std, model, endpoint-common::abi, error, numbers.

use std::time::Duration;

use endpoint_common::abi::flow::FlowLimits;

use super::error::CompileError;
use super::numbers::Numbers;
use crate::model::{Endpoint, EndpointLimits, IdleTimeouts, Model};

/// How much of its rate a bucket holds. Where the round trip is short, a TCP sender empties it, loses
/// all it has under way and falls silent for its shortest timeout, 200 ms in Linux: a bucket that
/// filled up sooner would waste the rest of that.
const BURST: Duration = Duration::from_millis(300);
/// The smallest burst: two of the largest packets, which interfaces with offloads hand over whole.
const SMALLEST_BURST: u32 = 2 * 65_536;

/// What an ENI may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EniLimits {
    /// The ENI whose bandwidth it shares: the first of its endpoint.
    bucket: u16,
    limits: EndpointLimits,
}

impl EniLimits {
    /// The limits of an endpoint's ENIs; `None` if it has none.
    pub(super) fn of(
        endpoint: &Endpoint,
        model: &Model,
        numbers: &Numbers,
    ) -> Result<Option<Self>, CompileError> {
        let limits = EndpointLimits {
            bandwidth: model.bandwidth_limit(endpoint),
            ..endpoint.limits
        };
        let first = endpoint.zones.first();
        let Some(first) = first.filter(|_| limits != EndpointLimits::default()) else {
            return Ok(None);
        };
        let bucket = numbers.eni(&first.eni)?;
        Ok(Some(Self { bucket, limits }))
    }

    /// The row of `LIMITS`, where a tick is so long. What the endpoint leaves open is as in `all`.
    pub fn row(&self, tick: Duration, all: &FlowLimits) -> FlowLimits {
        let EndpointLimits {
            bandwidth,
            flows,
            idle,
        } = self.limits;
        let bits = u64::from(bandwidth.unwrap_or(0)) * 1_000_000;
        let burst = bytes(bits, BURST).max(SMALLEST_BURST);
        let row = FlowLimits {
            flows: flows.unwrap_or(0),
            rate: bytes(bits, tick),
            burst: if bits == 0 { 0 } else { burst },
            bucket: u32::from(self.bucket),
            ..FlowLimits::default()
        };
        if idle == IdleTimeouts::default() {
            return row;
        }
        let time = |seconds: Option<u32>, all| {
            seconds.map_or(all, |seconds| {
                ticks(Duration::from_secs(seconds.into()), tick)
            })
        };
        FlowLimits {
            half_open: time(idle.half_open, all.half_open),
            established: time(idle.tcp_established, all.established),
            closing: time(idle.tcp_closing, all.closing),
            udp: time(idle.udp, all.udp),
            icmp: time(idle.icmp, all.icmp),
            ..row
        }
    }
}

/// A time in ticks, at least one.
pub fn ticks(time: Duration, tick: Duration) -> u32 {
    let ticks = time.as_nanos().checked_div(tick.as_nanos()).unwrap_or(0);
    u32::try_from(ticks).unwrap_or(u32::MAX / 4).max(1)
}

/// How many bytes go at so many bits per second in that time, rounded.
fn bytes(bits: u64, time: Duration) -> u32 {
    const PER_BYTE_SECOND: u128 = 8 * 1_000_000_000;
    let bytes = (u128::from(bits) * time.as_nanos() + PER_BYTE_SECOND / 2) / PER_BYTE_SECOND;
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: FlowLimits = FlowLimits {
        flows: 0,
        half_open: 1,
        established: 2,
        closing: 3,
        udp: 4,
        icmp: 5,
        rate: 0,
        burst: 0,
        bucket: 0,
    };

    fn row(limits: EndpointLimits, hertz: u64) -> FlowLimits {
        let tick = Duration::from_nanos(1_000_000_000 / hertz);
        EniLimits { bucket: 7, limits }.row(tick, &ALL)
    }

    #[test]
    fn a_bandwidth_is_met_at_every_length_of_a_tick() {
        for hertz in [100, 250, 300, 1000] {
            for megabits in [1, 50, 3_072, 50_000] {
                let limits = EndpointLimits {
                    bandwidth: Some(megabits),
                    ..EndpointLimits::default()
                };
                let row = row(limits, hertz);
                let bits = u64::from(row.rate) * hertz * 8;
                let wanted = u64::from(megabits) * 1_000_000;
                assert!(bits.abs_diff(wanted) * 100 < wanted, "{bits} of {wanted}");
                assert!(
                    row.burst >= SMALLEST_BURST && row.burst >= row.rate,
                    "{row:?}"
                );
                assert_eq!((row.bucket, row.half_open), (7, 0));
            }
        }
    }

    #[test]
    fn what_is_left_open_is_as_for_all() {
        let limits = EndpointLimits {
            flows: Some(9),
            idle: IdleTimeouts {
                udp: Some(3),
                ..IdleTimeouts::default()
            },
            ..EndpointLimits::default()
        };
        let wanted = FlowLimits {
            flows: 9,
            udp: 300,
            bucket: 7,
            ..ALL
        };
        assert_eq!(row(limits, 100), wanted);
    }
}
