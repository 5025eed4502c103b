//! Rows: ICMP errors about packets that were sent, and fragments.
//!
//! May import: endpoint-common, packet, packet6, icmp_error, the table's own.

use super::Expect::{Drop, Pass, Quotes, To};
use super::{Step, about, about_briefly, answer, answer6, as_is};
use crate::packet::{ACK, SYN, ping, tcp, udp};
use crate::packet6::{tcp6, udp6};
use crate::world::Leg::{ProviderA, ProviderB, VswA};
use endpoint_common::abi::reason::DropReason::{Fragment, FragmentUnknown, IcmpUnrelated};

pub(super) fn steps() -> Vec<Step> {
    [errors(), errors6(), fragments()]
        .into_iter()
        .flatten()
        .collect()
}

fn errors() -> Vec<Step> {
    let web = || tcp("10.0.1.20:51000", "10.0.1.100:80");
    let dns = || udp("10.0.9.5:51001", "10.0.1.100:53");
    rows! {
        VswA: "TCP, to be too long", web().syn() => To(ProviderA);
        ProviderA: "it is too long for a router", about("TCP, to be too long") => Quotes(VswA, "TCP, to be too long");
        ProviderA: "of it only 8 bytes are quoted", about_briefly("TCP, to be too long") => Quotes(VswA, "TCP, to be too long");
        ProviderA: "its answer, to be too long", answer("TCP, to be too long", |p| p.flags(SYN | ACK)) => To(VswA);
        VswA: "the answer is too long for a router", about("its answer, to be too long") => Quotes(ProviderA, "its answer, to be too long");
        VswA: "UDP, to be too long", dns() => To(ProviderA);
        ProviderA: "the datagram is too long", about("UDP, to be too long") => Quotes(VswA, "UDP, to be too long");
        ProviderA: "of it only 8 bytes are quoted, UDP", about_briefly("UDP, to be too long") => Quotes(VswA, "UDP, to be too long");
        VswA: "an error about what was never sent there", about("UDP, to be too long") => Pass;
        ProviderB: "an error from another network", about("UDP, to be too long") => Pass;
        VswA: "UDP without checksum", dns().source_port(51002).l4_check(crate::packet::Check::Zero) => To(ProviderA);
        ProviderA: "it is too long as well", about("UDP without checksum") => Quotes(VswA, "UDP without checksum");
        ProviderA: "an error about an error", about("it is too long for a router") => Pass;
        ProviderA: "an error about no flow's packet", about("a stranger's packet") => Drop(IcmpUnrelated);
    }
}

fn errors6() -> Vec<Step> {
    let web = || tcp6("[2001:db8:0:1::20]:51000", "[2001:db8:0:1::100]:80", SYN);
    let dns = || udp6("[2001:db8:0:1::20]:51001", "[2001:db8:0:1::100]:53");
    rows! {
        VswA: "TCP over IPv6, to be too big", web() => To(ProviderA);
        ProviderA: "it is too big for a router", about("TCP over IPv6, to be too big") => Quotes(VswA, "TCP over IPv6, to be too big");
        ProviderA: "its answer, to be too big", answer6("TCP over IPv6, to be too big") => To(VswA);
        VswA: "the answer is too big for a router", about("its answer, to be too big") => Quotes(ProviderA, "its answer, to be too big");
        VswA: "UDP over IPv6, to be too big", dns() => To(ProviderA);
        ProviderA: "of it only 8 bytes are quoted, IPv6", about_briefly("UDP over IPv6, to be too big") => Quotes(VswA, "UDP over IPv6, to be too big");
        VswA: "a first fragment, to be too big", dns().extension(44, &[0, 0, 1, 0, 0, 0, 9]) => To(ProviderA);
        ProviderA: "the first fragment is too big", about("a first fragment, to be too big") => Quotes(VswA, "a first fragment, to be too big");
        VswA: "a later fragment, to be too big", dns().extension(44, &[0, 0, 0x21, 0, 0, 0, 9]) => To(ProviderA);
        ProviderA: "the later fragment is too big: it has no ports", about("a later fragment, to be too big") => Drop(IcmpUnrelated);
    }
}

fn fragments() -> Vec<Step> {
    let dns = || udp("10.0.9.6:51010", "10.0.1.100:53");
    let first = || dns().fragment(0x2000).payload(&[1; 24]);
    let later = || dns().fragment(0x2004);
    rows! {
        VswA: "a later fragment before the first", later() => Drop(FragmentUnknown);
        VswA: "the first one", first() => To(ProviderA);
        VswA: "a later fragment after it", later() => To(ProviderA);
        VswA: "the last one", dns().fragment(0x0008) => To(ProviderA);
        VswA: "another client's", udp("10.0.9.7:51010", "10.0.1.100:53").fragment(0x0008) => Drop(FragmentUnknown);
        ProviderA: "the first of its answer", answer("the first one", |p| p.fragment(0x2000).payload(&[2; 24])) => To(VswA);
        ProviderA: "a later one of its answer", answer("the first one", |p| p.fragment(0x0004)) => To(VswA);
        VswA: "TCP, over the header that rules look at", tcp("10.0.1.20:51011", "10.0.1.100:80").syn().fragment(0x0001) => Drop(Fragment);
        VswA: "TCP, over its end", tcp("10.0.1.20:51011", "10.0.1.100:80").syn().fragment(0x0002) => Drop(Fragment);
        VswA: "a long ping's first fragment", ping("10.0.9.20:70", "10.0.1.100").fragment(0x2000).payload(&[3; 32]) => super::Expect::Answer;
        VswA: "a long ping's last", ping("10.0.9.20:70", "10.0.1.100").fragment(0x0005) => super::Expect::Answer;
        VswA: "a fragment to nobody here", udp("10.0.9.5:51010", "10.0.1.1:53").fragment(0x0008) => Pass;
        ProviderA: "an answer to the first fragment", answer("a later fragment after it", as_is) => Drop(endpoint_common::abi::reason::DropReason::NoFlow);
    }
}
