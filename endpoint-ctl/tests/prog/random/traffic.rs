//! Frames by chance: requests from a small universe of hosts and ports, so that flows are hit again
//! and again; answers to what came out before; damaged ones, ARP, and noise.
//!
//! May import: fastrand, packet, packet6, twins, world, damage, ipv6.

use endpoint_common::path::Outcome;
use fastrand::Rng;

use super::{damage, ipv6};
use crate::icmp_error;
use crate::packet::{self, ACK, BROADCAST, Check, FIN, Packet, RST, SYN};
use crate::packet6;
use crate::twins::Ran;
use crate::world::Leg;

const CLIENTS: [&str; 9] = [
    "10.0.1.10",
    "10.0.1.11",
    "10.0.1.66",
    "10.0.2.10",
    "10.0.9.5",
    "10.0.9.6",
    "10.0.8.5",
    "172.16.0.10",
    "200.1.2.3",
];
/// ENIs, then what no ENI has on most legs.
const TARGETS: [&str; 9] = [
    "10.0.1.100",
    "10.0.1.101",
    "10.0.2.100",
    "10.0.1.200",
    "172.16.0.9",
    "10.0.1.1",
    "10.0.1.110",
    "10.0.1.210",
    "10.0.1.211",
];
const PORTS: [u16; 12] = [80, 80, 80, 81, 81, 82, 83, 443, 443, 53, 53, 22];
/// How many frames that were sent are kept to be answered.
const POOL: usize = 400;

/// See the module.
#[derive(Default)]
pub(super) struct Traffic {
    sent: Vec<(Leg, Vec<u8>)>,
    /// The frame that was answered last.
    answered: Option<usize>,
}

impl Traffic {
    /// The next frame, and where it arrives.
    pub(super) fn next(&mut self, rng: &mut Rng) -> (Leg, Vec<u8>) {
        self.answered = None;
        match rng.u8(..100) {
            0..30 => request(rng),
            30..38 => ipv6::request(rng),
            38..70 => self.answer(rng),
            70..87 => {
                let (leg, mut frame) = if rng.u8(..6) == 0 {
                    ipv6::request(rng)
                } else if rng.bool() {
                    request(rng)
                } else {
                    self.answer(rng)
                };
                damage::damage(&mut frame, rng);
                (leg, frame)
            }
            87..92 => arp(rng),
            92..94 => (any_leg(rng), damage::noise(rng)),
            94..97 => self.error(rng),
            _ => (any_leg(rng), request(rng).1),
        }
    }

    /// Keeps what was sent, to answer it later; forgets what it is of no use to answer.
    pub(super) fn learn(&mut self, ran: Ran, rng: &mut Rng) {
        if let (Outcome::Drop(_), Some(place)) = (ran.outcome, self.answered)
            && rng.bool()
        {
            self.sent.swap_remove(place);
        }
        let Outcome::Redirect(ifindex) = ran.outcome else {
            return;
        };
        // Hops lead anywhere here; the network is told by the MAC the node sends from.
        let from = ran.frame.get(6..12);
        let leg = Leg::ALL.into_iter().find(|leg| from == Some(&leg.mac()));
        let Some(leg) = leg.filter(|_| ifindex > 0) else {
            return;
        };
        if self.sent.len() < POOL {
            self.sent.push((leg, ran.frame));
        } else {
            let place = rng.usize(0..POOL);
            self.sent[place] = (leg, ran.frame);
        }
    }

    /// An ICMP error about what was sent, at times damaged.
    fn error(&mut self, rng: &mut Rng) -> (Leg, Vec<u8>) {
        let Some((leg, frame)) = rng.choice(&self.sent) else {
            return request(rng);
        };
        let quoted = pick(&[0, 4, 8, 8, 12, 18, 20, 60, 500], rng);
        let mut leg = *leg;
        let Some(mut error) = icmp_error::about(frame, rng.u8(..), quoted) else {
            return request(rng);
        };
        if rng.u8(..4) == 0 {
            let place = rng.usize(14..error.len());
            error[place] = rng.u8(..);
        }
        if rng.u8(..6) == 0 {
            leg = any_leg(rng);
            error[..6].copy_from_slice(&leg.mac());
        }
        (leg, error)
    }

    fn answer(&mut self, rng: &mut Rng) -> (Leg, Vec<u8>) {
        if self.sent.is_empty() {
            return request(rng);
        }
        let place = rng.usize(0..self.sent.len());
        self.answered = Some(place);
        let (leg, frame) = &self.sent[place];
        if frame.get(12..14) == Some(&[0x86, 0xdd]) {
            let answer = packet6::answer(frame);
            return answer.map_or_else(|| request(rng), |answer| (*leg, answer.bytes()));
        }
        match packet::answer(frame) {
            Some(answer) => (*leg, vary(answer, rng).bytes()),
            None => request(rng),
        }
    }
}

fn any_leg(rng: &mut Rng) -> Leg {
    Leg::ALL[rng.usize(0..Leg::ALL.len())]
}

