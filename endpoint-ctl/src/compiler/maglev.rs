//! Maglev tables (Eisenbud et al., NSDI 2016, section 3.4) with weights: a slot for every hash of
//! a tuple, and for every server a permutation that says in which order it would take them.
//!
//! In the paper a server whose slot is taken goes on to its next one at once, so that one server
//! less changes everybody's turns: of 20 servers, removing one moved 1.2 to 1.3 times its share.
//! Here each slot goes to the server that has it earliest in its own order, in time measured by
//! weight. Who holds a slot then depends on no other server: one that goes moves its own slots and
//! no others, one that comes back gets the same. The price is that shares are met within a few
//! percent, not exactly.
//!
//! May import: model, endpoint-common::hash.

use std::net::IpAddr;

use endpoint_common::hash::mix;

use crate::model::Server;

/// Slots of a table of two and more servers: 800 for each of 20. A prime of the form 3n + 2, for
/// then cubes are a permutation.
pub const TABLE_SLOTS: u32 = 16_361;
const FACTOR_SEED: u32 = 0x736b_6970;
const OFFSET_SEED: u32 = 0x6f66_6673;

/// A server and its order of slots.
struct Taker {
    place: u32,
    weight: u64,
    factor: u64,
    offset: u64,
}

/// The table for `servers`, all of one family: places in the slice. Empty if none has a weight; a
/// single slot if only one has.
pub(super) fn table(servers: &[&Server]) -> Vec<u32> {
    let mut takers: Vec<Taker> = (0..)
        .zip(servers)
        .filter(|(_, server)| server.weight > 0)
        .map(|(place, server)| Taker::new(place, server))
        .collect();
    // Of equal turns the first one counts: that must not depend on the order in the manifest.
    takers.sort_by_key(|taker| {
        let server = servers[taker.place as usize];
        (server.ip, server.port)
    });
    if let [] | [_] = takers.as_slice() {
        return takers.iter().map(|taker| taker.place).collect();
    }
    let times = times();
    let holder = |slot| takers.iter().min_by_key(|taker| taker.turn(slot, &times));
    let slots = (0..TABLE_SLOTS).filter_map(holder);
    slots.map(|taker| taker.place).collect()
}

impl Taker {
    fn new(place: u32, server: &Server) -> Self {
        let words = [address_word(server.ip), u32::from(server.port)];
        Self {
            place,
            weight: u64::from(server.weight),
            factor: u64::from(mix(FACTOR_SEED, words) % (TABLE_SLOTS - 1) + 1),
            offset: u64::from(mix(OFFSET_SEED, words) % TABLE_SLOTS),
        }
    }

    /// Where the slot stands in this server's order. Not a straight line, for two of those can run
    /// side by side all the way, and then one of the two servers gets nearly nothing.
    fn rank(&self, slot: u32) -> usize {
        let slots = u64::from(TABLE_SLOTS);
        let line = (self.factor * u64::from(slot) + self.offset) % slots;
        let cube = line * line % slots * line;
        ((cube + self.offset) % slots) as usize
    }

    /// When this server's turn for the slot comes.
    fn turn(&self, slot: u32, times: &[u64]) -> u64 {
        const UNIT: u64 = 1 << 20;
        times[self.rank(slot)] * UNIT / self.weight
    }
}

/// When a server of weight 1 takes the slots of its order, as multiples of 2^-32: the waiting times
/// of a Poisson process, for among those the first to come falls by weight. The logarithm it takes
/// is summed up in whole numbers, which are the same on every machine.
fn times() -> Vec<u64> {
    let left = (1..=u64::from(TABLE_SLOTS)).rev();
    let steps = left.map(|left| (1 << 32) / left);
    steps
        .scan(0, |time, step| {
            *time += step;
            Some(*time)
        })
        .collect()
}

