//! Compiles the packet programs. Imports `linker`, `setup`, `step`,
//! `toolchain` and `workspace`.
//!
//! cargo is called directly: the flags and the target directory are ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::linker::Linker;
use crate::setup::{self, EbpfTools};
use crate::step;
use crate::toolchain::{Core, EbpfRustc, TARGET};
use crate::workspace::Workspace;

const PACKAGE: &str = "endpoint-ebpf";

/// The object the daemon carries.
pub(crate) const PRODUCT: &str = "endpoint";

/// Variables of the calling cargo, of rustup or of the user that would steer
/// this build: it has a compiler, flags and directories of its own.
const CLEARED: &[&str] = &[
    "CARGO_BUILD_RUSTC",
    "CARGO_BUILD_RUSTC_WRAPPER",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_TARGET_DIR",
    "CARGO_TARGET_BPFEL_UNKNOWN_NONE_RUSTFLAGS",
    "CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
];

/// Builds the objects, unless `EBPF_OBJECT` gives one, and returns the
/// product's.
pub(crate) fn build(ws: &Workspace) -> Result<PathBuf> {
    match setup::ebpf(ws)? {
        EbpfTools::Object(object) => {
            println!("    using EBPF_OBJECT={}", object.display());
            Ok(object)
        }
        EbpfTools::Compile(rustc, linker) => {
            let what = format!("building the packet programs with rustc {}", rustc.release);
            step::step(&what, || {
                let target_dir = ws.ebpf_target();
                step::run(&mut cargo(
                    ws,
                    &rustc,
                    &linker,
                    "build",
                    &target_dir,
                    &flags(&linker),
                ))?;
                collect(ws)
            })
        }
    }
}

/// Builds the packet programs with every warning an error; no linking.
pub(crate) fn deny_warnings(ws: &Workspace) -> Result<()> {
    let EbpfTools::Compile(rustc, linker) = setup::ebpf(ws)? else {
        println!("    EBPF_OBJECT is set: the packet programs are not looked at");
        return Ok(());
    };
    let own_clippy = rustc.cargo.with_file_name("cargo-clippy");
    // clippy comes with a compiler and sees only that compiler's core.
    let lint = match rustc.core {
        Core::BuildStd if own_clippy.is_file() => "clippy",
        Core::BuildStd | Core::Prebuilt => "check",
    };
    let mut flags = flags(&linker);
    flags.push("-Dwarnings".into());
    let target_dir = ws.root.join("target/ebpf-check");
    step::run(&mut cargo(ws, &rustc, &linker, lint, &target_dir, &flags))
}

fn cargo(
    ws: &Workspace,
    rustc: &EbpfRustc,
    linker: &Linker,
    subcommand: &str,
    target_dir: &Path,
    flags: &[String],
) -> Command {
    let mut command = Command::new(&rustc.cargo);
    command
        .arg(subcommand)
        .args(["--release", "--package", PACKAGE, "--target", TARGET])
        .arg("--target-dir")
        .arg(target_dir)
        .current_dir(&ws.root);
    if rustc.core == Core::BuildStd {
        command.args(["-Z", "build-std=core"]);
    }
    for name in CLEARED {
        command.env_remove(name);
    }
    command
        .env("RUSTC", &rustc.rustc)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    linker.apply_to(&mut command);
    command
}

fn flags(linker: &Linker) -> Vec<String> {
    vec![
        "-Cdebuginfo=2".into(),
        "-Clink-arg=--btf".into(),
        format!("-Clinker={}", linker.program.display()),
        "-Ctarget-cpu=v3".into(),
        format!("--cfg=bpf_target_arch=\"{}\"", std::env::consts::ARCH),
    ]
}

/// Copies every object to where endpoint-ctl looks. An unchanged one is left
/// alone: its time stamp decides whether endpoint-ctl is built again.
fn collect(ws: &Workspace) -> Result<PathBuf> {
    let built = ws.ebpf_target().join(TARGET).join("release");
    let objects = ws.ebpf_objects();
    fs::create_dir_all(&objects).with_context(|| format!("creating {}", objects.display()))?;
    let manifest = fs::read_to_string(ws.root.join(PACKAGE).join("Cargo.toml"))
        .with_context(|| format!("reading {PACKAGE}/Cargo.toml"))?;
    let names = bin_names(&manifest);
    for name in &names {
        let from = built.join(name);
        let bytes = fs::read(&from).with_context(|| format!("reading {}", from.display()))?;
        if !bytes.starts_with(b"\x7fELF") {
            bail!("{} is not an ELF object", from.display());
        }
        let to = objects.join(name);
        if fs::read(&to).is_ok_and(|old| old == bytes) {
            continue;
        }
        fs::write(&to, &bytes).with_context(|| format!("writing {}", to.display()))?;
        println!("    {} ({} bytes)", to.display(), bytes.len());
    }
    if !names.iter().any(|name| name == PRODUCT) {
        bail!("{PACKAGE}/Cargo.toml has no [[bin]] called {PRODUCT}");
    }
    Ok(objects.join(PRODUCT))
}

/// The names in the manifest's `[[bin]]` tables; our own manifest, so a line
/// scan does.
fn bin_names(manifest: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut in_bin = false;
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            in_bin = line == "[[bin]]";
        } else if in_bin
            && let Some((key, value)) = line.split_once('=')
            && key.trim() == "name"
        {
            names.push(value.trim().trim_matches('"').to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::bin_names;

    #[test]
    fn every_bin_is_collected() {
        let manifest = "[package]\nname = \"endpoint-ebpf\"\n[[bin]]\nname = \"endpoint\"\n\
                        path = \"src/main.rs\"\n\n[[bin]]\nname=\"floor\"\n[lints]\nname = \"x\"\n";
        assert_eq!(bin_names(manifest), ["endpoint", "floor"]);
    }
}
