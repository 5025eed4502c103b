//! How servers are probed, and the name of one server behind one listener.
//!
//! May import: std, the model's own modules.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{Listener, LoadBalancerId, Server, Transport};

/// `HealthCheckConfig`, of a listener whose servers are probed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// `HealthCheckType`, with what belongs to it.
    pub kind: HealthCheckKind,
    /// `HealthCheckConnectPort`, unless it is the server's own.
    pub connect_port: Option<u16>,
    /// `HealthyThreshold`: probes passed in a row that make an unhealthy server healthy.
    pub healthy_threshold: u8,
    /// `UnhealthyThreshold`: probes failed in a row that make a server unhealthy.
    pub unhealthy_threshold: u8,
    /// `HealthCheckConnectTimeout`: how long one probe may take, all in all.
    pub connect_timeout: Duration,
    /// `HealthCheckInterval`: from the start of one probe to that of the next.
    pub interval: Duration,
}

/// What a probe does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealthCheckKind {
    /// Connects.
    Tcp,
    /// Asks for a page.
    Http(HttpCheck),
}

/// What a probe asks for over HTTP, and which answers are good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpCheck {
    /// `HttpCheckMethod`.
    pub method: HttpMethod,
    /// `HealthCheckUrl`: path and query.
    pub url: String,
    /// `HealthCheckDomain`, unless it is the server's address.
    pub domain: Option<String>,
    /// `HealthCheckHttpCode`: the good classes, by their first digit.
    pub code_classes: Vec<u8>,
}

/// The method of an HTTP probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpMethod {
    /// `GET`.
    Get,
    /// `HEAD`.
    Head,
}

/// One server behind one listener, by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TargetId {
    /// The load balancer.
    pub load_balancer: LoadBalancerId,
    /// The listener's protocol.
    pub transport: Transport,
    /// The listener's port.
    pub listener_port: u16,
    /// The server's address.
    pub ip: IpAddr,
    /// The server's port.
    pub port: u16,
}

impl TargetId {
    /// The name of a server behind a listener of a load balancer.
    pub fn new(load_balancer: &LoadBalancerId, listener: &Listener, server: &Server) -> Self {
        Self {
            load_balancer: load_balancer.clone(),
            transport: listener.transport,
            listener_port: listener.port,
            ip: server.ip,
            port: server.port,
        }
    }

    /// Whether it is behind that listener.
    pub fn is_behind(&self, load_balancer: &LoadBalancerId, listener: &Listener) -> bool {
        self.load_balancer == *load_balancer
            && self.transport == listener.transport
            && self.listener_port == listener.port
    }

    /// The listener, in words: `nlb-a tcp/80`.
    pub fn listener(&self) -> String {
        let protocol = match self.transport {
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
        };
        format!("{} {protocol}/{}", self.load_balancer, self.listener_port)
    }
}

impl fmt::Display for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = SocketAddr::new(self.ip, self.port);
        write!(f, "{server} of {}", self.listener())
    }
}
