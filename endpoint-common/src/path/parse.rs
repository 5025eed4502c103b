//! Stage: bytes to a packet, or the reason why it is none.
//!
//! May import: core, abi, wire, frame.

use super::frame::Frame;
use crate::abi::flow::FlowKey;
use crate::abi::reason::DropReason;
use crate::wire::{
    EthHdr, Icmpv4Hdr, Ipv4, Ipv4Hdr, Mac, Port, TcpBytes, TcpHdr, UdpHdr, icmp_type, protocol,
    tcp_flags,
};

/// Where the IP header starts.
pub(super) const IP_AT: usize = EthHdr::LEN;
const MORE_FRAGMENTS_OR_OFFSET: u16 = 0x3fff;

/// A parsed IPv4 packet. Laid out for the BPF stack: see [`crate::abi`].
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct Packet {
    pub(super) src: Ipv4,
    pub(super) dst: Ipv4,
    pub(super) src_port: Port,
    pub(super) dst_port: Port,
    /// The transport checksum as it arrived.
    pub(super) l4_check: [u8; 2],
    /// The header checksum as it arrived.
    pub(super) ip_check: [u8; 2],
    pub(super) src_mac: Mac,
    pub(super) ttl: u8,
    pub(super) protocol: u8,
    pub(super) dst_mac: Mac,
    pub(super) tcp_flags: u8,
    /// Where the transport header starts.
    pub(super) l4_at: u8,
    /// The IP header's total length.
    pub(super) bytes: u32,
}

impl Packet {
    /// Nothing known yet.
    #[inline(always)]
    pub(super) fn blank() -> Self {
        Self {
            src: [0; 4],
            dst: [0; 4],
            src_port: [0; 2],
            dst_port: [0; 2],
            l4_check: [0; 2],
            ip_check: [0; 2],
            src_mac: [0; 6],
            ttl: 0,
            protocol: 0,
            dst_mac: [0; 6],
            tcp_flags: 0,
            l4_at: 0,
            bytes: 0,
        }
    }

    /// What can be told of a packet before its transport header is parsed.
    #[inline(always)]
    fn unparsed(eth: &EthHdr, ip: &Ipv4Hdr) -> Self {
        Self {
            src: ip.src_addr,
            dst: ip.dst_addr,
            src_port: [0; 2],
            dst_port: [0; 2],
            l4_check: [0; 2],
            ip_check: ip.check,
            src_mac: eth.src_addr,
            ttl: ip.ttl,
            protocol: ip.proto,
            dst_mac: eth.dst_addr,
            tcp_flags: 0,
            l4_at: 0,
            bytes: u32::from(u16::from_be_bytes(ip.tot_len)),
        }
    }

    #[inline(always)]
    pub(super) fn key(&self, scope: u16) -> FlowKey {
        FlowKey {
            src: self.src,
            dst: self.dst,
            src_port: self.src_port,
            dst_port: self.dst_port,
            scope,
            protocol: self.protocol,
            reserved: 0,
        }
    }

    /// A SYN and nothing that contradicts it (RFC 9293 section 3.5).
    #[inline(always)]
    pub(super) fn opens_connection(&self) -> bool {
        use tcp_flags::{ACK, FIN, RST, SYN};
        self.tcp_flags & (SYN | ACK | RST | FIN) == SYN
    }
}

/// What parsing came to.
pub(super) enum Parsed {
    /// Not even an IPv4 header: nobody can tell whose it is.
    TooShort,
    /// An IPv4 header, and this fault after it.
    Faulty(DropReason),
    /// A packet.
    Whole,
}

/// Parses an Ethernet frame that says it holds IPv4.
#[inline(never)]
pub(super) fn ipv4<F: Frame>(frame: &F, packet: &mut Packet) -> Parsed {
    let Some(eth) = frame.header(0) else {
        return Parsed::TooShort;
    };
    let Some(ip) = frame.header::<Ipv4Hdr, 20>(IP_AT) else {
        return Parsed::TooShort;
    };
    *packet = Packet::unparsed(&eth, &ip);
    match transport(frame, &ip, packet) {
        Err(reason) => Parsed::Faulty(reason),
        Ok(()) => Parsed::Whole,
    }
}

#[inline(always)]
fn transport<F: Frame>(frame: &F, ip: &Ipv4Hdr, packet: &mut Packet) -> Result<(), DropReason> {
    let header = usize::from(ip.vihl & 0x0f).wrapping_mul(4);
    if ip.vihl >> 4 != 4 || header < Ipv4Hdr::LEN {
        return Err(DropReason::Malformed);
    }
    let total = packet.bytes as usize;
    if total < header {
        return Err(DropReason::Malformed);
    }
    if IP_AT.wrapping_add(total) > frame.len() {
        return Err(DropReason::Truncated);
    }
    if u16::from_be_bytes(ip.frags) & MORE_FRAGMENTS_OR_OFFSET != 0 {
        return Err(DropReason::Fragment);
    }
    let at = IP_AT.wrapping_add(header);
    packet.l4_at = at as u8;
    let payload = total.wrapping_sub(header);
    match ip.proto {
        protocol::TCP => tcp(frame, at, payload, packet),
        protocol::UDP => udp(frame, at, payload, packet),
        protocol::ICMP => icmp(frame, at, payload, packet),
        _ => Err(DropReason::ProtocolUnsupported),
    }
}

#[inline(always)]
fn tcp<F: Frame>(
    frame: &F,
    at: usize,
    payload: usize,
    packet: &mut Packet,
) -> Result<(), DropReason> {
    let bytes: [u8; 20] = frame.read(at).ok_or(DropReason::Truncated)?;
    let tcp: TcpBytes = bytemuck::cast(bytes);
    let header = usize::from(tcp.offset >> 4).wrapping_mul(4);
    if header < TcpHdr::LEN || header > payload {
        return Err(DropReason::Malformed);
    }
    packet.src_port = tcp.source;
    packet.dst_port = tcp.dest;
    packet.l4_check = tcp.check;
    packet.tcp_flags = tcp.flags;
    Ok(())
}

#[inline(always)]
fn udp<F: Frame>(
    frame: &F,
    at: usize,
    payload: usize,
    packet: &mut Packet,
) -> Result<(), DropReason> {
    let udp = frame.header::<UdpHdr, 8>(at).ok_or(DropReason::Truncated)?;
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
fn icmp<F: Frame>(
    frame: &F,
    at: usize,
    payload: usize,
    packet: &mut Packet,
) -> Result<(), DropReason> {
    if payload < Icmpv4Hdr::LEN {
        return Err(DropReason::Malformed);
    }
    let icmp = frame
        .header::<Icmpv4Hdr, 8>(at)
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
