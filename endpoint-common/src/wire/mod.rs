//! Headers as they stand in a frame: decoded and encoded by value, field by field.
//!
//! The structs are those of network-types; its headers are byte arrays in network order (only
//! [`EthHdr::ether_type`] is a `u16`, which holds the two bytes as they stand in memory).
//!
//! May import: core, network-types.

pub mod checksum;

pub use network_types::{eth::EthHdr, icmp::Icmpv4Hdr, ip::Ipv4Hdr, tcp::TcpHdr, udp::UdpHdr};

/// Ether types, in host order.
pub mod ether_type {
    /// IPv4.
    pub const IPV4: u16 = 0x0800;
    /// ARP.
    pub const ARP: u16 = 0x0806;
}

/// IANA protocol numbers the path knows.
pub mod protocol {
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
}

/// TCP flags as they stand in octet 13 of the header (RFC 9293).
pub mod tcp_flags {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Opens a connection.
    pub const SYN: u8 = 0x02;
    /// Aborts a connection.
    pub const RST: u8 = 0x04;
    /// The acknowledgment field counts.
    pub const ACK: u8 = 0x10;
}

/// `ICMPv4` types the path knows (RFC 792).
pub mod icmp_type {
    /// Answer to an echo request.
    pub const ECHO_REPLY: u8 = 0;
    /// Echo request, as `ping` sends it.
    pub const ECHO_REQUEST: u8 = 8;
}

/// A MAC address.
pub type Mac = [u8; 6];
/// An IPv4 address in network order.
pub type Ipv4 = [u8; 4];
/// A port in network order.
pub type Port = [u8; 2];

/// A header that is read from and written to a frame by value.
pub trait Header<const N: usize>: Sized {
    /// Reads the header from the bytes it stands in.
    fn decode(bytes: [u8; N]) -> Self;
    /// The bytes to put back.
    fn encode(&self) -> [u8; N];
}

impl Header<14> for EthHdr {
    #[inline(always)]
    fn decode(bytes: [u8; 14]) -> Self {
        let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1] = bytes;
        Self {
            dst_addr: [d0, d1, d2, d3, d4, d5],
            src_addr: [s0, s1, s2, s3, s4, s5],
            ether_type: u16::from_ne_bytes([t0, t1]),
        }
    }

    #[inline(always)]
    fn encode(&self) -> [u8; 14] {
        let [d0, d1, d2, d3, d4, d5] = self.dst_addr;
        let [s0, s1, s2, s3, s4, s5] = self.src_addr;
        let [t0, t1] = self.ether_type.to_ne_bytes();
        [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1]
    }
}

impl Header<20> for Ipv4Hdr {
    #[inline(always)]
    fn decode(bytes: [u8; 20]) -> Self {
        let [
            vihl,
            tos,
            l0,
            l1,
            i0,
            i1,
            f0,
            f1,
            ttl,
            proto,
            c0,
            c1,
            s0,
            s1,
            s2,
            s3,
            d0,
            d1,
            d2,
            d3,
        ] = bytes;
        Self {
            vihl,
            tos,
            tot_len: [l0, l1],
            id: [i0, i1],
            frags: [f0, f1],
            ttl,
            proto,
            check: [c0, c1],
            src_addr: [s0, s1, s2, s3],
            dst_addr: [d0, d1, d2, d3],
        }
    }

    #[inline(always)]
    fn encode(&self) -> [u8; 20] {
        let [l0, l1] = self.tot_len;
        let [i0, i1] = self.id;
        let [f0, f1] = self.frags;
        let [c0, c1] = self.check;
        let [s0, s1, s2, s3] = self.src_addr;
        let [d0, d1, d2, d3] = self.dst_addr;
        [
            self.vihl, self.tos, l0, l1, i0, i1, f0, f1, self.ttl, self.proto, c0, c1, s0, s1, s2,
            s3, d0, d1, d2, d3,
        ]
    }
}

impl Header<8> for UdpHdr {
    #[inline(always)]
    fn decode(bytes: [u8; 8]) -> Self {
        let [s0, s1, d0, d1, l0, l1, c0, c1] = bytes;
        Self {
            src: [s0, s1],
            dst: [d0, d1],
            len: [l0, l1],
            check: [c0, c1],
        }
    }

    #[inline(always)]
    fn encode(&self) -> [u8; 8] {
        let ([s0, s1], [d0, d1]) = (self.src, self.dst);
        let ([l0, l1], [c0, c1]) = (self.len, self.check);
        [s0, s1, d0, d1, l0, l1, c0, c1]
    }
}

impl Header<8> for Icmpv4Hdr {
    #[inline(always)]
    fn decode(bytes: [u8; 8]) -> Self {
        let [type_, code, c0, c1, d0, d1, d2, d3] = bytes;
        Self {
            type_,
            code,
            check: [c0, c1],
            data: [d0, d1, d2, d3],
        }
    }

    #[inline(always)]
    fn encode(&self) -> [u8; 8] {
        let [c0, c1] = self.check;
        let [d0, d1, d2, d3] = self.data;
        [self.type_, self.code, c0, c1, d0, d1, d2, d3]
    }
}
