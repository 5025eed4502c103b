//! Rows: the link layer and ARP.
//!
//! May import: packet, the table's own.

use super::Expect::{Answer, Drop, Pass, To};
use super::Step;
use crate::packet::{Arp, BROADCAST, ping, tcp, udp, who_has};
use crate::world::Leg::{Foreign, ProviderA, ProviderB, VswA, VswA2, VswB};
use endpoint_common::abi::reason::DropReason::NotUnicast;

pub(super) fn steps() -> Vec<Step> {
    let web = || tcp("10.0.1.10:50000", "10.0.1.100:80").syn();
    let other_host = [2, 0x77, 0, 0, 0, 1];
    let group = [0x01, 0, 0x5e, 0, 0, 1];
    let mut steps = rows! {
        Foreign: "an interface that is not bound", web() => Pass;
        VswA: "another host's frame", web().at_mac(other_host) => Pass;
        VswA: "one bit of the MAC off", web().at_mac([2, 0xee, 0, 0, 0, 3]) => Pass;
        VswA: "to the ENI by broadcast", web().at_mac(BROADCAST) => Drop(NotUnicast);
        VswA: "to the ENI by multicast", web().at_mac(group) => Drop(NotUnicast);
        VswA: "to others by broadcast", udp("10.0.1.10:68", "255.255.255.255:67").at_mac(BROADCAST) => Pass;
        VswA: "IPv6", web().ether_type(0x86dd) => Pass;
        VswA: "a VLAN tag", web().ether_type(0x8100) => Pass;
        VswA: "an LLDP frame", web().ether_type(0x88cc).at_mac(group) => Pass;
        VswA: "an 802.3 length", web().ether_type(0x0040) => Pass;
        VswA: "to the node itself", tcp("10.0.1.10:50000", "10.0.1.1:22").syn() => Pass;
        VswA: "to the node itself, ping", ping("10.0.1.10", "10.0.1.1") => Pass;
        VswA: "shortest frame the kernel takes", web().keep(14) => Pass;
        VswA: "a SYN to the ENI", web() => To(ProviderA);
    };
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
    rows! {
        VswA: "ARP for an ENI", who_has("10.0.1.100", "10.0.1.10") => Answer;
        VswA: "ARP for an ENI, as a switch pads it", padded => Answer;
        VswB: "ARP for the same address in the other VPC", who_has("10.0.1.100", "10.0.1.10") => Answer;
        VswA2: "ARP for an ENI of another vSwitch", who_has("10.0.1.100", "10.0.2.10") => Pass;
        ProviderA: "ARP for an ENI from the provider's side", who_has("10.0.1.100", "10.0.1.10") => Pass;
        ProviderA: "ARP for a NAT address", who_has("10.0.1.200", "10.0.1.10") => Answer;
        ProviderB: "ARP for a NAT address of the other provider", who_has("172.16.0.9", "172.16.0.10") => Answer;
        VswA: "ARP for a NAT address in a VPC", who_has("10.0.1.200", "10.0.1.10") => Pass;
        VswA: "ARP for an address of the node", who_has("10.0.1.1", "10.0.1.10") => Pass;
        VswA: "ARP for somebody else", who_has("10.0.1.11", "10.0.1.10") => Pass;
        VswA: "ARP, refreshed by unicast", who_has("10.0.1.100", "10.0.1.10").at_mac(VswA.mac()) => Answer;
        VswA: "ARP, by unicast to another host", who_has("10.0.1.100", "10.0.1.10").at_mac(Arp::SENDER) => Pass;
        VswA: "an ARP probe (RFC 5227)", probe => Answer;
        VswA: "an ARP reply", answer => Pass;
        VswA: "ARP, one byte short", cut => Pass;
        VswA: "ARP for another kind of link", for_ax25 => Pass;
        Foreign: "ARP on an interface that is not bound", who_has("10.0.1.100", "10.0.1.10") => Pass;
    }
}
