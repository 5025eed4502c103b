//! Where things lie: the workspace, its target directories, the host.
//! Imports nothing of this crate but `step`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::step;

/// The paths every subcommand works with.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// The directory of the workspace's `Cargo.toml`.
    pub root: PathBuf,
    /// Where cargo puts host builds; follows `CARGO_TARGET_DIR`.
    pub target: PathBuf,
}

impl Workspace {
    /// Finds the workspace that `cargo xtask` was called in.
    pub fn find() -> Result<Self> {
        // The variable of the running cargo comes first: a shared or moved
        // target directory may hold a binary that was compiled elsewhere.
        let xtask = std::env::var_os("CARGO_MANIFEST_DIR")
            .unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&xtask)
            .parent()
            .context("xtask's directory has no parent")?
            .to_path_buf();
        let metadata = step::capture(
            Command::new(cargo())
                .args(["metadata", "--format-version", "1", "--no-deps"])
                .current_dir(&root),
        )?;
        let metadata: serde_json::Value =
            serde_json::from_str(&metadata).context("reading `cargo metadata`")?;
        let target = metadata["target_directory"]
            .as_str()
            .context("`cargo metadata` names no target directory")?;
        Ok(Self {
            root,
            target: PathBuf::from(target),
        })
    }

    /// The target directory of the packet programs. It is never the host's:
    /// two compilers take turns there otherwise, and each rebuilds everything.
    pub fn ebpf_target(&self) -> PathBuf {
        self.root.join("target/ebpf")
    }

    /// Where finished objects are put; endpoint-ctl's build script looks here.
    pub fn ebpf_objects(&self) -> PathBuf {
        self.root.join("target/ebpf-objects")
    }

    /// Where `setup` installs programs of its own.
    pub fn tools(&self) -> PathBuf {
        self.root.join("target/tools")
    }
}

/// The cargo that started us, or the one in PATH.
pub fn cargo() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}

/// Where a program is, in PATH or in the directories of system tools, which
/// an ordinary user's PATH often lacks.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from))
        .map(|dir| dir.join(name))
        .find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

/// Whether this process runs as root.
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::find_program;

    #[test]
    fn programs_are_found_where_they_are() {
        assert!(find_program("sh").is_some());
        assert_eq!(find_program("no-such-program-here"), None);
    }
}