/// An address as one word: an IPv4 address itself, an IPv6 address mixed.
fn address_word(ip: IpAddr) -> u32 {
    match ip {
        IpAddr::V4(ip) => ip.to_bits(),
        IpAddr::V6(ip) => {
            let words = [96, 64, 32, 0].map(|shift| (ip.to_bits() >> shift) as u32);
            mix(0, words)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn table(servers: &[Server]) -> Vec<u32> {
        super::table(&servers.iter().collect::<Vec<_>>())
    }

    /// A server for each weight; `network` tells one set of addresses from another.
    fn servers(network: u8, weights: &[u8]) -> Vec<Server> {
        let server = |(place, weight): (usize, &u8)| Server {
            ip: IpAddr::from([10, 0, network, 11 + place as u8]),
            port: 8080,
            weight: *weight,
            zone: None,
            drain: false,
        };
        weights.iter().enumerate().map(server).collect()
    }

    fn share(table: &[u32], place: u32) -> f64 {
        let held = table.iter().filter(|slot| **slot == place).count();
        f64::from(held as u32) / f64::from(table.len() as u32)
    }

    /// Servers of equal and of unequal weights.
    fn weights(count: u8) -> [Vec<u8>; 4] {
        [
            vec![100; count.into()],
            (1..=count).map(|n| n * 5).collect(),
            (0..count).map(|n| [3, 2, 7][usize::from(n) % 3]).collect(),
            (0..count)
                .map(|n| [100, 99, 1, 37, 64][usize::from(n) % 5])
                .collect(),
        ]
    }

    #[test]
    fn slots_follow_weights() {
        for network in 0..10 {
            let table = table(&servers(network, &[100, 50, 0, 50]));
            for (place, wanted) in [(0, 0.5), (1, 0.25), (2, 0.0), (3, 0.25)] {
                let share = share(&table, place);
                assert!(
                    (share - wanted).abs() <= 0.01,
                    "{network}: {place} has {share}"
                );
            }
        }
    }

    /// One of N servers goes: its share moves, which is 1/N of the slots and at most a tenth of
    /// that more. Of unequal weights the share is what the weight says, with the same allowance.
    #[test]
    fn removing_one_of_n_servers_moves_its_own_slots_and_no_others() {
        for (network, count) in (0..2).flat_map(|network| (2..=20).map(move |n| (network, n))) {
            for weights in weights(count) {
                let before = servers(network, &weights);
                let old = table(&before);
                let total: f64 = weights.iter().copied().map(f64::from).sum();
                for removed in 0..before.len() {
                    let mut after = before.clone();
                    after.remove(removed);
                    // The table of a single server is one slot long.
                    let new: Vec<u32> = table(&after).into_iter().cycle().take(old.len()).collect();
                    let holder = |servers: &[Server], place: u32| servers[place as usize].ip;
                    let moved = old
                        .iter()
                        .zip(&new)
                        .filter(|(old, new)| holder(&before, **old) != holder(&after, **new));
                    let moved = moved.count();
                    let own = old.iter().filter(|place| **place == removed as u32).count();
                    assert_eq!(moved, own, "{weights:?} without {removed}");
                    let part = f64::from(moved as u32) / f64::from(TABLE_SLOTS);
                    let allowed = f64::from(weights[removed]) / total + 0.1 / f64::from(count);
                    assert!(
                        part <= allowed,
                        "{weights:?} without {removed}: {part} > {allowed}"
                    );
                }
            }
        }
    }

    #[test]
    fn one_server_fills_one_slot() {
        assert_eq!(table(&servers(0, &[0, 100, 0])), [1]);
    }

    #[test]
    fn the_order_servers_are_written_in_does_not_matter() {
        let forward = servers(50, &[100, 70, 30]);
        let backward: Vec<_> = forward.iter().cloned().rev().collect();
        let address = |servers: &[Server], place: &u32| servers[*place as usize].ip;
        let (a, b) = (table(&forward), table(&backward));
        assert_eq!(a.len(), TABLE_SLOTS as usize);
        assert!(
            a.iter()
                .zip(&b)
                .all(|(a, b)| address(&forward, a) == address(&backward, b))
        );
    }

    #[test]
    fn every_server_has_each_slot_once_in_its_order() {
        for server in servers(50, &[1; 5]) {
            let taker = Taker::new(0, &server);
            let ranks: BTreeSet<_> = (0..TABLE_SLOTS).map(|slot| taker.rank(slot)).collect();
            assert_eq!(ranks.len(), TABLE_SLOTS as usize);
        }
    }

    #[test]
    fn ipv6_servers_that_differ_in_any_group_have_permutations_of_their_own() {
        let addresses = [
            "fd00::1",
            "fd00::1:0:0:1",
            "fd00:0:1::1",
            "fd01::1",
            "fd00::2",
        ];
        let begins: BTreeSet<_> = addresses
            .into_iter()
            .map(|text| {
                let mut server = servers(50, &[100]).remove(0);
                server.ip = text.parse().expect("an address");
                let taker = Taker::new(0, &server);
                (taker.factor, taker.offset)
            })
            .collect();
        assert_eq!(begins.len(), addresses.len());
    }

    #[test]
    fn no_weight_no_table() {
        assert!(table(&servers(50, &[0, 0])).is_empty());
    }
}
