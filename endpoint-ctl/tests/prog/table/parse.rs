//! Rows: headers that lie, are cut off, or are of a kind that is not carried.
//!
//! May import: packet, the table's own.

use super::Expect::{Answer, Drop, Pass, To};
use super::Step;
use crate::packet::{Check, SYN, ping, raw, tcp, udp};
use crate::world::Leg::{ProviderA, VswA};
use endpoint_common::abi::reason::DropReason::{
    Fragment, IcmpUnrelated, IcmpUnsupported, Malformed, MartianSource, ProtocolUnsupported,
    TcpNotSyn, Truncated,
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
    rows! {
        VswA: "cut within the IP header", web().keep(33) => Pass;
        VswA: "cut after the IP header", web().keep(34) => Drop(Truncated);
        VswA: "cut in the payload", web().keep(58) => Drop(Truncated);
        VswA: "total length one too long", web().total_length(46) => Drop(Truncated);
        VswA: "total length below the header's", web().total_length(19) => Drop(Malformed);
        VswA: "total length 0", web().total_length(0) => Drop(Malformed);
        VswA: "IP version 5", web().version(5) => Drop(Malformed);
        VswA: "IP version 6 under IPv4's ether type", web().version(6) => Drop(Malformed);
        VswA: "header of 4 words", web().header_words(4) => Drop(Malformed);
        VswA: "header longer than the packet", web().header_words(15) => Drop(Malformed);
        VswA: "the first fragment", web().fragment(0x2000) => To(ProviderA);
        VswA: "a later fragment", web().fragment(0x0010) => To(ProviderA);
        VswA: "a later fragment over the header", web().fragment(0x0001) => Drop(Fragment);
        VswA: "the reserved flag is no fragment", web().fragment(0x8000) => To(ProviderA);
        VswA: "GRE", raw(47, "10.0.1.10", "10.0.1.100") => Drop(ProtocolUnsupported);
        VswA: "SCTP", raw(132, "10.0.1.10", "10.0.1.100") => Drop(ProtocolUnsupported);
        VswA: "protocol 0", raw(0, "10.0.1.10", "10.0.1.100") => Drop(ProtocolUnsupported);
        ProviderA: "GRE to the NAT address", raw(47, "10.0.1.10", "10.0.1.200") => Drop(ProtocolUnsupported);
        VswA: "cut, to somebody else", elsewhere().keep(34) => Pass;
        VswA: "malformed, to somebody else", elsewhere().header_words(4) => Pass;
        VswA: "a fragment to somebody else", elsewhere().fragment(0x2000) => Pass;
    }
}

fn transport() -> Vec<Step> {
    let web = || tcp("10.0.1.10:50002", "10.0.1.100:80").syn();
    let stray = || tcp("10.0.1.10:50004", "10.0.1.100:80");
    let dns = || udp("10.0.1.10:50002", "10.0.1.100:53");
    let echo = || ping("10.0.1.10:2", "10.0.1.100");
    rows! {
        VswA: "TCP header of 4 words", web().offset(4) => Drop(Malformed);
        VswA: "TCP header longer than the segment", web().offset(7) => Drop(Malformed);
        VswA: "TCP header that is the whole segment", web().offset(6).payload(&[1; 4]) => To(ProviderA);
        VswA: "TCP cut by the total length", web().total_length(39) => Drop(Malformed);
        VswA: "TCP header cut with the frame", web().total_length(30).keep(44) => Drop(Truncated);
        VswA: "UDP length 7", dns().udp_length(7) => Drop(Malformed);
        VswA: "UDP length beyond the packet", dns().udp_length(14) => Drop(Malformed);
        VswA: "UDP length below the packet's", dns().udp_length(8).l4_check(Check::Zero) => To(ProviderA);
        VswA: "UDP header cut by the total length", dns().total_length(27) => Drop(Malformed);
        VswA: "UDP without payload", dns().payload(&[]) => To(ProviderA);
        VswA: "ICMP of 7 bytes", echo().total_length(27) => Drop(Malformed);
        VswA: "ICMP echo reply", echo().icmp((0, 0)) => Drop(IcmpUnsupported);
        VswA: "ICMP echo request with a code", echo().icmp((8, 1)) => Drop(IcmpUnsupported);
        VswA: "ICMP destination unreachable", echo().icmp((3, 1)) => Drop(IcmpUnrelated);
        ProviderA: "ICMP to the NAT address", ping("10.0.1.10", "10.0.1.200").icmp((3, 1)) => Drop(IcmpUnrelated);
        VswA: "SYN and ACK open nothing", stray().flags(SYN | 0x10) => Drop(TcpNotSyn);
        VswA: "SYN and FIN open nothing", stray().flags(SYN | 0x01) => Drop(TcpNotSyn);
        VswA: "SYN and RST open nothing", stray().flags(SYN | 0x04) => Drop(TcpNotSyn);
        VswA: "no flags open nothing", stray().flags(0) => Drop(TcpNotSyn);
        VswA: "an ACK out of nowhere", stray() => Drop(TcpNotSyn);
        VswA: "SYN with ECN, as hosts that offer it send", stray().flags(SYN | 0xc0) => To(ProviderA);
    }
}

