//! `cargo xtask test` and `bench`: which tests there are, and what each kind
//! needs. Imports `build`, `demo`, `ebpf`, `python`, `step`, `tidy`,
//! `tools`, `vm`, `workspace`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::build::host_cargo;
use crate::step::{self, step};
use crate::workspace::{Workspace, cargo, is_root};
use crate::{demo, ebpf, golden, python, tidy, tools, vm};

/// A part of the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Layout, lints and house rules
    Lint,
    /// What needs neither root nor a kernel program
    Unit,
    /// The control plane's store, with crashes, full disks and real etcds (root)
    Store,
    /// The packet programs, loaded and run by BPF_PROG_TEST_RUN (root)
    Prog,
    /// Real traffic between network namespaces (root)
    Netns,
    /// The API, driven by the vendor's SDKs in a Python environment that this makes
    Sdk,
    /// The control plane: a daemon driven by the vendor's SDKs, killed, doubled (root)
    Control,
    /// The packet programs on other kernels, in an emulator (minutes); not a part of `all`
    Vm,
    /// All others, then the demo (root)
    All,
}

/// Test targets that load programs: package, target.
const PROG: &[(&str, &str)] = &[("endpoint-ctl", "prog")];

/// Test targets that start etcds, and mount small disks.
const STORE: &[(&str, &str)] = &[("endpoint-ctl", "store")];

/// Test targets that build labs. Everything that is in no list is a unit test.
const NETNS: &[(&str, &str)] = &[("xtask", "lab"), ("endpoint-ctl", "netns")];

/// Test targets that drive the API by SDKs.
const SDK: &[(&str, &str)] = &[("endpoint-ctl", "api_sdk")];

/// Test targets that build labs and drive a daemon's API there.
const CONTROL: &[(&str, &str)] = &[("endpoint-ctl", "control")];

const HOST_PACKAGES: &[&str] = &["endpoint-common", "endpoint-ctl", "xtask"];

