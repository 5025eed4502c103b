//! What an endpoint may use.
//!
//! May import: nothing.

/// What an endpoint may use. `None`: as much, or as long, as the node allows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EndpointLimits {
    /// `Bandwidth`, Mbit/s each way, of all its ENIs together; a limit with
    /// [`TrafficControlMode::BandwidthLimit`](super::TrafficControlMode) alone.
    pub bandwidth: Option<u32>,
    /// `FlowLimit`, the most flows at a time through each of its ENIs.
    pub flows: Option<u32>,
    /// `IdleTimeouts`.
    pub idle: IdleTimeouts,
}

/// How long flows may be idle, in seconds. `None`: as long as anybody's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IdleTimeouts {
    /// `TcpEstablished`.
    pub tcp_established: Option<u32>,
    /// `HalfOpen`: not answered yet, any protocol.
    pub half_open: Option<u32>,
    /// `TcpClosing`: closed by both ends, or reset.
    pub tcp_closing: Option<u32>,
    /// `Udp`: answered.
    pub udp: Option<u32>,
    /// `Icmp`: echo.
    pub icmp: Option<u32>,
}

impl IdleTimeouts {
    /// The longest that is set.
    pub fn longest(&self) -> Option<u32> {
        let all = [
            self.tcp_established,
            self.half_open,
            self.tcp_closing,
            self.udp,
            self.icmp,
        ];
        all.into_iter().flatten().max()
    }
}
