//! A parsed packet.
//!
//! May import: core, abi, wire.

use crate::abi::Addr;
use crate::abi::family::AddressFamily;
use crate::abi::flow::{Family, FlowKey};
use crate::abi::fragment::{LATER, WHOLE};
use crate::wire::{Mac, Port, tcp_flags};

/// A packet of one family, or (`D` = [`Addr`]) of either.
#[derive(Debug, Clone, Copy, bytemuck::Zeroable)]
#[repr(C, align(8))]
pub(super) struct Packet<D> {
    pub(super) src: D,
    pub(super) dst: D,
    pub(super) layers: Layers,
}

/// What a packet is besides its addresses.
#[derive(Debug, Clone, Copy, bytemuck::Zeroable)]
#[repr(C, align(8))]
pub(super) struct Layers {
    pub(super) src_port: Port,
    pub(super) dst_port: Port,
    /// The transport checksum as it arrived.
    pub(super) l4_check: [u8; 2],
    /// The IPv4 header checksum as it arrived.
    pub(super) ip_check: [u8; 2],
    /// IP bytes: the packet from its IP header on.
    pub(super) bytes: u32,
    /// Where the IP header starts.
    pub(super) ip_at: u16,
    /// Where the transport header starts.
    pub(super) l4_at: u16,
    pub(super) ttl: u8,
    pub(super) protocol: u8,
    pub(super) tcp_flags: u8,
    /// A [`Family`].
    pub(super) family: u8,
    /// [`WHOLE`], or which fragment.
    pub(super) fragment: u8,
    /// A fragment's identification, as it stands in the packet.
    pub(super) fragment_id: u32,
}

/// The link-level addresses as they arrived.
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct Link {
    pub(super) dst: Mac,
    pub(super) src: Mac,
}

impl Layers {
    /// Nothing known but where the IP header starts.
    #[inline(always)]
    pub(super) fn at(ip_at: u16, family: Family) -> Self {
        Self {
            src_port: [0; 2],
            dst_port: [0; 2],
            l4_check: [0; 2],
            ip_check: [0; 2],
            bytes: 0,
            ip_at,
            l4_at: 0,
            ttl: 0,
            protocol: 0,
            tcp_flags: 0,
            family: family as u8,
            fragment: WHOLE,
            fragment_id: 0,
        }
    }

    /// Whether it is a fragment without a transport header.
    #[inline(always)]
    pub(super) fn is_later_fragment(&self) -> bool {
        self.fragment == LATER
    }

    #[inline(always)]
    pub(super) fn is_v4(&self) -> bool {
        self.family == Family::V4 as u8
    }

    /// A SYN and nothing that contradicts it (RFC 9293 section 3.5).
    #[inline(always)]
    pub(super) fn opens_connection(&self) -> bool {
        use tcp_flags::{ACK, FIN, RST, SYN};
        self.tcp_flags & (SYN | ACK | RST | FIN) == SYN
    }
}

impl<D: Copy> Packet<D> {
    #[inline(always)]
    pub(super) fn key<A: AddressFamily<Addr = D>>(&self, scope: u16) -> A::Key {
        let Layers {
            src_port,
            dst_port,
            protocol,
            ..
        } = self.layers;
        A::key([self.src, self.dst], [src_port, dst_port], scope, protocol)
    }
}

impl Packet<Addr> {
    #[inline(always)]
    pub(super) fn wide_key(&self, scope: u16) -> FlowKey {
        FlowKey {
            src: self.src,
            dst: self.dst,
            src_port: self.layers.src_port,
            dst_port: self.layers.dst_port,
            scope,
            protocol: self.layers.protocol,
            family: self.layers.family,
        }
    }

    /// Sources that no host may send from, and the destination's own address. IPv4 (RFC 6890):
    /// 0/8, 127/8, multicast, reserved. IPv6 (RFC 4291): multicast, and all that begins with 80
    /// zero bits: unspecified, loopback, embedded IPv4.
    #[inline(always)]
    pub(super) fn is_martian<A: AddressFamily>(&self) -> bool {
        if self.src == self.dst {
            return true;
        }
        if A::V4 {
            let [.., v4, _, _, _] = self.src;
            return v4 == 0 || v4 == 127 || v4 >= 224;
        }
        let [first, ..] = self.src;
        first == 0xff || embeds_ipv4(&self.src)
    }
}

/// Whether an address begins with 80 zero bits.
#[inline(always)]
pub(super) fn embeds_ipv4(address: &Addr) -> bool {
    let [upper, lower]: &[[u8; 8]; 2] = bytemuck::cast_ref(address);
    u64::from_ne_bytes(*upper) == 0 && u64::from_be_bytes(*lower) >> 48 == 0
}
