//! `cargo xtask demo`: one endpoint at work, told and checked step by step.
//! Imports `build`, `cleanup`, `lab`, `step`, `tools` and `workspace` from
//! this crate.

mod account;

use std::fs;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::build::{self, Profile};
use crate::cleanup;
use crate::lab::{Daemon, Lab, LabSpec, Outcome, Process, address};
use crate::step::step;
use crate::tools;
use crate::workspace::{Workspace, is_root};

const MANIFEST: &str = "examples/lab.yaml";

/// Builds, shows, checks; with `keep` it leaves the lab up until Ctrl-C.
pub fn demo(ws: &Workspace, keep: bool) -> Result<()> {
    if !is_root() {
        bail!("the demo needs root (BPF programs, network namespaces): run it as root");
    }
    tools::find_or_install()?;
    let built = build::build(ws, Profile::Debug)?;
    let manifest = fs::read_to_string(ws.root.join(MANIFEST))
        .with_context(|| format!("reading {MANIFEST}"))?;

    let lab = step("building the lab", || Lab::new(&LabSpec::standard()))?;
    let _servers = step("starting nginx on three backends", || backends(&lab))?;
    let daemon = step("starting endpoint-ctl on the node", || {
        lab.daemon(&built.endpoint_ctl, &manifest, &[])
    })?;

    println!(
        "\nA consumer network and a provider network, both {}.",
        address::NETWORK
    );
    println!(
        "The endpoint's address is {}, in the clients' own vSwitch {}.\n",
        address::ENI_A,
        address::VSWITCH_A
    );
    client_a(&lab)?;
    client_b(&lab)?;
    flow_log(&daemon)?;
    println!("\nAll of it holds.");
    if keep {
        what_to_try(&lab, &daemon);
        cleanup::park_forever();
    }
    Ok(())
}

/// nginx in b1, b2, b3; each answers with its name.
fn backends(lab: &Lab) -> Result<Vec<Process>> {
    ["b1", "b2", "b3"]
        .into_iter()
        .map(|role| lab.nginx(role, 8080, role))
        .collect()
}

/// Runs a command in a client's namespace and shows both.
fn show(lab: &Lab, role: &str, argv: &[&str]) -> Result<Outcome> {
    println!("{role}$ {}", argv.join(" "));
    let outcome = lab.ns(role).run(argv)?;
    for line in outcome.stdout.lines().chain(outcome.stderr.lines()) {
        println!("    {line}");
    }
    if !outcome.ok() {
        println!("    ({})", outcome.status);
    }
    Ok(outcome)
}

/// What an allowed client can do, and what it cannot.
fn client_a(lab: &Lab) -> Result<()> {
    println!("1. Client A, whom the security group allows, pings the endpoint:");
    let ping = show(lab, "client-a", &["ping", "-c1", "-W2", address::ENI_A])?;
    ensure!(ping.ok(), "client A cannot ping the endpoint");

    println!("\n2. It has no route to the backends:");
    let route = ["ip", "route", "get", address::BACKENDS[0]];
    let route = show(lab, "client-a", &route)?;
    ensure!(!route.ok(), "client A has a route to the backend");

    println!("\n3. Through the endpoint it reaches real nginx there:");
    let url = format!("http://{}/", address::ENI_A);
    let head = show(lab, "client-a", &["curl", "-sSI", "--max-time", "5", &url])?;
    ensure!(
        head.ok() && head.stdout.starts_with("HTTP/1.1 200"),
        "client A gets no answer through the endpoint"
    );
    Ok(())
}

/// What a client outside the security group gets: silence.
fn client_b(lab: &Lab) -> Result<()> {
    println!("\n4. Client B, in the same vSwitch but not allowed, gets no answer:");
    let url = format!("http://{}/", address::ENI_A);
    let head = show(lab, "client-b", &["curl", "-sSI", "--max-time", "3", &url])?;
    // curl's status 28: the time was up.
    ensure!(
        head.status.code() == Some(28),
        "client B should time out, but: {head}"
    );
    Ok(())
}

/// The flow log tells both stories, and the counters agree with it.
fn flow_log(daemon: &Daemon) -> Result<()> {
    println!("\n5. The flow log says what happened:");
    let flushed = daemon.ctl(["flowlog", "--flush"])?;
    ensure!(flushed.ok(), "{flushed}");
    let lines = daemon.ctl_json_lines(&["flowlog"])?;
    let accepted = account::accepted(&lines, address::CLIENT_A, address::ENI_A);
    let accepted = accepted.with_context(|| missing("ACCEPT with both tuples", &lines))?;
    println!("    {accepted}");
    let rejected = account::rejected(&lines, address::CLIENT_B, address::ENI_A);
    let rejected =
        rejected.with_context(|| missing("REJECT with layer, rule and reason", &lines))?;
    println!("    {rejected}");

    println!("\n6. The endpoint's counters and the flow log add up:");
    let status = daemon.ctl_json(&["status"])?;
    for line in account::check_sums(&status, &lines)? {
        println!("    {line}");
    }
    Ok(())
}

fn missing(what: &str, lines: &[Value]) -> String {
    let all: Vec<_> = lines.iter().map(Value::to_string).collect();
    format!("the flow log has no {what}; it has\n{}", all.join("\n"))
}

fn what_to_try(lab: &Lab, daemon: &Daemon) {
    let client = lab.ns("client-a").name();
    let backend = lab.ns("b1").name();
    let socket = daemon.socket().display();
    println!("\nThe lab stays up until Ctrl-C. In another shell, as root, try:");
    println!(
        "  ip netns exec {client} curl -s http://{}/",
        address::ENI_A
    );
    println!(
        "  ip netns exec {client} ping -s 1472 -M do {}",
        address::ENI_A
    );
    println!("  ip netns exec {backend} tcpdump -ni eth0 port 8080");
    for command in ["status", "flows", "flowlog --follow"] {
        println!("  target/debug/endpoint-ctl {command} --socket {socket}");
    }
    println!(
        "  $EDITOR {} && kill -HUP {}",
        daemon.manifest().display(),
        daemon.pid()
    );
}
