//! Stage: ARP requests for addresses of ours are answered in place (RFC 826).
//!
//! May import: core, abi, wire, frame, tables.

use super::frame::Frame;
use super::tables::Tables;
use super::{Context, Outcome};
use crate::abi::mapped;
use crate::abi::service::AddressKey;
use crate::wire::{EthHdr, Ipv4, Mac, MacPair};

/// Ethernet (1), IPv4 (0x0800), address lengths 6 and 4, request (1).
const REQUEST: [u8; 8] = [0, 1, 0x08, 0, 6, 4, 0, 1];
/// The same, reply (2).
const REPLY: [u8; 8] = [0, 1, 0x08, 0, 6, 4, 0, 2];
const AT: usize = EthHdr::LEN;
const BODY_AT: usize = AT.wrapping_add(8);

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
#[inline(never)]
pub(super) fn answer<F: Frame, T: Tables>(frame: &mut F, context: &Context<'_, T>) -> Outcome {
    let Some(macs) = frame.read::<12>(0) else {
        return Outcome::Pass;
    };
    let Some(kind) = frame.read(AT) else {
        return Outcome::Pass;
    };
    let Some(body) = frame.read::<20>(BODY_AT) else {
        return Outcome::Pass;
    };
    let macs: MacPair = bytemuck::cast(macs);
    let asked: Body = bytemuck::cast(body);
    if kind != REQUEST {
        return Outcome::Pass;
    }
    let key = AddressKey {
        address: mapped(asked.target),
        scope: context.port.scope,
        bank: context.meta.bank as u16,
        reserved: 0,
    };
    if context.world.address(&key).is_none() {
        return Outcome::Pass;
    }
    match reply(frame, context.port.mac, &asked, macs.src) {
        Some(()) => Outcome::Transmit,
        None => Outcome::Pass,
    }
}

#[inline(always)]
fn reply<F: Frame>(frame: &mut F, mac: Mac, asked: &Body, to: Mac) -> Option<()> {
    let answer = Body {
        sender_mac: mac,
        sender: asked.target,
        target_mac: asked.sender_mac,
        target: asked.sender,
    };
    frame.write::<20>(BODY_AT, bytemuck::cast(answer))?;
    frame.write(AT, REPLY)?;
    frame.write::<12>(0, bytemuck::cast(MacPair { dst: to, src: mac }))
}
