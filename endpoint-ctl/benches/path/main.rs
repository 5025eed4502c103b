//! What a packet costs, by BPF_PROG_TEST_RUN, against floor programs measured in the same run.
//!
//! A repeated test run hands the same frame to the program again, rewritten as the last run left
//! it. So a generator program first writes the headers of another flow over it and then enters the
//! program under test by tail call; what generator and tail call cost is measured with a program
//! that only returns, and taken off.
//!
//! `cargo xtask bench [--quick]`. Needs root. May import: std, anyhow, the bench's own.

mod basis;
mod memory;
#[expect(dead_code, reason = "the rules bench uses the rest")]
mod node;
mod report;
mod rig;

use std::os::unix::fs::MetadataExt;
use std::process::ExitCode;

use anyhow::{Result, bail};
use endpoint_common::abi::flow::Family;
use endpoint_ctl::dataplane::{TellRate, XdpAction};

use node::{Node, Port};
use report::{Base, Budget, Report};
use rig::Rig;

const FEW: u32 = 1_024;
const MANY: u32 = 131_072;
const HUGE: u32 = 1_048_576;
/// Rounds that measure the largest table: to fill it takes long.
const HUGE_ROUNDS: usize = 3;
/// Room for flows, up to MANY: as much as they need without crowding.
const ROOM: u32 = 262_144;
/// New flows per round, into an empty table.
const NEW: u32 = 65_536;
/// Denied packets per run where all are told: no more than the event ring holds.
const TOLD: u32 = 40_000;
/// Endpoints with as many rules as one may have.
const RULED: u32 = 100;
/// Rules in all.
const RULES: u32 = RULED * node::MOST_RULES;
const ESTABLISHED: &str = "established, 1,024";
const DENIED: &str = "denied, 10 rules";

/// How long to measure.
struct Effort {
    rounds: usize,
    packets: u32,
}

