//! Frames, written the way one says them: `tcp("10.0.1.10:40000", "10.0.1.100:80").syn().ttl(1)`.
//!
//! Checksums are summed up here anew and not by the code under test. May import: std.

use std::net::{Ipv4Addr, SocketAddrV4};

pub(crate) type Mac = [u8; 6];

/// Frames go to this address unless they say otherwise: [`Packet::at_mac`] with the leg's own.
pub(crate) const NODE: Mac = [2, 0xee, 0, 0, 0, 1];
pub(crate) const BROADCAST: Mac = [0xff; 6];

pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const RST: u8 = 0x04;
pub(crate) const ACK: u8 = 0x10;

/// What stands in a checksum field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    Right,
    Wrong,
    Zero,
}

#[derive(Debug, Clone)]
enum Transport {
    Tcp { flags: u8, offset: u8 },
    Udp { length: Option<u16> },
    Icmp { kind: u8, code: u8 },
    Other,
}

/// A frame in the making. ICMP keeps its identifier where others keep the source port.
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    pub(crate) to: Mac,
    pub(crate) from: Mac,
    pub(crate) source: SocketAddrV4,
    pub(crate) destination: SocketAddrV4,
    pub(crate) ttl: u8,
    pub(crate) protocol: u8,
    ether_type: u16,
    version: u8,
    header_words: Option<u8>,
    total_length: Option<u16>,
    fragment: u16,
    options: Vec<u8>,
    transport: Transport,
    payload: Vec<u8>,
    ip_check: Check,
    l4_check: Check,
    keep: usize,
    padding: usize,
}

fn packet(source: &str, destination: &str, protocol: u8, transport: Transport) -> Packet {
    let end = |text: &str| -> SocketAddrV4 {
        text.parse()
            .unwrap_or_else(|_| SocketAddrV4::new(text.parse().expect(text), 0))
    };
    let source = end(source);
    let [a, b, c, d] = source.ip().octets();
    Packet {
        to: NODE,
        from: [2, 0xc0 ^ a, b, c, d, 0],
        source,
        destination: end(destination),
        ttl: 64,
        protocol,
        ether_type: 0x0800,
        version: 4,
        header_words: None,
        total_length: None,
        fragment: 0x4000,
        options: Vec::new(),
        transport,
        payload: b"hinge".to_vec(),
        ip_check: Check::Right,
        l4_check: Check::Right,
        keep: usize::MAX,
        padding: 0,
    }
}

/// A TCP segment with ACK set.
pub(crate) fn tcp(source: &str, destination: &str) -> Packet {
    let transport = Transport::Tcp {
        flags: ACK,
        offset: 5,
    };
    packet(source, destination, 6, transport)
}

/// A UDP datagram.
pub(crate) fn udp(source: &str, destination: &str) -> Packet {
    packet(source, destination, 17, Transport::Udp { length: None })
}

/// An ICMP echo request; the source's port is the identifier.
pub(crate) fn ping(source: &str, destination: &str) -> Packet {
    packet(source, destination, 1, Transport::Icmp { kind: 8, code: 0 })
}

/// Any other protocol.
pub(crate) fn raw(protocol: u8, source: &str, destination: &str) -> Packet {
    packet(source, destination, protocol, Transport::Other)
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident($value:ident: $type:ty) => $field:ident: $made:expr;)+) => {
        impl Packet {
            $($(#[$doc])*
            pub(crate) fn $name(mut self, $value: $type) -> Self {
                self.$field = $made;
                self
            })+
        }
    };
}

