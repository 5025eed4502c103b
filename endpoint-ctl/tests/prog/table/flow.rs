//! Rows: known flows, both ways.
//!
//! May import: endpoint-common, packet, the table's own.

use super::Expect::{Drop, To, ToAs};
use super::{Step, answer, as_is, row};
use crate::packet::{ACK, BROADCAST, Check, FIN, RST, tcp, udp};
use crate::world::Leg::{ProviderA, ProviderB, VswA, VswB};
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
    let web = || tcp("10.0.1.20:50040", "10.0.1.100:80").from_mac([2, 0xaa, 0, 0, 0, 7]);
    vec![
        row(OPENS, VswA, web().syn(), To(ProviderA)),
        answer(
            "the answer finds its way back",
            ProviderA,
            OPENS,
            as_is,
            ToAs(VswA, |out| {
                out.source.to_string() == "10.0.1.100:80"
                    && out.destination.to_string() == "10.0.1.20:50040"
                    && out.to == [2, 0xaa, 0, 0, 0, 7]
                    && out.from == VswA.mac()
                    && out.ttl == 60
            }),
        ),
        row("an ACK goes on", VswA, web(), To(ProviderA)),
        row(
            "by another MAC, the answer still goes to the first",
            VswA,
            web().from_mac([2, 0xaa, 0, 0, 0, 8]),
            To(ProviderA),
        ),
        answer(
            "to the first MAC",
            ProviderA,
            OPENS,
            |p| p.flags(ACK),
            ToAs(VswA, |out| out.to == [2, 0xaa, 0, 0, 0, 7]),
        ),
        answer(
            "an answer with IP options",
            ProviderA,
            OPENS,
            |p| p.options(&[1; 4]),
            To(VswA),
        ),
        answer(
            "an answer with a wrong checksum",
            ProviderA,
            OPENS,
            |p| p.l4_check(Check::Wrong),
            To(VswA),
        ),
        answer(
            "an answer with TTL 1",
            ProviderA,
            OPENS,
            |p| p.ttl(1),
            Drop(TtlExpired),
        ),
        answer(
            "an answer by broadcast",
            ProviderA,
            OPENS,
            |p| p.to_mac(BROADCAST),
            Drop(NotUnicast),
        ),
        answer(
            "FIN from the server",
            ProviderA,
            OPENS,
            |p| p.flags(FIN | ACK),
            To(VswA),
        ),
        row(
            "FIN from the client",
            VswA,
            web().flags(FIN | ACK),
            To(ProviderA),
        ),
        row("RST from the client", VswA, web().flags(RST), To(ProviderA)),
    ]
}

fn wrong_answers() -> Vec<Step> {
    vec![
        answer(
            "an answer from another port",
            ProviderA,
            OPENS,
            |p| p.source_port(8079),
            Drop(NoFlow),
        ),
        answer(
            "an answer to another port",
            ProviderA,
            OPENS,
            |p| p.destination_port(1),
            Drop(NoFlow),
        ),
        answer(
            "an answer of another protocol",
            ProviderA,
            OPENS,
            |p| udp(&p.source.to_string(), &p.destination.to_string()).to_mac(p.to),
            Drop(NoFlow),
        ),
        answer(
            "an answer from the other provider",
            ProviderB,
            OPENS,
            |p| p.to_mac(ProviderB.mac()),
            super::Expect::Pass,
        ),
        answer(
            "an answer inside the VPC",
            VswA,
            OPENS,
            |p| p.to_mac(VswA.mac()),
            super::Expect::Pass,
        ),
    ]
}

fn datagrams() -> Vec<Step> {
    let dns = || udp("10.0.9.5:50041", "10.0.1.100:53");
    vec![
        row("a datagram opens a flow", VswA, dns(), To(ProviderA)),
        answer(
            "its answer",
            ProviderA,
            "a datagram opens a flow",
            as_is,
            To(VswA),
        ),
        answer(
            "its answer without checksum",
            ProviderA,
            "a datagram opens a flow",
            |p| p.l4_check(Check::Zero),
            To(VswA),
        ),
        Step::Change(|world| set_all_hops_to(world, 0)),
        row("no hop is resolved", VswA, dns(), Drop(NextHopUnresolved)),
        answer(
            "no hop is resolved, back",
            ProviderA,
            "a datagram opens a flow",
            as_is,
            Drop(NextHopUnresolved),
        ),
        Step::Change(|world| set_all_hops_to(world, 1)),
        answer(
            "without the client's MAC from the flow, by the hop's",
            ProviderA,
            "a datagram opens a flow",
            as_is,
            ToAs(VswA, |out| out.to == [0; 6]),
        ),
        Step::Change(|world| set_all_hops_to(world, 3)),
        row(
            "with the client's MAC, but no client has one",
            VswA,
            dns(),
            ToAs(ProviderA, |out| out.to == [2, 0xc0 ^ 10, 0, 9, 5, 0]),
        ),
        Step::Change(restore_hops),
    ]
}

fn set_all_hops_to(world: &mut crate::world::World, flags: u32) {
    for row in world.hop_rows() {
        world.change_hop(row, |hop| hop.flags = flags);
    }
}

fn restore_hops(world: &mut crate::world::World) {
    for row in world.hop_rows() {
        // Clients' hops have no MAC of their own.
        world.change_hop(row, |hop| {
            hop.flags = if hop.dst_mac == [0; 6] { 3 } else { 1 }
        });
    }
}

fn two_vpcs() -> Vec<Step> {
    let twin = || tcp("10.0.1.10:50042", "10.0.1.100:81").syn();
    vec![
        row("VPC A, a tuple", VswA, twin(), To(ProviderA)),
        row("VPC B, the same tuple", VswB, twin(), To(ProviderA)),
        answer(
            "VPC A, its answer",
            ProviderA,
            "VPC A, a tuple",
            as_is,
            To(VswA),
        ),
        answer(
            "VPC B, its answer",
            ProviderA,
            "VPC B, the same tuple",
            as_is,
            To(VswB),
        ),
    ]
}

/// Half of a flow is gone: its packets are judged as if there had never been one.
fn lost_halves() -> Vec<Step> {
    let web = || tcp("10.0.1.20:50043", "10.0.1.100:81");
    vec![
        row(
            "a flow that will lose a half",
            VswA,
            web().syn(),
            To(ProviderA),
        ),
        Step::Change(|world| forget(world, |key| key.src_port == 50043u16.to_be_bytes())),
        row("the request's half is gone", VswA, web(), Drop(TcpNotSyn)),
        answer(
            "the reply's half is there",
            ProviderA,
            "a flow that will lose a half",
            as_is,
            To(VswA),
        ),
        row(
            "the flow opens anew, by another NAT port",
            VswA,
            web().syn(),
            To(ProviderA),
        ),
        answer(
            "its reply",
            ProviderA,
            "the flow opens anew, by another NAT port",
            as_is,
            To(VswA),
        ),
        Step::Change(|world| forget(world, |key| key.src_port == 8080u16.to_be_bytes())),
        answer(
            "the reply's half is gone",
            ProviderA,
            "the flow opens anew, by another NAT port",
            as_is,
            Drop(NoFlow),
        ),
        row("the request's half is there", VswA, web(), To(ProviderA)),
    ]
}

fn forget(
    world: &mut crate::world::World,
    which: fn(&endpoint_common::abi::flow::FlowKey) -> bool,
) {
    for key in world.twins.flow_keys().into_iter().filter(which) {
        world.twins.remove_flow(key);
    }
}
