//! What rules cost, by how many a set has: per packet, to get in force, and to keep.
//!
//! `cargo xtask bench rules [--quick]`. Needs root. May import: std, anyhow, nix, endpoint-ctl, the path
//! bench's modules.

#[path = "../path/basis.rs"]
mod basis;
#[path = "../path/node.rs"]
#[expect(dead_code, reason = "the path bench uses the rest")]
mod node;
#[path = "../path/rig.rs"]
#[expect(dead_code, reason = "the path bench uses the rest")]
mod rig;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use endpoint_ctl::compiler::{Capacity, Numbers, Tables, compile};
use endpoint_ctl::dataplane::{TellRate, XdpAction};
use endpoint_ctl::manifest;
use endpoint_ctl::model::{Model, PortRange};
use nix::time::{ClockId, clock_gettime};

use basis::median;
use node::{Node, Port, capacity};
use rig::Rig;

const SIZES: [u32; 5] = [10, 100, 1_000, 10_000, 100_000];
/// Room for flows.
const ROOM: u32 = 262_144;
/// New flows per round.
const NEW: u32 = 32_768;
/// Most times a packet may cost of what it does at ten rules.
const MOST: f64 = 1.3;
/// Most CPU time from the text of a file of 100,000 rules to their being in force.
const MOST_FROM_FILE: Duration = Duration::from_secs(2);
/// The same from a model in which one rule was changed: it is numbered and compiled as a whole, and what
/// differs from what the idle bank holds is written. Reading the file is not in it.
const MOST_FOR_ONE: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut rounds = 7;
    for arg in std::env::args().skip(1) {
        match arg.as_str() {
            "--bench" => {}
            "--quick" => rounds = 3,
            other => bail!("{other}: unknown; there is --quick, for fewer rounds"),
        }
    }
    basis::print_machine()?;
    println!("one endpoint whose security group has so many rules; medians of {rounds} rounds");
    println!("per packet: nanoseconds, the generator's taken off; other times are of the CPU");
    println!("one: after one rule was changed, all is compiled and what differs is written\n");
    println!(
        "{:>7}  {:>6} {:>7}  {:>8}  {:>8} {:>8} {:>7}  {:>10} {:>6}",
        "rules", "denied", "new", "manifest", "compile", "apply", "one", "memory", "each"
    );
    let mut subjects = Vec::new();
    for rules in SIZES {
        subjects.push(Subject::new(rules)?);
    }
    // Round by round, so that a machine that is slow for a while is so for all sizes.
    for _ in 0..rounds {
        for subject in &mut subjects {
            subject.round()?;
        }
    }
    let rows: Vec<_> = subjects.iter().map(Subject::row).collect();
    for row in &rows {
        row.print(rows.first());
    }
    Ok(())
}

/// A size, and what is measured of it.
struct Subject {
    rules: u32,
    capacity: Capacity,
    model: Model,
    changed: Model,
    bytes: usize,
    manifest: Vec<f64>,
    compile: Vec<f64>,
    apply: Vec<f64>,
    one: Vec<f64>,
    denied: Vec<f64>,
    new: Vec<f64>,
}

impl Subject {
    fn new(rules: u32) -> Result<Self> {
        let model = manifest::load(&node::text(rules), "bench", None)?;
        Ok(Self {
            rules,
            capacity: capacity(ROOM, rules),
            changed: with_one_changed(model.clone())?,
            model,
            bytes: 0,
            manifest: Vec::new(),
            compile: Vec::new(),
            apply: Vec::new(),
            one: Vec::new(),
            denied: Vec::new(),
            new: Vec::new(),
        })
    }

    fn round(&mut self) -> Result<()> {
        let text = node::text(self.rules);
        let (_, manifest) = timed(|| Ok(manifest::load(&text, "bench", None)?))?;
        self.manifest.push(manifest);
        let mut node = Node::of(&self.model, &self.capacity, TellRate::default())?;
        let mut numbers = Numbers::default();
        let capacity = &self.capacity;
        let mut compiled = |model: &Model, generation| {
            timed(|| {
                numbers.assign(model);
                Ok(compile(model, &numbers, generation, capacity)?)
            })
        };
        let (tables, compile) = compiled(&self.model, 2)?;
        self.compile.push(compile);
        let ((), apply) = timed(|| node.apply(&tables))?;
        self.apply.push(apply);
        // The bank that comes next holds what it held before: a running node's case.
        node.apply(&Tables {
            generation: 3,
            ..tables.clone()
        })?;
        let (after, again) = compiled(&self.changed, 4)?;
        let ((), written) = timed(|| node.apply(&after))?;
        self.one.push(again + written);
        self.bytes = after.policy.bytes();
        let mut rig = Rig::load(1 << 24)?;
        let mut node = Node::of(&self.changed, &self.capacity, TellRate::default())?;
        self.denied.push(refused(&mut rig, &mut node)?);
        self.new.push(opened(&mut rig, &node)?);
        Ok(())
    }

