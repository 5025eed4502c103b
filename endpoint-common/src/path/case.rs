//! What the stages of a new flow, and the rules whenever they judge, work on: a client's request,
//! its ENI, its backend once chosen, and what has been said so far. Of a reverse endpoint the client is
//! the provider's host, and the backend the resource.
//!
//! May import: core, abi, wire, packet.

use super::packet::Packet;
use crate::abi::Addr;
use crate::abi::family::AddressFamily;
use crate::abi::flow::{FlowKey, FlowRules};
use crate::abi::service::{Address, KIND_REVERSE, Listener};
use crate::wire::Port;

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
    /// Where the backend's answers arrive, once known.
    pub(super) nat_port: Port,
    pub(super) rules: FlowRules,
    pub(super) eni: Address,
    pub(super) listener: Listener,
    pub(super) protocol: u8,
    /// A [`crate::abi::flow::Family`].
    pub(super) family: u8,
    /// What the rules say of the way back: 0 to accept, else a [`crate::abi::reason::DropReason`].
    pub(super) back_verdict: u8,
    /// Why audit mode let it pass, the first reason of several: 0 for none, else a [`crate::abi::reason::DropReason`].
    pub(super) audited: u8,
}

impl Case {
    /// Begins a case: nothing asked yet. Field by field, since a whole one would first be made on
    /// the stack.
    #[inline(always)]
    fn begin(&mut self, protocol: u8, family: u8) {
        self.backend = [0; 16];
        self.backend_port = [0; 2];
        self.backend_hop = 0;
        self.nat_port = [0; 2];
        self.rules.acl_in = 0;
        self.rules.group_in = 0;
        self.rules.group_out = 0;
        self.rules.acl_out = 0;
        self.rules.policy_in = 0;
        self.protocol = protocol;
        self.family = family;
        self.back_verdict = 0;
        self.audited = 0;
    }

    /// Begins with a packet read as a request toward [`Self::eni`].
    #[inline(always)]
    pub(super) fn begin_with_packet(&mut self, packet: &Packet<Addr>) {
        self.begin(packet.layers.protocol, packet.layers.family);
        self.client = packet.src;
        self.address = packet.dst;
        self.client_port = packet.layers.src_port;
        self.port = packet.layers.dst_port;
    }

    /// Begins with the request that a flow began with: the keys of its halves.
    #[inline(always)]
    pub(super) fn begin_with_flow(&mut self, forward: &FlowKey, back: &FlowKey) {
        self.begin(forward.protocol, forward.family);
        self.client = forward.src;
        self.address = forward.dst;
        self.client_port = forward.src_port;
        self.port = forward.dst_port;
        self.backend = back.src;
        self.backend_port = back.src_port;
        self.nat_port = back.dst_port;
    }

    /// Whether it goes the other way: from the provider through the ENI into the VPC. There is no
    /// such thing over IPv6.
    #[inline(always)]
    pub(super) fn is_reversed<A: AddressFamily>(&self) -> bool {
        A::V4 && self.eni.kind == KIND_REVERSE
    }
}
