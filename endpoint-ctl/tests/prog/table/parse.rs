//! Rows: headers that lie, are cut off, or are of a kind that is not carried.
//!
//! May import: packet, the table's own.

use super::Expect::{Answer, Drop, Pass, To};
use super::{Step, row};
use crate::packet::{Check, SYN, ping, raw, tcp, udp};
use crate::world::Leg::{ProviderA, VswA};
use endpoint_common::abi::reason::DropReason::{
    Fragment, IcmpUnsupported, Malformed, MartianSource, ProtocolUnsupported, TcpNotSyn, Truncated,
};

const RECORD_ROUTE: [u8; 8] = [7, 7, 4, 0, 0, 0, 0, 1];

pub(super) fn steps() -> Vec<Step> {
    [network(), transport(), sources(), odd_but_right()]
        .into_iter()
        .flatten()
        .collect()
}

fn network() -> Vec<Step> {
    let web = || tcp("10.0.1.10:50001", "10.0.1.100:80").syn();
    let elsewhere = || tcp("10.0.1.10:50001", "10.0.1.1:80").syn();
    vec![
        row("cut within the IP header", VswA, web().keep(33), Pass),
        row(
            "cut after the IP header",
            VswA,
            web().keep(34),
            Drop(Truncated),
        ),
        row("cut in the payload", VswA, web().keep(58), Drop(Truncated)),
        row(
            "total length one too long",
            VswA,
            web().total_length(46),
            Drop(Truncated),
        ),
        row(
            "total length below the header's",
            VswA,
            web().total_length(19),
            Drop(Malformed),
        ),
        row(
            "total length 0",
            VswA,
            web().total_length(0),
            Drop(Malformed),
        ),
        row("IP version 5", VswA, web().version(5), Drop(Malformed)),
        row(
            "IP version 6 under IPv4's ether type",
            VswA,
            web().version(6),
            Drop(Malformed),
        ),
        row(
            "header of 4 words",
            VswA,
            web().header_words(4),
            Drop(Malformed),
        ),
        row(
            "header longer than the packet",
            VswA,
            web().header_words(15),
            Drop(Malformed),
        ),
        row(
            "the first fragment",
            VswA,
            web().fragment(0x2000),
            Drop(Fragment),
        ),
        row(
            "a later fragment",
            VswA,
            web().fragment(0x0010),
            Drop(Fragment),
        ),
        row(
            "the reserved flag is no fragment",
            VswA,
            web().fragment(0x8000),
            To(ProviderA),
        ),
        row(
            "GRE",
            VswA,
            raw(47, "10.0.1.10", "10.0.1.100"),
            Drop(ProtocolUnsupported),
        ),
        row(
            "SCTP",
            VswA,
            raw(132, "10.0.1.10", "10.0.1.100"),
            Drop(ProtocolUnsupported),
        ),
        row(
            "protocol 0",
            VswA,
            raw(0, "10.0.1.10", "10.0.1.100"),
            Drop(ProtocolUnsupported),
        ),
        row(
            "GRE to the NAT address",
            ProviderA,
            raw(47, "10.0.1.10", "10.0.1.200"),
            Drop(ProtocolUnsupported),
        ),
        row("cut, to somebody else", VswA, elsewhere().keep(34), Pass),
        row(
            "malformed, to somebody else",
            VswA,
            elsewhere().header_words(4),
            Pass,
        ),
        row(
            "a fragment to somebody else",
            VswA,
            elsewhere().fragment(0x2000),
            Pass,
        ),
    ]
}

fn transport() -> Vec<Step> {
    let web = || tcp("10.0.1.10:50002", "10.0.1.100:80").syn();
    let stray = || tcp("10.0.1.10:50004", "10.0.1.100:80");
    let dns = || udp("10.0.1.10:50002", "10.0.1.100:53");
    let echo = || ping("10.0.1.10:2", "10.0.1.100");
    vec![
        row(
            "TCP header of 4 words",
            VswA,
            web().offset(4),
            Drop(Malformed),
        ),
        row(
            "TCP header longer than the segment",
            VswA,
            web().offset(7),
            Drop(Malformed),
        ),
        row(
            "TCP header that is the whole segment",
            VswA,
            web().offset(6).payload(&[1; 4]),
            To(ProviderA),
        ),
        row(
            "TCP cut by the total length",
            VswA,
            web().total_length(39),
            Drop(Malformed),
        ),
        row(
            "TCP header cut with the frame",
            VswA,
            web().total_length(30).keep(44),
            Drop(Truncated),
        ),
        row("UDP length 7", VswA, dns().udp_length(7), Drop(Malformed)),
        row(
            "UDP length beyond the packet",
            VswA,
            dns().udp_length(14),
            Drop(Malformed),
        ),
        row(
            "UDP length below the packet's",
            VswA,
            dns().udp_length(8).l4_check(Check::Zero),
            To(ProviderA),
        ),
        row(
            "UDP header cut by the total length",
            VswA,
            dns().total_length(27),
            Drop(Malformed),
        ),
        row(
            "UDP without payload",
            VswA,
            dns().payload(&[]),
            To(ProviderA),
        ),
        row(
            "ICMP of 7 bytes",
            VswA,
            echo().total_length(27),
            Drop(Malformed),
        ),
        row(
            "ICMP echo reply",
            VswA,
            echo().icmp((0, 0)),
            Drop(IcmpUnsupported),
        ),
        row(
            "ICMP echo request with a code",
            VswA,
            echo().icmp((8, 1)),
            Drop(IcmpUnsupported),
        ),
        row(
            "ICMP destination unreachable",
            VswA,
            echo().icmp((3, 1)),
            Drop(IcmpUnsupported),
        ),
        row(
            "ICMP to the NAT address",
            ProviderA,
            ping("10.0.1.10", "10.0.1.200").icmp((3, 1)),
            Drop(IcmpUnsupported),
        ),
        row(
            "SYN and ACK open nothing",
            VswA,
            stray().flags(SYN | 0x10),
            Drop(TcpNotSyn),
        ),
        row(
            "SYN and FIN open nothing",
            VswA,
            stray().flags(SYN | 0x01),
            Drop(TcpNotSyn),
        ),
        row(
            "SYN and RST open nothing",
            VswA,
            stray().flags(SYN | 0x04),
            Drop(TcpNotSyn),
        ),
        row(
            "no flags open nothing",
            VswA,
            stray().flags(0),
            Drop(TcpNotSyn),
        ),
        row("an ACK out of nowhere", VswA, stray(), Drop(TcpNotSyn)),
        row(
            "SYN with ECN, as hosts that offer it send",
            VswA,
            stray().flags(SYN | 0xc0),
            To(ProviderA),
        ),
    ]
}

