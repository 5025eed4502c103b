//! `cargo xtask test vm`: the tests of the loaded programs on other kernels than this host's. Imports
//! `ebpf`, `build`, `lab` (child processes), `step` and `workspace`.
//!
//! Each kernel is started by an emulator, since there may be no KVM, with nothing but the test binary,
//! its libraries and busybox. `init.sh` is its first process; what it prints decides.

mod archive;
mod packages;
mod report;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use crate::build::host_cargo;
use crate::ebpf;
use crate::lab::run_command;
use crate::step::{self, step};
use crate::workspace::{Workspace, find_program};
use archive::Archive;
use packages::Kernel;
use report::Report;

/// The series of kernels that the programs must load on, beside this host's.
const SERIES: &[&str] = &["6.1", "6.12"];

/// What a program may cost the verifier; `endpoint-ctl/tests/prog/object.rs` holds it to that as well.
const MOST_INSTRUCTIONS: u32 = 250_000;

/// A guest takes about four minutes on two quiet CPUs.
const LIMIT: Duration = Duration::from_mins(25);

const INIT: &str = include_str!("init.sh");

/// Runs the tests on each kernel, and says what each made of the programs.
pub(crate) fn test(ws: &Workspace) -> Result<()> {
    if std::env::consts::ARCH != "x86_64" {
        bail!("the guests' kernels are for x86-64");
    }
    let kernels = SERIES.iter().map(|series| packages::kernel(ws, series));
    let kernels: Vec<_> = kernels.collect::<Result<_>>()?;
    let object = ebpf::build(ws)?;
    let binary = step("building the tests of the loaded programs", || {
        test_binary(ws, &object)
    })?;
    let tests = count_tests(&binary)?;
    let initrd = ws.tools().join("vm/initrd.cpio");
    let contents = file_system(&packages::busybox(ws)?, &binary)?;
    fs::write(&initrd, contents).with_context(|| format!("writing {}", initrd.display()))?;
    let (mut reports, mut failed) = (Vec::new(), Vec::new());
    for kernel in kernels {
        let what = format!("tests of the loaded programs on Linux {}", kernel.release);
        let emulator = packages::emulator(ws)?;
        match step(&what, || run(emulator, &kernel, &initrd, tests)) {
            Ok(report) => reports.push((kernel.release, report)),
            Err(error) => {
                println!("FAILED: {error:#}");
                failed.push(kernel.release);
            }
        }
    }
    println!("\n{}\n{}", programs(&reports), summary(&reports, tests));
    if !failed.is_empty() {
        bail!(
            "failed on Linux {}; what the guest said is above",
            failed.join(", ")
        );
    }
    Ok(())
}

fn test_binary(ws: &Workspace, object: &Path) -> Result<PathBuf> {
    let messages = step::capture(
        host_cargo(ws, object, "test")
            .args(["--no-run", "--package", "endpoint-ctl", "--test", "prog"])
            .arg("--message-format=json-render-diagnostics")
            .stderr(Stdio::inherit()),
    )?;
    let mut messages = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_it = message["target"]["name"] == "prog";
        is_it.then(|| message["executable"].as_str().map(PathBuf::from))?
    });
    messages.next_back().context("cargo named no test binary")
}

fn count_tests(binary: &Path) -> Result<usize> {
    let list = step::capture(Command::new(binary).arg("--list"))?;
    let count = list.lines().filter(|line| line.ends_with(": test")).count();
    if count == 0 {
        bail!("{} has no tests", binary.display());
    }
    Ok(count)
}

/// What the guest finds: the tests without their debug information, since it has little memory.
fn file_system(busybox: &Path, binary: &Path) -> Result<Vec<u8>> {
    let read = |path: &Path| fs::read(path).with_context(|| format!("reading {}", path.display()));
    let strip = find_program("strip").context("no strip(1): install Debian's package binutils")?;
    let stripped = binary.with_extension("stripped");
    step::capture(Command::new(strip).arg("-o").args([&stripped, binary]))?;
    let mut archive = Archive::default();
    for directory in ["proc", "sys", "dev", "tmp"] {
        archive.directory(directory);
    }
    // The kernel opens it before anything is mounted.
    archive.character_device("dev/console", (5, 1));
    archive.executable("init", INIT.as_bytes());
    archive.executable("busybox", &read(busybox)?);
    archive.executable("tests", &read(&stripped)?);
    fs::remove_file(&stripped).with_context(|| format!("removing {}", stripped.display()))?;
    let libraries = step::capture(Command::new("ldd").arg(binary))?;
    let libraries = libraries
        .split_whitespace()
        .filter(|word| word.starts_with('/'));
    for library in libraries.collect::<BTreeSet<_>>() {
        let name = Path::new(library).file_name().context("a library's name")?;
        let name = name.to_str().context("a library's name")?;
        // The loader is named by its whole path; it is told where the others are.
        let place = if name.starts_with("ld-") {
            library.to_owned()
        } else {
            format!("lib/{name}")
        };
        archive.executable(&place, &read(Path::new(library))?);
    }
    Ok(archive.finish())
}

