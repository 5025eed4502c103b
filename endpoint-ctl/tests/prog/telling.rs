//! Of many drops a limited number is told: both sides tell the same ones, and count the rest as untold.
//!
//! May import: endpoint-common, nix, packet, world.

use endpoint_common::abi::reason::DropReason;
use endpoint_common::path::Outcome;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::packet::tcp;
use crate::world::{Leg, World};

/// Drops of each ENI that are told.
const MOST: usize = 5;

/// Keeps this thread on one of its CPUs.
fn stay_on_one_cpu() {
    let this = Pid::from_raw(0);
    let allowed = sched_getaffinity(this).expect("a thread has CPUs");
    let first = (0..CpuSet::count()).find(|cpu| allowed.is_set(*cpu).unwrap_or(false));
    let mut one = CpuSet::new();
    one.set(first.expect("a CPU")).expect("its number fits");
    sched_setaffinity(this, &one).expect("a thread may stay");
}

#[test]
fn an_eni_has_its_share_of_what_is_told_and_the_rest_is_counted() {
    stay_on_one_cpu();
    let mut world = World::telling(64, MOST as u32);
    let mut told = [0; 2];
    for number in 0..6 * MOST as u16 {
        // In turns: another ENI's drops take nothing of the share.
        let eni = usize::from(number % 2);
        let address = ["10.0.1.100:79", "10.0.1.101:79"][eni];
        let packet = tcp("10.0.1.10:50011", address).syn();
        let packet = packet.source_port(1_000 + number).at_mac(Leg::VswA.mac());
        let ran = world.run(Leg::VswA, &packet.bytes());
        let ran = ran.unwrap_or_else(|error| panic!("packet {number}:\n{error}"));
        assert_eq!(ran.outcome, Outcome::Drop(DropReason::GroupIngress));
        let event = ran.event.map(|event| event.src_port);
        let is_told = told[eni] < MOST;
        let expected = is_told.then(|| (1_000 + number).to_be_bytes());
        assert_eq!(event, expected, "packet {number}");
        told[eni] += usize::from(is_told);
    }
    assert_eq!(told, [MOST; 2]);
    let untold = world.twins.untold();
    assert_eq!(untold, 4 * MOST as u64);
    let tables = world.twins.compare_tables();
    tables.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn an_eni_index_that_is_given_again_counts_from_nothing() {
    let mut world = World::telling(64, 1);
    let mut run = |address: &str, port: u16| {
        let packet = tcp("10.0.1.10:50011", address).syn();
        let packet = packet.source_port(port).at_mac(Leg::VswA.mac());
        let ran = world.run(Leg::VswA, &packet.bytes());
        ran.unwrap_or_else(|error| panic!("{address}:\n{error}"));
    };
    for port in 1_000..1_004 {
        for address in ["10.0.1.100:79", "10.0.1.100:80", "10.0.1.101:79"] {
            run(address, port);
        }
    }
    let all: Vec<_> = (0..8).map(|eni| world.twins.counted(eni)).collect();
    let busy = all
        .iter()
        .position(|[accepted, dropped]| *accepted > 0 && *dropped > 0);
    let busy = busy.expect("packets to one were accepted and dropped");
    let other = (0..8).find(|eni| *eni != busy && all[*eni] != [0, 0]);
    let other = other.expect("packets to another were dropped");
    world.twins.forget_eni(busy as u16);
    assert_eq!(world.twins.counted(busy as u16), [0, 0]);
    assert_eq!(
        world.twins.counted(other as u16),
        all[other],
        "and no other"
    );
}
