//! Transport headers of both families: TCP, UDP, and the ICMP messages an ENI answers.
//!
//! May import: core, abi, wire, frame, packet, the stage's own.

use super::Parsed;
use crate::abi::fragment::WHOLE;
use crate::abi::reason::DropReason;
use crate::path::frame::Frame;
use crate::path::packet::Layers;
use crate::wire::{Icmpv4Hdr, TcpBytes, TcpHdr, UdpHdr, icmp_type, icmpv6_type, protocol};

/// Parses the header at `at`, of a transport with `payload` bytes in all.
#[inline(always)]
pub(super) fn parse<F: Frame>(frame: &F, at: usize, payload: usize, layers: &mut Layers) -> Parsed {
    layers.l4_at = at as u16;
    let parsed = match layers.protocol {
        protocol::TCP => tcp(frame, at, payload, layers),
        protocol::UDP => udp(frame, at, payload, layers),
        protocol::ICMP | protocol::ICMPV6 => return icmp(frame, at, payload, layers),
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
    layers: &mut Layers,
) -> Result<(), DropReason> {
    let bytes: [u8; 20] = frame.read(at).ok_or(DropReason::Truncated)?;
    let tcp: TcpBytes = bytemuck::cast(bytes);
    let header = usize::from(tcp.offset >> 4).wrapping_mul(4);
    if header < TcpHdr::LEN || header > payload {
        return Err(DropReason::Malformed);
    }
    layers.src_port = tcp.source;
    layers.dst_port = tcp.dest;
    layers.l4_check = tcp.check;
    layers.tcp_flags = tcp.flags;
    Ok(())
}

#[inline(always)]
fn udp<F: Frame>(
    frame: &F,
    at: usize,
    payload: usize,
    layers: &mut Layers,
) -> Result<(), DropReason> {
    let udp = frame.header::<UdpHdr, 8>(at).ok_or(DropReason::Truncated)?;
    let length = usize::from(u16::from_be_bytes(udp.len));
    // A first fragment ends before its datagram does.
    if length < UdpHdr::LEN || (length > payload && layers.fragment == WHOLE) {
        return Err(DropReason::Malformed);
    }
    layers.src_port = udp.src;
    layers.dst_port = udp.dst;
    layers.l4_check = udp.check;
    Ok(())
}

/// Echo requests, whose identifier stands for the client's port, and neighbor solicitations.
#[inline(always)]
fn icmp<F: Frame>(frame: &F, at: usize, payload: usize, layers: &mut Layers) -> Parsed {
    if payload < Icmpv4Hdr::LEN {
        return Parsed::Faulty(DropReason::Malformed);
    }
    let Some(icmp) = frame.header::<Icmpv4Hdr, 8>(at) else {
        return Parsed::Faulty(DropReason::Truncated);
    };
    let is_v6 = layers.protocol == protocol::ICMPV6;
    if is_v6 && icmp.type_ == icmpv6_type::NEIGHBOR_SOLICITATION {
        return Parsed::Solicitation;
    }
    let request = if is_v6 {
        icmpv6_type::ECHO_REQUEST
    } else {
        icmp_type::ECHO_REQUEST
    };
    layers.l4_check = icmp.check;
    if is_error(is_v6, icmp.type_) && layers.fragment == WHOLE {
        return Parsed::Error;
    }
    if icmp.type_ != request || icmp.code != 0 {
        return Parsed::Faulty(DropReason::IcmpUnsupported);
    }
    let [id0, id1, _, _] = icmp.data;
    layers.src_port = [id0, id1];
    Parsed::Whole
}

/// Whether an ICMP message is about a packet, which it quotes.
#[inline(always)]
fn is_error(is_v6: bool, kind: u8) -> bool {
    if is_v6 {
        matches!(
            kind,
            icmpv6_type::UNREACHABLE..=icmpv6_type::PARAMETER_PROBLEM
        )
    } else {
        matches!(
            kind,
            icmp_type::UNREACHABLE | icmp_type::TIME_EXCEEDED | icmp_type::PARAMETER_PROBLEM
        )
    }
}