setters! {
    /// The link-level destination.
    at_mac(mac: Mac) => to: mac;
    /// The link-level source.
    by_mac(mac: Mac) => from: mac;
    ttl(ttl: u8) => ttl: ttl;
    ether_type(number: u16) => ether_type: number;
    version(number: u8) => version: number;
    /// The header length it claims, in words.
    header_words(words: u8) => header_words: Some(words);
    /// The IP total length it claims.
    total_length(bytes: u16) => total_length: Some(bytes);
    /// Flags and fragment offset, as one word.
    fragment(word: u16) => fragment: word;
    /// IP options, whole words.
    options(bytes: &[u8]) => options: bytes.to_vec();
    payload(bytes: &[u8]) => payload: bytes.to_vec();
    ip_check(check: Check) => ip_check: check;
    l4_check(check: Check) => l4_check: check;
    /// Cuts the frame off after this many bytes.
    keep(bytes: usize) => keep: bytes;
    /// Zeroes after the IP packet, as short frames have.
    padding(bytes: usize) => padding: bytes;
    /// A TCP segment with these flags.
    flags(flags: u8) => transport: Transport::Tcp { flags, offset: 5 };
    /// A SYN that claims a TCP header of this many words.
    offset(words: u8) => transport: Transport::Tcp { flags: SYN, offset: words };
    /// The UDP length it claims.
    udp_length(bytes: u16) => transport: Transport::Udp { length: Some(bytes) };
    /// An ICMP message of another type and code.
    icmp(message: (u8, u8)) => transport: Transport::Icmp { kind: message.0, code: message.1 };
}

impl Packet {
    /// A TCP segment with these flags, and a header of so many words.
    pub(crate) fn tcp_header(mut self, flags: u8, offset: u8) -> Self {
        self.transport = Transport::Tcp { flags, offset };
        self
    }

    pub(crate) fn syn(self) -> Self {
        self.flags(SYN)
    }

    pub(crate) fn source_port(mut self, port: u16) -> Self {
        self.source.set_port(port);
        self
    }

    pub(crate) fn destination_port(mut self, port: u16) -> Self {
        self.destination.set_port(port);
        self
    }

    /// The frame.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let segment = self.segment();
        let mut header = self.header(segment.len());
        if self.ip_check != Check::Zero {
            let sum = spoiled(internet_checksum(&[&header]), self.ip_check);
            header[10..12].copy_from_slice(&sum.to_be_bytes());
        }
        let mut frame = [&self.to[..], &self.from, &self.ether_type.to_be_bytes()].concat();
        frame.extend(header);
        frame.extend(segment);
        frame.resize(frame.len() + self.padding, 0);
        frame.truncate(self.keep);
        frame
    }

    fn header(&self, segment: usize) -> Vec<u8> {
        let length = 20 + self.options.len();
        let words = self.header_words.unwrap_or((length / 4) as u8);
        let total = self.total_length.unwrap_or((length + segment) as u16);
        let mut header = vec![self.version << 4 | words, 0];
        header.extend(total.to_be_bytes());
        header.extend([0x12, 0x34]);
        header.extend(self.fragment.to_be_bytes());
        header.extend([self.ttl, self.protocol, 0, 0]);
        header.extend(self.source.ip().octets());
        header.extend(self.destination.ip().octets());
        header.extend(&self.options);
        header
    }

    fn segment(&self) -> Vec<u8> {
        let (from, to) = (self.source.port(), self.destination.port());
        let ports = [from.to_be_bytes(), to.to_be_bytes()].concat();
        let (mut segment, check_at) = match self.transport {
            Transport::Tcp { flags, offset } => {
                let sequence = [0, 0, 0x10, 1, 0, 0, 0x20, 2];
                let rest = [offset << 4, flags, 0x20, 0, 0, 0, 0, 0];
                ([&ports[..], &sequence, &rest].concat(), Some(16))
            }
            Transport::Udp { length } => {
                let length = length.unwrap_or(8 + self.payload.len() as u16);
                (
                    [&ports[..], &length.to_be_bytes(), &[0, 0]].concat(),
                    Some(6),
                )
            }
            Transport::Icmp { kind, code } => {
                let echo = [&[kind, code, 0, 0], &ports[..2], &[0, 7]].concat();
                (echo, Some(2))
            }
            Transport::Other => (Vec::new(), None),
        };
        segment.extend(&self.payload);
        if let Some(at) = check_at.filter(|_| self.l4_check != Check::Zero) {
            let sum = spoiled(self.transport_checksum(&segment), self.l4_check);
            segment[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        }
        segment
    }

    fn transport_checksum(&self, segment: &[u8]) -> u16 {
        if self.protocol == 1 {
            return internet_checksum(&[segment]);
        }
        let [length_high, length_low] = (segment.len() as u16).to_be_bytes();
        let ends = [self.source.ip().octets(), self.destination.ip().octets()].concat();
        let tail = [0, self.protocol, length_high, length_low];
        match internet_checksum(&[&ends, &tail, segment]) {
            0 if self.protocol == 17 => 0xffff,
            sum => sum,
        }
    }
}

