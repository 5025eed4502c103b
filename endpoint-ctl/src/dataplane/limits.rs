//! How long flows may be idle, how many drops are told, and the length of a tick.
//!
//! May import: nix, endpoint-common, compiler (ticks).

use std::time::Duration;

use endpoint_common::abi::flow::FlowLimits;
use endpoint_common::path::tell::TellLimit;
use nix::time::{ClockId, clock_getres};

use crate::compiler::ticks;

/// How long flows may be idle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdleTimes {
    /// TCP, established.
    pub tcp_established: Duration,
    /// Not answered yet, any protocol.
    pub half_open: Duration,
    /// TCP, closed by both ends or reset.
    pub tcp_closing: Duration,
    /// UDP, answered.
    pub udp: Duration,
    /// ICMP echo.
    pub icmp: Duration,
}

impl Default for IdleTimes {
    fn default() -> Self {
        Self {
            tcp_established: Duration::from_secs(910),
            half_open: Duration::from_secs(10),
            tcp_closing: Duration::from_secs(30),
            udp: Duration::from_mins(2),
            icmp: Duration::from_secs(30),
        }
    }
}

impl IdleTimes {
    /// The longest of them.
    pub fn longest(&self) -> Duration {
        let all = [
            self.tcp_established,
            self.half_open,
            self.tcp_closing,
            self.udp,
            self.icmp,
        ];
        all.into_iter().fold(Duration::ZERO, Duration::max)
    }

    /// The row for all ENIs, with as many flows as there is room for.
    pub(super) fn row(&self) -> FlowLimits {
        let ticks = |time| ticks(time, tick());
        FlowLimits {
            half_open: ticks(self.half_open),
            established: ticks(self.tcp_established),
            closing: ticks(self.tcp_closing),
            udp: ticks(self.udp),
            icmp: ticks(self.icmp),
            ..FlowLimits::default()
        }
    }
}

/// How many drops of an ENI are told, on each CPU. The rest is only counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TellRate {
    /// In one period.
    pub most: u32,
    /// How long a period is. It begins with the first drop after the last one.
    pub period: Duration,
}

impl TellRate {
    /// In one period, unless told otherwise.
    pub const MOST: u32 = 1_000;

    /// Everything is told.
    pub const ALL: Self = Self {
        most: TellLimit::NONE.most,
        period: Duration::MAX,
    };

    pub(super) fn limit(&self) -> TellLimit {
        TellLimit {
            most: self.most,
            period: ticks(self.period, tick()),
        }
    }
}

/// What a port scan or a client that insists does in a second is told whole; a flood takes no more of
/// the ring buffer, and of the daemon's time, than that.
impl Default for TellRate {
    fn default() -> Self {
        Self {
            most: Self::MOST,
            period: Duration::from_secs(1),
        }
    }
}

/// The length of a tick. The coarse clocks move once a jiffy (clock_getres(2)).
pub(super) fn tick() -> Duration {
    clock_getres(ClockId::CLOCK_MONOTONIC_COARSE)
        .map(Duration::from)
        .ok()
        .filter(|tick| !tick.is_zero())
        .unwrap_or(Duration::from_millis(4))
}
