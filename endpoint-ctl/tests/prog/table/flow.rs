//! Rows: known flows, both ways.
//!
//! May import: endpoint-common, packet, the table's own.

use super::Expect::{Drop, Pass, To, ToAs};
use super::{Step, answer, as_is};
use crate::packet::{ACK, BROADCAST, Check, FIN, RST, tcp, udp};
use crate::world::Leg::{ProviderA, ProviderB, VswA, VswB};
use crate::world::World;
use endpoint_common::abi::flow::Side;
use endpoint_common::abi::reason::DropReason::{
    NextHopUnresolved, NoFlow, NotUnicast, TcpNotSyn, TtlExpired,
};

const OPENS: &str = "a SYN opens a flow";

pub(super) fn steps() -> Vec<Step> {
    [
        one_connection(),
        wrong_answers(),
        datagrams(),
        two_vpcs(),
        lost_halves(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn one_connection() -> Vec<Step> {
    let web = || tcp("10.0.1.20:50040", "10.0.1.100:80").by_mac([2, 0xaa, 0, 0, 0, 7]);
    rows! {
        VswA: OPENS, web().syn() => To(ProviderA);
        ProviderA: "the answer finds its way back", answer(OPENS, as_is) => ToAs(VswA, |out| {
            out.source.to_string() == "10.0.1.100:80"
                && out.destination.to_string() == "10.0.1.20:50040"
                && out.to == [2, 0xaa, 0, 0, 0, 7]
                && out.from == VswA.mac()
                && out.ttl == 60
        });
        VswA: "an ACK goes on", web() => To(ProviderA);
        VswA: "the client moves behind another MAC", web().by_mac([2, 0xaa, 0, 0, 0, 8]) => To(ProviderA);
        ProviderA: "to the new MAC", answer(OPENS, |p| p.flags(ACK)) => ToAs(VswA, |out| out.to == [2, 0xaa, 0, 0, 0, 8]);
        ProviderA: "an answer with IP options", answer(OPENS, |p| p.options(&[1; 4])) => To(VswA);
        ProviderA: "an answer with a wrong checksum", answer(OPENS, |p| p.l4_check(Check::Wrong)) => To(VswA);
        ProviderA: "an answer with TTL 1", answer(OPENS, |p| p.ttl(1)) => Drop(TtlExpired);
        ProviderA: "an answer by broadcast", answer(OPENS, |p| p.at_mac(BROADCAST)) => Drop(NotUnicast);
        ProviderA: "FIN from the server", answer(OPENS, |p| p.flags(FIN | ACK)) => To(VswA);
        VswA: "FIN from the client", web().flags(FIN | ACK) => To(ProviderA);
        VswA: "RST from the client", web().flags(RST) => To(ProviderA);
    }
}

fn wrong_answers() -> Vec<Step> {
    rows! {
        ProviderA: "an answer from another port", answer(OPENS, |p| p.source_port(8079)) => Drop(NoFlow);
        ProviderA: "an answer to another port", answer(OPENS, |p| p.destination_port(1)) => Drop(NoFlow);
        ProviderA: "an answer of another protocol", answer(OPENS, |p| {
            udp(&p.source.to_string(), &p.destination.to_string()).at_mac(p.to)
        }) => Drop(NoFlow);
        ProviderB: "an answer from the other provider", answer(OPENS, |p| p.at_mac(ProviderB.mac())) => Pass;
        VswA: "an answer inside the VPC", answer(OPENS, |p| p.at_mac(VswA.mac())) => Pass;
    }
}

fn datagrams() -> Vec<Step> {
    let dns = || udp("10.0.9.5:50041", "10.0.1.100:53");
    rows! {
        VswA: "a datagram opens a flow", dns() => To(ProviderA);
        ProviderA: "its answer", answer("a datagram opens a flow", as_is) => To(VswA);
        ProviderA: "its answer without checksum", answer("a datagram opens a flow", |p| p.l4_check(Check::Zero)) => To(VswA);
        then Step::Change(|world| set_all_hops_to(world, 0));
        VswA: "no hop is resolved", dns() => Drop(NextHopUnresolved);
        ProviderA: "no hop is resolved, back", answer("a datagram opens a flow", as_is) => Drop(NextHopUnresolved);
        then Step::Change(|world| set_all_hops_to(world, 1));
        ProviderA: "without the client's MAC from the flow, by the hop's", answer("a datagram opens a flow", as_is) => ToAs(VswA, |out| {
            out.to == [0; 6]
        });
        then Step::Change(|world| set_all_hops_to(world, 3));
        VswA: "with the client's MAC, but no client has one", dns() => ToAs(ProviderA, |out| out.to == [2, 0xca, 0, 9, 5, 0]);
        then Step::Change(restore_hops);
    }
}

fn set_all_hops_to(world: &mut World, flags: u16) {
    for row in world.hop_rows() {
        world.change_hop(row, |hop| hop.flags = flags);
    }
}

fn restore_hops(world: &mut World) {
    for row in world.hop_rows() {
        // Clients' hops have no MAC of their own.
        world.change_hop(row, |hop| {
            hop.flags = if hop.dst_mac == [0; 6] { 3 } else { 1 }
        });
    }
}

fn two_vpcs() -> Vec<Step> {
    let twin = || tcp("10.0.1.10:50042", "10.0.1.100:81").syn();
    rows! {
        VswA: "VPC A, a tuple", twin() => To(ProviderA);
        VswB: "VPC B, the same tuple", twin() => To(ProviderA);
        ProviderA: "VPC A, its answer", answer("VPC A, a tuple", as_is) => To(VswA);
        ProviderA: "VPC B, its answer", answer("VPC B, the same tuple", as_is) => To(VswB);
    }
}

/// Half of a flow is gone: its packets are judged as if there had never been one, until the next round
/// through the table.
fn lost_halves() -> Vec<Step> {
    let web = || tcp("10.0.1.20:50043", "10.0.1.100:81");
    rows! {
        VswA: "a flow that will lose a half", web().syn() => To(ProviderA);
        then Step::Change(|world| lose(world, 50043, Side::Forward));
        VswA: "the request's half is gone", web() => Drop(TcpNotSyn);
        ProviderA: "the reply's half is there", answer("a flow that will lose a half", as_is) => To(VswA);
        then Step::Change(|world| world.twins.reap());
        VswA: "the request's half is back", web() => To(ProviderA);
        then Step::Change(|world| lose(world, 50043, Side::Back));
        ProviderA: "the reply's half is gone", answer("a flow that will lose a half", as_is) => Drop(NoFlow);
        VswA: "the request's half is there", web() => To(ProviderA);
        then Step::Change(|world| world.twins.reap());
        ProviderA: "the reply's half is back", answer("a flow that will lose a half", as_is) => To(VswA);
        then Step::Change(|world| lose(world, 50043, Side::Forward));
        VswA: "without its half, the flow opens anew, by another NAT port", web().syn() => To(ProviderA);
        then Step::Change(|world| world.twins.reap());
        ProviderA: "the new one's answer", answer("without its half, the flow opens anew, by another NAT port", as_is) => To(VswA);
    }
}

/// The flow of this client port loses a half.
fn lose(world: &mut World, client_port: u16, side: Side) {
    let port = client_port.to_be_bytes();
    for flow in world.twins.flows() {
        if flow.half(Side::Forward).key.src_port == port {
            world.twins.lose_half(&flow, side);
        }
    }
}
