//! The product against nftables, on whole paths between namespaces: client, node, backend, joined
//! by veth pairs. All subjects take turns, so that what else the machine does meets all of them;
//! ratios are taken within a round.
//!
//! `cargo xtask bench --veth [--seconds N] [--rounds N] [--measure TEXT] [--subject TEXT]`. Needs root. May import: std, anyhow,
//! clap, the bench's own.

#[path = "../path/basis.rs"]
mod basis;
mod connect;
mod crossing;
mod generator;
mod interface;
mod packets;
mod report;
mod stream;
mod subject;

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;

use packets::FarEnd;
use report::{Measure, Report};
use subject::Subject;

/// Measures the product against nftables on whole veth paths.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask bench --veth")]
struct Args {
    /// How long each subject is measured at a time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=20))]
    seconds: u64,
    /// How often everything is measured
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=99))]
    rounds: u64,
    /// Measure only what has this in its name, as the tables show it: `connect`
    #[arg(long, value_name = "TEXT", default_value = "")]
    measure: String,
    /// Measure only subjects that have this in their names: `tc`
    #[arg(long, value_name = "TEXT", default_value = "")]
    subject: String,
    /// Cargo says so to every bench
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let seconds = Duration::from_secs(args.seconds);
    basis::print_machine()?;
    println!(
        "medians of {} rounds of {} s each; ratios are taken within a round\n",
        args.rounds, args.seconds
    );
    let mut subjects = subject::all(&args.subject)?;
    let measures = Measure::ALL.into_iter();
    let measures: Vec<_> = measures
        .filter(|measure| measure.to_string().contains(&args.measure))
        .collect();
    for subject in &subjects {
        println!("{:<16} {}", subject.name(), subject.explain());
    }
    let mut report = Report::default();
    for round in 1..=args.rounds {
        for measure in measures.iter().copied() {
            for subject in subjects.iter().filter(|subject| measure.is_for(subject)) {
                let what = format!("{measure}: {}", subject.name());
                progress(&format!("round {round} of {}, {what}", args.rounds));
                let value = take(subject, measure, seconds, round).context(what)?;
                report.note(measure, subject, value);
            }
        }
        // Whoever comes first meets a machine that has just done something else.
        subjects.rotate_left(1);
    }
    progress("");
    report.print();
    Ok(())
}

/// One line that the next one overwrites, for whoever watches.
fn progress(line: &str) {
    if std::io::stderr().is_terminal() {
        eprint!("\r{line}\x1b[K");
    }
}

/// The measure's figure, of which more is better.
fn take(subject: &Subject, measure: Measure, limit: Duration, round: u64) -> Result<f64> {
    let _running = subject.start()?;
    match measure {
        Measure::Stream => stream::bits_per_second(subject, limit),
        Measure::Connect => connect::per_second(subject, limit),
        Measure::NewFlows => {
            let far_end = if subject.is_xdp() {
                FarEnd::Driver
            } else {
                FarEnd::Stack
            };
            packets::new_flows_per_second(subject, round, far_end)
        }
        Measure::Packets if subject.is_xdp() => packets::per_second(subject, limit, FarEnd::Driver),
        Measure::Packets | Measure::PacketsToStack => {
            packets::per_second(subject, limit, FarEnd::Stack)
        }
    }
}
