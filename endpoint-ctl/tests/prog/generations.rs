//! A generation is applied whole or not at all. What it does to flows stands in the table.
//!
//! May import: endpoint-common, packet, twins, world.

use endpoint_common::abi::mapped;
use endpoint_common::abi::meta::Port;
use endpoint_common::abi::service::KIND_ENI;
use endpoint_common::path::Outcome;

use crate::packet::{NODE, tcp, who_has};
use crate::twins::{ARRIVAL, Twins};
use crate::world::{Leg, World, capacity};

/// What a packet to ep-a and an ARP request for its ENI come to.
fn serves(world: &mut World, port: u16) -> bool {
    world.arrive_on(Leg::VswA);
    let syn = tcp("10.0.1.10:1", "10.0.1.100:80").syn().source_port(port);
    let arp = who_has("10.0.1.100", "10.0.1.10").bytes();
    let mut run = |frame: &[u8]| {
        let ran = world.twins.run(frame);
        ran.unwrap_or_else(|error| panic!("{error}")).outcome
    };
    let sent = matches!(run(&syn.bytes()), Outcome::Redirect(_));
    let answered = run(&arp) == Outcome::Transmit;
    assert_eq!(sent, answered, "half a generation: sent, answered");
    sent
}

#[test]
fn a_generation_that_does_not_fit_leaves_the_one_before_in_force() {
    let mut world = World::new(64);
    assert!(serves(&mut world, 1));
    for port in 2..5 {
        // In the kernel's tables only: the compiler would have refused.
        world.apply_in_vain(|tables| {
            let eni = tables.addresses.values().find(|row| row.kind == KIND_ENI);
            let eni = *eni.expect("an ENI");
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
fn before_the_first_generation_nothing_is_ours() {
    let mut twins = Twins::new(capacity(64));
    twins.arrive_on(Some(Port::new(ARRIVAL, 1, NODE)));
    let ran = twins.run(&tcp("10.0.1.10:1", "10.0.1.100:80").syn().bytes());
    let ran = ran.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(ran.outcome, Outcome::Pass);
}
