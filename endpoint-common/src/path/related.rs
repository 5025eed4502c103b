//! Stage: an ICMP error about a packet of a known flow (RFC 792, RFC 4443) goes where the packet came
//! from, with the packet it quotes as its sender knew it. Of the quoted transport header only the
//! first 8 bytes are sure to be there (RFC 1191).
//!
//! May import: core, abi, wire, frame, packet.

use super::frame::Frame;
use super::packet::Layers;
use crate::abi::family::AddressFamily;
use crate::abi::flow::{FlowKey, FlowState};
use crate::abi::unmapped;
use crate::wire::{Ipv4Hdr, Ipv4Tail, Ipv6Hdr, Port, checksum, protocol};

/// The ICMP header before the quoted packet.
const ICMP: usize = 8;
/// Offset and "more fragments": only the offset matters here.
const OFFSET: u16 = 0x1fff;
/// The same in IPv6's fragment header, whose length follows.
const OFFSET_IPV6: u16 = 0xfff8;
const FRAGMENT_HEADER: usize = 8;

/// A quoted packet.
#[derive(Clone, Copy)]
pub(super) struct Quote {
    ip_at: usize,
    l4_at: usize,
    ports: [Port; 2],
    protocol: u8,
}

/// Reads the packet that the error at `layers` quotes; into `key` goes the key of the packets that
/// answer it, which the error travels with. `None` if it quotes nothing that could be of a flow.
#[inline(always)]
pub(super) fn quoted<A: AddressFamily, F: Frame>(
    frame: &F,
    layers: &Layers,
    scope: u16,
    key: &mut FlowKey,
) -> Option<Quote> {
    let ip_at = usize::from(layers.l4_at).wrapping_add(ICMP);
    let (l4_at, protocol) = if A::V4 {
        let ip = frame.header::<Ipv4Hdr, 20>(ip_at)?;
        let header = usize::from(ip.vihl & 0x0f).wrapping_mul(4);
        let is_later = u16::from_be_bytes(ip.frags) & OFFSET != 0;
        if ip.vihl >> 4 != 4 || header < Ipv4Hdr::LEN || is_later {
            return None;
        }
        key.src = crate::abi::mapped(ip.dst_addr);
        key.dst = crate::abi::mapped(ip.src_addr);
        (ip_at.wrapping_add(header), ip.proto)
    } else {
        let ip = frame.header::<Ipv6Hdr, 40>(ip_at)?;
        key.src = ip.dst_addr;
        key.dst = ip.src_addr;
        behind_fragment(frame, ip_at.wrapping_add(Ipv6Hdr::LEN), ip.next_hdr)?
    };
    if protocol != protocol::TCP && protocol != protocol::UDP {
        return None;
    }
    let ports: [Port; 2] = bytemuck::cast(frame.read::<4>(l4_at)?);
    let [src_port, dst_port] = ports;
    key.src_port = dst_port;
    key.dst_port = src_port;
    key.scope = scope;
    key.protocol = protocol;
    key.family = layers.family;
    Some(Quote {
        ip_at,
        l4_at,
        ports,
        protocol,
    })
}

/// Where the transport header of a quoted IPv6 packet is, and its protocol: `at`, or behind a fragment
/// header. Routers tell of every fragment that is too big for them, and only the sender can make smaller
/// ones. `None` for later fragments, which have no ports.
#[inline(always)]
fn behind_fragment<F: Frame>(frame: &F, at: usize, header: u8) -> Option<(usize, u8)> {
    if header != protocol::FRAGMENT {
        return Some((at, header));
    }
    let [next, _, high, low]: [u8; 4] = frame.read(at)?;
    let is_later = u16::from_be_bytes([high, low]) & OFFSET_IPV6 != 0;
    if is_later {
        return None;
    }
    Some((frame.blur(at.wrapping_add(FRAGMENT_HEADER)), next))
}

