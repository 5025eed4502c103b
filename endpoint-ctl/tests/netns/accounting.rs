//! Counters and flow log agree to the packet and the byte (F58).

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use xtask::lab::address::{BACKENDS, CLIENT_A, ENI_A};

use crate::flow_log::FlowLog;
use crate::manifest::{Manifest, accept, icmp, server, tcp, udp};
use crate::scene::{Scene, argument};
use crate::temporary::TemporaryFile;
use crate::waiting::{PATIENCE, eventually, eventually_within};

/// Packets and bytes.
type Amount = (u64, u64);

/// Half-open flows live 10 s; the rest is for a loaded machine.
const EXPIRY: Duration = Duration::from_secs(40);

fn manifest() -> Manifest {
    let iperf = [server(BACKENDS[0], 5201)];
    Manifest::web()
        .group(accept(tcp(80)).from(CLIENT_A))
        .group(accept(tcp(5201)).from(CLIENT_A))
        .group(accept(udp(5201)).from(CLIENT_A))
        .group(accept(udp(9000)).from(CLIENT_A))
        .group(accept(icmp()).from(CLIENT_A))
        .listener(tcp(5201), &iperf)
        .listener(udp(5201), &iperf)
        .listener(udp(9000), &[server(BACKENDS[1], 9000)])
}

#[test]
fn the_flow_log_adds_up_to_the_counters() {
    // No window ends but where the test ends it.
    let file = TemporaryFile::new("flow-log");
    let options = [
        "--flow-log-window",
        "600",
        "--flow-log",
        argument(file.path()),
    ];
    let scene = Scene::with_options(&manifest(), &options);
    let _iperf = scene.lab.iperf3_server("b1", 5201).expect("iperf3 serves");
    mixture(&scene);
    let before = await_agreement(&scene);
    for kind in ["in", "out", "dropped"] {
        assert!(before[kind].0 > 50, "{kind} traffic was there: {before:?}");
    }

    // These are gone before their window ends.
    unanswered(&scene);
    eventually_within(EXPIRY, "half-open flows expire", || {
        let flows = scene.flows();
        let half_open = flows.iter().filter(|flow| flow["state"] == "half-open");
        match half_open.count() {
            0 => Ok(()),
            left => Err(format!("{left} left")),
        }
    });
    let after = await_agreement(&scene);
    assert!(
        after["in"].0 >= before["in"].0 + 50,
        "{before:?}, then {after:?}"
    );

    let kept = scene.flow_log().0.len();
    let filed = fs::read_to_string(file.path()).expect("the flow-log file is there");
    assert_eq!(filed.lines().count(), kept, "the file has every record");
}

/// Some of everything: served and refused, TCP, UDP answered and not, echo.
fn mixture(scene: &Scene) {
    let urls = format!("http://{ENI_A}/[1-200]");
    let argv = [
        "curl",
        "-sS",
        "--fail",
        "-H",
        "Connection: close",
        "--max-time",
        "60",
        &urls,
    ];
    let fetched = scene.must("client-a", &argv);
    assert_eq!(
        crate::web::answers(&fetched.stdout).count(),
        200,
        "{fetched}"
    );
    scene.must("client-a", &["ping", "-c20", "-i0.01", "-W5", ENI_A]);
    answered_datagrams(scene);
    unanswered(scene);
    scene.assert_silence("client-a", 81);
    for client in ["client-b", "client-r"] {
        scene.assert_silence(client, 80);
        scene.must(client, &["bash", "-c", &datagrams(50, 53)]);
        scene.run(client, &["ping", "-c5", "-i0.01", "-W1", ENI_A]);
    }
}

/// Two seconds of them, over three windows.
fn answered_datagrams(scene: &Scene) {
    let argv = [
        "iperf3",
        "-u",
        "-b2M",
        "-l1000",
        "-t2",
        "-c",
        ENI_A,
        "--logfile",
        "/dev/null",
    ];
    let client = scene
        .lab
        .ns("client-a")
        .spawn(argv)
        .expect("iperf3 must start");
    for _ in 0..2 {
        let packets = |log: FlowLog| log.all(&json!({"protocol": 17, "direction": "in"})).count();
        let before = packets(scene.flow_log());
        eventually("the stream goes on in a new window", || {
            let now = packets(scene.flow_log());
            (now > before)
                .then_some(())
                .ok_or_else(|| format!("{before} records, as before"))
        });
    }
    let status = client.wait(PATIENCE).expect("it can be awaited");
    assert!(
        status.is_some_and(|status| status.success()),
        "iperf3: {status:?}"
    );
}

/// To a port of b2 where nothing is: ICMP comes back to the NAT address.
fn unanswered(scene: &Scene) {
    scene.must("client-a", &["bash", "-c", &datagrams(50, 9000)]);
}

/// So many datagrams, each from a port of its own.
fn datagrams(count: u32, port: u16) -> String {
    format!("for i in $(seq {count}); do echo $i > /dev/udp/{ENI_A}/{port}; done")
}

/// Waits until the last packets are through and recorded; the sums must then be equal.
#[track_caller]
fn await_agreement(scene: &Scene) -> BTreeMap<&'static str, Amount> {
    eventually("flow log and counters agree", || {
        let (log, status) = (scene.flow_log(), scene.status());
        assert_eq!(status["unrecorded"], 0, "{status}");
        let enis = status["enis"].as_array().expect("status has ENIs");
        assert_eq!(enis.len(), 1, "{status}");
        let eni = &enis[0];
        let mut sums = BTreeMap::new();
        for kind in ["in", "out", "dropped"] {
            let counted = amount(&eni[kind]);
            let wanted = match kind {
                "dropped" => json!({"eni-id": eni["eni-id"], "action": "REJECT"}),
                way => json!({"eni-id": eni["eni-id"], "action": "ACCEPT", "direction": way}),
            };
            let mut logged = log.all(&wanted).map(amount).fold((0, 0), plus);
            if kind == "dropped" {
                logged = plus(logged, amount(&eni["untold"]));
            }
            if counted != logged {
                return Err(format!("{kind}: counters {counted:?}, flow log {logged:?}"));
            }
            sums.insert(kind, counted);
        }
        by_reason(&status)?;
        Ok(sums)
    })
}

/// The drops by reason add up to the ENI's own counter.
fn by_reason(status: &Value) -> Result<(), String> {
    let eni = &status["enis"][0];
    let drops = status["drops"].as_array().expect("status has drops");
    let mine = drops.iter().filter(|drop| drop["eni-id"] == eni["eni-id"]);
    let sum = mine.map(amount).fold((0, 0), plus);
    let counted = amount(&eni["dropped"]);
    if sum == counted {
        Ok(())
    } else {
        Err(format!("dropped {counted:?}, by reason {sum:?}"))
    }
}

fn amount(value: &Value) -> Amount {
    let field = |name: &str| value[name].as_u64();
    let both = field("packets").zip(field("bytes"));
    both.unwrap_or_else(|| panic!("no amount: {value}"))
}

fn plus(a: Amount, b: Amount) -> Amount {
    (a.0 + b.0, a.1 + b.1)
}
