//! A Python of the tests' own, with the SDKs that drive the API. Imports `apt`, `step` and `workspace`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace::{Workspace, find_program};
use crate::{apt, step};

/// What is installed into it.
const REQUIREMENTS: &str = include_str!("../sdk-requirements.txt");
/// What of Debian makes such environments.
const PACKAGES: &[&str] = &["python3", "python3-venv"];
/// Fails if this Python is too old or cannot make environments with pip in them.
const CAN_MAKE: &str =
    "import sys, venv, ensurepip; sys.exit(0 if sys.version_info >= (3, 10) else 1)";

/// A Python that has the SDKs, made in `target/tools/sdk` if it is not there yet.
pub fn with_sdks() -> Result<PathBuf> {
    let ws = Workspace::find()?;
    let dir = ws.tools().join("sdk");
    let python = dir.join("bin/python");
    fs::create_dir_all(ws.tools()).context("creating target/tools")?;
    // Tests that run at the same time make one, not several.
    let lock = ws.tools().join("sdk.lock");
    let lock = File::create(&lock).with_context(|| format!("creating {}", lock.display()))?;
    lock.lock().context("waiting for target/tools/sdk.lock")?;
    let stamp = dir.join("requirements.txt");
    let is_made = fs::read_to_string(&stamp).is_ok_and(|made_of| made_of == REQUIREMENTS);
    if is_made && runs(&python, "pass") {
        return Ok(python);
    }
    let base = find_or_install()?;
    step::step(
        "installing the SDKs into target/tools/sdk (about a minute, once)",
        || make(&base, &dir, &stamp),
    )?;
    Ok(python)
}

fn make(base: &Path, dir: &Path, stamp: &Path) -> Result<()> {
    if dir.exists() {
        fs::remove_dir_all(dir).with_context(|| format!("removing {}", dir.display()))?;
    }
    step::capture(Command::new(base).args(["-m", "venv"]).arg(dir))?;
    let requirements = dir.join("wanted.txt");
    fs::write(&requirements, REQUIREMENTS)
        .with_context(|| format!("writing {}", requirements.display()))?;
    step::capture(
        Command::new(dir.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet", "--no-input"])
            .arg("--requirement")
            .arg(&requirements),
    )
    .context(
        "the SDKs of xtask/sdk-requirements.txt could not be installed: pip must reach its index",
    )?;
    // Last, so that what was interrupted is made anew.
    fs::rename(&requirements, stamp).with_context(|| format!("writing {}", stamp.display()))
}

fn find_or_install() -> Result<PathBuf> {
    if let Some(python) = find() {
        return Ok(python);
    }
    if let Some(obstacle) = apt::obstacle() {
        bail!(
            "tests of the API need Python 3.10 or newer with its venv module, and {obstacle}: \
             install the packages {} (Debian's names)",
            PACKAGES.join(" ")
        );
    }
    apt::install(PACKAGES)?;
    find().context("Python is installed, yet it makes no environments: `python3 -m venv` must work")
}

/// A Python that makes environments: the one in PATH, or the system's.
fn find() -> Option<PathBuf> {
    let system = PathBuf::from("/usr/bin/python3");
    let found = find_program("python3").into_iter().chain([system]);
    found.into_iter().find(|python| runs(python, CAN_MAKE))
}

fn runs(python: &Path, program: &str) -> bool {
    Command::new(python)
        .args(["-c", program])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
