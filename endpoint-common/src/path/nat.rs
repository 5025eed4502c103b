//! Stage: rewriting addresses and ports, with all checksums, as a half says.
//!
//! May import: core, abi, wire, frame, packet.

use super::frame::{CheckChange, Frame};
use super::packet::Layers;
use crate::abi::family::AddressFamily;
use crate::abi::flow::{FlowKey, FlowState};
use crate::abi::unmapped;
use crate::wire::{Ipv4Tail, checksum, protocol};

/// By how much rewriting changes the checksums of packets: the addresses' part in the lower half, the
/// ports' in the upper.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Deltas(u32);

impl Deltas {
    #[inline(always)]
    pub(super) fn addresses(self) -> u16 {
        self.0 as u16
    }

    #[inline(always)]
    pub(super) fn ports(self) -> u16 {
        (self.0 >> 16) as u16
    }
}

/// What rewriting packets of key `from` to the `other` half's key, turned round, changes. Both are of
/// one family: of a mapped IPv4 address the rest is the same.
#[inline(never)]
pub(super) fn deltas(from: &FlowKey, other: &FlowKey) -> Deltas {
    let addresses = checksum::change128(&from.src, &other.dst)
        .wrapping_add(checksum::change128(&from.dst, &other.src));
    let ports = checksum::change(from.src_port, other.dst_port)
        .wrapping_add(checksum::change(from.dst_port, other.src_port));
    let (addresses, ports) = (checksum::fold(addresses), checksum::fold(ports));
    Deltas((u32::from(ports) << 16) | u32::from(addresses))
}

/// Rewrites the packet, of which `rest` is by how much the transport checksum changes besides the
/// addresses; `None` if the frame is shorter than it parsed. The TTL must be above 1.
#[inline(always)]
pub(super) fn rewrite<A: AddressFamily, F: Frame>(
    frame: &mut F,
    layers: &Layers,
    state: &FlowState,
    target: [A::Addr; 2],
    rest: u16,
) -> Option<()> {
    let ip_at = usize::from(layers.ip_at);
    let ttl = layers.ttl.wrapping_sub(1);
    let [src, dst] = target.map(A::wide);
    if A::V4 {
        let down = checksum::change([1, 0], [0, 0]);
        let delta = u32::from(state.address_delta).wrapping_add(down);
        let tail = Ipv4Tail {
            ttl,
            proto: layers.protocol,
            check: checksum::apply(layers.ip_check, delta),
            src: unmapped(src),
            dst: unmapped(dst),
        };
        frame.write::<12>(ip_at.wrapping_add(8), bytemuck::cast(tail))?;
    } else {
        frame.write(ip_at.wrapping_add(7), [ttl])?;
        frame.write::<32>(ip_at.wrapping_add(8), bytemuck::cast([src, dst]))?;
    }
    if layers.is_later_fragment() {
        return Some(());
    }
    let l4_at = usize::from(layers.l4_at);
    frame.write::<4>(l4_at, bytemuck::cast([state.src_port, state.dst_port]))?;
    let is_udp = layers.protocol == protocol::UDP;
    frame.change_check(
        l4_at.wrapping_add(if is_udp { 6 } else { 16 }),
        CheckChange {
            arrived: layers.l4_check,
            pseudo: state.address_delta,
            rest,
            may_be_absent: is_udp,
            is_v6: !A::V4,
        },
    )
}
