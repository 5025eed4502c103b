//! Rows: the same ENI by IPv6: neighbor discovery, echo, TCP and UDP both ways, extension headers.
//!
//! May import: packet, packet6, the table's own.

use super::Expect::{Answer, Drop, DropBy, Pass, To};
use super::{Step, answer6};
use crate::packet::{ACK, SYN};
use crate::packet6::{ping6, solicit, tcp6, udp6};
use crate::world::Leg::{ProviderA, VswA, VswA2};
use endpoint_common::abi::reason::DropReason::{
    AclIngress, ExtensionHeaders, Fragment, FragmentUnknown, IcmpUnsupported, Malformed,
    MartianSource, NoFlow, NoListener, ProtocolUnsupported, TcpNotSyn, Truncated, TtlExpired,
};

const ENI: &str = "2001:db8:0:1::100";
const PADN: [u8; 7] = [0, 1, 4, 0, 0, 0, 0];

pub(super) fn steps() -> Vec<Step> {
    [discovery(), traffic(), headers()]
        .into_iter()
        .flatten()
        .collect()
}

fn discovery() -> Vec<Step> {
    rows! {
        VswA: "NDP for the ENI", solicit("2001:db8:0:1::10", ENI) => Answer;
        VswA: "NDP from a link-local address", solicit("fe80::10", ENI) => Answer;
        ProviderA: "NDP for a NAT address", solicit("2001:db8:1::1", "2001:db8:1::200") => Answer;
        VswA: "NDP for somebody else", solicit("2001:db8:0:1::10", "2001:db8:0:1::1") => Pass;
        VswA: "NDP for an IPv4 address in disguise", solicit("2001:db8:0:1::10", "::ffff:10.0.1.100") => Pass;
        VswA2: "NDP for the ENI on another network", solicit("2001:db8:0:1::10", ENI) => Pass;
        VswA: "NDP that a router passed on", solicit("2001:db8:0:1::10", ENI).hop_limit(254) => Pass;
        VswA: "NDP that looks for duplicates", solicit("::", ENI) => Pass;
        VswA: "NDP without an option", solicit("2001:db8:0:1::10", ENI).keep(78) => Pass;
    }
}

fn traffic() -> Vec<Step> {
    let web = |port: u16| format!("[2001:db8:0:1::10]:{port}");
    let eni = |port: u16| format!("[{ENI}]:{port}");
    let stranger = "[2001:db8:9::1]:6000";
    rows! {
        VswA: "IPv6 echo", ping6("2001:db8:0:1::10", ENI, 7) => Answer;
        VswA: "IPv6 echo again", ping6("2001:db8:0:1::10", ENI, 7) => Answer;
        VswA: "IPv6 SYN", tcp6(&web(6000), &eni(80), SYN) => To(ProviderA);
        ProviderA: "IPv6 SYN, back", answer6("IPv6 SYN") => To(VswA);
        VswA: "IPv6 ACK", tcp6(&web(6000), &eni(80), ACK) => To(ProviderA);
        ProviderA: "IPv6 ACK, back", answer6("IPv6 ACK") => To(VswA);
        VswA: "IPv6 at the last hop", tcp6(&web(6000), &eni(80), ACK).hop_limit(1) => Drop(TtlExpired);
        VswA: "IPv6 UDP", udp6(&web(6000), &eni(53)) => To(ProviderA);
        ProviderA: "IPv6 UDP, back", answer6("IPv6 UDP") => To(VswA);
        VswA: "IPv6 to no listener", tcp6(&web(6000), &eni(90), SYN) => Drop(NoListener);
        VswA: "IPv6 out of nowhere", tcp6(&web(6001), &eni(80), ACK) => Drop(TcpNotSyn);
        VswA: "IPv6 that no rule admits", tcp6(stranger, &eni(80), SYN) => DropBy(AclIngress, "default-nacl-ingress");
        VswA: "IPv6 that only an IPv4 rule would admit", tcp6("[0a00:010a::1]:6000", &eni(80), SYN) => DropBy(AclIngress, "default-nacl-ingress");
        VswA: "IPv6 to the ENI's IPv4 address", tcp6("[0a00:010a::1]:6000", "[::ffff:10.0.1.100]:80", SYN) => Pass;
        VswA: "IPv6 from an IPv4 address", tcp6("[::ffff:10.0.1.10]:6000", &eni(80), SYN) => Drop(MartianSource);
        VswA: "IPv6 from loopback", tcp6("[::1]:6000", &eni(80), SYN) => Drop(MartianSource);
        VswA: "IPv6 from a group", tcp6("[ff02::1]:6000", &eni(80), SYN) => Drop(MartianSource);
        VswA: "IPv6 to somebody else", tcp6(&web(6000), "[2001:db8:0:1::1]:80", SYN) => Pass;
        ProviderA: "IPv6 to a NAT address, unasked", tcp6("[2001:db8:1::10]:80", "[2001:db8:1::200]:7777", SYN) => Drop(NoFlow);
    }
}

fn headers() -> Vec<Step> {
    let syn = || tcp6("[2001:db8:0:1::10]:6100", &format!("[{ENI}]:80"), SYN);
    let mut many = syn();
    for _ in 0..5 {
        many = many.extension(60, &PADN);
    }
    rows! {
        VswA: "IPv6 cut within the header", syn().keep(53) => Pass;
        VswA: "IPv6 cut after the header", syn().keep(54) => Drop(Truncated);
        VswA: "hop-by-hop options", syn().extension(0, &PADN) => To(ProviderA);
        VswA: "two extension headers", syn().extension(0, &PADN).extension(60, &PADN) => To(ProviderA);
        VswA: "more extension headers than are looked through", many => Drop(ExtensionHeaders);
        VswA: "a routing header that is done", syn().extension(43, &[0, 4, 0, 0, 0, 0, 0]) => To(ProviderA);
        VswA: "a routing header that goes on", syn().extension(43, &[0, 4, 1, 0, 0, 0, 0]) => Drop(ExtensionHeaders);
        VswA: "an IPv6 fragment over the header that rules look at", syn().extension(44, &[0, 0, 8, 0, 0, 0, 1]) => Drop(Fragment);
        VswA: "a later IPv6 fragment before the first", syn().extension(44, &[0, 0, 0x20, 0, 0, 0, 1]) => Drop(FragmentUnknown);
        VswA: "the first IPv6 fragment", syn().extension(44, &[0, 0, 1, 0, 0, 0, 1]) => To(ProviderA);
        VswA: "a later IPv6 fragment", syn().extension(44, &[0, 0, 0x20, 0, 0, 0, 1]) => To(ProviderA);
        VswA: "a fragment that is the whole packet", syn().extension(44, &[0, 0, 0, 0, 0, 0, 1]) => To(ProviderA);
        VswA: "an extension header longer than the packet", syn().extension(60, &[200, 1, 4, 0, 0, 0, 0]) => Drop(Malformed);
        VswA: "nothing behind an extension header", syn().extension(0, &PADN).extension(59, &PADN) => Drop(ProtocolUnsupported);
        VswA: "ICMP for IPv4 in IPv6", syn().extension(0, &PADN).extension(1, &PADN) => Drop(ProtocolUnsupported);
        VswA: "an ICMPv6 error", ping6("2001:db8:0:1::10", ENI, 7).extension(58, &[0, 0, 0, 0, 0, 0, 0]) => Drop(IcmpUnsupported);
    }
}
