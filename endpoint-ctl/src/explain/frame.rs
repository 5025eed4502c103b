//! The packet that is asked about, as a frame.
//!
//! May import: endpoint-common::wire, std, question.

use std::net::IpAddr;

use endpoint_common::wire::{Mac, checksum};

use super::question::{Protocol, Question};

/// Whoever sends it: a locally administered address that nobody has.
const SENDER: Mac = [2, 0, 0, 0, 0, 1];
const HOPS: u8 = 64;

/// The question's packet: a TCP SYN, an empty datagram or an echo request, to the interface's address.
pub(super) fn frame(question: &Question, mac: Mac) -> Vec<u8> {
    let transport = transport(question);
    let mut frame = [mac, SENDER].concat();
    match (question.from.ip, question.to.ip) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            frame.extend([0x08, 0x00]);
            let length = (20 + transport.len()) as u16;
            let [l0, l1] = length.to_be_bytes();
            let protocol = question.protocol.number();
            let mut header = vec![0x45, 0, l0, l1, 0, 0, 0x40, 0, HOPS, protocol, 0, 0];
            header.extend(from.octets());
            header.extend(to.octets());
            let sum = checksum::whole(&header, 0);
            header.splice(10..12, sum);
            frame.extend(header);
        }
        (from, to) => {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            frame.extend((transport.len() as u16).to_be_bytes());
            frame.extend([question.protocol.number(), HOPS]);
            for end in [from, to] {
                frame.extend(match end {
                    IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
                    IpAddr::V6(ip) => ip.octets(),
                });
            }
        }
    }
    frame.extend(transport);
    frame
}

/// The transport header. It is never sent, so its checksum says nothing.
fn transport(question: &Question) -> Vec<u8> {
    let [s0, s1] = question.source_port().to_be_bytes();
    let [d0, d1] = question.port().to_be_bytes();
    match question.protocol {
        Protocol::Tcp => {
            let mut header = vec![s0, s1, d0, d1, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x02];
            header.extend([0xff, 0xff, 0, 0, 0, 0]);
            header
        }
        Protocol::Udp => vec![s0, s1, d0, d1, 0, 8, 0, 0],
        Protocol::Icmp => vec![8, 0, 0, 0, s0, s1, 0, 1],
        Protocol::Icmpv6 => vec![128, 0, 0, 0, s0, s1, 0, 1],
    }
}
