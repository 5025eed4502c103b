//! A bandwidth at the XDP hook, by both families. (The TC hook, and what a reload changes, is in
//! `limits`.)

use serde_json::Value;

use super::node::{ENI, Hook, SERVERS, listener, manifest, of, ready, spec};
use crate::dual_stack::Family;
use crate::scene::Scene;

const IPERF: u16 = 5201;
const WANTED: f64 = 50.0;
const TRIES: u8 = 4;

#[test]
fn bandwidth_holds_at_the_xdp_hook() {
    let hook = Hook::Xdp;
    let listeners = ["TCP", "UDP"].map(|one| listener(one, IPERF, &SERVERS[..1], IPERF));
    let text = manifest(hook, &listeners, "Bandwidth: 50\n");
    let scene = ready(&spec(hook, 1), &text);
    let _iperf = scene.lab.iperf3_server("b1", IPERF).expect("iperf3 serves");
    // Of so many bytes of a packet, so many are payload.
    let runs: [(Family, &[&str], [f64; 2]); 4] = [
        (Family::V4, &[], [1500.0, 1448.0]),
        (Family::V6, &["-R"], [1500.0, 1428.0]),
        (
            Family::V4,
            &["-R", "-u", "-b80M", "-l1400"],
            [1428.0, 1400.0],
        ),
        (Family::V6, &["-u", "-b80M", "-l1400"], [1448.0, 1400.0]),
    ];
    for (family, options, [packet, payload]) in runs {
        let measure = || iperf(&scene, family, options) * packet / payload;
        // On a busy machine, interfaces lose a part: what is too little is measured again, what is too
        // much is a fault.
        let mut tries = (0..TRIES).map(|_| measure());
        let measured = tries.find(|measured| *measured > WANTED * 0.9);
        let measured = measured.unwrap_or_else(|| panic!("{family:?}, {options:?}: too little"));
        assert!(
            measured < WANTED * 1.1,
            "{family:?}, {options:?}: {measured}"
        );
    }
    assert!(
        scene.dropped("bandwidth-exceeded") > 0,
        "the excess is counted"
    );
}

/// What arrived, in Mbit/s of payload. The first second is left out: the bucket is full then.
#[track_caller]
fn iperf(scene: &Scene, family: Family, options: &[&str]) -> f64 {
    let argv = ["iperf3", "-J", "-O1", "-t3", "-c", of(family, ENI)];
    let outcome = scene.must("client-a", &[&argv[..], options].concat());
    let report: Value = serde_json::from_str(&outcome.stdout).expect("iperf3 -J");
    let bits = report["end"]["sum_received"]["bits_per_second"].as_f64();
    let bits = bits.unwrap_or_else(|| panic!("no rate: {report}"));
    println!("{family:?}, {options:?}: {} Mbit/s of payload", bits / 1e6);
    bits / 1e6
}
