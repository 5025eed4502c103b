//! Stage: bytes to a packet, or the reason why it is none.
//!
//! May import: core, abi, wire, frame.

use super::frame::Frame;
use crate::abi::flow::FlowKey;
use crate::abi::reason::DropReason;
use crate::wire::{
    EthHdr, Icmpv4Hdr, Ipv4, Ipv4Hdr, Mac, Port, UdpHdr, icmp_type, protocol, tcp_flags,
};

/// Where the IP header starts.
pub(super) const IP_AT: usize = EthHdr::LEN;
const MORE_FRAGMENTS_OR_OFFSET: u16 = 0x3fff;

/// A parsed IPv4 packet.
#[derive(Clone, Copy)]
pub(super) struct Packet {
    pub(super) src_mac: Mac,
    pub(super) dst_mac: Mac,
    pub(super) ip: Ipv4Hdr,
    /// Where the transport header starts.
    pub(super) l4_at: usize,
    pub(super) src_port: Port,
    pub(super) dst_port: Port,
    /// The transport checksum as it arrived.
    pub(super) l4_check: [u8; 2],
    pub(super) tcp_flags: u8,
    /// The IP header's total length.
    pub(super) bytes: u32,
}

/// A client's request, whichever packet of the flow it was learned from.
#[derive(Clone, Copy)]
pub(super) struct Request {
    pub(super) client: Ipv4,
    pub(super) client_port: Port,
    pub(super) eni: Ipv4,
    pub(super) eni_port: Port,
    pub(super) protocol: u8,
}

impl Packet {
    /// What can be told of a packet before its transport header is parsed.
    #[inline(always)]
    pub(super) fn unparsed(eth: &EthHdr, ip: &Ipv4Hdr) -> Self {
        Self {
            src_mac: eth.src_addr,
            dst_mac: eth.dst_addr,
            ip: *ip,
            l4_at: 0,
            src_port: [0; 2],
            dst_port: [0; 2],
            l4_check: [0; 2],
            tcp_flags: 0,
            bytes: u32::from(u16::from_be_bytes(ip.tot_len)),
        }
    }

    #[inline(always)]
    pub(super) fn key(&self, scope: u16) -> FlowKey {
        FlowKey {
            src: self.ip.src_addr,
            dst: self.ip.dst_addr,
            src_port: self.src_port,
            dst_port: self.dst_port,
            scope,
            protocol: self.ip.proto,
            reserved: 0,
        }
    }

    /// The packet read as a request toward an ENI.
    #[inline(always)]
    pub(super) fn request(&self) -> Request {
        Request {
            client: self.ip.src_addr,
            client_port: self.src_port,
            eni: self.ip.dst_addr,
            eni_port: self.dst_port,
            protocol: self.ip.proto,
        }
    }

    /// The same packet with its ends exchanged, as its echo would be.
    #[inline(always)]
    pub(super) fn echoed(&self) -> Self {
        let mut other = *self;
        other.ip.src_addr = self.ip.dst_addr;
        other.ip.dst_addr = self.ip.src_addr;
        other.src_port = self.dst_port;
        other.dst_port = self.src_port;
        other
    }

    /// A SYN and nothing that contradicts it (RFC 9293 section 3.5).
    #[inline(always)]
    pub(super) fn opens_connection(&self) -> bool {
        use tcp_flags::{ACK, FIN, RST, SYN};
        self.tcp_flags & (SYN | ACK | RST | FIN) == SYN
    }
}

/// Parses what follows the IPv4 header of `packet` into it.
#[inline(always)]
pub(super) fn ipv4<F: Frame>(frame: &F, packet: &mut Packet) -> Result<(), DropReason> {
    let header = usize::from(packet.ip.vihl & 0x0f).wrapping_mul(4);
    if packet.ip.vihl >> 4 != 4 || header < Ipv4Hdr::LEN {
        return Err(DropReason::Malformed);
    }
    let total = packet.bytes as usize;
    if total < header {
        return Err(DropReason::Malformed);
    }
    if IP_AT.wrapping_add(total) > frame.len() {
        return Err(DropReason::Truncated);
    }
    if u16::from_be_bytes(packet.ip.frags) & MORE_FRAGMENTS_OR_OFFSET != 0 {
        return Err(DropReason::Fragment);
    }
    packet.l4_at = IP_AT.wrapping_add(header);
    let payload = total.wrapping_sub(header);
    match packet.ip.proto {
        protocol::TCP => tcp(frame, payload, packet),
        protocol::UDP => udp(frame, payload, packet),
        protocol::ICMP => icmp(frame, payload, packet),
        _ => Err(DropReason::ProtocolUnsupported),
    }
}

#[inline(always)]
fn tcp<F: Frame>(frame: &F, payload: usize, packet: &mut Packet) -> Result<(), DropReason> {
    let bytes: [u8; 20] = frame.read(packet.l4_at).ok_or(DropReason::Truncated)?;
    let [
        s0,
        s1,
        d0,
        d1,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        offset,
        flags,
        _,
        _,
        c0,
        c1,
        _,
        _,
    ] = bytes;
    let header = usize::from(offset >> 4).wrapping_mul(4);
    if header < 20 || header > payload {
        return Err(DropReason::Malformed);
    }
    packet.src_port = [s0, s1];
    packet.dst_port = [d0, d1];
    packet.l4_check = [c0, c1];
    packet.tcp_flags = flags;
    Ok(())
}

#[inline(always)]
fn udp<F: Frame>(frame: &F, payload: usize, packet: &mut Packet) -> Result<(), DropReason> {
    let udp = frame
        .header::<UdpHdr, 8>(packet.l4_at)
        .ok_or(DropReason::Truncated)?;
    let length = usize::from(u16::from_be_bytes(udp.len));
    if length < UdpHdr::LEN || length > payload {
        return Err(DropReason::Malformed);
    }
    packet.src_port = udp.src;
    packet.dst_port = udp.dst;
    packet.l4_check = udp.check;
    Ok(())
}

/// Only echo requests; the identifier stands for the client's port.
#[inline(always)]
fn icmp<F: Frame>(frame: &F, payload: usize, packet: &mut Packet) -> Result<(), DropReason> {
    if payload < Icmpv4Hdr::LEN {
        return Err(DropReason::Malformed);
    }
    let icmp = frame
        .header::<Icmpv4Hdr, 8>(packet.l4_at)
        .ok_or(DropReason::Truncated)?;
    if icmp.type_ != icmp_type::ECHO_REQUEST || icmp.code != 0 {
        return Err(DropReason::IcmpUnsupported);
    }
    let [id0, id1, _, _] = icmp.data;
    packet.src_port = [id0, id1];
    packet.l4_check = icmp.check;
    Ok(())
}

/// Sources that no host may send from (RFC 6890: 0/8, 127/8, multicast, reserved), and the
/// destination's own address.
#[inline(always)]
pub(super) fn is_martian(src: Ipv4, dst: Ipv4) -> bool {
    let [first, ..] = src;
    first == 0 || first == 127 || first >= 224 || src == dst
}
