//! Stage: later fragments carry no ports, so they follow the first one of their datagram: same flow,
//! same verdict, same NAT. One that comes before the first is dropped, and counted: holding it would
//! take memory that anybody could fill.
//!
//! May import: core, abi, context, tables.

use super::context::Scratch;
use super::tables::Tables;
use crate::abi::fragment::{FIRST, FragmentKey, FragmentPorts};

#[inline(always)]
fn key(scratch: &Scratch) -> FragmentKey {
    let layers = &scratch.packet.layers;
    FragmentKey {
        src: scratch.packet.src,
        dst: scratch.packet.dst,
        id: layers.fragment_id,
        scope: scratch.arrived.port.scope,
        protocol: layers.protocol,
        family: layers.family,
    }
}

/// Gives a later fragment the ports of the first; `false` if that has not been let through (yet), or
/// too long ago.
#[inline(always)]
pub(super) fn adopt_ports<T: Tables>(tables: &T, scratch: &mut Scratch) -> bool {
    let Some(first) = tables.fragment(&key(scratch)) else {
        return false;
    };
    let age = scratch.arrived.tick.wrapping_sub(first.tick);
    let layers = &mut scratch.packet.layers;
    layers.src_port = first.src_port;
    layers.dst_port = first.dst_port;
    age < tables.fragment_ticks()
}

/// Lets later fragments follow an admitted first one.
#[inline(always)]
pub(super) fn remember<T: Tables>(tables: &T, scratch: &Scratch) {
    let layers = &scratch.packet.layers;
    if layers.fragment == FIRST {
        let ports = FragmentPorts {
            src_port: layers.src_port,
            dst_port: layers.dst_port,
            tick: scratch.arrived.tick,
        };
        tables.remember(&key(scratch), &ports);
    }
}