/// Starts a kernel and waits for its end.
fn run(mut emulator: Command, kernel: &Kernel, initrd: &Path, tests: usize) -> Result<Report> {
    emulator
        .args([
            "-accel", "tcg", "-cpu", "max", "-M", "pc", "-smp", "2", "-m", "1024",
        ])
        .args(["-nodefaults", "-no-user-config", "-no-reboot"])
        .args(["-display", "none", "-serial", "stdio"])
        // A panic ends the guest, since it may not start again.
        .args(["-append", "console=ttyS0 panic=-1 quiet"])
        .arg("-kernel")
        .arg(&kernel.image)
        .arg("-initrd")
        .arg(initrd)
        .stdin(Stdio::null());
    let outcome = run_command(emulator, LIMIT)?;
    let report = if outcome.timed_out {
        Err(anyhow!("not done after {} s", LIMIT.as_secs()))
    } else if outcome.ok() {
        Report::read(&outcome.stdout, tests, MOST_INSTRUCTIONS)
    } else {
        Err(anyhow!("the emulator failed"))
    };
    report.inspect_err(|_| println!("{outcome}"))
}

/// Instructions that each kernel's verifier walked through, by program.
fn programs(reports: &[(String, Report)]) -> String {
    let all = reports
        .iter()
        .flat_map(|(_, report)| report.instructions.keys());
    let head = reports.iter().map(|(release, _)| release.clone());
    let mut rows = vec![line("verified instructions", head)];
    for program in all.collect::<BTreeSet<_>>() {
        let counts = reports
            .iter()
            .map(|(_, report)| report.instructions.get(program));
        rows.push(line(
            program,
            counts.map(|count| count.map_or("-".into(), u32::to_string)),
        ));
    }
    table(&rows)
}

fn summary(reports: &[(String, Report)], tests: usize) -> String {
    let head = [
        "programs loaded",
        "most instructions",
        "of which",
        "tests passed",
    ];
    let mut rows = vec![line("kernel", head.map(str::to_owned))];
    for (release, report) in reports {
        let (program, most) = report.most();
        let cells = [
            report.instructions.len().to_string(),
            format!("{most} of {MOST_INSTRUCTIONS}"),
            program.to_owned(),
            format!("{} of {tests}", report.passed),
        ];
        rows.push(line(release, cells));
    }
    table(&rows)
}

fn line(head: &str, cells: impl IntoIterator<Item = String>) -> Vec<String> {
    std::iter::once(head.to_owned()).chain(cells).collect()
}

/// Columns as wide as they must be: the first to the left, the others to the right.
fn table(rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(String::len).max().unwrap_or(0)
    };
    let lines = rows.iter().map(|row| {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let width = width(column);
            if column == 0 {
                format!("{cell:width$}")
            } else {
                format!("{cell:>width$}")
            }
        });
        cells.collect::<Vec<_>>().join("  ") + "\n"
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Report, programs, summary};

    #[test]
    fn the_tables_name_every_program_and_the_most_costly_one() {
        let report = |programs: &[(&str, u32)]| Report {
            instructions: programs
                .iter()
                .map(|(name, count)| ((*name).into(), *count))
                .collect::<BTreeMap<_, _>>(),
            passed: 18,
        };
        let reports = [
            ("6.1.0".to_owned(), report(&[("a", 7), ("b", 1_234)])),
            ("6.12.0".to_owned(), report(&[("a", 8)])),
        ];
        let expected = "verified instructions  6.1.0  6.12.0\n\
                        a                          7       8\n\
                        b                       1234       -\n";
        assert_eq!(programs(&reports), expected);
        let expected = "kernel  programs loaded  most instructions  of which  tests passed\n\
                        6.1.0                 2     1234 of 250000         b      18 of 18\n\
                        6.12.0                1        8 of 250000         a      18 of 18\n";
        assert_eq!(summary(&reports, 18), expected);
    }
}
