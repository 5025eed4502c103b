//! Finds a compiler for the packet programs. It only looks; installing is
//! `setup`'s. Imports `step` and `workspace`.
//!
//! BPF needs a `core` of its own. A rustup toolchain with rust-src builds one
//! (`-Z build-std=core`); Debian ships one ready made. Both are stable
//! compilers, told by `RUSTC_BOOTSTRAP` to accept what aya-ebpf asks of them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::step;
use crate::workspace::{cargo, find_program};

/// The LLVM that compiler and linker must share: the bpf-linker we install
/// borrows the compiler's own and speaks this version.
pub(crate) const LLVM_MAJOR: u32 = 22;

/// The target the packet programs are compiled for.
pub(crate) const TARGET: &str = "bpfel-unknown-none";

/// Debian's packages for way three.
pub(crate) const DEBIAN_PACKAGES: &[&str] = &["rustc-web", "libstd-rust-web-dev-bpf"];

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// Where `core` for BPF comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Core {
    /// Built by cargo from rust-src.
    BuildStd,
    /// Installed ready made.
    Prebuilt,
}

/// A compiler that can build the packet programs.
#[derive(Debug, Clone)]
pub(crate) struct EbpfRustc {
    /// The compiler itself, not a rustup proxy.
    pub rustc: PathBuf,
    /// The cargo to drive it with.
    pub cargo: PathBuf,
    /// Its version, such as `1.95.0`.
    pub release: String,
    /// Its LLVM as a shared library, for a linker that borrows it.
    pub llvm: Option<PathBuf>,
    /// Where `core` comes from.
    pub core: Core,
}

/// How the object comes about.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// `EBPF_OBJECT` names a finished one.
    Object(PathBuf),
    /// It is compiled.
    Compile(EbpfRustc),
}

/// What a search came to.
#[derive(Debug, Clone)]
pub(crate) enum Search {
    /// This way is open.
    Found(Source),
    /// None is; a line for each says why.
    Nothing(String),
}

/// Looks for the first way that is open. It is an error if the user named one
/// and that is not.
pub(crate) fn find() -> Result<Search> {
    if let Some(object) = std::env::var_os("EBPF_OBJECT") {
        let object = PathBuf::from(object);
        let object = std::path::absolute(&object)
            .with_context(|| format!("EBPF_OBJECT={}", object.display()))?;
        if !object.is_file() {
            bail!(
                "EBPF_OBJECT={}: no such file; unset it to build the object here",
                object.display()
            );
        }
        return Ok(Search::Found(Source::Object(object)));
    }
    if let Ok(name) = std::env::var("EBPF_TOOLCHAIN") {
        let found = from_rustup(Some(&name)).with_context(|| {
            format!("EBPF_TOOLCHAIN={name} cannot build for eBPF; unset it to let setup choose")
        })?;
        return Ok(Search::Found(Source::Compile(found)));
    }
    let rustup = match from_rustup(None) {
        Ok(found) => return Ok(Search::Found(Source::Compile(found))),
        Err(error) => error,
    };
    let debian = match from_debian() {
        Ok(found) => return Ok(Search::Found(Source::Compile(found))),
        Err(error) => error,
    };
    Ok(Search::Nothing(format!(
        "  rustup: {rustup:#}\n  Debian: {debian:#}"
    )))
}

/// A toolchain with rust-src: the default one, or the named one.
fn from_rustup(name: Option<&str>) -> Result<EbpfRustc> {
    let mut command = Command::new("rustc");
    if let Some(name) = name {
        command.arg(format!("+{name}"));
    }
    let sysroot = step::capture(command.args(["--print", "sysroot"]).env_remove("RUSTC"))?;
    let sysroot = PathBuf::from(sysroot.trim());
    let rustc = sysroot.join("bin/rustc");
    let (release, llvm_major) = version(&rustc)?;
    if !sysroot.join("lib/rustlib/src/rust/library/core").is_dir() {
        bail!("rustc {release} in {} has no rust-src", sysroot.display());
    }
    check_llvm(&rustc, &release, llvm_major)?;
    let own_cargo = sysroot.join("bin/cargo");
    Ok(EbpfRustc {
        cargo: if own_cargo.is_file() {
            own_cargo
        } else {
            cargo()
        },
        llvm: llvm_of(&rustc),
        rustc,
        release,
        core: Core::BuildStd,
    })
}

/// Debian's rustc-web with its ready made `core`; cargo stays the user's.
fn from_debian() -> Result<EbpfRustc> {
    let rustc = PathBuf::from(DEBIAN_RUSTC);
    if !rustc.is_file() {
        bail!("no {DEBIAN_RUSTC}");
    }
    let (release, llvm_major) = version(&rustc)?;
    if !Path::new("/usr/lib/rustlib").join(TARGET).is_dir() {
        bail!("{DEBIAN_RUSTC} {release} has no core for {TARGET}");
    }
    check_llvm(&rustc, &release, llvm_major)?;
    Ok(EbpfRustc {
        cargo: cargo(),
        llvm: llvm_of(&rustc),
        rustc,
        release,
        core: Core::Prebuilt,
    })
}

fn check_llvm(rustc: &Path, release: &str, major: u32) -> Result<()> {
    if major != LLVM_MAJOR {
        bail!(
            "{} {release} is built on LLVM {major}, bpf-linker on LLVM {LLVM_MAJOR}",
            rustc.display()
        );
    }
    Ok(())
}

/// The compiler's version and the major version of its LLVM.
fn version(rustc: &Path) -> Result<(String, u32)> {
    parse_version(&step::capture(Command::new(rustc).arg("-vV"))?)
        .with_context(|| format!("cannot read `{} -vV`", rustc.display()))
}

fn parse_version(text: &str) -> Option<(String, u32)> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let release = field("release: ")?.to_owned();
    let llvm = field("LLVM version: ")?.split('.').next()?.parse().ok()?;
    Some((release, llvm))
}

/// The shared LLVM a compiler runs on, as the dynamic loader finds it.
fn llvm_of(rustc: &Path) -> Option<PathBuf> {
    let ldd = find_program("ldd")?;
    let libraries = step::capture(Command::new(ldd).arg(rustc)).ok()?;
    let path = libraries
        .lines()
        .filter(|line| line.trim_start().starts_with("libLLVM"))
        .find_map(|line| line.split_whitespace().nth(2))?;
    Path::new(path).canonicalize().ok()
}

#[cfg(test)]
mod tests {
    use super::parse_version;

    #[test]
    fn release_and_llvm_are_read() {
        let text = "rustc 1.95.0 (abc)\nrelease: 1.95.0\nLLVM version: 22.1.2\n";
        assert_eq!(parse_version(text), Some(("1.95.0".into(), 22)));
        assert_eq!(parse_version("release: 1.95.0\n"), None);
    }
}
