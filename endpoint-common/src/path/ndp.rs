//! Stage: neighbor solicitations for addresses of ours are answered in place (RFC 4861 section 7.2).
//!
//! May import: core, abi, wire, frame, tables, parse.

use super::frame::Frame;
use super::parse::{IP_AT, Packet};
use super::tables::Tables;
use super::{Context, Outcome};
use crate::abi::Addr;
use crate::abi::service::AddressKey;
use crate::wire::{Ipv6Hdr, Mac, MacPair, checksum, icmpv6_type, protocol};

/// Neighbor discovery is link-local: it must come with the hop limit that no router leaves
/// (section 7.1.1), and is answered with it.
const HOP_LIMIT: u8 = 255;
const AT: usize = IP_AT.wrapping_add(Ipv6Hdr::LEN);
/// An ICMPv6 header, the target, and one link-layer address option.
const LENGTH: u16 = 32;
/// Solicited, override (section 4.4).
const FLAGS: u8 = 0x60;

/// A neighbor solicitation or advertisement with one link-layer address option.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Message {
    kind: u8,
    code: u8,
    check: [u8; 2],
    flags: [u8; 4],
    target: Addr,
    option: u8,
    option_units: u8,
    mac: Mac,
}

/// Answers with the interface's MAC; what is not for an address of ours is not ours. Solicitations
/// without a source link-layer address (duplicate address detection) go unanswered: nobody else may
/// take an ENI's address, and whoever asks so does not want to talk to it.
#[inline(never)]
pub(super) fn answer<F: Frame, T: Tables>(
    frame: &mut F,
    context: &Context<'_, T>,
    packet: &Packet,
) -> Outcome {
    let Some(bytes) = frame.read::<32>(AT) else {
        return Outcome::Pass;
    };
    let asked: Message = bytemuck::cast(bytes);
    let key = AddressKey {
        address: asked.target,
        scope: context.port.scope,
        bank: context.meta.bank as u16,
        reserved: 0,
    };
    if usize::from(packet.l4_at) != AT || context.world.address(&key).is_none() {
        return Outcome::Pass;
    }
    let [0x20..=0xff, ..] = asked.target else {
        // Nothing below 2000::/3 but reserved and embedded addresses.
        return Outcome::Pass;
    };
    if packet.ttl != HOP_LIMIT || packet.src == [0; 16] || !is_sound(packet, &asked) {
        return Outcome::Pass;
    }
    match write(frame, packet, asked.target, context.port.mac) {
        Some(()) => Outcome::Transmit,
        None => Outcome::Pass,
    }
}

/// The rest of what section 7.1.1 asks of a solicitation, and that it has its one option.
#[inline(always)]
fn is_sound(packet: &Packet, asked: &Message) -> bool {
    let unsummed = Message {
        check: [0; 2],
        ..*asked
    };
    asked.code == 0
        && asked.option == 1
        && asked.option_units == 1
        && packet.bytes == u32::from(LENGTH).wrapping_add(Ipv6Hdr::LEN as u32)
        && check(&unsummed, packet.src, packet.dst) == asked.check
}

#[inline(always)]
fn write<F: Frame>(frame: &mut F, packet: &Packet, target: Addr, mac: Mac) -> Option<()> {
    let macs = MacPair {
        dst: packet.src_mac,
        src: mac,
    };
    frame.write::<12>(0, bytemuck::cast(macs))?;
    let [l0, l1] = LENGTH.to_be_bytes();
    frame.write(IP_AT.wrapping_add(4), [l0, l1, protocol::ICMPV6, HOP_LIMIT])?;
    frame.write(IP_AT.wrapping_add(8), target)?;
    frame.write(IP_AT.wrapping_add(24), packet.src)?;
    let mut message = Message {
        kind: icmpv6_type::NEIGHBOR_ADVERTISEMENT,
        code: 0,
        check: [0; 2],
        flags: [FLAGS, 0, 0, 0],
        target,
        option: 2,
        option_units: 1,
        mac,
    };
    message.check = check(&message, target, packet.src);
    frame.write::<32>(AT, bytemuck::cast(message))
}

/// The checksum over pseudo-header and message (RFC 4443 section 2.3).
#[inline(always)]
fn check(message: &Message, src: Addr, dst: Addr) -> [u8; 2] {
    let bytes: [u8; 32] = bytemuck::cast(*message);
    let halves: [Addr; 2] = bytemuck::cast(bytes);
    let [first, second] = halves;
    let pseudo = [0, 0, 0, LENGTH as u8, 0, 0, 0, protocol::ICMPV6];
    let [p0, p1, p2, p3]: [u16; 4] = bytemuck::cast(pseudo);
    let sum = checksum::sum128(src)
        .wrapping_add(checksum::sum128(dst))
        .wrapping_add(checksum::sum128(first))
        .wrapping_add(checksum::sum128(second))
        .wrapping_add(u32::from(p0))
        .wrapping_add(u32::from(p1))
        .wrapping_add(u32::from(p2))
        .wrapping_add(u32::from(p3));
    (!checksum::fold(sum)).to_ne_bytes()
}
