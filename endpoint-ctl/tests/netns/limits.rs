//! What an endpoint may use: bandwidth, flows, and how long they may be idle.

use std::time::Duration;

use serde_json::{Value, json};
use xtask::lab::address::{BACKENDS, CLIENT_A, ENI_A};

use crate::dialogue::Dialogue;
use crate::flow_log::has_fields;
use crate::manifest::{Manifest, accept, all, server, tcp, udp};
use crate::scene::Scene;
use crate::waiting::eventually_within;

/// A round of the idle timer through the flow table, and what a loaded machine adds.
const REAPED: Duration = Duration::from_secs(20);

fn manifest() -> Manifest {
    let iperf = [server(BACKENDS[0], 5201)];
    Manifest::web()
        .group(accept(all()).from(CLIENT_A))
        .listener(tcp(5201), &iperf)
        .listener(udp(5201), &iperf)
}

/// Runs iperf3 for eight seconds; what arrived, in Mbit/s of its payload, and the report.
#[track_caller]
fn iperf(scene: &Scene, options: &[&str]) -> (f64, Value) {
    let mut argv = vec!["iperf3", "-c", ENI_A, "-p", "5201", "-J", "-t", "8"];
    argv.extend(options);
    let outcome = scene.must("client-a", &argv);
    let report: Value = serde_json::from_str(&outcome.stdout).expect("iperf3 -J");
    let bits = report["end"]["sum_received"]["bits_per_second"].as_f64();
    let bits = bits.unwrap_or_else(|| panic!("no rate: {report}"));
    println!("{options:?}: {} Mbit/s", bits / 1e6);
    (bits / 1e6, report)
}

#[track_caller]
fn assert_near(measured: f64, wanted: f64) {
    let near = (wanted * 0.9)..(wanted * 1.1);
    assert!(near.contains(&measured), "{measured} of {wanted} Mbit/s");
}

#[test]
fn bandwidth_holds_both_ways_over_tcp_and_udp() {
    let limited = manifest().endpoint("Bandwidth: 50\n");
    let scene = Scene::new(&limited);
    let _iperf = scene.lab.iperf3_server("b1", 5201).expect("iperf3 serves");
    assert_near(iperf(&scene, &[]).0, 50.0);
    assert_near(iperf(&scene, &["-R"]).0, 50.0);
    let before = scene.dropped("bandwidth-exceeded");
    assert!(before > 0, "the excess is counted");
    // IP headers count as well: 28 bytes with every 1400.
    let datagrams = ["-u", "-b", "100M", "-l", "1400"];
    assert_near(iperf(&scene, &datagrams).0, 49.0);
    let excess = scene.dropped("bandwidth-exceeded") - before;
    assert!(excess > 10_000, "half of 100 Mbit/s is excess: {excess}");
    let wanted = json!({"action": "REJECT", "reason": "bandwidth-exceeded", "direction": "in"});
    scene.flow_log().one(&wanted);

    // A stream under way gets what a reload gives, and takes.
    let unlimited = std::thread::scope(|threads| {
        let stream = threads.spawn(|| iperf(&scene, &["-b", "200M"]).1);
        std::thread::sleep(Duration::from_secs(3));
        scene.reload(&manifest());
        stream.join().expect("iperf3 ends well")
    });
    let per_second = megabits_by_second(&unlimited);
    assert!(per_second[1] < 80.0, "limited at first: {per_second:?}");
    assert!(per_second[6] > 100.0, "unlimited then: {per_second:?}");
}

fn megabits_by_second(report: &Value) -> Vec<f64> {
    let intervals = report["intervals"].as_array().expect("intervals");
    let bits = intervals.iter().map(|one| &one["sum"]["bits_per_second"]);
    bits.map(|bits| bits.as_f64().unwrap_or_default() / 1e6)
        .collect()
}

#[test]
fn a_full_share_refuses_new_flows_and_lets_the_others_live() {
    let scene = Scene::new(&manifest().endpoint("FlowLimit: 3\n"));
    let mut dialogues = [(); 3].map(|()| Dialogue::open(&scene, "client-a", 80).0);
    scene.assert_silence("client-a", 80);
    assert!(scene.dropped("flow-share-full") > 0);
    for dialogue in &mut dialogues {
        dialogue.must_answer();
    }
    scene.reload(&manifest().endpoint("FlowLimit: 4\n"));
    scene.fetch("client-a");
    for dialogue in &mut dialogues {
        dialogue.must_answer();
    }
}

#[test]
fn an_endpoint_may_end_idle_flows_sooner_than_the_node() {
    let idle = "IdleTimeouts: { TcpEstablished: 2 }\n";
    let scene = Scene::new(&manifest().endpoint(idle));
    let (_silent, _) = Dialogue::open(&scene, "client-a", 80);
    let established = |flow: &Value| flow["state"] == "established";
    eventually_within(REAPED, "the idle flow ends", || {
        let flows = scene.flows();
        if flows.iter().any(established) {
            Err(format!("{flows:?}"))
        } else {
            Ok(())
        }
    });
    let wanted = json!({"action": "ACCEPT", "srcaddr": CLIENT_A, "direction": "in"});
    let log = scene.flow_log();
    let packets: u64 = log
        .all(&wanted)
        .filter_map(|record| record["packets"].as_u64())
        .sum();
    assert!(packets >= 3, "what it carried is told:\n{log}");

    // Without the limit it would have lived: the node's own is 910 s.
    scene.reload(&manifest());
    let (mut lasting, _) = Dialogue::open(&scene, "client-a", 80);
    std::thread::sleep(Duration::from_secs(6));
    lasting.must_answer();
    let flows = scene.flows();
    assert!(
        flows
            .iter()
            .any(|flow| has_fields(flow, &json!({"state": "established"}))),
        "{flows:?}"
    );
}
