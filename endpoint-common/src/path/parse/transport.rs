//! Transport headers of both families: TCP, UDP, and the ICMP messages an ENI answers.
//!
//! May import: core, abi, wire, frame, the stage's own.

use super::{Packet, Parsed};
use crate::abi::reason::DropReason;
use crate::path::frame::Frame;
use crate::wire::{Icmpv4Hdr, TcpBytes, TcpHdr, UdpHdr, icmp_type, icmpv6_type, protocol};

/// Parses the header at `at`, of a transport with `payload` bytes in all.
#[inline(always)]
pub(super) fn parse<F: Frame>(frame: &F, at: usize, payload: usize, packet: &mut Packet) -> Parsed {
    packet.l4_at = at as u8;
    let parsed = match packet.protocol {
        protocol::TCP => tcp(frame, at, payload, packet),
        protocol::UDP => udp(frame, at, payload, packet),
        protocol::ICMP | protocol::ICMPV6 => return icmp(frame, at, payload, packet),
        _ => Err(DropReason::ProtocolUnsupported),
    };
    match parsed {
        Ok(()) => Parsed::Whole,
        Err(reason) => Parsed::Faulty(reason),
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

/// Echo requests, whose identifier stands for the client's port, and neighbor solicitations.
#[inline(always)]
fn icmp<F: Frame>(frame: &F, at: usize, payload: usize, packet: &mut Packet) -> Parsed {
    if payload < Icmpv4Hdr::LEN {
        return Parsed::Faulty(DropReason::Malformed);
    }
    let Some(icmp) = frame.header::<Icmpv4Hdr, 8>(at) else {
        return Parsed::Faulty(DropReason::Truncated);
    };
    let is_v6 = packet.protocol == protocol::ICMPV6;
    if is_v6 && icmp.type_ == icmpv6_type::NEIGHBOR_SOLICITATION {
        return Parsed::Solicitation;
    }
    let request = if is_v6 {
        icmpv6_type::ECHO_REQUEST
    } else {
        icmp_type::ECHO_REQUEST
    };
    if icmp.type_ != request || icmp.code != 0 {
        return Parsed::Faulty(DropReason::IcmpUnsupported);
    }
    let [id0, id1, _, _] = icmp.data;
    packet.src_port = [id0, id1];
    packet.l4_check = icmp.check;
    Parsed::Whole
}
