//! Stage: bytes to a packet, or the reason why it is none.
//!
//! May import: core, abi, wire, frame.

mod ipv4;
mod ipv6;
mod transport;

use super::frame::Frame;
use crate::abi::Addr;
use crate::abi::flow::{Family, FlowKey};
use crate::abi::reason::DropReason;
use crate::wire::{EthHdr, Mac, Port, tcp_flags};

/// Where the IP header starts.
pub(super) const IP_AT: usize = EthHdr::LEN;

/// A parsed packet of either family.
#[derive(Debug, Clone, Copy, bytemuck::Zeroable)]
#[repr(C, align(8))]
pub(super) struct Packet {
    pub(super) src: Addr,
    pub(super) dst: Addr,
    pub(super) src_port: Port,
    pub(super) dst_port: Port,
    /// The transport checksum as it arrived.
    pub(super) l4_check: [u8; 2],
    /// The IPv4 header checksum as it arrived.
    pub(super) ip_check: [u8; 2],
    pub(super) src_mac: Mac,
    pub(super) ttl: u8,
    pub(super) protocol: u8,
    pub(super) dst_mac: Mac,
    pub(super) tcp_flags: u8,
    /// Where the transport header starts.
    pub(super) l4_at: u8,
    /// IP bytes: the packet from its IP header on.
    pub(super) bytes: u32,
    /// A [`Family`].
    pub(super) family: u8,
}

/// What parsing came to.
pub(super) enum Parsed {
    /// Not even an IP header, or to an address that cannot be ours.
    NotOurs,
    /// An IP header, and this fault after it.
    Faulty(DropReason),
    /// A neighbor solicitation (RFC 4861).
    Solicitation,
    /// A packet.
    Whole,
}

impl Packet {
    #[inline(always)]
    pub(super) fn key(&self, scope: u16) -> FlowKey {
        FlowKey {
            src: self.src,
            dst: self.dst,
            src_port: self.src_port,
            dst_port: self.dst_port,
            scope,
            protocol: self.protocol,
            family: self.family,
        }
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

    /// Sources that no host may send from, and the destination's own address. IPv4 (RFC 6890):
    /// 0/8, 127/8, multicast, reserved. IPv6 (RFC 4291): multicast, and all that begins with 80
    /// zero bits: unspecified, loopback, embedded IPv4.
    #[inline(always)]
    pub(super) fn is_martian<const V4: bool>(&self) -> bool {
        if self.src == self.dst {
            return true;
        }
        let halves: [[u8; 8]; 2] = bytemuck::cast(self.src);
        let [upper, [ninth, tenth, _, _, v4, ..]] = halves;
        if V4 {
            return v4 == 0 || v4 == 127 || v4 >= 224;
        }
        let [first, ..] = upper;
        first == 0xff || (upper == [0; 8] && ninth == 0 && tenth == 0)
    }
}

/// Parses an Ethernet frame that says it holds IPv4 (`V4`) or IPv6, into `packet`.
#[inline(never)]
pub(super) fn ip<F: Frame, const V4: bool>(frame: &F, packet: &mut Packet) -> Parsed {
    let Some(eth) = frame.header::<EthHdr, 14>(0) else {
        return Parsed::NotOurs;
    };
    packet.src_mac = eth.src_addr;
    packet.dst_mac = eth.dst_addr;
    packet.src_port = [0; 2];
    packet.dst_port = [0; 2];
    packet.l4_check = [0; 2];
    packet.tcp_flags = 0;
    packet.l4_at = 0;
    if V4 {
        packet.family = Family::V4 as u8;
        ipv4::parse(frame, packet)
    } else {
        packet.family = Family::V6 as u8;
        ipv6::parse(frame, packet)
    }
}