fn spoiled(sum: u16, check: Check) -> u16 {
    match check {
        Check::Wrong => sum ^ 0x0440,
        Check::Right | Check::Zero => sum,
    }
}

/// RFC 1071, over parts of even length (the last may be odd).
pub(crate) fn internet_checksum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let mut sum: u32 = words
        .map(|word| u32::from(word[0]) << 8 | word.get(1).copied().map_or(0, u32::from))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// Reads a whole IPv4 frame back, as far as [`Packet`] can say it; `None` for other frames.
pub(crate) fn read(frame: &[u8]) -> Option<Packet> {
    let (link, ip) = frame.split_at_checked(14)?;
    if link[12..] != [8, 0] || ip.first()? >> 4 != 4 {
        return None;
    }
    let words = usize::from(ip.first()? & 15);
    let segment = ip.get(words * 4..).filter(|_| words >= 5)?;
    let protocol = ip[9];
    let transport = match protocol {
        6 => Transport::Tcp {
            flags: *segment.get(13)?,
            offset: 5,
        },
        17 => Transport::Udp { length: None },
        1 => Transport::Icmp {
            kind: *segment.first()?,
            code: *segment.get(1)?,
        },
        _ => Transport::Other,
    };
    let end = |at: usize, port: &[u8]| {
        let octets: [u8; 4] = ip[at..at + 4].try_into().expect("four bytes");
        let port = u16::from_be_bytes(port.try_into().expect("two bytes"));
        SocketAddrV4::new(Ipv4Addr::from(octets), port)
    };
    let (source_port, destination_port) = match protocol {
        6 | 17 => (segment.get(..2)?, segment.get(2..4)?),
        1 => (segment.get(4..6)?, &[0, 0][..]),
        _ => (&[0, 0][..], &[0, 0][..]),
    };
    Some(Packet {
        to: link[..6].try_into().expect("six bytes"),
        from: link[6..12].try_into().expect("six bytes"),
        ttl: ip[8],
        transport,
        ..packet(
            &end(12, source_port).to_string(),
            &end(16, destination_port).to_string(),
            protocol,
            Transport::Other,
        )
    })
}

/// What the receiver of a frame would send back: all ends exchanged, a SYN acknowledged.
pub(crate) fn answer(frame: &[u8]) -> Option<Packet> {
    let mut packet = read(frame)?;
    std::mem::swap(&mut packet.to, &mut packet.from);
    std::mem::swap(&mut packet.source, &mut packet.destination);
    if let Transport::Tcp { flags, .. } = &mut packet.transport {
        *flags = if *flags & SYN != 0 { SYN | ACK } else { ACK };
    }
    Some(packet.ttl(61).payload(b"answer!"))
}

/// An ARP packet.
#[derive(Debug, Clone)]
pub(crate) struct Arp {
    to: Mac,
    operation: u16,
    sender: Ipv4Addr,
    target: Ipv4Addr,
}

/// Who has `target`? Tell `sender`.
pub(crate) fn who_has(target: &str, sender: &str) -> Arp {
    Arp {
        to: BROADCAST,
        operation: 1,
        sender: sender.parse().expect(sender),
        target: target.parse().expect(target),
    }
}

impl Arp {
    pub(crate) const SENDER: Mac = [2, 0xcc, 0, 0, 0, 9];

    pub(crate) fn at_mac(mut self, mac: Mac) -> Self {
        self.to = mac;
        self
    }

    pub(crate) fn operation(mut self, operation: u16) -> Self {
        self.operation = operation;
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut frame = [&self.to[..], &Self::SENDER, &[8, 6, 0, 1, 8, 0, 6, 4]].concat();
        frame.extend(self.operation.to_be_bytes());
        frame.extend(Self::SENDER);
        frame.extend(self.sender.octets());
        frame.extend([0; 6]);
        frame.extend(self.target.octets());
        frame
    }
}
