//! Stage: the next hop and the link-level addresses.
//!
//! May import: core, bytemuck, abi, wire, frame, tables, packet.

use super::frame::Frame;
use super::packet::Layers;
use super::tables::Tables;
use crate::abi::flow::FlowState;
use crate::abi::reason::DropReason;
use crate::abi::service::{HOP_RESOLVED, HOP_TO_CLIENT, Hop};
use crate::wire::{MacPair, protocol};

/// The hop in a row, which a packet leaves by, if it can be used and the packet may still travel.
#[inline(always)]
pub(super) fn hop<T: Tables>(tables: &T, layers: &Layers, row: u16) -> Result<Hop, DropReason> {
    if layers.ttl <= 1 {
        return Err(DropReason::TtlExpired);
    }
    let hop = tables.hop(u32::from(row)).ok_or(DropReason::TableMissing)?;
    if hop.flags & HOP_RESOLVED == 0 {
        return Err(DropReason::NextHopUnresolved);
    }
    Ok(hop)
}

/// Whether a packet is longer than the hop takes. Of a train of segments, which is cut up on its way out,
/// each counts by itself.
#[inline(always)]
pub(super) fn is_too_big<F: Frame>(frame: &F, hop: &Hop, layers: &Layers) -> bool {
    if layers.bytes <= hop.mtu {
        return false;
    }
    let segment = frame.segment();
    let l4_at = usize::from(layers.l4_at);
    if segment == 0 || layers.is_later_fragment() {
        return true;
    }
    let header = if layers.protocol == protocol::TCP {
        let [offset] = frame.read::<1>(l4_at.wrapping_add(12)).unwrap_or([0xf0]);
        u32::from(offset >> 4).wrapping_mul(4)
    } else {
        8
    };
    let before = u32::from(layers.l4_at).wrapping_sub(u32::from(layers.ip_at));
    before.wrapping_add(header).wrapping_add(segment) > hop.mtu
}

/// Addresses the frame to the hop.
#[inline(always)]
pub(super) fn address<F: Frame>(frame: &mut F, hop: &Hop, state: &FlowState) -> Option<()> {
    let to_client = hop.flags & HOP_TO_CLIENT != 0;
    let macs = MacPair {
        dst: if to_client {
            state.client_mac
        } else {
            hop.dst_mac
        },
        src: hop.src_mac,
    };
    frame.write::<12>(0, bytemuck::cast(macs))
}
