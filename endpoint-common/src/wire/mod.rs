//! Headers as they stand in a frame: decoded and encoded by value, field by field.
//!
//! The structs are those of network-types; its headers are byte arrays in network order (only
//! [`EthHdr::ether_type`] is a `u16`, which holds the two bytes as they stand in memory).
//!
//! May import: core, bytemuck, network-types.

pub mod checksum;

pub use network_types::{
    eth::EthHdr,
    icmp::Icmpv4Hdr,
    ip::{Ipv4Hdr, Ipv6Hdr},
    tcp::TcpHdr,
    udp::UdpHdr,
};

/// Ether types, in host order.
pub mod ether_type {
    /// IPv4.
    pub const IPV4: u16 = 0x0800;
    /// ARP.
    pub const ARP: u16 = 0x0806;
    /// IPv6.
    pub const IPV6: u16 = 0x86dd;
}

/// IANA protocol numbers the path knows.
pub mod protocol {
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// ICMPv6.
    pub const ICMPV6: u8 = 58;

    /// IPv6 hop-by-hop options (RFC 8200).
    pub const HOP_BY_HOP: u8 = 0;
    /// IPv6 routing header.
    pub const ROUTING: u8 = 43;
    /// IPv6 fragment header.
    pub const FRAGMENT: u8 = 44;
    /// IPv6 destination options.
    pub const DESTINATION_OPTIONS: u8 = 60;

    /// Whether it is ICMP of either family.
    #[must_use]
    #[inline(always)]
    pub fn is_icmp(protocol: u8) -> bool {
        protocol == ICMP || protocol == ICMPV6
    }
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
    /// A destination cannot be reached; code 4: the packet is too long.
    pub const UNREACHABLE: u8 = 3;
    /// Echo request, as `ping` sends it.
    pub const ECHO_REQUEST: u8 = 8;
    /// The time to live was used up.
    pub const TIME_EXCEEDED: u8 = 11;
    /// A header is wrong.
    pub const PARAMETER_PROBLEM: u8 = 12;
}

/// `ICMPv6` types the path knows (RFC 4443, RFC 4861).
pub mod icmpv6_type {
    /// A destination cannot be reached.
    pub const UNREACHABLE: u8 = 1;
    /// The packet is too long.
    pub const TOO_BIG: u8 = 2;
    /// A header is wrong.
    pub const PARAMETER_PROBLEM: u8 = 4;
    /// Echo request.
    pub const ECHO_REQUEST: u8 = 128;
    /// Answer to an echo request.
    pub const ECHO_REPLY: u8 = 129;
    /// Neighbor solicitation: who has this address?
    pub const NEIGHBOR_SOLICITATION: u8 = 135;
    /// Neighbor advertisement: the answer.
    pub const NEIGHBOR_ADVERTISEMENT: u8 = 136;
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

/// Implements [`Header`] by way of a plain struct of the same fields, so that whole fields are
/// moved: taking a header apart byte by byte costs the BPF compiler a register for each.
macro_rules! header {
    ($header:ident, $plain:ident, $size:literal, { $($field:ident: $type:ty),+ }) => {
        #[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
        #[repr(C)]
        struct $plain { $($field: $type),+ }

        impl Header<$size> for $header {
            #[inline(always)]
            fn decode(bytes: [u8; $size]) -> Self {
                let $plain { $($field),+ } = bytemuck::cast(bytes);
                Self { $($field: $field.into_field()),+ }
            }

            #[inline(always)]
            fn encode(&self) -> [u8; $size] {
                bytemuck::cast($plain { $($field: self.$field.into_field()),+ })
            }
        }
    };
}

/// Fields are the same on both sides, but for the one that is a number on one of them.
trait IntoField<T> {
    fn into_field(self) -> T;
}

impl<T> IntoField<T> for T {
    #[inline(always)]
    fn into_field(self) -> T {
        self
    }
}

impl IntoField<u16> for [u8; 2] {
    #[inline(always)]
    fn into_field(self) -> u16 {
        u16::from_ne_bytes(self)
    }
}

impl IntoField<[u8; 2]> for u16 {
    #[inline(always)]
    fn into_field(self) -> [u8; 2] {
        self.to_ne_bytes()
    }
}

header!(EthHdr, EthBytes, 14, { dst_addr: Mac, src_addr: Mac, ether_type: [u8; 2] });
header!(Ipv4Hdr, Ipv4Bytes, 20, {
    vihl: u8, tos: u8, tot_len: [u8; 2], id: [u8; 2], frags: [u8; 2], ttl: u8, proto: u8,
    check: [u8; 2], src_addr: Ipv4, dst_addr: Ipv4
});
header!(Ipv6Hdr, Ipv6Bytes, 40, {
    vcf: [u8; 4], payload_len: [u8; 2], next_hdr: u8, hop_limit: u8, src_addr: [u8; 16],
    dst_addr: [u8; 16]
});
header!(UdpHdr, UdpBytes, 8, { src: Port, dst: Port, len: [u8; 2], check: [u8; 2] });
header!(Icmpv4Hdr, Icmpv4Bytes, 8, { type_: u8, code: u8, check: [u8; 2], data: [u8; 4] });

/// The part of a TCP header that the path reads and writes: all but the bit fields' names.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct TcpBytes {
    /// Source port.
    pub source: Port,
    /// Destination port.
    pub dest: Port,
    /// Sequence number.
    pub seq: [u8; 4],
    /// Acknowledgment number.
    pub ack_seq: [u8; 4],
    /// Header length in 32-bit words, in the upper four bits.
    pub offset: u8,
    /// See [`tcp_flags`].
    pub flags: u8,
    /// Window.
    pub window: [u8; 2],
    /// Checksum.
    pub check: [u8; 2],
    /// Urgent pointer.
    pub urg_ptr: [u8; 2],
}

const _: () = assert!(size_of::<TcpBytes>() == TcpHdr::LEN);

/// What NAT and forwarding change in an IPv4 header: from the TTL to its end.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Ipv4Tail {
    /// Time to live.
    pub ttl: u8,
    /// IANA protocol number.
    pub proto: u8,
    /// Header checksum.
    pub check: [u8; 2],
    /// Source.
    pub src: Ipv4,
    /// Destination.
    pub dst: Ipv4,
}

/// The link-level addresses, as an Ethernet header starts with them.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct MacPair {
    /// Destination.
    pub dst: Mac,
    /// Source.
    pub src: Mac,
}
