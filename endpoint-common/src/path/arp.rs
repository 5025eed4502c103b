//! Stage: ARP requests for addresses of ours are answered in place (RFC 826).
//!
//! May import: core, abi, wire, frame, tables, context.

use super::Outcome;
use super::context::Arrived;
use super::frame::Frame;
use super::tables::Tables;
use crate::abi::mapped;
use crate::abi::service::AddressKey;
use crate::wire::{Ipv4, Mac, MacPair};

/// Ethernet (1), IPv4 (0x0800), address lengths 6 and 4, request (1).
const REQUEST: [u8; 8] = [0, 1, 0x08, 0, 6, 4, 0, 1];
/// The same, reply (2).
const REPLY: [u8; 8] = [0, 1, 0x08, 0, 6, 4, 0, 2];

/// The addresses of an ARP packet.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Body {
    sender_mac: Mac,
    sender: Ipv4,
    target_mac: Mac,
    target: Ipv4,
}

/// Answers a request for an address of ours with the interface's MAC; all else is not ours.
#[inline(always)]
pub(super) fn answer<F: Frame, T: Tables>(
    frame: &mut F,
    world: &T,
    arrived: &Arrived,
    at: usize,
) -> Outcome {
    let Some(macs) = frame.read::<12>(0) else {
        return Outcome::Pass;
    };
    let Some(kind) = frame.read(at) else {
        return Outcome::Pass;
    };
    let Some(body) = frame.read::<20>(at.wrapping_add(8)) else {
        return Outcome::Pass;
    };
    let macs: MacPair = bytemuck::cast(macs);
    let asked: Body = bytemuck::cast(body);
    if kind != REQUEST {
        return Outcome::Pass;
    }
    let key = AddressKey {
        address: mapped(asked.target),
        scope: arrived.port.scope,
        bank: arrived.meta.bank as u16,
        reserved: 0,
    };
    if world.address(&key).is_none() {
        return Outcome::Pass;
    }
    match reply(frame, at, arrived.port.mac, &asked, macs.src) {
        Some(()) => Outcome::Transmit,
        None => Outcome::Pass,
    }
}

#[inline(always)]
fn reply<F: Frame>(frame: &mut F, at: usize, mac: Mac, asked: &Body, to: Mac) -> Option<()> {
    let answer = Body {
        sender_mac: mac,
        sender: asked.target,
        target_mac: asked.sender_mac,
        target: asked.sender,
    };
    frame.write::<20>(at.wrapping_add(8), bytemuck::cast(answer))?;
    frame.write(at, REPLY)?;
    frame.write::<12>(0, bytemuck::cast(MacPair { dst: to, src: mac }))
}
