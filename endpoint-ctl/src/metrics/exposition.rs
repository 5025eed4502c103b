//! Everything as text in the format of OpenMetrics 1.0.
//!
//! May import: std, prometheus-client, control (status), metering (usage), observe (totals).

use std::fmt;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::control::NodeStatus;
use crate::metering::Usage;
use crate::observe::{Amount, Direction, Totals};

/// Labels of a sample: names and values.
type Labels = Vec<(&'static str, String)>;
type Counters = Family<Labels, Counter>;
type Gauges = Family<Labels, Gauge>;

/// What the node says of itself, what it has counted, what was used.
///
/// # Errors
/// The text cannot be written, which does not happen.
pub fn exposition(
    status: &NodeStatus,
    totals: &Totals,
    usage: &Usage,
) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("endpoint");
    of_node(&mut registry, status);
    of_interfaces(&mut registry, status);
    of_targets(&mut registry, status);
    of_enis(&mut registry, totals);
    of_flows(&mut registry, totals);
    of_usage(&mut registry, usage);
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

fn of_node(registry: &mut Registry, status: &NodeStatus) {
    let info = vec![
        ("version", status.version.to_owned()),
        ("node", status.node.clone()),
    ];
    registry.register("build", "The daemon", Info::new(info));
    let generation = Gauge::<i64>::default();
    generation.set(status.generation.into());
    registry.register("generation", "The generation in force", generation);
    let refused = Gauge::<i64>::default();
    refused.set(status.error.is_some().into());
    registry.register(
        "not_in_force",
        "Whether what was declared last could not be put in force",
        refused,
    );
    let [there, current] = [Gauges::default(), Gauges::default()];
    for node in &status.nodes {
        let labels = vec![("node", node.node.clone())];
        there.get_or_create(&labels).set(node.is_there.into());
        current.get_or_create(&labels).set(node.is_current.into());
    }
    registry.register("node_there", "Whether a node of the cluster lives", there);
    registry.register(
        "node_current",
        "Whether a node has in force all that is declared",
        current,
    );
}

fn of_interfaces(registry: &mut Registry, status: &NodeStatus) {
    let attached = Gauges::default();
    for one in &status.interfaces {
        let labels = vec![
            ("interface", one.interface.clone()),
            ("hook", one.hook.clone()),
            ("asked", one.asked.to_owned()),
        ];
        let is_attached = one.hook != "detached";
        attached.get_or_create(&labels).set(is_attached.into());
    }
    registry.register(
        "interface_attached",
        "Whether the program is attached to an interface, and by which hook",
        attached,
    );
}

fn of_targets(registry: &mut Registry, status: &NodeStatus) {
    let takes = Gauges::default();
    for one in &status.targets {
        let labels = vec![
            ("load_balancer", one.load_balancer_id.clone()),
            (
                "listener",
                format!("{}/{}", one.protocol, one.listener_port),
            ),
            ("server", format!("{}:{}", one.server_ip, one.port)),
        ];
        let is_taking = matches!(one.state, "healthy" | "unknown") && one.weight > 0;
        takes.get_or_create(&labels).set(is_taking.into());
    }
    registry.register("target_up", "Whether a server takes new flows", takes);
}

fn of_enis(registry: &mut Registry, totals: &Totals) {
    let [packets, bytes, dropped] = [(); 3].map(|()| Counters::default());
    for eni in &totals.enis {
        for (direction, amount) in [("in", eni.r#in), ("out", eni.out)] {
            let labels = vec![
                ("endpoint", eni.endpoint_id.clone()),
                ("eni", eni.eni_id.clone()),
                ("direction", direction.to_owned()),
            ];
            count(&packets, &bytes, &labels, amount);
        }
    }
    for drop in &totals.drops {
        let labels = vec![
            ("eni", drop.eni_id.clone().unwrap_or_default()),
            ("reason", drop.reason.clone()),
            ("direction", direction(drop.direction).to_owned()),
        ];
        dropped.get_or_create(&labels).inc_by(drop.amount.packets);
    }
    registry.register("eni_packets", "Packets accepted at an ENI", packets);
    registry.register("eni_bytes", "Their IP bytes", bytes);
    registry.register(
        "dropped_packets",
        "Packets dropped at an ENI, by reason",
        dropped,
    );
}

fn of_flows(registry: &mut Registry, totals: &Totals) {
    let [used, size] = [Gauges::default(), Gauges::default()];
    for table in &totals.flow_tables {
        let labels = vec![("family", table.family.to_owned())];
        used.get_or_create(&labels).set(table.used.into());
        size.get_or_create(&labels).set(table.size.into());
    }
    registry.register("flows", "Flows there are", used);
    registry.register("flow_entries", "Flows there may be", size);
    let unrecorded = Counter::<u64>::default();
    unrecorded.inc_by(totals.unrecorded);
    registry.register(
        "flow_log_unrecorded",
        "Flow-log records that could not be written",
        unrecorded,
    );
}

fn of_usage(registry: &mut Registry, usage: &Usage) {
    let seconds = Family::<Labels, Counter<f64, AtomicU64>>::default();
    let [packets, bytes] = [Counters::default(), Counters::default()];
    for row in &usage.rows {
        let of = |direction: &str| {
            vec![
                ("endpoint", row.endpoint_id.clone()),
                ("payer", row.account_id.clone()),
                ("direction", direction.to_owned()),
            ]
        };
        let mut labels = of("in");
        let amount = |packets, bytes| Amount { packets, bytes };
        count(
            &packets,
            &bytes,
            &labels,
            amount(row.packets_in, row.bytes_in),
        );
        count(
            &packets,
            &bytes,
            &of("out"),
            amount(row.packets_out, row.bytes_out),
        );
        labels.pop();
        seconds.get_or_create(&labels).inc_by(row.eni_seconds);
    }
    registry.register(
        "usage_eni_seconds",
        "Seconds that ENIs of an endpoint were in force, by who pays",
        seconds,
    );
    registry.register(
        "usage_packets",
        "Packets of an endpoint, by who pays",
        packets,
    );
    registry.register("usage_bytes", "Their IP bytes", bytes);
}

fn count(packets: &Counters, bytes: &Counters, labels: &Labels, amount: Amount) {
    packets.get_or_create(labels).inc_by(amount.packets);
    bytes.get_or_create(labels).inc_by(amount.bytes);
}

fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "in",
        Direction::Out => "out",
    }
}
