//! Packets and configurations by chance. The seed stands in every failure; with it and the number
//! of packets a run repeats itself:
//! `HINGE_SEED=7 HINGE_PACKETS=1000000 cargo test --test prog random`.
//!
//! May import: std, endpoint-common, fastrand, packet, twins, world.

mod config;
mod damage;
mod explain;
mod ipv6;
mod traffic;

use std::collections::BTreeMap;
use std::time::Instant;

use endpoint_common::abi::flow::Side;
use endpoint_common::abi::reason::DropReason;
use endpoint_common::path::Outcome;
use fastrand::Rng;

use crate::twins::Ran;
use crate::world::World;
use traffic::Traffic;

const SEED: u64 = 20_261_124;
const PACKETS: u64 = 200_000;
/// So few that the table is full now and then.
const FLOWS: u32 = 64;
/// Packets between two generations.
const GENERATION: u64 = 2_500;
/// Packets between two smaller events: a hop that changes, flows that go.
const EVENT: u64 = 250;

pub(crate) fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text} is not a number"))
    })
}

/// Whatever comes, both sides do the same.
#[test]
fn random_packets_have_the_same_fate_on_both_sides() {
    chance(World::new(FLOWS), PACKETS);
}

/// The same where frames have VLAN tags.
#[test]
fn random_packets_of_vlans_have_the_same_fate_on_both_sides() {
    chance(World::on_a_trunk(FLOWS), PACKETS);
}

fn chance(mut world: World, packets: u64) {
    let (seed, packets) = (
        setting("HINGE_SEED", SEED),
        setting("HINGE_PACKETS", packets),
    );
    println!("HINGE_SEED={seed} HINGE_PACKETS={packets}");
    let mut rng = Rng::with_seed(seed);
    let first = world.model.clone();
    let mut traffic = Traffic::default();
    let mut tally = Tally::default();
    let start = Instant::now();
    for number in 0..packets {
        let context = || format!("HINGE_SEED={seed}, packet {number}");
        if number % GENERATION == 0 {
            compare(&mut world, &context());
            if number > 0 {
                world.change(|model| config::shuffle(model, &first, &mut rng));
                tally.generations += 1;
            }
        }
        if number % EVENT == 0 {
            disturb(&mut world, &mut rng);
        }
        let (leg, frame) = traffic.next(&mut rng);
        let ran = world.run(leg, &frame);
        let ran = ran.unwrap_or_else(|error| panic!("{}, on {leg:?}:\n{error}", context()));
        tally.count(&ran);
        traffic.learn(ran, &mut rng);
    }
    compare(&mut world, &format!("HINGE_SEED={seed}, at the end"));
    tally.drops = world.twins.drops();
    println!("{tally:?} in {:.1} s", start.elapsed().as_secs_f64());
    if packets >= PACKETS / 2 {
        tally.assert_variety(packets);
    }
}

fn compare(world: &mut World, context: &str) {
    let tables = world.twins.compare_tables();
    tables.unwrap_or_else(|error| panic!("{context}: what packets left behind\n{error}"));
}

/// Next hops come and go; halves of flows get lost, at times most of them, and heal.
fn disturb(world: &mut World, rng: &mut Rng) {
    let rows = world.hop_rows();
    for _ in 0..rng.usize(0..3) {
        let row = rows[rng.usize(0..rows.len())];
        world.change_hop(row, |hop| {
            hop.flags = [0, 1, 1, 1, 1, 2, 3, 3][rng.usize(0..8)];
            hop.ifindex = rng.u32(1..16);
            hop.dst_mac[5] ^= rng.u8(..);
            hop.mtu = [u32::MAX, 1500, 1280, 576, 100, 60, 48, 0][rng.usize(0..8)];
        });
    }
    let share = [0.0, 0.0, 0.0, 0.0, 0.0, 0.02, 0.05, 0.8][rng.usize(0..8)];
    for flow in world.twins.flows() {
        for side in Side::BOTH {
            if rng.f64() < share {
                world.twins.lose_half(&flow, side);
            }
        }
    }
    if rng.bool() {
        world.twins.reap();
    }
}

/// What came of the packets, to see that chance reached everything.
#[derive(Debug, Default)]
struct Tally {
    generations: u64,
    passed: u64,
    answered: u64,
    forwarded: u64,
    dropped: u64,
    told: u64,
    audited: u64,
    drops: BTreeMap<DropReason, u64>,
}

impl Tally {
    fn count(&mut self, ran: &Ran) {
        match ran.outcome {
            Outcome::Pass => self.passed += 1,
            Outcome::Transmit => self.answered += 1,
            Outcome::Redirect(_) => self.forwarded += 1,
            Outcome::Drop(_) => self.dropped += 1,
            Outcome::Answer(_) => self.told += 1,
        }
        self.audited += u64::from(ran.audit.is_some());
    }

    fn assert_variety(&self, packets: u64) {
        let all = [self.passed, self.answered, self.forwarded, self.dropped];
        let least = packets / 50;
        assert!(self.told > packets / 200, "{self:?}");
        assert!(self.audited > packets / 2_000, "{self:?}");
        assert!(
            all.iter().all(|count| *count > least),
            "chance is lopsided, less than {least} of a kind: {self:?}"
        );
        // The first comes of broken tables, or of a ping that lost half its flow; the second of many
        // more flows; the last of limits, which there are none of.
        let rare = [
            DropReason::TableMissing,
            DropReason::NatExhausted,
            DropReason::FlowChanged,
            DropReason::FlowShareFull,
            DropReason::BandwidthExceeded,
        ];
        for reason in DropReason::ALL
            .iter()
            .filter(|reason| !rare.contains(reason))
        {
            let count = self.drops.get(reason).copied().unwrap_or(0);
            assert!(count > 20, "{} only {count} times: {self:?}", reason.name());
        }
    }
}
