//! What the asking commands print.
//!
//! May import: anyhow, control, manifest (faults), model (what was checked), output.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use serde_json::{Value, json};

use super::output::{Format, address, print, protocol, rows, table, text};
use crate::control::{Connection, Request};
use crate::manifest::ManifestErrors;
use crate::model::{Model, Policy, SecurityGroup, SecurityGroupType};
use crate::observe::RulesOf;

/// `check` of a manifest without faults.
pub(super) fn checked(file: &Path, model: &Model, format: Format) -> Result<()> {
    let zones = model
        .endpoints
        .values()
        .flat_map(|endpoint| endpoint.zones.iter().map(move |zone| (endpoint, zone)));
    if format.is_data() {
        let enis: Vec<_> = zones
            .map(|(endpoint, zone)| {
                json!({
                    "eni-id": zone.eni.as_str(),
                    "endpoint-id": endpoint.id.as_str(),
                    "ip": zone.ip,
                    "ipv6": zone.ipv6,
                })
            })
            .collect();
        let groups: Vec<_> = model.security_groups.values().map(group).collect();
        let all = json!({
            "faults": [],
            "enis": enis,
            "security-groups": groups,
            "notices": model.notices(),
        });
        return Ok(format.print(&all)?);
    }
    print(&format!("{}: no faults", file.display()))?;
    let mut rows = table(["ENI", "ENDPOINT", "ADDRESS", "IPV6 ADDRESS", "VSWITCH"]);
    for (endpoint, zone) in zones {
        rows.add_row([
            zone.eni.as_str(),
            endpoint.id.as_str(),
            &zone.ip.to_string(),
            &zone.ipv6.map_or("-".to_owned(), |ip| ip.to_string()),
            zone.vswitch.as_str(),
        ]);
    }
    print(&rows.to_string())?;
    let mut groups = table([
        "SECURITY GROUP",
        "VPC",
        "TYPE",
        "INNER ACCESS",
        "MANAGED",
        "RULES",
    ]);
    for row in model.security_groups.values().map(group) {
        let keys = [
            "security-group-id",
            "vpc-id",
            "type",
            "inner-access-policy",
            "service-managed",
            "rules",
        ];
        groups.add_row(keys.map(|key| text(&row, key)));
    }
    print(&format!("\n{groups}"))?;
    for notice in model.notices() {
        print(&format!("note: {notice}"))?;
    }
    Ok(())
}

/// A security group; those that come with endpoints are among them.
fn group(group: &SecurityGroup) -> Value {
    json!({
        "security-group-id": group.id.as_str(),
        "vpc-id": group.vpc.as_str(),
        "type": match group.group_type {
            SecurityGroupType::Normal => "normal",
            SecurityGroupType::Enterprise => "enterprise",
        },
        "inner-access-policy": match group.inner_access {
            Policy::Accept => "Accept",
            Policy::Drop => "Drop",
        },
        "service-managed": group.service_managed,
        "rules": group.rules.len(),
    })
}

/// `check` of a manifest with faults.
pub(super) fn faults(errors: &ManifestErrors, format: Format) -> Result<()> {
    if format.is_data() {
        return Ok(format.print(&json!(errors))?);
    }
    Ok(print(&errors.to_string())?)
}