/// Rewrites the error as packets of the half are rewritten, and its quote the other way round. `None`
/// if the frame is too short. The TTL must be above 1.
#[inline(always)]
pub(super) fn rewrite<A: AddressFamily, F: Frame>(
    frame: &mut F,
    layers: &Layers,
    quote: &Quote,
    state: &FlowState,
    target: [A::Addr; 2],
) -> Option<()> {
    let mut change = quote_ports(frame, quote, state)?;
    change = change.wrapping_add(quote_addresses::<A, F>(frame, quote, state, target)?);
    change = change.wrapping_add(outer::<A, F>(frame, layers, target)?);
    let at = usize::from(layers.l4_at).wrapping_add(2);
    let check = checksum::apply(layers.l4_check, u32::from(checksum::fold(change)));
    frame.write(at, check)
}

/// The quoted ports and, if it is in the quote, the checksum over them; how the ICMP sum changes.
#[inline(always)]
fn quote_ports<F: Frame>(frame: &mut F, quote: &Quote, state: &FlowState) -> Option<u32> {
    let [src_port, dst_port] = quote.ports;
    let mut change = checksum::change(src_port, state.dst_port)
        .wrapping_add(checksum::change(dst_port, state.src_port));
    let ports = [state.dst_port, state.src_port];
    frame.write::<4>(quote.l4_at, bytemuck::cast(ports))?;
    let delta = u32::from(state.address_delta).wrapping_add(u32::from(state.port_delta));
    let is_udp = quote.protocol == protocol::UDP;
    let at = quote.l4_at.wrapping_add(if is_udp { 6 } else { 16 });
    if let Some(before) = frame.read::<2>(at) {
        let after = if is_udp {
            checksum::apply_udp(before, delta)
        } else {
            checksum::apply(before, delta)
        };
        frame.write(at, after)?;
        change = change.wrapping_add(checksum::change(before, after));
    }
    Some(u32::from(checksum::fold(change)))
}

/// The quoted addresses and header checksum; how the ICMP sum changes.
#[inline(always)]
fn quote_addresses<A: AddressFamily, F: Frame>(
    frame: &mut F,
    quote: &Quote,
    state: &FlowState,
    target: [A::Addr; 2],
) -> Option<u32> {
    let [src, dst] = target.map(A::wide);
    if A::V4 {
        let at = quote.ip_at.wrapping_add(10);
        let before: [u8; 2] = frame.read(at)?;
        let after = checksum::apply(before, u32::from(state.address_delta));
        frame.write(at, after)?;
        let addresses = [unmapped(dst), unmapped(src)];
        frame.write::<8>(at.wrapping_add(2), bytemuck::cast(addresses))?;
        let change = checksum::change(before, after);
        return Some(change.wrapping_add(u32::from(state.address_delta)));
    }
    let at = quote.ip_at.wrapping_add(8);
    frame.write::<32>(at, bytemuck::cast([dst, src]))?;
    Some(u32::from(state.address_delta))
}

/// The outer header; how the ICMP sum changes, which covers addresses in IPv6 alone.
#[inline(always)]
fn outer<A: AddressFamily, F: Frame>(
    frame: &mut F,
    layers: &Layers,
    target: [A::Addr; 2],
) -> Option<u32> {
    let ip_at = usize::from(layers.ip_at);
    let ttl = layers.ttl.wrapping_sub(1);
    let [src, dst] = target.map(A::wide);
    if A::V4 {
        let at = ip_at.wrapping_add(12);
        let [src_before, dst_before]: [[u8; 4]; 2] = bytemuck::cast(frame.read::<8>(at)?);
        let (src, dst) = (unmapped(src), unmapped(dst));
        let change = checksum::change32(src_before, src)
            .wrapping_add(checksum::change32(dst_before, dst))
            .wrapping_add(checksum::change([1, 0], [0, 0]));
        let tail = Ipv4Tail {
            ttl,
            proto: layers.protocol,
            check: checksum::apply(layers.ip_check, change),
            src,
            dst,
        };
        frame.write::<12>(ip_at.wrapping_add(8), bytemuck::cast(tail))?;
        return Some(0);
    }
    let at = ip_at.wrapping_add(8);
    let src_before: [u8; 16] = frame.read(at)?;
    let dst_before: [u8; 16] = frame.read(at.wrapping_add(16))?;
    let change =
        checksum::change128(&src_before, &src).wrapping_add(checksum::change128(&dst_before, &dst));
    frame.write(ip_at.wrapping_add(7), [ttl])?;
    frame.write::<32>(at, bytemuck::cast([src, dst]))?;
    Some(change)
}
