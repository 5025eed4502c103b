//! Tracked flows: one entry per direction, each with all that its packets need.
//!
//! The path knows one key and one entry, wide enough for IPv6. IPv4 flows, far more numerous, are
//! kept in a map of their own as [`FlowKey4`] and [`FlowEntry4`]: less memory, fewer cache lines.
//!
//! May import: core, bytemuck, wire.

use bytemuck::{Pod, Zeroable};

use super::{Addr, mapped, unmapped};
use crate::wire::{Ipv4, Mac, Port};

/// An IP family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Family {
    /// IPv4.
    V4 = 4,
    /// IPv6.
    V6 = 6,
}

/// The key of a flow, and of `FLOWS6`: the packet as it arrives. ICMP echo: the identifier is the
/// client's port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
#[repr(C, align(8))]
pub struct FlowKey {
    /// Source address.
    pub src: Addr,
    /// Destination address.
    pub dst: Addr,
    /// Source port.
    pub src_port: Port,
    /// Destination port.
    pub dst_port: Port,
    /// The network it arrived from.
    pub scope: u16,
    /// IANA protocol number.
    pub protocol: u8,
    /// A [`Family`].
    pub family: u8,
}

/// The key of `FLOWS4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
#[repr(C, align(8))]
pub struct FlowKey4 {
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
    /// Whether it is an IPv4 flow's.
    #[must_use]
    #[inline(always)]
    pub fn is_v4(&self) -> bool {
        self.family == Family::V4 as u8
    }

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

    /// The key of the other direction of the NATed flow that this key leads to `entry` of.
    #[must_use]
    #[inline(always)]
    pub fn other_direction(&self, entry: &FlowEntry) -> Self {
        Self {
            src: entry.dst,
            dst: entry.src,
            src_port: entry.state.dst_port,
            dst_port: entry.state.src_port,
            scope: entry.state.peer_scope,
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

    /// An IPv4 flow's key as it is kept.
    #[must_use]
    #[inline(always)]
    pub fn narrow(&self) -> FlowKey4 {
        FlowKey4 {
            src: unmapped(self.src),
            dst: unmapped(self.dst),
            src_port: self.src_port,
            dst_port: self.dst_port,
            scope: self.scope,
            protocol: self.protocol,
            reserved: 0,
        }
    }
}

impl FlowKey4 {
    /// The key as the path knows it.
    #[must_use]
    pub fn widen(&self) -> FlowKey {
        FlowKey {
            src: mapped(self.src),
            dst: mapped(self.dst),
            src_port: self.src_port,
            dst_port: self.dst_port,
            scope: self.scope,
            protocol: self.protocol,
            family: Family::V4 as u8,
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

/// [`FlowState::role`]: from the client.
pub const ROLE_REQUEST: u8 = 0;
/// [`FlowState::role`]: back to the client.
pub const ROLE_REPLY: u8 = 1;
/// [`FlowState::role`]: ICMP echo, answered at the ENI.
pub const ROLE_ECHO: u8 = 2;

/// What both families' entries begin with: all but the addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct FlowState {
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
    /// Source port after NAT.
    pub src_port: Port,
    /// Destination port after NAT.
    pub dst_port: Port,
    /// Change of a checksum's sum by the new addresses (see [`crate::wire::checksum`]).
    pub address_delta: u16,
    /// The same by the new ports.
    pub port_delta: u16,
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

/// A flow's entry, and a row of `FLOWS6`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct FlowEntry {
    /// See there.
    pub state: FlowState,
    /// Source address after NAT.
    pub src: Addr,
    /// Destination address after NAT.
    pub dst: Addr,
}

/// A row of `FLOWS4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct FlowEntry4 {
    /// See there.
    pub state: FlowState,
    /// Source address after NAT.
    pub src: Ipv4,
    /// Destination address after NAT.
    pub dst: Ipv4,
}

impl FlowEntry4 {
    /// The entry as the path knows it.
    #[must_use]
    #[inline(always)]
    pub fn widen(&self) -> FlowEntry {
        FlowEntry {
            state: self.state,
            src: mapped(self.src),
            dst: mapped(self.dst),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_widened_is_the_same_flow() {
        let key = FlowKey4 {
            src: [10, 0, 1, 2],
            dst: [10, 0, 1, 3],
            src_port: [1, 2],
            dst_port: [3, 4],
            scope: 5,
            protocol: 6,
            reserved: 0,
        };
        assert_eq!(key.widen().narrow(), key);
        let entry: FlowEntry4 = bytemuck::cast([7u8; size_of::<FlowEntry4>()]);
        let wide = entry.widen();
        assert_eq!((wide.state, wide.src), (entry.state, mapped([7; 4])));
    }
}
