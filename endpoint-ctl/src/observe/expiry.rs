//! When a flow is over.
//!
//! May import: endpoint-common::abi, clock.

use std::time::Duration;

use endpoint_common::abi::flow::{FlowEntry, FlowKey, ROLE_ECHO};
use endpoint_common::wire::{protocol, tcp_flags};

use super::clock::Clock;

/// How long flows may be idle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdleTimes {
    /// TCP, answered.
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
    /// Whether a flow, of which `request` and `reply` are the two directions, is over.
    pub(super) fn is_over(
        &self,
        clock: &Clock,
        key: &FlowKey,
        request: &FlowEntry,
        reply: Option<&FlowEntry>,
    ) -> bool {
        let last = request
            .state
            .last_seen
            .max(reply.map_or(0, |reply| reply.state.last_seen));
        clock.age(last) >= self.limit(key, request, reply)
    }

    fn limit(&self, key: &FlowKey, request: &FlowEntry, reply: Option<&FlowEntry>) -> Duration {
        let Some(reply) = reply.filter(|reply| reply.state.packets > 0) else {
            return self.half_open;
        };
        match key.protocol {
            protocol::TCP if is_closing(request, reply) => self.tcp_closing,
            protocol::TCP => self.tcp_established,
            protocol::ICMP | protocol::ICMPV6 => self.icmp,
            _ => self.udp,
        }
    }
}

fn is_closing(request: &FlowEntry, reply: &FlowEntry) -> bool {
    let both = request.state.tcp_flags & reply.state.tcp_flags;
    let either = request.state.tcp_flags | reply.state.tcp_flags;
    both & tcp_flags::FIN != 0 || either & tcp_flags::RST != 0
}

/// The key of a request's other direction.
pub(super) fn reply_key(key: &FlowKey, request: &FlowEntry) -> FlowKey {
    if request.state.role == ROLE_ECHO {
        return key.echo_answers();
    }
    key.other_direction(request)
}
