//! Rows: the link layer and ARP.
//!
//! May import: packet, the table's own.

use super::Expect::{Answer, Drop, Pass, To};
use super::{Step, row};
use crate::packet::{Arp, BROADCAST, ping, tcp, udp, who_has};
use crate::world::Leg::{Foreign, ProviderA, ProviderB, VswA, VswA2, VswB};
use endpoint_common::abi::reason::DropReason::NotUnicast;

pub(super) fn steps() -> Vec<Step> {
    let web = || tcp("10.0.1.10:50000", "10.0.1.100:80").syn();
    let other_host = [2, 0x77, 0, 0, 0, 1];
    let group = [0x01, 0, 0x5e, 0, 0, 1];
    let mut steps = vec![
        row("an interface that is not bound", Foreign, web(), Pass),
        row("another host's frame", VswA, web().to_mac(other_host), Pass),
        row(
            "one bit of the MAC off",
            VswA,
            web().to_mac([2, 0xee, 0, 0, 0, 3]),
            Pass,
        ),
        row(
            "to the ENI by broadcast",
            VswA,
            web().to_mac(BROADCAST),
            Drop(NotUnicast),
        ),
        row(
            "to the ENI by multicast",
            VswA,
            web().to_mac(group),
            Drop(NotUnicast),
        ),
        row(
            "to others by broadcast",
            VswA,
            udp("10.0.1.10:68", "255.255.255.255:67").to_mac(BROADCAST),
            Pass,
        ),
        row("IPv6", VswA, web().ether_type(0x86dd), Pass),
        row("a VLAN tag", VswA, web().ether_type(0x8100), Pass),
        row(
            "an LLDP frame",
            VswA,
            web().ether_type(0x88cc).to_mac(group),
            Pass,
        ),
        row("an 802.3 length", VswA, web().ether_type(0x0040), Pass),
        row(
            "to the node itself",
            VswA,
            tcp("10.0.1.10:50000", "10.0.1.1:22").syn(),
            Pass,
        ),
        row(
            "to the node itself, ping",
            VswA,
            ping("10.0.1.10", "10.0.1.1"),
            Pass,
        ),
        row(
            "shortest frame the kernel takes",
            VswA,
            web().keep(14),
            Pass,
        ),
        row("a SYN to the ENI", VswA, web(), To(ProviderA)),
    ];
    steps.extend(arp());
    steps
}

fn arp() -> Vec<Step> {
    let mut cut = who_has("10.0.1.100", "10.0.1.10").bytes();
    cut.truncate(41);
    let mut for_ax25 = who_has("10.0.1.100", "10.0.1.10").bytes();
    for_ax25[15] = 3;
    let mut padded = who_has("10.0.1.100", "10.0.1.11").bytes();
    padded.resize(60, 0);
    let answer = who_has("10.0.1.100", "10.0.1.10").operation(2);
    let probe = who_has("10.0.1.100", "0.0.0.0");
    vec![
        row(
            "ARP for an ENI",
            VswA,
            who_has("10.0.1.100", "10.0.1.10"),
            Answer,
        ),
        row("ARP for an ENI, as a switch pads it", VswA, padded, Answer),
        row(
            "ARP for the same address in the other VPC",
            VswB,
            who_has("10.0.1.100", "10.0.1.10"),
            Answer,
        ),
        row(
            "ARP for an ENI of another vSwitch",
            VswA2,
            who_has("10.0.1.100", "10.0.2.10"),
            Pass,
        ),
        row(
            "ARP for an ENI from the provider's side",
            ProviderA,
            who_has("10.0.1.100", "10.0.1.10"),
            Pass,
        ),
        row(
            "ARP for a NAT address",
            ProviderA,
            who_has("10.0.1.200", "10.0.1.10"),
            Answer,
        ),
        row(
            "ARP for a NAT address of the other provider",
            ProviderB,
            who_has("172.16.0.9", "172.16.0.10"),
            Answer,
        ),
        row(
            "ARP for a NAT address in a VPC",
            VswA,
            who_has("10.0.1.200", "10.0.1.10"),
            Pass,
        ),
        row(
            "ARP for an address of the node",
            VswA,
            who_has("10.0.1.1", "10.0.1.10"),
            Pass,
        ),
        row(
            "ARP for somebody else",
            VswA,
            who_has("10.0.1.11", "10.0.1.10"),
            Pass,
        ),
        row(
            "ARP, refreshed by unicast",
            VswA,
            who_has("10.0.1.100", "10.0.1.10").to_mac(VswA.mac()),
            Answer,
        ),
        row(
            "ARP, by unicast to another host",
            VswA,
            who_has("10.0.1.100", "10.0.1.10").to_mac(Arp::SENDER),
            Pass,
        ),
        row("an ARP probe (RFC 5227)", VswA, probe, Answer),
        row("an ARP reply", VswA, answer, Pass),
        row("ARP, one byte short", VswA, cut, Pass),
        row("ARP for another kind of link", VswA, for_ax25, Pass),
        row(
            "ARP on an interface that is not bound",
            Foreign,
            who_has("10.0.1.100", "10.0.1.10"),
            Pass,
        ),
    ]
}
