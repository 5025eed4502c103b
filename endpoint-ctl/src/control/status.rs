//! What the daemon says of itself.
//!
//! May import: serde, std.

use std::net::IpAddr;

use serde::Serialize;

/// An interface and how the packet program is attached to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct InterfaceState {
    /// The interface.
    pub interface: String,
    /// Its index, while it is there.
    pub ifindex: Option<u32>,
    /// `xdp`, `xdp-generic` or `tc`; `detached` while it is not there.
    pub hook: String,
    /// What the manifest asks for: one of these, or `auto`.
    pub asked: &'static str,
    /// Whether the hook was chosen here, as `auto` asks.
    pub chosen: bool,
    /// Its MTU in bytes, while it is there.
    pub mtu: Option<u32>,
    /// Whether it is set up and has a carrier.
    pub up: bool,
    /// Why not a better one, or why not at all, if so.
    pub note: Option<String>,
    /// What about it costs packets.
    pub findings: Vec<FindingState>,
}

/// Something about an interface that costs packets, or may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FindingState {
    /// `warning` or `note`.
    pub severity: &'static str,
    /// The device it is about, and where that is.
    pub place: String,
    /// What is so.
    pub problem: String,
    /// What mends it.
    pub mend: String,
}

/// A next hop toward a backend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct HopState {
    /// The backend.
    pub backend: IpAddr,
    /// The interface packets leave by.
    pub interface: String,
    /// The address packets are handed to.
    pub via: IpAddr,
    /// Its MAC address; without one, packets are dropped as `next-hop-unresolved`.
    pub mac: Option<String>,
    /// The longest IP packet that may leave by it, in bytes.
    pub mtu: u32,
    /// Why it cannot be used, if it cannot.
    pub note: Option<&'static str>,
}

/// A server behind a listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TargetState {
    /// The load balancer.
    pub load_balancer_id: String,
    /// The listener's IANA protocol number.
    pub protocol: u8,
    /// The listener's port.
    pub listener_port: u16,
    /// The server's address.
    pub server_ip: IpAddr,
    /// The server's port.
    pub port: u16,
    /// Its weight in the manifest.
    pub weight: u8,
    /// `healthy`, `unhealthy`, `unknown` (counts as healthy), `draining` or `drained`.
    pub state: &'static str,
    /// Why.
    pub reason: String,
    /// Since when (RFC 3339, UTC).
    pub since: String,
    /// When the flows it still has are cut, if it drains (RFC 3339, UTC).
    pub draining_until: Option<String>,
}

/// One of the nodes that share a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct NodeState {
    /// Its id.
    pub node: String,
    /// Whether it is the one that was asked.
    pub is_this: bool,
    /// Whether it lives.
    pub is_there: bool,
    /// Whether it has in force all that is declared.
    pub is_current: bool,
}

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct NodeStatus {
    /// The daemon's version.
    pub version: &'static str,
    /// Its process.
    pub pid: u32,
    /// The node's id.
    pub node: String,
    /// The manifest it serves.
    pub manifest: String,
    /// The generation in force.
    pub generation: u32,
    /// Why the last reload was refused, if it was.
    pub error: Option<String>,
    /// What of the manifest is in force only in part.
    pub notices: Vec<String>,
    /// Bound interfaces.
    pub interfaces: Vec<InterfaceState>,
    /// Next hops toward backends.
    pub hops: Vec<HopState>,
    /// Servers behind listeners, those that are leaving included.
    pub targets: Vec<TargetState>,
    /// The nodes that share the store, if it is of that kind.
    pub nodes: Vec<NodeState>,
    /// Why what is known of store and nodes may be old, if it may.
    pub store_fault: Option<String>,
}
