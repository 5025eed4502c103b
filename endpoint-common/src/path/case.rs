//! What the stages of a new flow, and the rules whenever they judge, work on: a client's request,
//! its ENI, its backend once chosen, and what has been said so far.
//!
//! May import: core, abi, wire, parse.

use super::parse::Packet;
use crate::abi::flow::{FlowEntry, FlowKey, ROLE_REPLY, ROLE_REQUEST};
use crate::abi::reason::DropReason;
use crate::abi::service::{Address, Listener};
use crate::wire::{Ipv4, Port};

/// What a generation said of one direction of a flow, and by which rules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(C, align(8))]
pub struct Judged {
    /// Rule numbers: network ACL of this direction, security groups in, and out; 0 for not asked.
    pub rules: [u32; 3],
    /// 0 to accept, else a [`DropReason`].
    pub verdict: u8,
}

/// See the module. It is too large for the BPF stack, so the world lends the memory
/// ([`super::Tables::with_case`]); any bytes are a valid one.
#[derive(Debug, Clone, Copy, bytemuck::Zeroable)]
#[repr(C, align(8))]
pub struct Case {
    pub(super) client: Ipv4,
    pub(super) address: Ipv4,
    pub(super) client_port: Port,
    pub(super) port: Port,
    pub(super) backend: Ipv4,
    pub(super) backend_port: Port,
    pub(super) backend_hop: u16,
    pub(super) acl_in: u32,
    pub(super) group_in: u32,
    pub(super) group_out: u32,
    pub(super) acl_out: u32,
    pub(super) eni: Address,
    pub(super) listener: Listener,
    pub(super) protocol: u8,
    /// What the network ACL says of the way back.
    pub(super) reply_verdict: u8,
    /// The entry to add, one direction after the other.
    pub(super) entry: FlowEntry,
}

impl Case {
    #[inline(always)]
    fn blank(eni: Address, protocol: u8) -> Self {
        Self {
            client: [0; 4],
            address: [0; 4],
            client_port: [0; 2],
            port: [0; 2],
            backend: [0; 4],
            backend_port: [0; 2],
            backend_hop: 0,
            acl_in: 0,
            group_in: 0,
            group_out: 0,
            acl_out: 0,
            eni,
            listener: bytemuck::Zeroable::zeroed(),
            protocol,
            reply_verdict: 0,
            entry: bytemuck::Zeroable::zeroed(),
        }
    }

    /// A packet read as a request toward an ENI.
    #[inline(always)]
    pub(super) fn of_packet(packet: &Packet, eni: Address) -> Self {
        Self {
            client: packet.src,
            address: packet.dst,
            client_port: packet.src_port,
            port: packet.dst_port,
            ..Self::blank(eni, packet.protocol)
        }
    }

    /// The request that a flow of either direction began with, and its backend.
    #[inline(always)]
    pub(super) fn of_flow(key: &FlowKey, entry: &FlowEntry, eni: Address) -> Self {
        let mut case = Self::blank(eni, key.protocol);
        if entry.role == ROLE_REPLY {
            case.client = entry.dst;
            case.client_port = entry.dst_port;
            case.address = entry.src;
            case.port = entry.src_port;
            case.backend = key.src;
            case.backend_port = key.src_port;
        } else {
            case.client = key.src;
            case.client_port = key.src_port;
            case.address = key.dst;
            case.port = key.dst_port;
        }
        if entry.role == ROLE_REQUEST {
            case.backend = entry.dst;
            case.backend_port = entry.dst_port;
        }
        case
    }

    /// The rules that judged the request.
    #[inline(always)]
    pub(super) fn rules(&self) -> [u32; 3] {
        [self.acl_in, self.group_in, self.group_out]
    }

    /// The rules that judged the way back.
    #[inline(always)]
    pub(super) fn reply_rules(&self) -> [u32; 3] {
        [self.acl_out, 0, 0]
    }
}

/// Which of the rules that judged a direction led to `reason`.
#[inline(always)]
pub(super) fn deciding_rule(reason: DropReason, rules: &[u32; 3]) -> u32 {
    let [acl, group_in, group_out] = *rules;
    if matches!(reason, DropReason::AclIngress | DropReason::AclEgress) {
        acl
    } else if matches!(reason, DropReason::GroupIngress) {
        group_in
    } else if matches!(reason, DropReason::GroupEgress) {
        group_out
    } else {
        0
    }
}
