//! Metrics as Prometheus scrapes them: they are what the node says by its other mouths.

use std::collections::BTreeMap;
use std::str::FromStr;

use xtask::lab::address::ENI_A;

use crate::network::{Network, apply, eventually, service};
use crate::node::Node;

const AT: &str = "127.0.0.1:9464";

/// Samples by name and labels.
fn scrape(node: &Node) -> BTreeMap<String, String> {
    let url = format!("http://{AT}/metrics");
    let argv = ["curl", "-sS", "--fail", "-D", "-", "--max-time", "5", &url];
    let outcome = node.run("node", &argv);
    assert!(outcome.ok(), "{outcome}");
    let (head, body) = outcome
        .stdout
        .split_once("\r\n\r\n")
        .expect("a head and a body");
    assert!(
        head.contains("application/openmetrics-text; version=1.0.0"),
        "{head}"
    );
    assert!(body.ends_with("# EOF\n"), "it is whole");
    let samples = body.lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| {
        let (name, value) = line.rsplit_once(' ').expect("a name and a value");
        (name.to_owned(), value.to_owned())
    };
    samples.map(sample).collect()
}

/// The sample of a name whose labels have these values.
#[track_caller]
fn of<T: FromStr>(samples: &BTreeMap<String, String>, name: &str, labels: &[(&str, &str)]) -> T {
    let label = |(name, value): &(&str, &str)| format!("{name}=\"{value}\"");
    let labels: Vec<_> = labels.iter().map(label).collect();
    let is_it = |key: &&String| {
        let its = key
            .strip_prefix(name)
            .filter(|rest| rest.is_empty() || rest.starts_with('{'));
        its.is_some_and(|rest| labels.iter().all(|label| rest.contains(label.as_str())))
    };
    let found: Vec<_> = samples.keys().filter(is_it).collect();
    assert_eq!(found.len(), 1, "{name} {labels:?}: {found:?}");
    let value = samples[found[0]].parse().ok();
    value.unwrap_or_else(|| panic!("{}", samples[found[0]]))
}

#[test]
fn metrics_are_what_the_node_says_otherwise() {
    let node = Node::with_options(&["--metrics-listen", AT]);
    apply(&node, "service", &service("EndpointService"));
    let network = Network::new(&node.calls());
    let endpoint = network.endpoint(&node);
    for _ in 0..10 {
        assert!(node.fetch("client-a", ENI_A).is_some());
    }
    let refused = [
        "curl",
        "-sS",
        "--max-time",
        "0.5",
        &format!("http://{ENI_A}:81/"),
    ];
    assert!(!node.run("client-a", &refused).ok());

    let id = ("endpoint", endpoint.as_str());
    // The last packets of connections may still be on their way.
    let samples = eventually("nothing is counted any more", || {
        let usage = node.daemon.ctl_json(&["usage", "--endpoint", &endpoint]);
        let usage = usage.expect("answers");
        let row = &usage["rows"][0];
        let samples = scrape(&node);
        for direction in ["in", "out"] {
            let labels = [id, ("payer", "1002"), ("direction", direction)];
            for what in ["bytes", "packets"] {
                let used: u64 = of(&samples, &format!("endpoint_usage_{what}_total"), &labels);
                let said = row[format!("{what}-{direction}")].as_u64();
                if said != Some(used) {
                    return Err(format!("{what} {direction}: {used}, and usage says {row}"));
                }
            }
        }
        Ok(samples)
    });
    let by_eni = |direction| {
        let name = "endpoint_eni_bytes_total{";
        let its = samples
            .iter()
            .filter(|(key, _)| key.starts_with(name) && key.contains(&endpoint));
        let its = its.filter(|(key, _)| key.contains(&format!("direction=\"{direction}\"")));
        its.map(|(_, bytes)| bytes.parse::<u64>().expect("bytes"))
            .sum::<u64>()
    };
    for direction in ["in", "out"] {
        let labels = [id, ("direction", direction)];
        let used: u64 = of(&samples, "endpoint_usage_bytes_total", &labels);
        assert!(
            used > 1_000 && by_eni(direction) == used,
            "{direction}: {used}"
        );
    }
    let labels = [id, ("payer", "1002")];
    assert!(of::<f64>(&samples, "endpoint_usage_eni_seconds_total", &labels) > 0.0);
    let status = node.daemon.ctl_json(&["status"]).expect("answers");
    let interfaces = status["interfaces"].as_array().expect("a list");
    assert_eq!(interfaces.len(), 3);
    for one in interfaces {
        let text = |key: &str| one[key].as_str().expect("a text");
        let labels = [("interface", text("interface")), ("hook", text("hook"))];
        assert_eq!(
            of::<u8>(&samples, "endpoint_interface_attached", &labels),
            1
        );
    }
    let labels = [("reason", "group-ingress"), ("direction", "in")];
    assert!(of::<u64>(&samples, "endpoint_dropped_packets_total", &labels) >= 1);
    assert_eq!(of::<u8>(&samples, "endpoint_not_in_force", &[]), 0);
    assert!(of::<u64>(&samples, "endpoint_flows", &[("family", "ipv4")]) >= 1);

    let elsewhere = format!("http://{AT}/");
    let argv = [
        "curl",
        "-sS",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        &elsewhere,
    ];
    assert_eq!(node.run("node", &argv).stdout(), "404");
}
