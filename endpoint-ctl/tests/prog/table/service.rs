//! Rows: listeners, backends, NAT and next hops.
//!
//! May import: endpoint-common, packet, the table's own.

use super::Expect::{Back, Drop, Pass, To, ToAs};
use super::Step;
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
    rows! {
        VswA: "no listener", to(90) => Drop(NoListener);
        VswA: "no listener, not even for an ACK", to(91).flags(0x10) => Drop(NoListener);
        VswA: "a listener without servers", to(84) => Drop(NoBackend);
        VswA: "a listener whose only server has weight 0", to(85) => Drop(NoBackend);
        VswB: "the same address of the other VPC, the same service", to(80) => To(ProviderA);
        VswA2: "an ENI of another zone", tcp("10.0.2.10:50020", "10.0.2.100:80").syn() => To(ProviderA);
        VswA: "an ENI of another service", tcp("10.0.1.10:50020", "10.0.1.101:443").syn() => To(ProviderB);
    }
}

fn forwarding() -> Vec<Step> {
    let web = || tcp("10.0.1.10:50021", "10.0.1.100:81").syn();
    let dns = || udp("10.0.1.10:50021", "10.0.1.100:53");
    rows! {
        VswA: "addresses, ports, TTL and MACs", web().ttl(64) => ToAs(ProviderA, |out| {
            out.destination.to_string() == "10.0.1.10:8080"
                && (200..=202).contains(&out.source.ip().octets()[3])
                && out.source.port() >= 1024
                && out.ttl == 63
                && out.to == backend_mac([10, 0, 1, 10].into())
                && out.from == ProviderA.mac()
        });
        VswA: "TTL 2 may travel on", web().ttl(2) => ToAs(ProviderA, |out| out.ttl == 1);
        VswA: "TTL 1 may not", web().ttl(1) => Drop(TtlExpired);
        VswA: "TTL 0 may not", web().ttl(0) => Drop(TtlExpired);
        VswA: "TTL 1 opens a flow all the same", web().source_port(50022).ttl(1) => Drop(TtlExpired);
        VswA: "TTL 255", web().ttl(255) => ToAs(ProviderA, |out| out.ttl == 254);
        VswA: "a hop that is not resolved", tcp("10.0.1.10:50021", "10.0.1.100:83").syn() => To(ProviderA);
        then Step::Change(|world| {
            let row = world.hop_to("pnet-a", "10.0.1.14");
            world.change_hop(row, |hop| hop.flags = 0);
        });
        VswA: "the hop is lost", tcp("10.0.1.10:50021", "10.0.1.100:83").syn() => Drop(NextHopUnresolved);
        VswA: "the hop is lost, a new flow", tcp("10.0.1.10:50022", "10.0.1.100:83").syn() => Drop(NextHopUnresolved);
        then Step::Change(|world| {
            let row = world.hop_to("pnet-a", "10.0.1.14");
            world.change_hop(row, |hop| hop.flags = 1);
        });
        VswA: "the hop is found again", tcp("10.0.1.10:50022", "10.0.1.100:83").syn() => To(ProviderA);
        then Step::Change(|world| {
            let row = world.hop_to("pnet-a", "10.0.1.31");
            world.change_hop(row, |hop| {
                hop.ifindex = crate::twins::ARRIVAL;
                hop.trunk = 0;
            });
        });
        VswA: "one-armed: out by where it came from", tcp("10.0.1.10:50021", "10.0.1.100:87").syn() => Back;
        VswA: "UDP with a checksum", dns() => To(ProviderA);
        VswA: "UDP without one keeps none", dns().l4_check(Check::Zero) => To(ProviderA);
        VswA: "UDP with a wrong checksum keeps it wrong", dns().l4_check(Check::Wrong) => To(ProviderA);
    }
}

/// What reaches a NAT address and answers nothing.
fn nat_side() -> Vec<Step> {
    rows! {
        ProviderA: "a SYN to the NAT address", tcp("10.0.1.10:8080", "10.0.1.200:5000").syn() => Drop(NoFlow);
        ProviderA: "UDP to the NAT address", udp("10.0.1.20:53", "10.0.1.201:5000") => Drop(NoFlow);
        ProviderA: "ping to the NAT address", ping("10.0.1.20:1", "10.0.1.201") => Drop(NoFlow);
        ProviderA: "from the NAT address to itself", udp("10.0.1.201:53", "10.0.1.201:5000") => Drop(MartianSource);
        ProviderA: "to the ENI from the provider's side", tcp("10.0.1.10:8080", "10.0.1.100:80").syn() => Pass;
        VswA: "to the NAT address from a VPC", tcp("10.0.1.10:8080", "10.0.1.200:80").syn() => Pass;
    }
}

/// Tables that the compiler does not make.
fn broken_tables() -> Vec<Step> {
    let to = |port: u16| tcp(&format!("10.0.1.10:{port}"), "10.0.1.100:80").syn();
    rows! {
        then Step::Change(without_nat_addresses);
        VswA: "no NAT address at all", to(50030) => Drop(NatExhausted);
        then Step::Change(without_security_groups);
        VswA: "no security group at all", to(50031) => Drop(TableMissing);
        VswA: "no security group at all, of a known flow", to(50020) => Drop(TableMissing);
        then Step::Model(|_| {});
        VswA: "tables are whole again", to(50020) => To(ProviderA);
    }
}

fn without_nat_addresses(world: &mut World) {
    world.tamper(|tables| {
        let listeners = tables.listeners.values_mut();
        listeners.for_each(|listener| listener.nat_count = 0);
    });
}

fn without_security_groups(world: &mut World) {
    world.tamper(|tables| {
        let addresses = tables.addresses.values_mut();
        let enis = addresses.filter(|row| row.kind == KIND_ENI);
        enis.for_each(|row| row.group_in = 0);
    });
}
