//! Many connections at once over backends of different weights.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use xtask::lab::address::{CLIENT_A, ENI_A};

use crate::manifest::{Manifest, accept, tcp};
use crate::scene::{Scene, argument};
use crate::web;

const CONNECTIONS: u16 = 1_000;
/// The ports they come from: fixed, and so is the backend each of them gets.
const FIRST_PORT: u16 = 20_000;
/// The backends' weights in `Manifest::web`.
const WEIGHTS: [(&str, usize); 3] = [("b1", 100), ("b2", 100), ("b3", 50)];

#[test]
fn a_thousand_connections_spread_by_weight() {
    let scene = Scene::new(&Manifest::web().group(accept(tcp(80)).from(CLIENT_A)));
    let requests = scene.file("requests.curl");
    fs::write(&requests, transfers()).expect("the lab's directory takes files");
    let argv = [
        "curl",
        "-sS",
        "--parallel",
        "--parallel-immediate",
        "--parallel-max",
        "100",
        "--config",
        argument(&requests),
    ];
    let outcome = scene.must("client-a", &argv);
    let answers: Vec<_> = web::answers(&outcome.stdout).collect();
    assert_eq!(
        answers.len(),
        usize::from(CONNECTIONS),
        "{}",
        outcome.stderr
    );

    let connections: BTreeSet<_> = answers
        .iter()
        .map(|answer| (&answer.backend, &answer.peer, answer.peer_port))
        .collect();
    assert_eq!(
        connections.len(),
        answers.len(),
        "each has a NAT port of its own"
    );

    let mut shares = BTreeMap::new();
    for answer in &answers {
        *shares.entry(answer.backend.as_str()).or_insert(0_usize) += 1;
    }
    let all_weights: usize = WEIGHTS.iter().map(|(_, weight)| weight).sum();
    for (backend, weight) in WEIGHTS {
        let fair = answers.len() * weight / all_weights;
        let got = shares.get(backend).copied().unwrap_or_default();
        assert!(
            got.abs_diff(fair) * 5 <= fair,
            "{backend} should get {fair} of {shares:?}"
        );
    }
}

/// A transfer for each source port, as a curl configuration.
fn transfers() -> String {
    let transfer = |port| {
        format!(
            "url = \"http://{ENI_A}/\"\nlocal-port = {port}\nmax-time = 60\nfail\n\
             header = \"Connection: close\"\n"
        )
    };
    let all: Vec<_> = (FIRST_PORT..FIRST_PORT + CONNECTIONS)
        .map(transfer)
        .collect();
    all.join("next\n")
}
