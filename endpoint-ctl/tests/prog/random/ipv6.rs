//! IPv6 frames by chance.
//!
//! May import: fastrand, packet6, world.

use fastrand::Rng;

use crate::packet6::{Packet6, ping6, solicit, tcp6, udp6};
use crate::world::Leg;

const CLIENTS: [&str; 6] = [
    "2001:db8:0:1::10",
    "2001:db8:0:1::11",
    "2001:db8:9::1",
    "a00:10a::1",
    "::ffff:10.0.1.10",
    "fe80::1",
];
const TARGETS: [&str; 6] = [
    "2001:db8:0:1::100",
    "2001:db8:0:1::100",
    "2001:db8:0:1::100",
    "2001:db8:1::200",
    "::ffff:10.0.1.100",
    "2001:db8:0:1::1",
];
const EXTENSIONS: [u8; 6] = [0, 43, 44, 60, 60, 59];

/// A frame, and where it arrives.
pub(super) fn request(rng: &mut Rng) -> (Leg, Vec<u8>) {
    let leg = match rng.u8(..12) {
        0 => Leg::ProviderA,
        1 => Leg::VswA2,
        _ => Leg::VswA,
    };
    let client = CLIENTS[rng.usize(..CLIENTS.len())];
    let target = TARGETS[rng.usize(..TARGETS.len())];
    let from = format!("[{client}]:{}", 40_000 + rng.u16(..30));
    let port = [80, 80, 81, 53, 443][rng.usize(..5)];
    let to = format!("[{target}]:{port}");
    let packet = match rng.u8(..12) {
        0..6 => tcp6(&from, &to, [2, 2, 0x10, 0x12, 0x11, 4][rng.usize(..6)]),
        6..9 => udp6(&from, &to),
        9..11 => ping6(client, target, rng.u16(..30)),
        _ => solicit(client, target),
    };
    let packet = extended(packet, rng);
    let packet = if packet.is_to_node() {
        packet.at_mac(leg.mac())
    } else {
        packet
    };
    let packet = match rng.u8(..8) {
        0 => packet.hop_limit([0, 1, 2, 254, 255][rng.usize(..5)]),
        1 => packet.keep(rng.usize(20..90)),
        _ => packet,
    };
    (leg, packet.bytes())
}

fn extended(mut packet: Packet6, rng: &mut Rng) -> Packet6 {
    if rng.u8(..4) > 0 {
        return packet;
    }
    for _ in 0..rng.u8(1..7) {
        let mut rest = [0; 7];
        if rng.u8(..4) == 0 {
            rng.fill(&mut rest);
        }
        packet = packet.extension(EXTENSIONS[rng.usize(..EXTENSIONS.len())], &rest);
    }
    packet
}
