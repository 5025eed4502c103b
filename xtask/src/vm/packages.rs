//! Debian's packages for the guests: kernels, the emulator, busybox. Imports `apt`, `step` and
//! `workspace`.
//!
//! They are unpacked into `target/tools/vm` and never installed: this host must not get another kernel,
//! and apt would remove packages of another release that stand in the emulator's way.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::apt;
use crate::step::{self, step};
use crate::workspace::{Workspace, find_program};

const EMULATOR: &str = "qemu-system-x86_64";
const EMULATOR_PACKAGE: &str = "qemu-system-x86";
/// Where its packages put what it reads.
const FIRMWARE: &[&str] = &["usr/share/qemu", "usr/share/seabios"];
const LIBRARIES: &[&str] = &["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"];

/// A kernel to start.
#[derive(Debug)]
pub(super) struct Kernel {
    /// Its release, such as `6.1.0-57-cloud-amd64`.
    pub(super) release: String,
    /// Its image.
    pub(super) image: PathBuf,
}

/// The newest kernel of a series such as `6.1` that the package sources have.
pub(super) fn kernel(ws: &Workspace, series: &str) -> Result<Kernel> {
    let found = if let Some(found) = newest(series)? {
        found
    } else {
        update()?;
        newest(series)?.with_context(|| {
            format!("apt's sources have no Linux {series} (linux-image-{series}.*-cloud-amd64)")
        })?
    };
    let package = format!("linux-image-{found}");
    let image = place(ws)
        .join(&package)
        .join(format!("boot/vmlinuz-{found}"));
    unpack(ws, &package, || Ok(vec![package.clone()]))?;
    if !image.is_file() {
        bail!("{package} holds no {}", image.display());
    }
    Ok(Kernel {
        release: found,
        image,
    })
}

/// The emulator in PATH, or one that is unpacked here with the libraries that this host lacks.
pub(super) fn emulator(ws: &Workspace) -> Result<Command> {
    if let Some(program) = find_program(EMULATOR) {
        return Ok(Command::new(program));
    }
    let dir = unpack(ws, EMULATOR_PACKAGE, || not_installed(EMULATOR_PACKAGE))?;
    let mut command = Command::new(dir.join("usr/bin").join(EMULATOR));
    for firmware in FIRMWARE {
        command.arg("-L").arg(dir.join(firmware));
    }
    let libraries = LIBRARIES.iter().map(|library| dir.join(library));
    let libraries: OsString = std::env::join_paths(libraries).context("a colon in a path")?;
    command.env("LD_LIBRARY_PATH", libraries);
    Ok(command)
}

/// A busybox that needs no libraries.
pub(super) fn busybox(ws: &Workspace) -> Result<PathBuf> {
    let package = "busybox-static";
    let dir = unpack(ws, package, || Ok(vec![package.to_owned()]))?;
    let places = ["bin/busybox", "usr/bin/busybox"].map(|place| dir.join(place));
    let found = places.into_iter().find(|place| place.is_file());
    found.with_context(|| format!("{package} holds no busybox"))
}

fn place(ws: &Workspace) -> PathBuf {
    ws.tools().join("vm")
}

/// Unpacks packages into the directory of that name, unless that is done.
fn unpack(
    ws: &Workspace,
    name: &str,
    packages: impl Fn() -> Result<Vec<String>>,
) -> Result<PathBuf> {
    let dir = place(ws).join(name);
    if dir.is_dir() {
        return Ok(dir);
    }
    step(
        &format!("unpacking Debian's {name} into target/tools/vm"),
        || {
            let part = place(ws).join(format!("{name}.part"));
            if part.is_dir() {
                fs::remove_dir_all(&part)
                    .with_context(|| format!("removing {}", part.display()))?;
            }
            let downloads = part.join("downloads");
            fs::create_dir_all(&downloads)
                .with_context(|| format!("creating {}", downloads.display()))?;
            let download = || {
                let mut apt_get = Command::new("apt-get");
                apt_get.args(["-q", "download"]).args(packages()?);
                step::capture(apt_get.current_dir(&downloads)).map(drop)
            };
            // Old lists name files that the archive has replaced since.
            download().or_else(|_| {
                update()?;
                download()
            })?;
            for entry in fs::read_dir(&downloads).context("reading what was downloaded")? {
                let mut dpkg_deb = Command::new("dpkg-deb");
                step::capture(dpkg_deb.arg("-x").arg(entry?.path()).arg(&part))?;
            }
            fs::remove_dir_all(&downloads).context("removing what was downloaded")?;
            // Last, so that what was interrupted is done anew.
            fs::rename(&part, &dir).with_context(|| format!("renaming {}", part.display()))
        },
    )?;
    Ok(dir)
}

fn update() -> Result<()> {
    if let Some(obstacle) = apt::obstacle() {
        bail!("guests are made of Debian's packages, and {obstacle} (`apt-get update` may help)");
    }
    step::capture(Command::new("apt-get").args(["-q", "update"])).map(drop)
}

/// The newest release of a series, as its package's name has it.
fn newest(series: &str) -> Result<Option<String>> {
    if find_program("apt-cache").is_none() {
        bail!("guests are made of Debian's packages, and there is no apt-cache here");
    }
    let pattern = format!(
        "^linux-image-{}\\.[0-9].*-cloud-amd64$",
        series.replace('.', "\\.")
    );
    let mut search = Command::new("apt-cache");
    let list = step::capture(search.args(["search", "--names-only", &pattern]))?;
    Ok(newest_of(&list))
}

fn newest_of(list: &str) -> Option<String> {
    let names = list
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    let releases = names.filter_map(|name| name.strip_prefix("linux-image-"));
    releases
        .max_by_key(|release| numbers(release))
        .map(str::to_owned)
}

fn numbers(release: &str) -> Vec<u32> {
    let parts = release.split(|c: char| !c.is_ascii_digit());
    parts.filter_map(|part| part.parse().ok()).collect()
}

/// A package and whatever it needs that is not installed.
fn not_installed(package: &str) -> Result<Vec<String>> {
    let mut apt_get = Command::new("apt-get");
    apt_get.args(["install", "--simulate", "--no-install-recommends", package]);
    let plan = step::capture(apt_get.env("LC_ALL", "C"))?;
    let names = plan.lines().filter_map(|line| line.strip_prefix("Inst "));
    let names = names.filter_map(|rest| rest.split_whitespace().next());
    let names: Vec<_> = names.map(str::to_owned).collect();
    if names.is_empty() {
        bail!("{package} is installed, yet its program is not in PATH");
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::newest_of;

    #[test]
    fn the_newest_kernel_is_the_one_of_the_highest_numbers() {
        let list = "linux-image-6.1.0-9-cloud-amd64 - Linux 6.1\n\
                    linux-image-6.1.0-57-cloud-amd64 - Linux 6.1\n\
                    linux-image-6.1.0-50-cloud-amd64 - Linux 6.1\n";
        assert_eq!(newest_of(list).as_deref(), Some("6.1.0-57-cloud-amd64"));
        let list = "linux-image-6.12.117+deb12-cloud-amd64 - x\n\
                    linux-image-6.12.99+deb12-cloud-amd64 - x\n";
        let newest = newest_of(list);
        assert_eq!(newest.as_deref(), Some("6.12.117+deb12-cloud-amd64"));
        assert_eq!(newest_of(""), None);
    }
}
