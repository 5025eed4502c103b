//! What endpoints used, as `usage` tells it: what the flow log has, whoever pays, however the daemon ends.

use std::time::{Duration, Instant};

use serde_json::Value;
use xtask::lab::address::{ENI_A, ENI_B};

use crate::calls::Product;
use crate::network::{Network, apply, eventually, service};
use crate::node::Node;

/// The accounts of the lab.
const CONSUMER: &str = "1001";
const PROVIDER: &str = "1002";

/// Packets and bytes in, packets and bytes out.
type Counted = [u64; 4];

#[test]
fn usage_is_what_the_flow_log_has() {
    // Until it ends, nothing is written.
    let mut node = Node::with_options(&["--flow-log-window", "600"]);
    apply(&node, "service", &service("Endpoint"));
    let network = Network::new(&node.calls());
    let asked = Instant::now();
    let endpoint = network.endpoint(&node);
    let serving = Instant::now();

    traffic(&node);
    let first = await_agreement(&node, &endpoint);
    let least = serving.elapsed();
    let [row] = &rows(&node, &[])[..] else {
        panic!("one endpoint, one payer: {:?}", rows(&node, &[]));
    };
    assert_eq!(row["account-id"], CONSUMER, "{row}");
    // Both ENIs are counted, together.
    assert_seconds(row, least, asked.elapsed());

    // Cleanly ended: nothing is lost, and nothing is counted while it is down.
    traffic(&node);
    let least = serving.elapsed();
    node.end("TERM");
    let most = asked.elapsed();
    std::thread::sleep(Duration::from_secs(3));
    let again = Instant::now();
    // Rows are written as often as windows end.
    node.restart_with(&["--flow-log-window", "1"]);
    let row = &rows(&node, &[])[0];
    assert_seconds(row, least, most + again.elapsed());
    let second = counted(&rows(&node, &[]));
    assert!(second[1] > first[1], "{first:?}, then {second:?}");
    assert_eq!(second, recorded(&node, &endpoint), "ended by SIGTERM");

    // Another payer pays from then on.
    apply(&node, "service", &service("EndpointService"));
    let of = |account: &str| counted(&rows(&node, &["--account", account]));
    eventually("the provider pays", || {
        let row = rows(&node, &["--account", PROVIDER]).pop();
        row.ok_or_else(|| "no row".to_owned())
    });
    let paid_before = eventually("what came before is counted", || {
        let paid = of(CONSUMER);
        std::thread::sleep(Duration::from_millis(300));
        (paid == of(CONSUMER))
            .then_some(paid)
            .ok_or_else(|| format!("{paid:?}"))
    });
    traffic(&node);
    let third = await_agreement(&node, &endpoint);
    assert_eq!(of(CONSUMER), paid_before);
    assert_eq!(plus(of(CONSUMER), of(PROVIDER)), third);
    assert!(of(PROVIDER)[1] > 100_000, "{:?}", of(PROVIDER));
    assert_eq!(rows(&node, &["--endpoint", "ep-none"]), Vec::<Value>::new());
    let by_day = rows(&node, &["--by", "day", "--endpoint", &endpoint]);
    assert!(
        by_day.iter().all(|row| row["first-day"] == row["last-day"]),
        "{by_day:?}"
    );
    assert_eq!(counted(&by_day), third);

    // Killed: what was counted before the last write is there.
    let settled = seconds(&rows(&node, &[]));
    std::thread::sleep(Duration::from_millis(2_500));
    node.end("KILL");
    node.restart();
    let all = rows(&node, &[]);
    assert_eq!(counted(&all), third, "killed");
    assert_eq!(counted(&all), recorded(&node, &endpoint), "killed");
    assert!(
        seconds(&all) > settled + 2.0,
        "{} after {settled}",
        seconds(&all)
    );

    // Gone: its rows stay, and it costs nothing more.
    node.fetch("client-a", ENI_A).expect("it serves again");
    let delete = [("EndpointId", endpoint.as_str())];
    let calls = node.calls();
    calls
        .call(Product::PrivateLink, "DeleteVpcEndpoint", &delete)
        .ok();
    let last = eventually("it is no longer counted", || {
        let seen = seconds(&rows(&node, &[]));
        std::thread::sleep(Duration::from_millis(300));
        let now = seconds(&rows(&node, &[]));
        (now.to_bits() == seen.to_bits())
            .then_some(now)
            .ok_or_else(|| format!("{now}"))
    });
    let fourth = await_agreement(&node, &endpoint);
    assert!(fourth[1] > third[1], "{third:?}, then {fourth:?}");
    assert_eq!(seconds(&rows(&node, &[])).to_bits(), last.to_bits());
    let table = node.daemon.ctl(["usage"]).expect("runs");
    assert!(table.ok() && table.stdout.contains(&endpoint), "{table}");
}

