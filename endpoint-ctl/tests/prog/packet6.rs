//! IPv6 frames: TCP, UDP, echo requests and neighbor solicitations, with extension headers in front
//! if wanted. Checksums are summed up here anew.
//!
//! May import: packet (MACs, the sum), std.

use std::net::{Ipv6Addr, SocketAddrV6};

use crate::packet::{Mac, internet_checksum};

/// A frame in the making.
#[derive(Debug, Clone)]
pub(crate) struct Packet6 {
    to: Mac,
    from: Mac,
    source: Ipv6Addr,
    destination: Ipv6Addr,
    hop_limit: u8,
    extensions: Vec<(u8, Vec<u8>)>,
    protocol: u8,
    segment: Vec<u8>,
    check_at: usize,
    keep: usize,
}

fn packet(source: Ipv6Addr, destination: Ipv6Addr, protocol: u8, segment: Vec<u8>) -> Packet6 {
    let [.., a, b, c] = source.octets();
    Packet6 {
        to: crate::packet::NODE,
        from: [2, 0xc6, 0, a, b, c],
        source,
        destination,
        hop_limit: 64,
        extensions: Vec::new(),
        protocol,
        check_at: match protocol {
            6 => 16,
            17 => 6,
            _ => 2,
        },
        segment,
        keep: usize::MAX,
    }
}

fn ends(source: &str, destination: &str) -> (SocketAddrV6, SocketAddrV6) {
    let end = |text: &str| text.parse().expect(text);
    (end(source), end(destination))
}

/// A TCP segment with these flags.
pub(crate) fn tcp6(source: &str, destination: &str, flags: u8) -> Packet6 {
    let (source, destination) = ends(source, destination);
    let mut segment = [
        source.port().to_be_bytes(),
        destination.port().to_be_bytes(),
    ]
    .concat();
    segment.extend([
        0, 0, 0x10, 1, 0, 0, 0x20, 2, 0x50, flags, 0x20, 0, 0, 0, 0, 0,
    ]);
    segment.extend(b"hinge");
    packet(*source.ip(), *destination.ip(), 6, segment)
}

/// A UDP datagram.
pub(crate) fn udp6(source: &str, destination: &str) -> Packet6 {
    let (source, destination) = ends(source, destination);
    let mut segment = [
        source.port().to_be_bytes(),
        destination.port().to_be_bytes(),
    ]
    .concat();
    segment.extend([0, 13, 0, 0]);
    segment.extend(b"hinge");
    packet(*source.ip(), *destination.ip(), 17, segment)
}

/// An echo request.
pub(crate) fn ping6(source: &str, destination: &str, id: u16) -> Packet6 {
    let mut segment = vec![128, 0, 0, 0];
    segment.extend(id.to_be_bytes());
    segment.extend([0, 1]);
    segment.extend(b"hinge");
    let end = |text: &str| text.parse().expect(text);
    packet(end(source), end(destination), 58, segment)
}

/// Who has `target`? Sent to its solicited-node address, with the asker's MAC.
pub(crate) fn solicit(source: &str, target: &str) -> Packet6 {
    let target: Ipv6Addr = target.parse().expect(target);
    let [.., a, b, c] = target.octets();
    let group = Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c]);
    let mut segment = vec![135, 0, 0, 0, 0, 0, 0, 0];
    segment.extend(target.octets());
    segment.extend([1, 1, 2, 0xc6, 0, 0, 0, 9]);
    let mut made = packet(source.parse().expect(source), group, 58, segment);
    made.to = [0x33, 0x33, 0xff, a, b, c];
    made.hop_limit = 255;
    made
}

impl Packet6 {
    pub(crate) fn at_mac(mut self, mac: Mac) -> Self {
        self.to = mac;
        self
    }

    /// Whether it goes to the leg's own MAC unless told otherwise.
    pub(crate) fn is_to_node(&self) -> bool {
        self.to == crate::packet::NODE
    }

    pub(crate) fn hop_limit(mut self, limit: u8) -> Self {
        self.hop_limit = limit;
        self
    }

    /// What stands behind the TCP or UDP header.
    pub(crate) fn payload(mut self, bytes: &[u8]) -> Self {
        let header = if self.protocol == 6 { 20 } else { 8 };
        self.segment.truncate(header);
        self.segment.extend(bytes);
        if self.protocol == 17 {
            let length = (self.segment.len() as u16).to_be_bytes();
            self.segment[4..6].copy_from_slice(&length);
        }
        self
    }

    /// TCP options, whole words, and nothing behind them.
    pub(crate) fn options(self, bytes: &[u8]) -> Self {
        let mut made = self.payload(bytes);
        made.segment[12] = ((5 + bytes.len() / 4) << 4) as u8;
        made
    }

    /// Cuts the frame off after this many bytes.
    pub(crate) fn keep(mut self, bytes: usize) -> Self {
        self.keep = bytes;
        self
    }

    /// One more extension header behind the ones before: its number, and all after its next-header
    /// octet.
    pub(crate) fn extension(mut self, number: u8, rest: &[u8]) -> Self {
        self.extensions.push((number, rest.to_vec()));
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut segment = self.segment.clone();
        let length = (segment.len() as u32).to_be_bytes();
        let pseudo = [
            &self.source.octets()[..],
            &self.destination.octets(),
            &length,
        ]
        .concat();
        let sum = internet_checksum(&[&pseudo, &[0, 0, 0, self.protocol], &segment]);
        segment[self.check_at..self.check_at + 2].copy_from_slice(&sum.to_be_bytes());
        let mut payload = Vec::new();
        let mut numbers = self.extensions.iter().map(|(number, _)| *number).skip(1);
        for (_, rest) in &self.extensions {
            payload.push(numbers.next().unwrap_or(self.protocol));
            payload.extend(rest);
        }
        payload.extend(segment);
        let first = self
            .extensions
            .first()
            .map_or(self.protocol, |(number, _)| *number);
        let mut frame = [&self.to[..], &self.from, &[0x86, 0xdd, 0x60, 0, 0, 0]].concat();
        frame.extend((payload.len() as u16).to_be_bytes());
        frame.extend([first, self.hop_limit]);
        frame.extend(self.source.octets());
        frame.extend(self.destination.octets());
        frame.extend(payload);
        frame.truncate(self.keep);
        frame
    }
}

/// What the receiver of a TCP or UDP frame would send back, a SYN acknowledged.
pub(crate) fn answer(frame: &[u8]) -> Option<Packet6> {
    let address = |at: usize| -> Option<Ipv6Addr> {
        let octets: [u8; 16] = frame.get(at..at + 16)?.try_into().ok()?;
        Some(octets.into())
    };
    let mut segment = frame.get(54..)?.to_vec();
    let protocol = frame[20];
    let shortest = [(6, 20), (17, 8)]
        .into_iter()
        .find(|(number, _)| *number == protocol)?;
    if segment.len() < shortest.1 {
        return None;
    }
    for byte in 0..2 {
        segment.swap(byte, byte + 2);
    }
    if protocol == 6 {
        segment[13] = if segment[13] & 2 != 0 { 0x12 } else { 0x10 };
        segment[16..18].fill(0);
    } else {
        segment[6..8].fill(0);
    }
    let mut made = packet(address(38)?, address(22)?, protocol, segment);
    made.to = frame[6..12].try_into().ok()?;
    made.from = frame[..6].try_into().ok()?;
    Some(made)
}