fn pick<T: Copy>(from: &[T], rng: &mut Rng) -> T {
    from[rng.usize(0..from.len())]
}

fn request(rng: &mut Rng) -> (Leg, Vec<u8>) {
    let leg = match rng.u8(..16) {
        0 => any_leg(rng),
        1..9 => Leg::VswA,
        9..12 => Leg::VswA2,
        _ => Leg::VswB,
    };
    let client = format!("{}:{}", pick(&CLIENTS, rng), port(rng));
    let target = match leg {
        _ if rng.u8(..8) == 0 => pick(&TARGETS, rng),
        Leg::VswA2 => "10.0.2.100",
        Leg::VswA => pick(&["10.0.1.100", "10.0.1.100", "10.0.1.101"], rng),
        _ => "10.0.1.100",
    };
    let port = pick(&PORTS, rng);
    let service = format!("{target}:{port}");
    let packet = match rng.u8(..20) {
        0..11 => {
            let packet = packet::tcp(&client, &service);
            if rng.u8(..5) > 0 {
                packet.syn()
            } else {
                packet
            }
        }
        11..16 => packet::udp(&client, &service),
        16..19 => packet::ping(&client, target),
        _ => packet::raw(rng.u8(..), &client, &service),
    };
    let packet = match rng.u8(..50) {
        0 => packet.at_mac(BROADCAST),
        1 => packet.at_mac(pick(&Leg::ALL, rng).mac()),
        2 => packet.at_mac([rng.u8(..), 0xee, 0, 0, 0, 1]),
        _ => packet.at_mac(leg.mac()),
    };
    (leg, vary(packet, rng).bytes())
}

/// Few ports, so that they come again; some around those that rules name.
fn port(rng: &mut Rng) -> u16 {
    match rng.u8(..4) {
        0 => pick(&[1023, 1024, 1500, 1999, 2000, 65_535, 1, 0], rng),
        _ => 40_000 + rng.u16(..30),
    }
}

/// What may differ between packets of one flow.
fn vary(packet: Packet, rng: &mut Rng) -> Packet {
    let mut packet = packet;
    if rng.u8(..6) == 0 {
        packet = packet.ttl(pick(&[0, 1, 2, 3, 64, 128, 255], rng));
    }
    if rng.u8(..6) == 0 && packet.protocol == 6 {
        packet = packet.flags(pick(
            &[
                SYN,
                SYN | ACK,
                ACK,
                FIN | ACK,
                RST,
                RST | ACK,
                0x18,
                0xff,
                0,
            ],
            rng,
        ));
    }
    if rng.u8(..8) == 0 {
        packet = packet.l4_check(pick(&[Check::Zero, Check::Wrong], rng));
    }
    if rng.u8(..30) == 0 {
        packet = packet.ip_check(pick(&[Check::Zero, Check::Wrong], rng));
    }
    if rng.u8(..10) == 0 {
        let words = rng.usize(..11);
        packet = packet.options(&vec![1; words * 4]);
    }
    if rng.u8(..4) == 0 {
        let payload: Vec<u8> = (0..rng.usize(..70)).map(|_| rng.u8(..)).collect();
        packet = packet.payload(&payload);
    }
    if rng.u8(..40) == 0 {
        let payload: Vec<u8> = (0..rng.usize(..1450)).map(|_| rng.u8(..)).collect();
        packet = packet.payload(&payload);
    }
    if rng.u8(..8) == 0 && packet.protocol == 6 {
        let options = rng.usize(..11);
        let numbers = [0, 1, 1, 1, 2, 2, 2, 3, 4, 4, 4, 8, 10, 255];
        let options: Vec<u8> = (0..options * 4).map(|_| pick(&numbers, rng)).collect();
        let flags = pick(&[SYN, SYN, SYN | ACK, ACK], rng);
        packet = packet
            .tcp_header(flags, 5 + options.len() as u8 / 4)
            .payload(&options);
    }
    if rng.u8(..8) == 0 {
        packet = packet.fragment(pick(
            &[
                0x2000, 0x2000, 0x2003, 0x0003, 0x0008, 0x0001, 0x0002, 0x6000,
            ],
            rng,
        ));
    }
    if rng.u8(..10) == 0 {
        packet = packet.padding(rng.usize(..30));
    }
    packet
}

fn arp(rng: &mut Rng) -> (Leg, Vec<u8>) {
    let leg = any_leg(rng);
    let mut arp = packet::who_has(pick(&TARGETS, rng), pick(&CLIENTS, rng));
    if rng.u8(..4) == 0 {
        arp = arp.at_mac(pick(&Leg::ALL, rng).mac());
    }
    if rng.u8(..8) == 0 {
        arp = arp.operation(rng.u16(..5));
    }
    let mut frame = arp.bytes();
    if rng.u8(..8) == 0 {
        damage::damage(&mut frame, rng);
    }
    (leg, frame)
}
