//! Rows: listeners, backends, NAT and next hops.
//!
//! May import: endpoint-common, packet, the table's own.

use super::Expect::{Back, Drop, To, ToAs};
use super::{Step, row};
use crate::packet::{Check, ping, tcp, udp};
use crate::world::Leg::{ProviderA, ProviderB, VswA, VswA2, VswB};
use crate::world::{World, backend_mac};
use endpoint_common::abi::reason::DropReason::{
    MartianSource, NatExhausted, NextHopUnresolved, NoBackend, NoFlow, NoListener, TableMissing,
    TtlExpired,
};
use endpoint_common::abi::service::KIND_ENI;

pub(super) fn steps() -> Vec<Step> {
    [listeners(), forwarding(), nat_side(), broken_tables()]
        .into_iter()
        .flatten()
        .collect()
}

fn listeners() -> Vec<Step> {
    let to = |port: u16| tcp("10.0.1.10:50020", &format!("10.0.1.100:{port}")).syn();
    vec![
        row("no listener", VswA, to(90), Drop(NoListener)),
        row(
            "no listener, not even for an ACK",
            VswA,
            to(91).flags(0x10),
            Drop(NoListener),
        ),
        row("a listener without servers", VswA, to(84), Drop(NoBackend)),
        row(
            "a listener whose only server has weight 0",
            VswA,
            to(85),
            Drop(NoBackend),
        ),
        row(
            "the same address of the other VPC, the same service",
            VswB,
            to(80),
            To(ProviderA),
        ),
        row(
            "an ENI of another zone",
            VswA2,
            tcp("10.0.2.10:50020", "10.0.2.100:80").syn(),
            To(ProviderA),
        ),
        row(
            "an ENI of another service",
            VswA,
            tcp("10.0.1.10:50020", "10.0.1.101:443").syn(),
            To(ProviderB),
        ),
    ]
}

fn forwarding() -> Vec<Step> {
    let web = || tcp("10.0.1.10:50021", "10.0.1.100:81").syn();
    let dns = || udp("10.0.1.10:50021", "10.0.1.100:53");
    vec![
        row(
            "addresses, ports, TTL and MACs",
            VswA,
            web().ttl(64),
            ToAs(ProviderA, |out| {
                out.destination.to_string() == "10.0.1.10:8080"
                    && (200..=202).contains(&out.source.ip().octets()[3])
                    && out.source.port() >= 1024
                    && out.ttl == 63
                    && out.to == backend_mac([10, 0, 1, 10].into())
                    && out.from == ProviderA.mac()
            }),
        ),
        row(
            "TTL 2 may travel on",
            VswA,
            web().ttl(2),
            ToAs(ProviderA, |out| out.ttl == 1),
        ),
        row("TTL 1 may not", VswA, web().ttl(1), Drop(TtlExpired)),
        row("TTL 0 may not", VswA, web().ttl(0), Drop(TtlExpired)),
        row(
            "TTL 1 opens a flow all the same",
            VswA,
            web().source_port(50022).ttl(1),
            Drop(TtlExpired),
        ),
        row(
            "TTL 255",
            VswA,
            web().ttl(255),
            ToAs(ProviderA, |out| out.ttl == 254),
        ),
        row(
            "a hop that is not resolved",
            VswA,
            tcp("10.0.1.10:50021", "10.0.1.100:83").syn(),
            To(ProviderA),
        ),
        Step::Change(|world| {
            let row = world.hop_to("pnet-a", "10.0.1.14");
            world.change_hop(row, |hop| hop.flags = 0);
        }),
        row(
            "the hop is lost",
            VswA,
            tcp("10.0.1.10:50021", "10.0.1.100:83").syn(),
            Drop(NextHopUnresolved),
        ),
        row(
            "the hop is lost, a new flow",
            VswA,
            tcp("10.0.1.10:50022", "10.0.1.100:83").syn(),
            Drop(NextHopUnresolved),
        ),
        Step::Change(|world| {
            let row = world.hop_to("pnet-a", "10.0.1.14");
            world.change_hop(row, |hop| hop.flags = 1);
        }),
        row(
            "the hop is found again",
            VswA,
            tcp("10.0.1.10:50022", "10.0.1.100:83").syn(),
            To(ProviderA),
        ),
        Step::Change(|world| {
            let row = world.hop_to("pnet-a", "10.0.1.31");
            world.change_hop(row, |hop| hop.ifindex = crate::twins::ARRIVAL);
        }),
        row(
            "one-armed: out by where it came from",
            VswA,
            tcp("10.0.1.10:50021", "10.0.1.100:87").syn(),
            Back,
        ),
        row("UDP with a checksum", VswA, dns(), To(ProviderA)),
        row(
            "UDP without one keeps none",
            VswA,
            dns().l4_check(Check::Zero),
            To(ProviderA),
        ),
        row(
            "UDP with a wrong checksum keeps it wrong",
            VswA,
            dns().l4_check(Check::Wrong),
            To(ProviderA),
        ),
    ]
}

/// What reaches a NAT address and answers nothing.
fn nat_side() -> Vec<Step> {
    vec![
        row(
            "a SYN to the NAT address",
            ProviderA,
            tcp("10.0.1.10:8080", "10.0.1.200:5000").syn(),
            Drop(NoFlow),
        ),
        row(
            "UDP to the NAT address",
            ProviderA,
            udp("10.0.1.20:53", "10.0.1.201:5000"),
            Drop(NoFlow),
        ),
        row(
            "ping to the NAT address",
            ProviderA,
            ping("10.0.1.20:1", "10.0.1.201"),
            Drop(NoFlow),
        ),
        row(
            "from the NAT address to itself",
            ProviderA,
            udp("10.0.1.201:53", "10.0.1.201:5000"),
            Drop(MartianSource),
        ),
        row(
            "to the ENI from the provider's side",
            ProviderA,
            tcp("10.0.1.10:8080", "10.0.1.100:80").syn(),
            super::Expect::Pass,
        ),
        row(
            "to the NAT address from a VPC",
            VswA,
            tcp("10.0.1.10:8080", "10.0.1.200:80").syn(),
            super::Expect::Pass,
        ),
    ]
}

/// Tables that the compiler does not make.
fn broken_tables() -> Vec<Step> {
    let to = |port: u16| tcp(&format!("10.0.1.10:{port}"), "10.0.1.100:80").syn();
    vec![
        Step::Change(|world| {
            world.tamper(|tables| {
                for listener in tables.listeners.values_mut() {
                    listener.nat_count = 0;
                }
            })
        }),
        row("no NAT address at all", VswA, to(50030), Drop(NatExhausted)),
        Step::Change(|world| {
            world.tamper(|tables| {
                for address in tables
                    .addresses
                    .values_mut()
                    .filter(|row| row.kind == KIND_ENI)
                {
                    address.group_in = 0;
                }
            })
        }),
        row(
            "no security group at all",
            VswA,
            to(50031),
            Drop(TableMissing),
        ),
        row(
            "no security group at all, of a known flow",
            VswA,
            to(50020),
            Drop(TableMissing),
        ),
        Step::Change(|world: &mut World| world.change(|_| {})),
        row("tables are whole again", VswA, to(50020), To(ProviderA)),
    ]
}
