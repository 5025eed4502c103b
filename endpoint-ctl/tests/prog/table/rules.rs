//! Rows: network ACLs and security groups, in both directions.
//!
//! May import: packet, the table's own.

use super::Expect::{Answer, Drop, DropBy, To};
use super::{Step, answer, as_is};
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
    rows! {
        VswA: "ACL: first match drops", routed(81) => DropBy(AclIngress, "in-drop-81");
        VswA: "ACL: the next entry accepts", routed(80) => To(ProviderA);
        VswA: "ACL: no entry matches", tcp("10.0.8.5:50010", "10.0.1.100:80").syn() => DropBy(AclIngress, "default-nacl-ingress");
        VswA: "ACL: before the security groups", tcp("192.168.0.1:50010", "10.0.1.100:22").syn() => DropBy(AclIngress, "default-nacl-ingress");
        VswA: "ACL: not inside the vSwitch", tcp("10.0.1.10:50010", "10.0.1.100:81").syn() => To(ProviderA);
        VswB: "ACL: an empty one denies", tcp("10.0.9.5:50010", "10.0.1.100:80").syn() => DropBy(AclIngress, "default-nacl-ingress");
        VswB: "ACL: an empty one, inside the vSwitch", tcp("10.0.1.10:50010", "10.0.1.100:80").syn() => To(ProviderA);
        VswA2: "ACL: a vSwitch without one", tcp("10.0.8.5:50010", "10.0.2.100:80").syn() => To(ProviderA);
        VswA: "ACL: ping", ping("10.0.8.5:1", "10.0.1.100") => DropBy(AclIngress, "default-nacl-ingress");
        VswA: "ACL: faults are told first", routed(81).at_mac(BROADCAST) => Drop(NotUnicast);
    }
}

fn acl_out() -> Vec<Step> {
    let routed = |port: u16| tcp(&format!("10.0.9.5:{port}"), "10.0.1.100:80").syn();
    rows! {
        VswA: "ACL out: the request of a low port", routed(1500) => To(ProviderA);
        ProviderA: "ACL out: its reply is dropped", answer("ACL out: the request of a low port", as_is) => DropBy(AclEgress, "out-drop-low");
        VswA: "ACL out: the request lives on", routed(1500) => To(ProviderA);
        VswA: "ACL out: the request of a port above", routed(2000) => To(ProviderA);
        ProviderA: "ACL out: its reply leaves", answer("ACL out: the request of a port above", as_is) => To(VswA);
        VswA: "ACL out: ping, whose answer is dropped", ping("10.0.9.7:1", "10.0.1.100") => DropBy(AclEgress, "out-drop-ping");
        VswA: "ACL out: ping by the neighbour", ping("10.0.9.8:1", "10.0.1.100") => Answer;
        ProviderA: "ACL out: not inside the vSwitch", answer("ACL: an empty one, inside the vSwitch", as_is) => To(VswB);
    }
}

fn group_in() -> Vec<Step> {
    let to = |port: u16| tcp("10.0.1.10:50011", &format!("10.0.1.100:{port}")).syn();
    rows! {
        VswA: "group: no rule for port 79", to(79) => DropBy(GroupIngress, "default-ingress");
        VswA: "group: port 80 begins the range", to(80) => To(ProviderA);
        VswA: "group: port 98, but no listener", to(98) => Drop(NoListener);
        VswA: "group: a tie is won by drop", to(99) => DropBy(GroupIngress, "a-tie");
        VswA2: "group: a tie, elsewhere", tcp("10.0.2.10:50011", "10.0.2.100:99").syn() => Drop(NoListener);
        VswA: "group: port 100 is behind the range", to(100) => DropBy(GroupIngress, "default-ingress");
        VswA: "group: UDP is not TCP", udp("10.0.1.10:50011", "10.0.1.100:80") => DropBy(GroupIngress, "default-ingress");
        VswA: "group: priority 1 before 10", tcp("10.0.1.66:50011", "10.0.1.100:80").syn() => DropBy(GroupIngress, "a-bad-host");
        VswA: "group: priority 1, neighbour below", tcp("10.0.1.65:50011", "10.0.1.100:80").syn() => To(ProviderA);
        VswA: "group: priority 1, neighbour above", tcp("10.0.1.67:50011", "10.0.1.100:80").syn() => To(ProviderA);
        VswA: "group: ping by the bad host", ping("10.0.1.66:1", "10.0.1.100") => DropBy(GroupIngress, "a-bad-host");
        VswA2: "group: outside the rules' network", tcp("10.1.0.1:50011", "10.0.2.100:80").syn() => DropBy(GroupIngress, "default-ingress");
        VswB: "group: the other VPC has others", ping("10.0.1.66:1", "10.0.1.100") => Answer;
    }
}

fn group_out() -> Vec<Step> {
    let to = |port: u16| tcp("10.0.1.10:50012", &format!("10.0.1.100:{port}")).syn();
    rows! {
        VswA: "group out: drop at priority 1 beats the managed accept", to(82) => DropBy(GroupEgress, "a-out-1");
        VswA: "group out: drop at priority 2 does not", to(83) => To(ProviderA);
        VswB: "group out: enterprise, the managed accept", tcp("10.0.1.10:50012", "10.0.1.100:82").syn() => To(ProviderA);
    }
}

fn merged_groups() -> Vec<Step> {
    let to = |port: u16| udp("10.0.1.10:50013", &format!("10.0.1.101:{port}"));
    rows! {
        VswA: "merged: by the second group", to(443) => To(ProviderB);
        VswA: "merged: by the first group", tcp("10.0.1.10:50013", "10.0.1.101:443").syn() => To(ProviderB);
        VswA: "merged: the first group's drop", udp("10.0.1.66:50013", "10.0.1.101:443") => DropBy(GroupIngress, "a-bad-host");
        VswA: "merged: neither", to(444) => DropBy(GroupIngress, "default-ingress");
    }
}
