//! Rows: network ACLs and security groups, in both directions.
//!
//! May import: packet, the table's own.

use super::Expect::{Answer, Drop, DropBy, To};
use super::{Step, answer, as_is, row};
use crate::packet::{BROADCAST, ping, tcp, udp};
use crate::world::Leg::{ProviderA, ProviderB, VswA, VswA2, VswB};
use endpoint_common::abi::reason::DropReason::{
    AclEgress, AclIngress, GroupEgress, GroupIngress, NoListener, NotUnicast,
};

pub(super) fn steps() -> Vec<Step> {
    [
        acl_in(),
        acl_out(),
        group_in(),
        group_out(),
        merged_groups(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn acl_in() -> Vec<Step> {
    let routed = |port: u16| tcp("10.0.9.5:50010", &format!("10.0.1.100:{port}")).syn();
    vec![
        row(
            "ACL: first match drops",
            VswA,
            routed(81),
            DropBy(AclIngress, "in-drop-81"),
        ),
        row(
            "ACL: the next entry accepts",
            VswA,
            routed(80),
            To(ProviderA),
        ),
        row(
            "ACL: no entry matches",
            VswA,
            tcp("10.0.8.5:50010", "10.0.1.100:80").syn(),
            DropBy(AclIngress, "default-nacl-ingress"),
        ),
        row(
            "ACL: before the security groups",
            VswA,
            tcp("192.168.0.1:50010", "10.0.1.100:22").syn(),
            DropBy(AclIngress, "default-nacl-ingress"),
        ),
        row(
            "ACL: not inside the vSwitch",
            VswA,
            tcp("10.0.1.10:50010", "10.0.1.100:81").syn(),
            To(ProviderA),
        ),
        row(
            "ACL: an empty one denies",
            VswB,
            tcp("10.0.9.5:50010", "10.0.1.100:80").syn(),
            DropBy(AclIngress, "default-nacl-ingress"),
        ),
        row(
            "ACL: an empty one, inside the vSwitch",
            VswB,
            tcp("10.0.1.10:50010", "10.0.1.100:80").syn(),
            To(ProviderA),
        ),
        row(
            "ACL: a vSwitch without one",
            VswA2,
            tcp("10.0.8.5:50010", "10.0.2.100:80").syn(),
            To(ProviderA),
        ),
        row(
            "ACL: ping",
            VswA,
            ping("10.0.8.5:1", "10.0.1.100"),
            DropBy(AclIngress, "default-nacl-ingress"),
        ),
        row(
            "ACL: faults are told first",
            VswA,
            routed(81).to_mac(BROADCAST),
            Drop(NotUnicast),
        ),
    ]
}

fn acl_out() -> Vec<Step> {
    let routed = |port: u16| tcp(&format!("10.0.9.5:{port}"), "10.0.1.100:80").syn();
    vec![
        row(
            "ACL out: the request of a low port",
            VswA,
            routed(1500),
            To(ProviderA),
        ),
        answer(
            "ACL out: its reply is dropped",
            ProviderA,
            "ACL out: the request of a low port",
            as_is,
            DropBy(AclEgress, "out-drop-low"),
        ),
        row(
            "ACL out: the request lives on",
            VswA,
            routed(1500),
            To(ProviderA),
        ),
        row(
            "ACL out: the request of a port above",
            VswA,
            routed(2000),
            To(ProviderA),
        ),
        answer(
            "ACL out: its reply leaves",
            ProviderA,
            "ACL out: the request of a port above",
            as_is,
            To(VswA),
        ),
        row(
            "ACL out: ping, whose answer is dropped",
            VswA,
            ping("10.0.9.7:1", "10.0.1.100"),
            DropBy(AclEgress, "out-drop-ping"),
        ),
        row(
            "ACL out: ping by the neighbour",
            VswA,
            ping("10.0.9.8:1", "10.0.1.100"),
            Answer,
        ),
        answer(
            "ACL out: not inside the vSwitch",
            ProviderA,
            "ACL: an empty one, inside the vSwitch",
            as_is,
            To(VswB),
        ),
    ]
}

fn group_in() -> Vec<Step> {
    let to = |port: u16| tcp("10.0.1.10:50011", &format!("10.0.1.100:{port}")).syn();
    vec![
        row(
            "group: no rule for port 79",
            VswA,
            to(79),
            DropBy(GroupIngress, "default-ingress"),
        ),
        row(
            "group: port 80 begins the range",
            VswA,
            to(80),
            To(ProviderA),
        ),
        row(
            "group: port 98, but no listener",
            VswA,
            to(98),
            Drop(NoListener),
        ),
        row(
            "group: a tie is won by drop",
            VswA,
            to(99),
            DropBy(GroupIngress, "a-tie"),
        ),
        row(
            "group: a tie, elsewhere",
            VswA2,
            tcp("10.0.2.10:50011", "10.0.2.100:99").syn(),
            Drop(NoListener),
        ),
        row(
            "group: port 100 is behind the range",
            VswA,
            to(100),
            DropBy(GroupIngress, "default-ingress"),
        ),
        row(
            "group: UDP is not TCP",
            VswA,
            udp("10.0.1.10:50011", "10.0.1.100:80"),
            DropBy(GroupIngress, "default-ingress"),
        ),
        row(
            "group: priority 1 before 10",
            VswA,
            tcp("10.0.1.66:50011", "10.0.1.100:80").syn(),
            DropBy(GroupIngress, "a-bad-host"),
        ),
        row(
            "group: priority 1, neighbour below",
            VswA,
            tcp("10.0.1.65:50011", "10.0.1.100:80").syn(),
            To(ProviderA),
        ),
        row(
            "group: priority 1, neighbour above",
            VswA,
            tcp("10.0.1.67:50011", "10.0.1.100:80").syn(),
            To(ProviderA),
        ),
        row(
            "group: ping by the bad host",
            VswA,
            ping("10.0.1.66:1", "10.0.1.100"),
            DropBy(GroupIngress, "a-bad-host"),
        ),
        row(
            "group: outside the rules' network",
            VswA2,
            tcp("10.1.0.1:50011", "10.0.2.100:80").syn(),
            DropBy(GroupIngress, "default-ingress"),
        ),
        row(
            "group: the other VPC has others",
            VswB,
            ping("10.0.1.66:1", "10.0.1.100"),
            Answer,
        ),
    ]
}

fn group_out() -> Vec<Step> {
    let to = |port: u16| tcp("10.0.1.10:50012", &format!("10.0.1.100:{port}")).syn();
    vec![
        row(
            "group out: drop at priority 1 beats the managed accept",
            VswA,
            to(82),
            DropBy(GroupEgress, "a-out-1"),
        ),
        row(
            "group out: drop at priority 2 does not",
            VswA,
            to(83),
            To(ProviderA),
        ),
        row(
            "group out: enterprise, the managed accept",
            VswB,
            tcp("10.0.1.10:50012", "10.0.1.100:82").syn(),
            To(ProviderA),
        ),
    ]
}

fn merged_groups() -> Vec<Step> {
    let to = |port: u16| udp("10.0.1.10:50013", &format!("10.0.1.101:{port}"));
    vec![
        row("merged: by the second group", VswA, to(443), To(ProviderB)),
        row(
            "merged: by the first group",
            VswA,
            tcp("10.0.1.10:50013", "10.0.1.101:443").syn(),
            To(ProviderB),
        ),
        row(
            "merged: the first group's drop",
            VswA,
            udp("10.0.1.66:50013", "10.0.1.101:443"),
            DropBy(GroupIngress, "a-bad-host"),
        ),
        row(
            "merged: neither",
            VswA,
            to(444),
            DropBy(GroupIngress, "default-ingress"),
        ),
    ]
}