fn sources() -> Vec<Step> {
    let from = |source: &str| tcp(source, "10.0.1.100:80").syn();
    vec![
        row("from 0.0.0.0", VswA, from("0.0.0.0:1"), Drop(MartianSource)),
        row("from 0.1.2.3", VswA, from("0.1.2.3:1"), Drop(MartianSource)),
        row(
            "from loopback",
            VswA,
            from("127.0.0.1:1"),
            Drop(MartianSource),
        ),
        row(
            "from a multicast address",
            VswA,
            from("224.0.0.1:1"),
            Drop(MartianSource),
        ),
        row(
            "from a reserved address",
            VswA,
            from("240.0.0.1:1"),
            Drop(MartianSource),
        ),
        row(
            "from broadcast",
            VswA,
            from("255.255.255.255:1"),
            Drop(MartianSource),
        ),
        row(
            "from the ENI's own address",
            VswA,
            from("10.0.1.100:1"),
            Drop(MartianSource),
        ),
        row(
            "ping from loopback",
            VswA,
            ping("127.0.0.1:1", "10.0.1.100"),
            Drop(MartianSource),
        ),
        row(
            "loopback to the NAT address",
            ProviderA,
            tcp("127.0.0.1:1", "10.0.1.200:80"),
            Drop(MartianSource),
        ),
        row(
            "from loopback to somebody else",
            VswA,
            tcp("127.0.0.1:1", "10.0.1.1:80"),
            Pass,
        ),
    ]
}

fn odd_but_right() -> Vec<Step> {
    let web = || tcp("10.0.1.10:50003", "10.0.1.100:80").syn();
    let echo = || ping("10.0.1.10:3", "10.0.1.100");
    let full_options = [1; 40];
    vec![
        row(
            "IP options",
            VswA,
            web().options(&RECORD_ROUTE),
            To(ProviderA),
        ),
        row(
            "as many IP options as there can be",
            VswA,
            web().options(&full_options),
            To(ProviderA),
        ),
        row(
            "padding behind the packet",
            VswA,
            web().padding(20),
            To(ProviderA),
        ),
        row("no payload", VswA, web().payload(&[]), To(ProviderA)),
        row(
            "a payload of odd length",
            VswA,
            web().payload(&[0xab; 1301]),
            To(ProviderA),
        ),
        row(
            "a wrong TCP checksum stays wrong",
            VswA,
            web().l4_check(Check::Wrong),
            To(ProviderA),
        ),
        row(
            "a TCP checksum of 0 is wrong as well",
            VswA,
            web().l4_check(Check::Zero),
            To(ProviderA),
        ),
        row(
            "a wrong header checksum stays wrong",
            VswA,
            web().ip_check(Check::Wrong),
            To(ProviderA),
        ),
        row("echo", VswA, echo(), Answer),
        row("echo again", VswA, echo(), Answer),
        row("echo with TTL 1", VswA, echo().ttl(1), Answer),
        row("echo with TTL 255", VswA, echo().ttl(255), Answer),
        row(
            "echo with IP options",
            VswA,
            echo().options(&RECORD_ROUTE),
            Answer,
        ),
        row(
            "echo with as many IP options as there can be",
            VswA,
            echo().options(&full_options),
            Answer,
        ),
        row("echo of nothing", VswA, echo().payload(&[]), Answer),
        row(
            "echo of 1,472 bytes",
            VswA,
            echo().payload(&[7; 1472]),
            Answer,
        ),
        row(
            "echo with a wrong checksum stays wrong",
            VswA,
            echo().l4_check(Check::Wrong),
            Answer,
        ),
    ]
}
