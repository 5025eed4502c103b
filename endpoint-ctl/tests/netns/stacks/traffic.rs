//! curl, ping and iperf3 with plain settings, and what else needs one lab without routers.

use serde_json::Value;

use super::datagrams;
use super::files::{Files, who_serves};
use super::node::{
    BOTH, BOTH_SERVING, ENI, Hook, NAT, SERVERS, assert_no_drops, at_both_hooks, listener,
    manifest, of, ready, spec, with_both,
};
use super::{checksums, hairpin};
use crate::dual_stack::{FAMILIES, Family};
use crate::scene::{Scene, WEB_PORT};

const IPERF: u16 = 5201;

#[test]
fn tools_large_datagrams_and_a_host_served_by_itself() {
    at_both_hooks(|hook| {
        let b1 = &SERVERS[..1];
        let listeners = [
            listener("TCP", 80, b1, WEB_PORT),
            listener("UDP", 80, b1, datagrams::PORT),
            listener("TCP", IPERF, b1, IPERF),
            listener("UDP", IPERF, b1, IPERF),
            listener("TCP", hairpin::AT_OWN, &[BOTH_SERVING], WEB_PORT),
            listener("TCP", hairpin::AT_CLIENTS, &[BOTH], WEB_PORT),
        ];
        let spec = with_both(spec(hook, 1));
        let scene = ready(&spec, &manifest(hook, &listeners, ""));
        let files = Files::serve(&scene.lab, "b1");
        tools(&scene, &files);
        datagrams::pass_in_fragments(&scene);
        hairpin::is_served_by_itself(&scene);
        if hook == Hook::Tc {
            checksums::are_completed_right(&scene, &files);
        }
        assert_no_drops(&scene);
    });
}

#[track_caller]
fn tools(scene: &Scene, files: &Files) {
    let _iperf = scene.lab.iperf3_server("b1", IPERF).expect("iperf3 serves");
    for family in FAMILIES {
        let answer = who_serves(scene, "client-a", family, 80);
        assert_eq!(answer.peer, of(family, NAT));
        files.must_send(scene, "client-a", (family, 80), 1_000_000);
        files.must_take(scene, "client-a", (family, 80), 1_000_000);
        ping(scene, family);
        iperf(scene, family);
    }
}

/// Small ones, some as large as a packet may be, and some in fragments; the node's own stack sees none of them,
/// and neither does a server.
#[track_caller]
fn ping(scene: &Scene, family: Family) {
    let full = if family == Family::V4 { "1472" } else { "1452" };
    for (size, fragments) in [("56", "-Mdo"), (full, "-Mdo"), ("20000", "-Mdont")] {
        let argv = ["ping", "-c3", "-i0.1", "-W5", fragments, "-s", size];
        let ping = scene.must("client-a", &[&argv[..], &[of(family, ENI)]].concat());
        assert!(ping.stdout.contains(" 0% packet loss"), "{ping}");
    }
    for role in ["node", "b1"] {
        assert_eq!(
            echo_requests(scene, role),
            0,
            "{role} has seen echo requests"
        );
    }
}

/// How many echo requests a role's own stack has taken, of either family.
#[track_caller]
fn echo_requests(scene: &Scene, role: &str) -> u64 {
    let argv = ["nstat", "-asz", "IcmpInEchos", "Icmp6InEchos"];
    let counted = scene.must(role, &argv).stdout;
    let counts: Vec<u64> = counted
        .lines()
        .filter(|line| line.contains("InEchos"))
        .filter_map(|line| line.split_whitespace().nth(1)?.parse().ok())
        .collect();
    assert_eq!(counts.len(), 2, "{counted}");
    counts.iter().sum()
}

#[track_caller]
fn iperf(scene: &Scene, family: Family) {
    for options in [&["-n32M"][..], &["-u", "-b10M", "-n500K", "-l1000"]] {
        for reverse in [&[][..], &["-R"]] {
            let argv = ["iperf3", "-J", "-c", of(family, ENI)];
            let outcome = scene.must("client-a", &[&argv[..], options, reverse].concat());
            let said: Value = serde_json::from_str(&outcome.stdout).expect("iperf3 -J");
            if options.contains(&"-u") {
                // On a loaded machine, a socket's buffer may run over; but for that, none is lost.
                let sum = &said["end"]["sum"];
                assert!(sum["packets"].as_u64() > Some(400), "{said}");
                assert!(sum["lost_percent"].as_f64() < Some(10.0), "{said}");
            } else {
                // What is still on the way when the last byte was handed in is not counted.
                let bytes = said["end"]["sum_received"]["bytes"].as_u64();
                assert!(bytes > Some(16_000_000), "{said}");
            }
        }
    }
}
