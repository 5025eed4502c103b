//! A generation is applied whole or not at all. What it does to flows stands in the table.
//!
//! May import: endpoint-common, endpoint-ctl (model), packet, twins, world.

use endpoint_common::abi::mapped;
use endpoint_common::abi::meta::Port;
use endpoint_common::abi::reason::DropReason;
use endpoint_common::abi::service::KIND_ENI;
use endpoint_common::path::Outcome;
use endpoint_ctl::model::{EndpointId, Model};

use crate::packet::{NODE, tcp, who_has};
use crate::twins::{ARRIVAL, Twins};
use crate::world::{Leg, World, capacity};

/// What a packet to ep-a and an ARP request for its ENI come to.
fn serves(world: &mut World, port: u16) -> bool {
    let syn = tcp("10.0.1.10:1", "10.0.1.100:80").syn().source_port(port);
    let arp = who_has("10.0.1.100", "10.0.1.10").bytes();
    let mut run = |frame: &[u8]| {
        let ran = world.run(Leg::VswA, frame);
        ran.unwrap_or_else(|error| panic!("{error}")).outcome
    };
    let sent = matches!(run(&syn.bytes()), Outcome::Redirect(_));
    let answered = run(&arp) == Outcome::Transmit;
    assert_eq!(sent, answered, "half a generation: sent, answered");
    sent
}

/// Whether a SYN to ep-a is sent on.
fn opens(world: &mut World, port: u16) -> bool {
    let syn = tcp("10.0.1.10:1", "10.0.1.100:80").syn().source_port(port);
    let ran = world.run(Leg::VswA, &syn.bytes());
    let outcome = ran.unwrap_or_else(|error| panic!("{error}")).outcome;
    assert!(
        matches!(
            outcome,
            Outcome::Redirect(_) | Outcome::Drop(DropReason::FlowShareFull)
        ),
        "{outcome:?}"
    );
    outcome != Outcome::Drop(DropReason::FlowShareFull)
}

fn limit_flows(model: &mut Model, flows: Option<u32>) {
    let endpoint = model.endpoints.get_mut(&EndpointId::new("ep-a"));
    endpoint.expect("ep-a").limits.flows = flows;
}

#[test]
fn a_generation_that_does_not_fit_leaves_the_one_before_in_force() {
    let mut world = World::new(64);
    // Both banks hold something.
    world.change(|_| {});
    assert!(serves(&mut world, 1));
    for port in 2..5 {
        // In the kernel's tables only: the compiler would have refused.
        world.apply_in_vain(|tables| {
            let eni = tables.addresses.values().find(|row| row.kind == KIND_ENI);
            let eni = *eni.expect("an ENI");
            // Of what was written, nothing may be taken for what is wanted next.
            tables.maglev.fill(u32::MAX);
            tables.addresses.clear();
            let many = (0..4_000u32).map(|n| ((1, mapped(n.to_be_bytes())), eni));
            tables.addresses.extend(many);
        });
        assert!(serves(&mut world, port), "after a failed apply");
    }
    // Nothing of what failed is left in the way.
    for port in 5..8 {
        world.change(|_| {});
        assert!(serves(&mut world, port), "after a good apply");
    }
    let tables = world.twins.compare_tables();
    tables.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn limits_come_and_go_with_their_generation() {
    let mut world = World::new(64);
    world.change(|model| limit_flows(model, Some(1)));
    assert!(serves(&mut world, 1));
    assert!(!opens(&mut world, 2), "its share is full");
    // Limits are not banked: a generation that fails after them must put them back.
    world.apply_in_vain(|tables| {
        let limits = tables.limits.values().next().copied();
        let beyond = u16::MAX;
        tables.limits = [(beyond, limits.expect("limits"))].into();
    });
    assert!(!opens(&mut world, 3), "after a failed apply");
    world.change(|model| limit_flows(model, None));
    assert!(serves(&mut world, 4), "the limit is gone");
}

#[test]
fn before_the_first_generation_nothing_is_ours() {
    let mut twins = Twins::new(capacity(64));
    twins.arrive_on(Some(Port::new(ARRIVAL, 1, NODE)));
    let ran = twins.run(&tcp("10.0.1.10:1", "10.0.1.100:80").syn().bytes());
    let ran = ran.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(ran.outcome, Outcome::Pass);
}