/// `status`.
pub(super) fn status(socket: &Path, format: Format) -> Result<ExitCode> {
    let status = Connection::ask(socket, &Request::Status)?.answer()?;
    if format.is_data() {
        format.print(&status)?;
        return Ok(ExitCode::SUCCESS);
    }
    let head = format!(
        "generation {} of {} (endpoint-ctl {}, pid {}), flows: {}",
        text(&status, "generation"),
        text(&status, "manifest"),
        text(&status, "version"),
        text(&status, "pid"),
        flow_tables(&status),
    );
    print(&head)?;
    if let Some(error) = status.get("error").and_then(Value::as_str) {
        print(&format!("last reload refused: {error}"))?;
    }
    if let Some(fault) = status.get("store-fault").and_then(Value::as_str) {
        print(&format!("store: {fault}"))?;
    }
    for notice in rows(&status, "notices") {
        print(&format!("note: {}", notice.as_str().unwrap_or_default()))?;
    }
    show_nodes(&status)?;
    let mut interfaces = table(["INTERFACE", "HOOK", "ASKED", "MTU", "NOTE"]);
    for row in rows(&status, "interfaces") {
        let keys = ["interface", "hook", "asked", "mtu", "note"];
        interfaces.add_row(keys.map(|key| text(row, key)));
    }
    print(&format!("\n{interfaces}"))?;
    for row in rows(&status, "interfaces") {
        for finding in rows(row, "findings") {
            let keys = ["severity", "place", "problem", "mend"];
            let [severity, place, problem, mend] = keys.map(|key| text(finding, key));
            print(&format!("{severity}: {place}: {problem}\n    mend: {mend}"))?;
        }
    }
    let mut hops = table(["BACKEND", "INTERFACE", "VIA", "MAC", "MTU", "NOTE"]);
    for row in rows(&status, "hops") {
        let keys = ["backend", "interface", "via", "mac", "mtu", "note"];
        hops.add_row(keys.map(|key| text(row, key)));
    }
    print(&format!("\n{hops}"))?;
    let mut targets = table(["TARGET", "LISTENER", "STATE", "SINCE", "REASON"]);
    for row in rows(&status, "targets") {
        targets.add_row([
            address(row, "server-ip", "port"),
            listener(row),
            target_state(row),
            text(row, "since"),
            text(row, "reason"),
        ]);
    }
    print(&format!("\n{targets}"))?;
    let mut enis = table([
        "ENI",
        "ADDRESS",
        "IPV6 ADDRESS",
        "IN",
        "OUT",
        "DROPPED",
        "UNTOLD",
        "AUDITED",
    ]);
    for row in rows(&status, "enis") {
        let amounts = ["in", "out", "dropped", "untold", "audited"].map(|key| amount(&row[key]));
        let [incoming, outgoing, dropped, untold, audited] = amounts;
        enis.add_row([
            text(row, "eni-id"),
            text(row, "ip"),
            text(row, "ipv6"),
            incoming,
            outgoing,
            dropped,
            untold,
            audited,
        ]);
    }
    print(&format!("\n{enis}"))?;
    let mut drops = table(["DROPS AT", "REASON", "DIRECTION", "AMOUNT", "UNTOLD"]);
    for row in rows(&status, "drops") {
        let [eni, reason, direction] = ["eni-id", "reason", "direction"].map(|key| text(row, key));
        drops.add_row([eni, reason, direction, amount(row), amount(&row["untold"])]);
    }
    print(&format!("\n{drops}"))?;
    Ok(ExitCode::SUCCESS)
}

/// The nodes that share the store, if there are any.
fn show_nodes(status: &Value) -> Result<()> {
    if rows(status, "nodes").next().is_none() {
        return Ok(());
    }
    let mut nodes = table(["NODE", "STATE", "IN FORCE"]);
    for row in rows(status, "nodes") {
        let is = |key: &str| row[key].as_bool().unwrap_or_default();
        let state = match (is("is-there"), is("is-this")) {
            (true, true) => "there (this one)",
            (true, false) => "there",
            (false, true) => "not known to be there (this one)",
            (false, false) => "away",
        };
        let current = if is("is-current") {
            "all that is declared"
        } else {
            "older"
        };
        nodes.add_row([text(row, "node"), state.to_owned(), current.to_owned()]);
    }
    Ok(print(&format!("\n{nodes}"))?)
}

/// How full the flow tables are: `3 of 1048576 ipv4, 0 of 1048576 ipv6`.
fn flow_tables(status: &Value) -> String {
    let tables = rows(status, "flow-tables").map(|table| {
        let [used, size, family] = ["used", "size", "family"].map(|key| text(table, key));
        format!("{used} of {size} {family}")
    });
    tables.collect::<Vec<_>>().join(", ")
}

/// A target's listener: `nlb-a tcp/80`.
fn listener(target: &Value) -> String {
    let [balancer, port] = ["load-balancer-id", "listener-port"].map(|key| text(target, key));
    format!("{balancer} {}/{port}", protocol(target))
}

