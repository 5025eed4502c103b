//! `cargo xtask build`: the packet programs, then the daemon that carries
//! them. Imports `ebpf`, `step` and `workspace`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::workspace::{Workspace, cargo};
use crate::{ebpf, step};

/// How the host's part is compiled. Tests and demo use `Debug`, so that dependencies are compiled
/// once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Optimised.
    Release,
    /// Quick to compile.
    Debug,
}

/// What a build leaves behind.
#[derive(Debug, Clone)]
pub struct Built {
    /// The object with the packet programs.
    pub object: PathBuf,
    /// The daemon and command line.
    pub endpoint_ctl: PathBuf,
}

/// Builds both.
pub fn build(ws: &Workspace, profile: Profile) -> Result<Built> {
    let object = ebpf::build(ws)?;
    step::step("building endpoint-ctl", || {
        let mut command = host_cargo(ws, &object, "build");
        command.args(["--package", "endpoint-ctl"]);
        if profile == Profile::Release {
            command.arg("--release");
        }
        step::run(&mut command)
    })?;
    let dir = match profile {
        Profile::Release => "release",
        Profile::Debug => "debug",
    };
    Ok(Built {
        object,
        endpoint_ctl: ws.target.join(dir).join("endpoint-ctl"),
    })
}

/// A cargo command for the host's crates, with the object they embed.
pub fn host_cargo(ws: &Workspace, object: &Path, subcommand: &str) -> Command {
    let mut command = Command::new(cargo());
    command
        .arg(subcommand)
        .current_dir(&ws.root)
        .env("EBPF_OBJECT", object);
    // What cargo says of xtask to xtask. Build scripts look at it, and would have their crates, and all that
    // depends on them, built once more whenever cargo was called by hand in between.
    let of_xtask = |name: &str| {
        ["CARGO_PKG_", "CARGO_MANIFEST_"]
            .iter()
            .any(|start| name.starts_with(start))
    };
    for (name, _) in std::env::vars().filter(|(name, _)| of_xtask(name)) {
        command.env_remove(name);
    }
    command
}
