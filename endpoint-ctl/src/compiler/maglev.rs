//! Maglev tables with weights (Eisenbud et al., NSDI 2016, section 3.4): every server fills slots
//! in the order of its own permutation, as often as its weight says, so that a change of servers
//! moves little more than the share that must move.
//!
//! May import: model, endpoint-common::hash.

use std::net::IpAddr;

use endpoint_common::hash::mix;

use crate::model::Server;

/// Slots of a table: a prime, at least 100 for each of 80 servers.
pub const TABLE_SLOTS: u32 = 8_191;
const OFFSET_SEED: u32 = 0x6f66_6673;
const SKIP_SEED: u32 = 0x736b_6970;
const FREE: u32 = u32::MAX;

struct Filler {
    place: u32,
    weight: u32,
    credit: u32,
    next: u32,
    skip: u32,
}

/// The table for `servers`, all of one family: places in the slice. Empty if none has a weight.
pub(super) fn table(servers: &[&Server]) -> Vec<u32> {
    let mut fillers: Vec<Filler> = servers
        .iter()
        .enumerate()
        .filter(|(_, server)| server.weight > 0)
        .map(|(place, server)| filler(place as u32, server))
        .collect();
    let heaviest = fillers
        .iter()
        .map(|filler| filler.weight)
        .max()
        .unwrap_or(0);
    if heaviest == 0 {
        return Vec::new();
    }
    // The order of turns must not depend on the order servers were written in.
    fillers.sort_by_key(|filler| {
        let server = servers[filler.place as usize];
        (server.ip, server.port)
    });
    let mut slots = vec![FREE; TABLE_SLOTS as usize];
    let mut free = TABLE_SLOTS;
    while free > 0 {
        for filler in &mut fillers {
            filler.credit += filler.weight;
            if filler.credit < heaviest || free == 0 {
                continue;
            }
            filler.credit -= heaviest;
            while slots[filler.next as usize] != FREE {
                filler.next = (filler.next + filler.skip) % TABLE_SLOTS;
            }
            slots[filler.next as usize] = filler.place;
            free -= 1;
        }
    }
    slots
}

fn filler(place: u32, server: &Server) -> Filler {
    let words = [address_word(server.ip), u32::from(server.port)];
    Filler {
        place,
        weight: u32::from(server.weight),
        credit: 0,
        next: mix(OFFSET_SEED, words) % TABLE_SLOTS,
        skip: mix(SKIP_SEED, words) % (TABLE_SLOTS - 1) + 1,
    }
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

    fn servers(weights: &[u8]) -> Vec<Server> {
        let server = |(place, weight): (usize, &u8)| Server {
            ip: IpAddr::from([10, 0, 50, place as u8]),
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

    #[test]
    fn slots_follow_weights() {
        let table = table(&servers(&[100, 50, 0, 50]));
        assert!((share(&table, 0) - 0.5).abs() < 0.01);
        assert!((share(&table, 1) - 0.25).abs() < 0.01);
        assert!(share(&table, 2) == 0.0);
    }

    #[test]
    fn removing_one_server_moves_little_more_than_its_share() {
        let before = servers(&[100; 10]);
        let after = before[..9].to_vec();
        let (old, new) = (table(&before), table(&after));
        let moved = old.iter().zip(&new).filter(|(old, new)| old != new).count();
        assert!(
            moved <= (TABLE_SLOTS as usize) * 11 / 100,
            "{moved} of {TABLE_SLOTS} moved"
        );
    }

    #[test]
    fn the_order_servers_are_written_in_does_not_matter() {
        let forward = servers(&[100, 70, 30]);
        let backward: Vec<_> = forward.iter().cloned().rev().collect();
        let address = |servers: &[Server], place: &u32| servers[*place as usize].ip;
        let (a, b) = (table(&forward), table(&backward));
        assert!(
            a.iter()
                .zip(&b)
                .all(|(a, b)| address(&forward, a) == address(&backward, b))
        );
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
                let mut server = servers(&[100]).remove(0);
                server.ip = text.parse().expect("an address");
                let filler = filler(0, &server);
                (filler.next, filler.skip)
            })
            .collect();
        assert_eq!(begins.len(), addresses.len());
    }

    #[test]
    fn no_weight_no_table() {
        assert!(table(&servers(&[0, 0])).is_empty());
    }
}