fn sources() -> Vec<Step> {
    let from = |source: &str| tcp(source, "10.0.1.100:80").syn();
    rows! {
        VswA: "from 0.0.0.0", from("0.0.0.0:1") => Drop(MartianSource);
        VswA: "from 0.1.2.3", from("0.1.2.3:1") => Drop(MartianSource);
        VswA: "from loopback", from("127.0.0.1:1") => Drop(MartianSource);
        VswA: "from a multicast address", from("224.0.0.1:1") => Drop(MartianSource);
        VswA: "from a reserved address", from("240.0.0.1:1") => Drop(MartianSource);
        VswA: "from broadcast", from("255.255.255.255:1") => Drop(MartianSource);
        VswA: "from the ENI's own address", from("10.0.1.100:1") => Drop(MartianSource);
        VswA: "ping from loopback", ping("127.0.0.1:1", "10.0.1.100") => Drop(MartianSource);
        ProviderA: "loopback to the NAT address", tcp("127.0.0.1:1", "10.0.1.200:80") => Drop(MartianSource);
        VswA: "from loopback to somebody else", tcp("127.0.0.1:1", "10.0.1.1:80") => Pass;
    }
}

fn odd_but_right() -> Vec<Step> {
    let web = || tcp("10.0.1.10:50003", "10.0.1.100:80").syn();
    let echo = || ping("10.0.1.10:3", "10.0.1.100");
    let full_options = [1; 40];
    rows! {
        VswA: "IP options", web().options(&RECORD_ROUTE) => To(ProviderA);
        VswA: "as many IP options as there can be", web().options(&full_options) => To(ProviderA);
        VswA: "padding behind the packet", web().padding(20) => To(ProviderA);
        VswA: "no payload", web().payload(&[]) => To(ProviderA);
        VswA: "a payload of odd length", web().payload(&[0xab; 1301]) => To(ProviderA);
        VswA: "a wrong TCP checksum stays wrong", web().l4_check(Check::Wrong) => To(ProviderA);
        VswA: "a TCP checksum of 0 is wrong as well", web().l4_check(Check::Zero) => To(ProviderA);
        VswA: "a wrong header checksum stays wrong", web().ip_check(Check::Wrong) => To(ProviderA);
        VswA: "echo", echo() => Answer;
        VswA: "echo again", echo() => Answer;
        VswA: "echo with TTL 1", echo().ttl(1) => Answer;
        VswA: "echo with TTL 255", echo().ttl(255) => Answer;
        VswA: "echo with IP options", echo().options(&RECORD_ROUTE) => Answer;
        VswA: "echo with as many IP options as there can be", echo().options(&full_options) => Answer;
        VswA: "echo of nothing", echo().payload(&[]) => Answer;
        VswA: "echo of 1,472 bytes", echo().payload(&[7; 1472]) => Answer;
        VswA: "echo with a wrong checksum stays wrong", echo().l4_check(Check::Wrong) => Answer;
    }
}
