//! Rule sets of 10,000 rules each, which agree about most of what is sent and differ about one port.
//! Imports `manifest` and the lab's addresses.

use fastrand::Rng;
use xtask::lab::address::{BACKENDS, CLIENT_A};

use super::streams::{DIFFERS, NEVER, SERVED, SERVER_PORT};
use crate::manifest::{Manifest, Rule, accept, drop, server, tcp_range, udp, udp_range};

/// Rules of each set.
pub(super) const RULES: usize = 10_000;

/// What a set says of [`DIFFERS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Accepts,
    Drops,
}

/// The two sets, each with two fillings, in the order in which they come into force: what a bank is to
/// hold is never what it holds.
pub(super) const SETS: [(Kind, u64); 4] = [
    (Kind::Accepts, 1),
    (Kind::Drops, 2),
    (Kind::Accepts, 3),
    (Kind::Drops, 4),
];

/// A set as a manifest. Three rules decide on what is sent; the others are there to be in their way.
pub(super) fn manifest(kind: Kind, filling: u64) -> Manifest {
    let mut manifest = Manifest::new();
    for port in [SERVED, NEVER, DIFFERS] {
        manifest = manifest.listener(udp(port), &[server(BACKENDS[0], SERVER_PORT)]);
    }
    let differs = match kind {
        Kind::Accepts => accept(udp(DIFFERS)),
        Kind::Drops => drop(udp(DIFFERS)),
    };
    let decide = [
        accept(udp(SERVED)).from(CLIENT_A).named("sgr-served"),
        drop(udp(NEVER)).from(CLIENT_A).named("sgr-never"),
        differs.from(CLIENT_A).named("sgr-differs"),
    ];
    let count = decide.len();
    let mut rng = Rng::with_seed(filling);
    let mut rules: Vec<_> = (count..RULES).map(|at| filler(at, &mut rng)).collect();
    // Wherever they stand.
    for rule in decide {
        rules.insert(rng.usize(..=rules.len()), rule);
    }
    rules.into_iter().fold(manifest, Manifest::group)
}

/// A rule of lower priority; some cover what is sent, and say this or that of it. No two are equal.
fn filler(at: usize, rng: &mut Rng) -> Rule {
    let number = u16::try_from(at).expect("so few rules");
    let (first, last) = (1 + number % 6_900, 7_100 + number);
    let traffic = if rng.bool() {
        udp_range(first, last)
    } else {
        tcp_range(first, last)
    };
    let rule = if rng.bool() {
        accept(traffic)
    } else {
        drop(traffic)
    };
    let peer = match rng.u8(..4) {
        0 => format!("{CLIENT_A}/{}", rng.u8(8..=32)),
        1 => format!("10.0.1.{}/{}", rng.u8(..), rng.u8(24..=32)),
        _ => format!(
            "10.{}.{}.{}/{}",
            rng.u8(..),
            rng.u8(..),
            rng.u8(..),
            rng.u8(12..=32)
        ),
    };
    let peer: ipnet::Ipv4Net = peer.parse().expect("a network");
    let id = format!("sgr-{at}");
    rule.from(&peer.trunc().to_string())
        .priority(rng.u8(2..=100))
        .named(&id)
}