    fn row(&self) -> Row {
        let time = |seconds: &[f64]| Duration::from_secs_f64(median(seconds));
        Row {
            rules: self.rules,
            denied: median(&self.denied),
            new: median(&self.new),
            manifest: time(&self.manifest),
            compile: time(&self.compile),
            apply: time(&self.apply),
            one: time(&self.one),
            bytes: self.bytes,
        }
    }
}

/// A size's figures: medians.
struct Row {
    rules: u32,
    denied: f64,
    new: f64,
    manifest: Duration,
    compile: Duration,
    apply: Duration,
    /// Numbering, compiling and applying after one rule was changed.
    one: Duration,
    bytes: usize,
}

impl Row {
    fn print(&self, first: Option<&Self>) {
        let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
        println!(
            "{:>7}  {:>6.0} {:>7.0}  {:>8}  {:>8} {:>8} {:>7}  {:>6} KiB {:>4} B",
            self.rules,
            self.denied,
            self.new,
            ms(self.manifest),
            ms(self.compile),
            ms(self.apply),
            ms(self.one),
            self.bytes >> 10,
            self.bytes / self.rules as usize
        );
        let Some(first) = first.filter(|_| self.rules == SIZES[SIZES.len() - 1]) else {
            return;
        };
        println!();
        let verdict = |ok| if ok { "ok" } else { "OVER" };
        for (name, here, there) in [
            ("denied", self.denied, first.denied),
            ("new flow", self.new, first.new),
        ] {
            let ratio = here / there;
            println!(
                "{name}: {ratio:.2} x {} rules (budget {MOST}: {})",
                first.rules,
                verdict(ratio <= MOST)
            );
        }
        let whole = self.manifest + self.compile + self.apply;
        println!(
            "from file to in force (manifest, compile, apply): {} (budget {MOST_FROM_FILE:?}: {})",
            ms(whole),
            verdict(whole <= MOST_FROM_FILE)
        );
        println!(
            "one rule changed, from the model to in force: {} (budget {MOST_FOR_ONE:?}: {})",
            ms(self.one),
            verdict(self.one <= MOST_FOR_ONE)
        );
    }
}

/// Seconds of this thread's CPU time.
fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, f64)> {
    let now = || clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from);
    let start = now()?;
    let done = work()?;
    Ok((done, now()?.saturating_sub(start).as_secs_f64()))
}

/// The model with other ports in the rule in the middle.
fn with_one_changed(mut model: Model) -> Result<Model> {
    let group = model
        .security_groups
        .values_mut()
        .find(|group| !group.service_managed);
    let rules = &mut group.context("a group")?.rules;
    let middle = rules.len() / 2;
    rules.get_mut(middle).context("a rule")?.ports = PortRange {
        first: 60_001,
        last: 60_002,
    };
    Ok(model)
}

fn refused(rig: &mut Rig, node: &mut Node) -> Result<f64> {
    const PACKETS: u32 = 200_000;
    rig.aim(Port::Closed, node::SYN)?;
    let generator = rig.run_generator(PACKETS)?;
    let before = node.counters();
    let ns = rig.run_product(node.program()?, PACKETS, XdpAction::Drop)?;
    node.expect_dropped(&before, PACKETS, TellRate::default())?;
    Ok(ns - generator)
}

fn opened(rig: &mut Rig, node: &Node) -> Result<f64> {
    rig.aim(Port::Open, node::SYN)?;
    let generator = rig.run_generator(NEW)?;
    let before = node.counters();
    let ns = rig.run_product(node.program()?, NEW, XdpAction::Redirect)?;
    node.expect_accepted(&before, NEW)?;
    Ok(ns - generator)
}
