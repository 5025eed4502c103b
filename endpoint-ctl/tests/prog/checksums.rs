//! Checksums, judged by etherparse, which sums whole packets up anew.
//!
//! May import: etherparse.

use etherparse::{
    Icmpv4Slice, Icmpv6Slice, IpNumber, Ipv4HeaderSlice, Ipv6Slice, TcpSlice, UdpSlice,
};

/// How the checksums of a frame stand; `None` where there is none to judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Checksums {
    header: bool,
    transport: Option<bool>,
}

impl Checksums {
    /// Whether there is a transport's, and all are right.
    pub(crate) fn are_right(self) -> bool {
        self.header && self.transport == Some(true)
    }
}

/// Judges a frame; `None` if etherparse does not take it for one that is whole.
pub(crate) fn of(frame: &[u8]) -> Option<Checksums> {
    if frame.get(12..14)? == [0x86, 0xdd] {
        return of_ipv6(frame.get(14..)?);
    }
    let ip = frame.get(14..).filter(|_| frame[12..14] == [8, 0])?;
    let header = Ipv4HeaderSlice::from_slice(ip).ok()?;
    let segment = ip.get(header.slice().len()..usize::from(header.total_len()))?;
    let header_sum = header.to_header().calc_header_checksum();
    let (source, destination) = (header.source(), header.destination());
    let transport = match header.protocol() {
        // Its sum covers what is not there.
        _ if header.is_fragmenting_payload() => None,
        IpNumber::TCP => TcpSlice::from_slice(segment).ok().and_then(|tcp| {
            let sum = tcp.calc_checksum_ipv4(source, destination).ok()?;
            Some(same(tcp.checksum(), sum))
        }),
        IpNumber::UDP => UdpSlice::from_slice(segment).ok().and_then(|udp| {
            let sum = udp
                .to_header()
                .calc_checksum_ipv4_raw(source, destination, udp.payload())
                .ok()?;
            (udp.checksum() != 0).then(|| same(udp.checksum(), sum))
        }),
        IpNumber::ICMP => Icmpv4Slice::from_slice(segment).ok().map(|icmp| {
            same(
                icmp.checksum(),
                icmp.icmp_type().calc_checksum(icmp.payload()),
            )
        }),
        _ => None,
    };
    Some(Checksums {
        header: same(header.header_checksum(), header_sum),
        transport,
    })
}

/// Ones' complement has two zeroes.
fn same(a: u16, b: u16) -> bool {
    a == b || (a, b) == (0, 0xffff) || (a, b) == (0xffff, 0)
}

/// Judges an IPv6 packet; extension headers are walked by etherparse.
fn of_ipv6(packet: &[u8]) -> Option<Checksums> {
    let ip = Ipv6Slice::from_slice(packet).ok()?;
    let (source, destination) = (ip.header().source(), ip.header().destination());
    let segment = ip.payload().payload;
    let transport = match ip.payload().ip_number {
        _ if ip.payload().fragmented => None,
        IpNumber::TCP => TcpSlice::from_slice(segment).ok().and_then(|tcp| {
            let sum = tcp.calc_checksum_ipv6(source, destination).ok()?;
            Some(same(tcp.checksum(), sum))
        }),
        IpNumber::UDP => UdpSlice::from_slice(segment).ok().and_then(|udp| {
            let header = udp.to_header();
            let sum = header
                .calc_checksum_ipv6_raw(source, destination, udp.payload())
                .ok()?;
            Some(same(udp.checksum(), sum))
        }),
        IpNumber::IPV6_ICMP => Icmpv6Slice::from_slice(segment)
            .ok()
            .map(|icmp| icmp.is_checksum_valid(source, destination)),
        _ => None,
    };
    Some(Checksums {
        header: true,
        transport,
    })
}