fn main() -> ExitCode {
    match effort().and_then(|effort| run(&effort)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn effort() -> Result<Effort> {
    let mut effort = Effort {
        rounds: 11,
        packets: 1_000_000,
    };
    for arg in std::env::args().skip(1) {
        match arg.as_str() {
            // Cargo says so to every bench.
            "--bench" => {}
            "--quick" => {
                effort = Effort {
                    rounds: 3,
                    packets: 200_000,
                }
            }
            other => bail!("{other}: unknown; there is --quick, for fewer and shorter rounds"),
        }
    }
    if std::fs::metadata("/proc/self")?.uid() != 0 {
        bail!("loading BPF programs needs root: run it as root");
    }
    Ok(effort)
}

fn run(effort: &Effort) -> Result<()> {
    basis::print_machine()?;
    println!(
        "medians of {} rounds of up to {} packets; the generator's cost is taken off",
        effort.rounds,
        report::grouped(effort.packets)
    );
    let mut report = Report::default();
    let mut ruled = Node::load(FEW, RULED, TellRate::default())?;
    for number in 1..=effort.rounds {
        eprint!("\rround {number} of {} ", effort.rounds);
        round(&mut report, &mut ruled, effort.packets)?;
        if number <= HUGE_ROUNDS {
            let (mut rig, mut node) = (Rig::load(HUGE)?, node(2 * HUGE)?);
            node.establish(&mut rig, Family::V4, HUGE)?;
            floors(&mut report, &mut rig, HUGE, effort.packets)?;
            established(&mut report, &mut rig, &node, HUGE, effort.packets)?;
        }
    }
    eprintln!();
    report.print();
    memory::print(HUGE, RULES, ruled.policy_bytes);
    Ok(())
}

/// A node with room for so many flows, and ten rules.
fn node(flows: u32) -> Result<Node> {
    Node::load(flows, 0, TellRate::default())
}

/// Everything once. Tables are made anew in every round: where they come to lie in memory matters to
/// large ones, and changes; but for the node with many rules, which takes seconds.
fn round(report: &mut Report, ruled: &mut Node, packets: u32) -> Result<()> {
    let (mut rig, mut few) = (Rig::load(FEW)?, node(ROOM)?);
    few.establish(&mut rig, Family::V4, FEW)?;
    floors(report, &mut rig, FEW, packets)?;
    established(report, &mut rig, &few, FEW, packets)?;
    over_ipv6(report, packets)?;
    refused(report, &mut rig, ruled, packets)?;
    let (mut rig, mut many) = (Rig::load(MANY)?, node(ROOM)?);
    many.establish(&mut rig, Family::V4, MANY)?;
    floors(report, &mut rig, MANY, packets)?;
    established(report, &mut rig, &many, MANY, packets)?;
    opened(report, &mut Rig::load(1 << 24)?, &node(ROOM)?)
}

/// The generator by itself, the program that only returns, and the floor.
fn floors(report: &mut Report, rig: &mut Rig, flows: u32, packets: u32) -> Result<()> {
    if flows == FEW {
        let ns = rig.run_return(packets)?;
        report.raw("return at once (no generator)", "", ns);
    }
    rig.aim(Port::Open, node::ACK)?;
    let generator = rig.run_generator(packets)?;
    let label = format!("generator, {}", report::grouped(flows));
    report.raw(&label, "what is taken off below", generator);
    let floor = rig.run_floor(packets)?;
    report.floor(flows, floor - generator);
    Ok(())
}

fn established(
    report: &mut Report,
    rig: &mut Rig,
    node: &Node,
    flows: u32,
    packets: u32,
) -> Result<()> {
    rig.aim(Port::Open, node::ACK)?;
    let generator = rig.run_generator(packets)?;
    let before = node.counters();
    let ns = rig.run_product(node.program()?, packets, XdpAction::Redirect)?;
    node.expect_accepted(&before, packets)?;
    let budget = Budget {
        most: if flows == FEW { 2.2 } else { 1.3 },
        of: Base::Floor(flows),
    };
    let label = format!("established, {}", report::grouped(flows));
    report.row(&label, ns - generator, Some(budget), flows);
    Ok(())
}

/// As many flows over IPv6, in a node of their own: entries are given out in their order.
fn over_ipv6(report: &mut Report, packets: u32) -> Result<()> {
    let (mut rig, mut node) = (Rig::load(FEW)?, node(ROOM)?);
    node.establish(&mut rig, Family::V6, FEW)?;
    rig.aim6(node::ACK)?;
    let generator = rig.run_generator(packets)?;
    let before = node.counters();
    let ns = rig.run_product(node.program()?, packets, XdpAction::Redirect)?;
    node.expect_accepted(&before, packets)?;
    let budget = Budget {
        most: 1.2,
        of: Base::Row(ESTABLISHED),
    };
    let label = "established IPv6, 1,024";
    report.row(label, ns - generator, Some(budget), FEW);
    Ok(())
}

/// Packets that go no further: denied ones, and those that are not for us.
fn refused(report: &mut Report, rig: &mut Rig, ruled: &mut Node, packets: u32) -> Result<()> {
    let of_floor = Budget {
        most: 7.0,
        of: Base::Floor(FEW),
    };
    // Taken anew, next to what is held against it.
    floors(report, rig, FEW, packets)?;
    let ns = denied(rig, ruled, Port::Closed, packets, TellRate::default())?;
    report.row(DENIED, ns, Some(of_floor), FEW);
    let ns = denied(rig, ruled, Port::ClosedByMany, packets, TellRate::default())?;
    let label = format!("denied, {} rules", report::grouped(RULES));
    report.row(&label, ns, Some(of_floor), FEW);
    let of_few = Budget {
        most: 1.3,
        of: Base::Row(DENIED),
    };
    report.row("  as many against few", ns, Some(of_few), FEW);
    let telling = &mut Node::load(FEW, 0, TellRate::ALL)?;
    let ns = denied(rig, telling, Port::Closed, TOLD.min(packets), TellRate::ALL)?;
    report.row("denied, every one told", ns, None, FEW);
    for (port, label) in [
        (Port::NotOurs, "not ours: another address"),
        (Port::NotIpv4, "not ours: another protocol"),
    ] {
        rig.aim(port, node::SYN)?;
        let generator = rig.run_generator(packets)?;
        let ns = rig.run_product(ruled.program()?, packets, XdpAction::Pass)?;
        report.row(label, ns - generator, None, FEW);
    }
    Ok(())
}

/// What a denied packet costs.
fn denied(rig: &mut Rig, node: &mut Node, port: Port, packets: u32, told: TellRate) -> Result<f64> {
    rig.aim(port, node::SYN)?;
    let generator = rig.run_generator(packets)?;
    let before = node.counters();
    let ns = rig.run_product(node.program()?, packets, XdpAction::Drop)?;
    node.expect_dropped(&before, packets, told)?;
    Ok(ns - generator)
}

fn opened(report: &mut Report, rig: &mut Rig, node: &Node) -> Result<()> {
    rig.aim(Port::Open, node::SYN)?;
    let generator = rig.run_generator(NEW)?;
    let before = node.counters();
    let ns = rig.run_product(node.program()?, NEW, XdpAction::Redirect)?;
    node.expect_accepted(&before, NEW)?;
    node.expect_flows(NEW)?;
    let budget = Budget {
        most: 27.0,
        of: Base::Floor(FEW),
    };
    report.row("new flow", ns - generator, Some(budget), FEW);
    Ok(())
}
