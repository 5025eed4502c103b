//! Installing Debian packages, without letting them start services.
//! Imports `cleanup`, `step` and `workspace`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::cleanup::{self, Guard};
use crate::step;
use crate::workspace::{find_program, is_root};

/// Debian's hook that is asked before a package may start its service.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Why packages cannot be installed here, if so.
pub(crate) fn obstacle() -> Option<&'static str> {
    if find_program("apt-get").is_none() {
        Some("there is no apt-get here")
    } else if !is_root() {
        Some("this is not root")
    } else {
        None
    }
}

/// Installs packages; the caller knows that some are missing.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    if let Some(obstacle) = obstacle() {
        bail!("{obstacle}: install {} yourself", packages.join(" "));
    }
    step::step(&format!("apt-get install {}", packages.join(" ")), || {
        let _no_services = forbid_services()?;
        if !packages.iter().all(|package| is_known(package)) {
            step::run(apt_get().args(["-q", "update"]))?;
        }
        let install = || {
            step::run(
                apt_get()
                    .args(["-q", "install", "-y", "--no-install-recommends"])
                    .args(packages),
            )
        };
        // Old lists name files that the archive has replaced since.
        install().or_else(|_| {
            step::run(apt_get().args(["-q", "update"]))?;
            install()
        })
    })
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env_remove("LD_LIBRARY_PATH")
        .stdin(Stdio::null());
    command
}

fn is_known(package: &str) -> bool {
    Command::new("apt-cache")
        .args(["show", "--no-all-versions", package])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// While the guard lives, packages cannot start their services. What was
/// there before comes back afterwards, also after Ctrl-C.
fn forbid_services() -> Result<Option<Guard>> {
    let policy = Path::new(POLICY);
    let before = fs::read(policy).ok();
    if before.is_some() {
        let status = Command::new(policy).args(["nginx", "start"]).status();
        if status.is_ok_and(|status| status.code() == Some(101)) {
            return Ok(None); // it forbids already
        }
    }
    let mode = fs::metadata(policy).map_or(0o755, |meta| meta.permissions().mode());
    let guard = cleanup::register(move || {
        let restored = match before {
            Some(text) => fs::write(POLICY, text)
                .and_then(|()| fs::set_permissions(POLICY, fs::Permissions::from_mode(mode))),
            None => fs::remove_file(POLICY),
        };
        if let Err(error) = restored {
            eprintln!("cannot restore {POLICY}: {error}");
        }
    });
    fs::write(policy, "#!/bin/sh\nexit 101\n").with_context(|| format!("writing {POLICY}"))?;
    fs::set_permissions(policy, fs::Permissions::from_mode(0o755))?;
    Ok(Some(guard))
}
