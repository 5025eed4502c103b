//! What the stages of a new flow, and the rules whenever they judge, work on: a client's request,
//! its ENI, its backend once chosen, and what has been said so far.
//!
//! May import: core, abi, wire, parse.

use super::parse::Packet;
use crate::abi::Addr;
use crate::abi::flow::{FlowEntry, FlowKey, ROLE_REPLY, ROLE_REQUEST};
use crate::abi::reason::DropReason;
use crate::abi::service::{Address, Listener};
use crate::wire::Port;

/// What a generation said of one direction of a flow, and by which rules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(C, align(8))]
pub struct Judged {
    /// Rule numbers: network ACL of this direction, security groups in, and out; 0 for not asked.
    pub rules: [u32; 3],
    /// 0 to accept, else a [`DropReason`].
    pub verdict: u8,
}

/// See the module. Any bytes are a valid one.
#[derive(Debug, Clone, Copy, bytemuck::Zeroable)]
#[repr(C, align(8))]
pub(super) struct Case {
    pub(super) client: Addr,
    pub(super) address: Addr,
    pub(super) client_port: Port,
    pub(super) port: Port,
    pub(super) backend: Addr,
    pub(super) backend_port: Port,
    pub(super) backend_hop: u16,
    pub(super) acl_in: u32,
    pub(super) group_in: u32,
    pub(super) group_out: u32,
    pub(super) acl_out: u32,
    pub(super) eni: Address,
    pub(super) listener: Listener,
    pub(super) protocol: u8,
    /// A [`crate::abi::flow::Family`].
    pub(super) family: u8,
    /// What the network ACL says of the way back.
    pub(super) reply_verdict: u8,
    /// The entry to add, one direction after the other.
    pub(super) entry: FlowEntry,
}

impl Case {
    /// Begins a case: nothing asked yet. Field by field, since a whole one would first be made on
    /// the stack.
    #[inline(always)]
    fn begin(&mut self, eni: Address, protocol: u8, family: u8) {
        self.backend = [0; 16];
        self.backend_port = [0; 2];
        self.backend_hop = 0;
        self.acl_in = 0;
        self.group_in = 0;
        self.group_out = 0;
        self.acl_out = 0;
        self.eni = eni;
        self.protocol = protocol;
        self.family = family;
        self.reply_verdict = 0;
    }

    /// Begins with a packet read as a request toward an ENI.
    #[inline(always)]
    pub(super) fn begin_with_packet(&mut self, packet: &Packet, eni: Address) {
        self.begin(eni, packet.protocol, packet.family);
        self.client = packet.src;
        self.address = packet.dst;
        self.client_port = packet.src_port;
        self.port = packet.dst_port;
    }

    /// Begins with the request that the flow of `key` and the case's entry began with, and its
    /// backend; they may be of either direction.
    #[inline(always)]
    pub(super) fn begin_with_flow(&mut self, key: &FlowKey, eni: Address) {
        self.begin(eni, key.protocol, key.family);
        let FlowEntry { state, src, dst } = &self.entry;
        if state.role == ROLE_REPLY {
            self.client = *dst;
            self.client_port = state.dst_port;
            self.address = *src;
            self.port = state.src_port;
            self.backend = key.src;
            self.backend_port = key.src_port;
        } else {
            self.client = key.src;
            self.client_port = key.src_port;
            self.address = key.dst;
            self.port = key.dst_port;
        }
        if state.role == ROLE_REQUEST {
            self.backend = *dst;
            self.backend_port = state.dst_port;
        }
    }

    /// The rules that judged the request.
    #[inline(always)]
    pub(super) fn rules(&self) -> [u32; 3] {
        [self.acl_in, self.group_in, self.group_out]
    }

    /// The rules that judged the way back.
    #[inline(always)]
    pub(super) fn reply_rules(&self) -> [u32; 3] {
        [self.acl_out, self.group_in, self.group_out]
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
