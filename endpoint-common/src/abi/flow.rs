//! Tracked flows: one entry per direction, each with all that its packets need.
//!
//! May import: core, bytemuck, wire.

use bytemuck::{Pod, Zeroable};

use crate::wire::{Ipv4, Mac, Port};

/// The key of `FLOWS`: the packet as it arrives. ICMP echo: the identifier is the client's port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
#[repr(C, align(8))]
pub struct FlowKey {
    /// Source address.
    pub src: Ipv4,
    /// Destination address.
    pub dst: Ipv4,
    /// Source port.
    pub src_port: Port,
    /// Destination port.
    pub dst_port: Port,
    /// The network it arrived from.
    pub scope: u16,
    /// IANA protocol number.
    pub protocol: u8,
    /// Zero.
    pub reserved: u8,
}

impl FlowKey {
    /// The same with its ends exchanged.
    #[must_use]
    #[inline(always)]
    pub fn reversed(&self) -> Self {
        Self {
            src: self.dst,
            dst: self.src,
            src_port: self.dst_port,
            dst_port: self.src_port,
            ..*self
        }
    }

    /// Where the answers to the echo requests of this key are accounted: in network 0, from which
    /// no packet arrives, so that none can pass for an answer of ours.
    #[must_use]
    #[inline(always)]
    pub fn echo_answers(&self) -> Self {
        Self {
            scope: 0,
            ..self.reversed()
        }
    }
}

/// A packet's direction, seen from the ENI (`direction` of flow logs).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Direction {
    /// Toward the ENI: requests.
    In = 0,
    /// From the ENI to the client: replies.
    Out = 1,
}

/// [`FlowEntry::role`]: from the client.
pub const ROLE_REQUEST: u8 = 0;
/// [`FlowEntry::role`]: back to the client.
pub const ROLE_REPLY: u8 = 1;
/// [`FlowEntry::role`]: ICMP echo, answered at the ENI.
pub const ROLE_ECHO: u8 = 2;

/// A row of `FLOWS`. The first 16 bytes are what the packet becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct FlowEntry {
    /// Source address after NAT.
    pub src: Ipv4,
    /// Destination address after NAT.
    pub dst: Ipv4,
    /// Source port after NAT.
    pub src_port: Port,
    /// Destination port after NAT.
    pub dst_port: Port,
    /// Change of the IPv4 header checksum's sum, TTL included (see [`crate::wire::checksum`]).
    pub ip_delta: u16,
    /// Change of the TCP or UDP checksum's sum.
    pub l4_delta: u16,
    /// Packets accepted.
    pub packets: u64,
    /// IP bytes accepted.
    pub bytes: u64,
    /// The generation that last judged it. Written together with the next three fields.
    pub generation: u32,
    /// What that generation said: 0 to accept, else a [`super::reason::DropReason`].
    pub verdict: u8,
    /// [`ROLE_REQUEST`], [`ROLE_REPLY`] or [`ROLE_ECHO`].
    pub role: u8,
    /// The network the other direction arrives from.
    pub peer_scope: u16,
    /// When a packet was last accepted, in ticks.
    pub last_seen: u32,
    /// When the flow was made, in ticks.
    pub created: u32,
    /// The rules that judged it: network ACL of this direction, security groups in, and out.
    pub rules: [u32; 3],
    /// ENI index.
    pub eni: u16,
    /// The hop it leaves by.
    pub hop: u16,
    /// The client's MAC, for the direction back to it.
    pub client_mac: Mac,
    /// TCP flags seen, all together.
    pub tcp_flags: u8,
    /// Zero.
    pub reserved: u8,
}
