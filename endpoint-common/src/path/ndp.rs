//! Stage: neighbor solicitations for addresses of ours are answered in place (RFC 4861 section 7.2).
//!
//! May import: core, abi, wire, frame, tables, packet, context.

use super::Outcome;
use super::context::Arrived;
use super::frame::Frame;
use super::packet::Packet;
use super::tables::Tables;
use crate::abi::Addr;
use crate::abi::service::AddressKey;
use crate::wire::{Ipv6Hdr, Mac, MacPair, checksum, icmpv6_type, protocol};

/// Neighbor discovery is link-local: it must come with the hop limit that no router leaves
/// (section 7.1.1), and is answered with it.
const HOP_LIMIT: u8 = 255;
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
#[inline(always)]
pub(super) fn answer<F: Frame, T: Tables>(
    frame: &mut F,
    world: &T,
    arrived: &Arrived,
    packet: &Packet<Addr>,
) -> Outcome {
    let at = usize::from(packet.layers.ip_at).wrapping_add(Ipv6Hdr::LEN);
    let Some(bytes) = frame.read::<32>(at) else {
        return Outcome::Pass;
    };
    let asked: Message = bytemuck::cast(bytes);
    let key = AddressKey {
        address: asked.target,
        scope: arrived.port.scope,
        bank: arrived.meta.bank as u16,
        reserved: 0,
    };
    if usize::from(packet.layers.l4_at) != at || world.address(&key).is_none() {
        return Outcome::Pass;
    }
    let [0x20..=0xff, ..] = asked.target else {
        // Nothing below 2000::/3 but reserved and embedded addresses.
        return Outcome::Pass;
    };
    if packet.layers.ttl != HOP_LIMIT || packet.src == [0; 16] || !is_sound(packet, &asked) {
        return Outcome::Pass;
    }
    match write(frame, packet, asked.target, arrived) {
        Some(()) => Outcome::Transmit,
        None => Outcome::Pass,
    }
}

/// The rest of what section 7.1.1 asks of a solicitation, and that it has its one option.
#[inline(always)]
fn is_sound(packet: &Packet<Addr>, asked: &Message) -> bool {
    let unsummed = Message {
        check: [0; 2],
        ..*asked
    };
    asked.code == 0
        && asked.option == 1
        && asked.option_units == 1
        && packet.layers.bytes == u32::from(LENGTH).wrapping_add(Ipv6Hdr::LEN as u32)
        && check(&unsummed, packet.src, packet.dst) == asked.check
}

#[inline(always)]
fn write<F: Frame>(
    frame: &mut F,
    packet: &Packet<Addr>,
    target: Addr,
    arrived: &Arrived,
) -> Option<()> {
    let mac = arrived.port.mac;
    let macs = MacPair {
        dst: arrived.link.src,
        src: mac,
    };
    let ip_at = usize::from(packet.layers.ip_at);
    frame.write::<12>(0, bytemuck::cast(macs))?;
    let [l0, l1] = LENGTH.to_be_bytes();
    frame.write(ip_at.wrapping_add(4), [l0, l1, protocol::ICMPV6, HOP_LIMIT])?;
    frame.write(ip_at.wrapping_add(8), target)?;
    frame.write(ip_at.wrapping_add(24), packet.src)?;
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
    frame.write::<32>(ip_at.wrapping_add(Ipv6Hdr::LEN), bytemuck::cast(message))
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