/// Runs a part of the tests; with `bless`, golden files are renewed.
pub fn test(ws: &Workspace, part: Part, bless: bool) -> Result<()> {
    if matches!(
        part,
        Part::Store | Part::Prog | Part::Netns | Part::Control | Part::All
    ) && !is_root()
    {
        bail!(
            "this part needs root (BPF programs, network namespaces, mounts): \
             run it as root, or `cargo xtask test unit` without"
        );
    }
    let start = Instant::now();
    match part {
        Part::Lint => lint(ws)?,
        Part::Unit => unit(ws, bless)?,
        Part::Store => store(ws)?,
        Part::Prog => prog(ws)?,
        Part::Netns => netns(ws)?,
        Part::Sdk => sdk(ws)?,
        Part::Control => control(ws)?,
        Part::Vm => vm::test(ws)?,
        Part::All => {
            lint(ws)?;
            unit(ws, bless)?;
            store(ws)?;
            sdk(ws)?;
            prog(ws)?;
            netns(ws)?;
            control(ws)?;
            demo::demo(ws, false)?;
        }
    }
    println!("all passed in {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// Runs a bench of endpoint-ctl: `path`, the packet path alone, or `veth`, whole paths between
/// namespaces.
pub fn bench(ws: &Workspace, name: &str, args: &[String]) -> Result<()> {
    if !is_root() {
        bail!("the bench loads BPF programs: run it as root");
    }
    tools::find_or_install()?;
    let object = ebpf::build(ws)?;
    step::run(
        host_cargo(ws, &object, "bench")
            .args(["--package", "endpoint-ctl", "--bench", name, "--"])
            .args(args),
    )
}

fn lint(ws: &Workspace) -> Result<()> {
    for component in ["fmt", "clippy"] {
        let mut version = Command::new(cargo());
        step::capture(version.args([component, "--version"])).with_context(|| {
            format!("`cargo {component}` is missing: rustup component add rustfmt clippy")
        })?;
    }
    step("checking the layout (rustfmt)", || {
        let mut fmt = Command::new(cargo());
        step::run(fmt.args(["fmt", "--all", "--check"]).current_dir(&ws.root))
            .context("mend it by `cargo fmt --all`")
    })?;
    tidy::tidy(ws, false)?;
    let object = ebpf::build(ws)?;
    step("checking the packet programs for warnings", || {
        ebpf::deny_warnings(ws)
    })?;
    step("clippy on the host's crates", || {
        // In the tests' profile, so that build scripts and macros are shared.
        step::run(
            host_cargo(ws, &object, "clippy")
                .args(["--workspace", "--all-targets"])
                .args(["--exclude", "endpoint-ebpf", "--", "-Dwarnings"]),
        )
    })
}

fn unit(ws: &Workspace, bless: bool) -> Result<()> {
    let object = ebpf::build(ws)?;
    step("unit tests", || {
        let mut command = host_cargo(ws, &object, "test");
        command.args(["--no-fail-fast", "--lib", "--bins"]);
        if bless {
            command.env(golden::BLESS, "1");
        }
        for package in HOST_PACKAGES {
            command.args(["--package", package]);
            for target in test_targets(&ws.root.join(package).join("tests"))? {
                let special = (*package, target.as_str());
                if ![PROG, NETNS, STORE, SDK, CONTROL]
                    .concat()
                    .contains(&special)
                {
                    command.args(["--test", &target]);
                }
            }
        }
        step::run(&mut command)
    })?;
    step("examples in the documentation", || {
        let mut command = host_cargo(ws, &object, "test");
        command.arg("--doc");
        for package in HOST_PACKAGES {
            command.args(["--package", package]);
        }
        step::run(&mut command)
    })
}

fn store(ws: &Workspace) -> Result<()> {
    tools::find_or_install()?;
    let object = ebpf::build(ws)?;
    step("tests of the store", || {
        // Few at a time: they hold what they wait for to be in time.
        targets(ws, &object, STORE, &["--test-threads=2"])
    })
}

fn sdk(ws: &Workspace) -> Result<()> {
    python::with_sdks()?;
    let object = ebpf::build(ws)?;
    step("tests by the vendor's SDKs", || {
        targets(ws, &object, SDK, &["--nocapture"])
    })
}

fn control(ws: &Workspace) -> Result<()> {
    tools::find_or_install()?;
    python::with_sdks()?;
    let object = ebpf::build(ws)?;
    step("tests of the control plane", || {
        targets(ws, &object, CONTROL, &["--test-threads=1", "--nocapture"])
    })
}

fn prog(ws: &Workspace) -> Result<()> {
    let object = ebpf::build(ws)?;
    step("tests of the loaded programs", || {
        // One at a time: some look at all maps that the process holds.
        targets(ws, &object, PROG, &["--test-threads=1"])
    })
}

fn netns(ws: &Workspace) -> Result<()> {
    tools::find_or_install()?;
    let object = ebpf::build(ws)?;
    // They mostly wait; more at a time would make each other late.
    let mut harness_args = vec!["--test-threads=2"];
    if !has_vlan_devices()? {
        println!(
            "NOT RUN: tests of VLAN devices, `vlan::`; this kernel has none (CONFIG_VLAN_8021Q)"
        );
        harness_args.extend(["--skip", "vlan::"]);
    }
    step("tests in network namespaces", || {
        targets(ws, &object, NETNS, &harness_args)
    })
}

/// Whether VLAN devices can be made. Tried in a network namespace that ends with the command.
fn has_vlan_devices() -> Result<bool> {
    const TRY: &str =
        "ip link add name v0 type veth peer name v1 && ip link add link v0 name v9 type vlan id 9";
    let tried = Command::new("unshare")
        .args(["--net", "sh", "-c", TRY])
        .output()
        .context("trying whether there are VLAN devices, by unshare(1)")?;
    let said = String::from_utf8_lossy(&tried.stderr);
    if tried.status.success() || said.contains("Unknown device type") {
        return Ok(tried.status.success());
    }
    bail!("trying whether there are VLAN devices: {said}")
}

fn targets(
    ws: &Workspace,
    object: &Path,
    targets: &[(&str, &str)],
    harness_args: &[&str],
) -> Result<()> {
    for (package, target) in targets {
        step::run(
            host_cargo(ws, object, "test")
                .args(["--no-fail-fast", "--package", package])
                .args(["--test", target, "--"])
                .args(harness_args),
        )?;
    }
    Ok(())
}

/// The test targets in a `tests` directory, as cargo discovers them.
fn test_targets(dir: &Path) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    if !dir.is_dir() {
        return Ok(names);
    }
    for entry in fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
        let path = entry?.path();
        let is_target = path.join("main.rs").is_file() || path.extension() == Some("rs".as_ref());
        if is_target && let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) {
            names.insert(stem.to_owned());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::test_targets;

    #[test]
    fn our_own_test_target_is_found() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        assert!(test_targets(&dir).is_ok_and(|names| names.contains("lab")));
    }
}