fn target_state(target: &Value) -> String {
    let state = text(target, "state");
    match text(target, "draining-until").as_str() {
        "-" => state,
        until => format!("{state} until {until}"),
    }
}

fn amount(value: &Value) -> String {
    format!(
        "{} packets, {} bytes",
        text(value, "packets"),
        text(value, "bytes")
    )
}

/// `flows`.
pub(super) fn flows(socket: &Path, format: Format) -> Result<ExitCode> {
    let flows = Connection::ask(socket, &Request::Flows)?.answer()?;
    if format.is_data() {
        format.print(&flows)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut shown = table([
        "PROTO", "CLIENT", "ENI", "NAT", "BACKEND", "STATE", "RULE", "IN", "OUT", "IDLE",
    ]);
    for row in flows.as_array().into_iter().flatten() {
        shown.add_row([
            protocol(row),
            address(row, "client", "client-port"),
            address(row, "eni-ip", "eni-port"),
            address(row, "nat", "nat-port"),
            address(row, "backend", "backend-port"),
            text(row, "state"),
            text(row, "rule-id"),
            format!("{}/{}", text(row, "packets-in"), text(row, "bytes-in")),
            format!("{}/{}", text(row, "packets-out"), text(row, "bytes-out")),
            format!("{} s", text(row, "idle")),
        ]);
    }
    print(&shown.to_string())?;
    Ok(ExitCode::SUCCESS)
}

/// `rules`.
pub(super) fn rules(socket: &Path, format: Format, of: RulesOf) -> Result<ExitCode> {
    let rules = Connection::ask(socket, &Request::Rules { of })?.answer()?;
    if format.is_data() {
        format.print(&rules)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut shown = table([
        "RULE",
        "OF",
        "DIRECTION",
        "ORDER",
        "POLICY",
        "MATCHES",
        "ACCEPTED",
        "DROPPED",
        "LAST HIT",
    ]);
    for row in rules.as_array().into_iter().flatten() {
        let [rule, owner, direction, order, policy, matches, last] = [
            "rule-id",
            "owner-id",
            "direction",
            "order",
            "policy",
            "matches",
            "last-hit",
        ]
        .map(|key| text(row, key));
        let [accepted, dropped] = ["accepted", "dropped"].map(|key| amount(&row[key]));
        shown.add_row([
            rule, owner, direction, order, policy, matches, accepted, dropped, last,
        ]);
    }
    print(&shown.to_string())?;
    Ok(ExitCode::SUCCESS)
}

/// `flowlog`.
pub(super) fn flow_log(
    socket: &Path,
    format: Format,
    follow: bool,
    flush: bool,
) -> Result<ExitCode> {
    let records = Connection::ask(socket, &Request::Flowlog { follow, flush })?.records();
    if !format.is_data() {
        print(&record_line([
            "ACTION",
            "DIR",
            "PROTO",
            "SOURCE",
            "DESTINATION",
            "NAT SOURCE",
            "NAT DESTINATION",
            "PACKETS",
            "BYTES",
            "RULE",
            "REASON",
        ]))?;
    }
    for record in records {
        let record = record?;
        if format.is_data() {
            format.print_record(&record)?;
            continue;
        }
        let columns = [
            text(&record, "action"),
            text(&record, "direction"),
            protocol(&record),
            address(&record, "srcaddr", "srcport"),
            address(&record, "dstaddr", "dstport"),
            address(&record, "nat-srcaddr", "nat-srcport"),
            address(&record, "nat-dstaddr", "nat-dstport"),
            text(&record, "packets"),
            text(&record, "bytes"),
            text(&record, "rule-id"),
            text(&record, "reason"),
        ];
        print(&record_line(columns.each_ref().map(String::as_str)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Columns of a fixed width, since records come one by one.
fn record_line(columns: [&str; 11]) -> String {
    const WIDTHS: [usize; 11] = [6, 3, 6, 21, 21, 21, 21, 8, 10, 24, 0];
    let padded = columns
        .iter()
        .zip(WIDTHS)
        .map(|(column, width)| format!("{column:<width$}"));
    padded.collect::<Vec<_>>().join(" ").trim_end().to_owned()
}
