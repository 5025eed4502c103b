//! What an ENI is and what stands behind it: addresses, listeners, targets, next hops.
//!
//! May import: core, bytemuck, wire.

use bytemuck::{Pod, Zeroable};

use super::Addr;
use super::meta::Tags;
use crate::wire::Mac;

/// The key of `ADDRESSES`: an address this node answers for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
#[repr(C, align(8))]
pub struct AddressKey {
    /// The address.
    pub address: Addr,
    /// The network it is in.
    pub scope: u16,
    /// The bank of the generation it belongs to.
    pub bank: u16,
    /// Zero.
    pub reserved: u32,
}

/// [`Address::kind`] of an endpoint ENI.
pub const KIND_ENI: u16 = 1;
/// [`Address::kind`] of an address that only answers of known flows are for: a NAT address, or the
/// ENI of a reverse endpoint, which is its NAT address.
pub const KIND_NAT: u16 = 2;
/// [`Address::kind`] of an address in a provider network at which its hosts reach resources behind
/// the ENI of a reverse endpoint.
pub const KIND_REVERSE: u16 = 3;

/// A row of `ADDRESSES`. Policies are roots of address tries in `POLICY`, 0 for none; a NAT
/// address has only its kind, and its ENI if it is one's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Address {
    /// [`KIND_ENI`], [`KIND_NAT`] or [`KIND_REVERSE`].
    pub kind: u16,
    /// ENI index: row of `ENI_COUNTERS`.
    pub eni: u16,
    /// The load balancer behind the endpoint's service; of [`KIND_REVERSE`] a number of its own,
    /// whose listeners lead to resources.
    pub load_balancer: u32,
    /// Network ACL, inbound; the peer is the source.
    pub acl_in: u32,
    /// Network ACL, outbound; the peer is the destination.
    pub acl_out: u32,
    /// Security groups, inbound; the peer is the source. Of [`KIND_REVERSE`] 0: never asked.
    pub group_in: u32,
    /// Security groups, outbound; the peer is the backend, or the resource.
    pub group_out: u32,
    /// The endpoint's policy; the peer is the source.
    pub policy_in: u32,
    /// The hop that leads back to clients, or to the hosts of the provider network.
    pub hop: u16,
    /// [`AUDITED`].
    pub flags: u16,
}

/// [`Address::flags`]: what its rules refuse passes, and is told.
pub const AUDITED: u16 = 1;

impl Address {
    /// The row of an address that only answers of known flows are for; `eni` is the reverse endpoint's
    /// ENI whose it is, or 0.
    #[must_use]
    pub fn nat(eni: u16) -> Self {
        Self {
            kind: KIND_NAT,
            eni,
            ..Zeroable::zeroed()
        }
    }

    /// Whether it is of this kind and of the ENI with this index.
    #[must_use]
    #[inline(always)]
    pub fn is(&self, kind: u16, eni: u16) -> bool {
        self.kind == kind && self.eni == eni
    }
}

/// The key of `LISTENERS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
#[repr(C, align(8))]
pub struct ListenerKey {
    /// The load balancer.
    pub load_balancer: u32,
    /// Listener port, network order.
    pub port: [u8; 2],
    /// IANA protocol number.
    pub protocol: u8,
    /// The bank of the generation it belongs to.
    pub bank: u8,
    /// A [`super::flow::Family`]: each has its own backends and NAT addresses.
    pub family: u8,
    /// Zero.
    pub reserved: [u8; 7],
}

/// A row of `LISTENERS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Listener {
    /// First slot of its Maglev table in `MAGLEV`, within the bank.
    pub first: u32,
    /// Number of slots, 0 when it has no backend.
    pub slots: u32,
    /// First of its NAT addresses in `NAT_ADDRESSES`, within the bank.
    pub nat_first: u32,
    /// Number of NAT addresses.
    pub nat_count: u32,
    /// The network its backends are in: a provider network, or a resource's vSwitch.
    pub scope: u32,
    /// [`LISTENER_REJECTS`].
    pub flags: u32,
}

/// [`Listener::flags`]: without a backend, a new flow is answered by a refusal (TCP reset, or ICMP
/// port unreachable) instead of silence.
pub const LISTENER_REJECTS: u32 = 1;

/// The key of `TARGETS`: that this backend is (still) behind this listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
#[repr(C, align(8))]
pub struct TargetKey {
    /// The backend's address.
    pub address: Addr,
    /// The backend's port, network order.
    pub port: [u8; 2],
    /// The listener's port, network order.
    pub listener_port: [u8; 2],
    /// The load balancer.
    pub load_balancer: u32,
    /// IANA protocol number.
    pub protocol: u8,
    /// The bank of the generation it belongs to.
    pub bank: u8,
    /// Zero.
    pub reserved: [u8; 6],
}

/// A row of `BACKENDS`, which slots of `MAGLEV` point to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
#[repr(C)]
pub struct Backend {
    /// Its address.
    pub address: Addr,
    /// Its port, network order.
    pub port: [u8; 2],
    /// Zero.
    pub reserved: [u8; 2],
    /// The hop that leads to it.
    pub hop: u32,
}

/// [`Hop::flags`]: the hop can be used.
pub const HOP_RESOLVED: u16 = 1;
/// [`Hop::flags`]: the destination MAC is the one the flow's client was last seen with.
pub const HOP_TO_CLIENT: u16 = 2;

/// A row of `HOPS`: kept current from netlink, apart from generations. The flags and the reserved
/// bytes stand behind the MACs and fill them up to 8 bytes each, so that every field is aligned to
/// its own size and the MTU costs no space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Hop {
    /// Egress interface.
    pub ifindex: u32,
    /// The longest IP packet that may leave by this hop, in bytes, IP header included and
    /// Ethernet header not: the egress interface's MTU, or the route's where that is smaller.
    pub mtu: u32,
    /// Destination MAC.
    pub dst_mac: Mac,
    /// [`HOP_RESOLVED`], [`HOP_TO_CLIENT`].
    pub flags: u16,
    /// Source MAC: the egress interface's own.
    pub src_mac: Mac,
    /// Zero.
    pub reserved: u16,
    /// If `ifindex` is a VLAN device, the interface below it that frames leave by, with `tags`, where
    /// they cannot leave by the device: at the XDP hook. Else 0.
    pub trunk: u32,
    /// The tags of frames that leave by `trunk`.
    pub tags: Tags,
}

impl Hop {
    /// A hop that leaves by `ifindex` with source MAC `src_mac`, and takes packets of any length.
    #[must_use]
    pub fn new(ifindex: u32, flags: u16, dst_mac: Mac, src_mac: Mac) -> Self {
        Self {
            ifindex,
            mtu: u32::MAX,
            dst_mac,
            flags,
            src_mac,
            reserved: 0,
            trunk: 0,
            tags: Tags::NONE,
        }
    }

    /// The same over a VLAN device, the frames of which leave by `trunk` with `tags`.
    #[must_use]
    pub fn through(self, trunk: u32, tags: Tags) -> Self {
        Self {
            trunk,
            tags,
            ..self
        }
    }

    /// The same for IP packets of at most `mtu` bytes.
    #[must_use]
    pub fn with_mtu(self, mtu: u32) -> Self {
        Self { mtu, ..self }
    }
}