#[test]
fn what_cannot_be_asked_or_kept_is_refused() {
    let mut node = Node::new();
    let refused = node
        .daemon
        .ctl(["usage", "--from", "2026-12-01", "--to", "2026-11-30"]);
    let refused = refused.expect("runs");
    assert_eq!(refused.status.code(), Some(2), "{refused}");
    assert!(refused.stderr.contains("is after"), "{refused}");
    let refused = node
        .daemon
        .ctl(["usage", "--from", "yesterday-ish"])
        .expect("runs");
    assert_eq!(refused.status.code(), Some(2), "{refused}");

    let usage = node.daemon.ctl_json(&["usage"]).expect("answers");
    let file = usage["file"].as_str().expect("a file").to_owned();
    assert!(file.ends_with("state.redb.usage"), "{usage}");
    assert_eq!(usage["since"], Value::Null, "{usage}");
    node.end("TERM");
    let kept = std::fs::read(&file).expect("is there");
    std::fs::write(&file, &kept[..kept.len() / 2]).expect("writes");
    let refused = node.try_restart().expect_err("it is torn");
    let told = format!("{refused:#}");
    for part in ["usage: ", "is damaged", "move it away with its `.lock`"] {
        assert!(told.contains(part), "no {part:?} in {told}");
    }
    std::fs::remove_file(&file).expect("removes");
    std::fs::remove_file(format!("{file}.lock")).expect("removes");
    node.restart();
    assert_eq!(rows(&node, &[]), Vec::<Value>::new());
}

/// Some of everything: pages, echo, and what is refused and must cost nobody anything.
#[track_caller]
fn traffic(node: &Node) {
    for (client, eni) in [("client-a", ENI_A), ("client-c", ENI_B)] {
        let url = format!("http://{eni}/[1-60]");
        let argv = [
            "curl",
            "-sS",
            "-H",
            "Connection: close",
            "--max-time",
            "30",
            &url,
        ];
        let fetched = node.run(client, &argv);
        assert!(fetched.ok(), "{fetched}");
        let pinged = node.run(client, &["ping", "-c5", "-i0.01", "-s1000", "-W5", eni]);
        assert!(pinged.ok(), "{pinged}");
        let refused = format!("http://{eni}:81/");
        let refused = node.run(client, &["curl", "-sS", "--max-time", "0.3", &refused]);
        assert!(!refused.ok(), "{refused}");
    }
    // More in one direction, by large requests that the server refuses once it has them.
    let upload = format!(
        "head -c 200000 /dev/zero | curl -sS --data-binary @- http://{ENI_A}/ -o /dev/null"
    );
    let uploaded = node.run("client-a", &["bash", "-c", &upload]);
    assert!(uploaded.ok(), "{uploaded}");
}

/// Waits until the last packets are through and recorded: the sums must then be equal, to the byte.
#[track_caller]
fn await_agreement(node: &Node, endpoint: &str) -> Counted {
    eventually("usage and flow log agree", || {
        let flushed = node.daemon.ctl(["flowlog", "--flush"]).expect("runs");
        assert!(flushed.ok(), "{flushed}");
        let (recorded, counted) = (recorded(node, endpoint), counted(&rows(node, &[])));
        (recorded == counted)
            .then_some(counted)
            .ok_or_else(|| format!("flow log {recorded:?}, usage {counted:?}"))
    })
}

/// What the flow log accepted for an endpoint.
#[track_caller]
fn recorded(node: &Node, endpoint: &str) -> Counted {
    let mut sum = Counted::default();
    for record in node.flow_log() {
        if record["endpoint-id"] != endpoint || record["action"] != "ACCEPT" {
            continue;
        }
        let first = match record["direction"].as_str() {
            Some("in") => 0,
            Some("out") => 2,
            _ => panic!("no direction: {record}"),
        };
        sum[first] += number(&record, "packets");
        sum[first + 1] += number(&record, "bytes");
    }
    sum
}

/// What `usage` answers.
#[track_caller]
fn rows(node: &Node, more: &[&str]) -> Vec<Value> {
    let args = [&["usage"], more].concat();
    let usage = node.daemon.ctl_json(&args).expect("answers");
    assert_eq!(usage["error"], Value::Null, "{usage}");
    usage["rows"].as_array().expect("a list").clone()
}

#[track_caller]
fn counted(rows: &[Value]) -> Counted {
    let of =
        |row| ["packets-in", "bytes-in", "packets-out", "bytes-out"].map(|key| number(row, key));
    rows.iter().map(of).fold(Counted::default(), plus)
}

fn seconds(rows: &[Value]) -> f64 {
    let all = rows
        .iter()
        .map(|row| row["eni-seconds"].as_f64().expect("a number"));
    all.sum()
}

/// Two ENIs were in force at least, and at most, for so long.
#[track_caller]
fn assert_seconds(row: &Value, least: Duration, most: Duration) {
    let each = seconds(std::slice::from_ref(row)) / 2.0;
    let (least, most) = (least.as_secs_f64() - 0.5, most.as_secs_f64() + 0.5);
    assert!(
        (least..=most).contains(&each),
        "{each} s, not {least} to {most}"
    );
}

#[track_caller]
fn number(value: &Value, key: &str) -> u64 {
    let number = value[key].as_u64();
    number.unwrap_or_else(|| panic!("no {key}: {value}"))
}

fn plus(a: Counted, b: Counted) -> Counted {
    std::array::from_fn(|place| a[place] + b[place])
}
