//! bpf-linker: finds one that links what the compiler writes, or installs it.
//! Imports `step`, `toolchain` and `workspace`.
//!
//! The version numbers of LLVM do not tell everything, so a linker is accepted
//! when it has linked a probe; a stamp remembers which one did.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::step;
use crate::toolchain::{EbpfRustc, LLVM_MAJOR};
use crate::workspace::{Workspace, cargo, find_program};

/// The last version that borrows the compiler's LLVM: no LLVM packages needed.
const VERSION: &str = "0.10.4";

/// A program small enough to compile anywhere; only its bitcode matters.
const PROBE: &str = "#![no_std]
#[unsafe(no_mangle)]
#[unsafe(link_section = \"xdp\")]
pub extern \"C\" fn probe(_: *mut u8) -> u32 { 2 }
";

/// A linker that is known to link.
#[derive(Debug, Clone)]
pub(crate) struct Linker {
    /// The program.
    pub program: PathBuf,
    /// Holds the compiler's LLVM and nothing else. bpf-linker takes the first
    /// `libLLVM*` it meets, and system directories often hold older ones.
    pub llvm_dir: Option<PathBuf>,
}

impl Linker {
    /// Gives a command what the linker needs to find the compiler's LLVM.
    pub(crate) fn apply_to(&self, command: &mut Command) {
        match &self.llvm_dir {
            Some(dir) => command.env("LD_LIBRARY_PATH", dir),
            None => command.env_remove("LD_LIBRARY_PATH"),
        };
    }
}

/// Finds a linker for `rustc`, installing one if none links.
pub(crate) fn find_or_install(ws: &Workspace, rustc: &EbpfRustc) -> Result<Linker> {
    let llvm_dir = isolate_llvm(ws, rustc)?;
    let with = |program: PathBuf| Linker {
        program,
        llvm_dir: llvm_dir.clone(),
    };
    if let Some(named) = std::env::var_os("BPF_LINKER") {
        let linker = with(PathBuf::from(named));
        accept(ws, rustc, &linker).with_context(|| {
            format!(
                "BPF_LINKER={}: unset it to let setup find or install one",
                linker.program.display()
            )
        })?;
        return Ok(linker);
    }
    let own = ws.tools().join("bin/bpf-linker");
    for program in [Some(own.clone()), find_program("bpf-linker")]
        .into_iter()
        .flatten()
    {
        if !program.is_file() {
            continue;
        }
        let linker = with(program);
        match accept(ws, rustc, &linker) {
            Ok(()) => return Ok(linker),
            Err(error) => println!("setup: passing over a bpf-linker: {error:#}"),
        }
    }
    step::step(
        &format!("installing bpf-linker {VERSION} into target/tools (about two minutes, once)"),
        || install(ws),
    )?;
    let linker = with(own);
    accept(ws, rustc, &linker)?;
    Ok(linker)
}

fn install(ws: &Workspace) -> Result<()> {
    step::run(
        Command::new(cargo())
            .args(["install", "bpf-linker", "--version", VERSION, "--locked"])
            .arg("--force")
            .arg("--root")
            .arg(ws.tools())
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS"),
    )
    .with_context(|| {
        format!(
            "bpf-linker is missing and could not be installed: install one built for \
             LLVM {LLVM_MAJOR} and name it by BPF_LINKER=path"
        )
    })
}

/// Puts a link to the compiler's LLVM into a directory of its own.
fn isolate_llvm(ws: &Workspace, rustc: &EbpfRustc) -> Result<Option<PathBuf>> {
    let Some(library) = &rustc.llvm else {
        return Ok(None);
    };
    let dir = ws.tools().join(format!("llvm-of-rustc-{}", rustc.release));
    let link = dir.join("libLLVM.so");
    if fs::read_link(&link).is_ok_and(|to| to == *library) {
        return Ok(Some(dir));
    }
    fs::create_dir_all(&dir).with_context(|| format!("creating {}", dir.display()))?;
    if link.is_symlink() {
        fs::remove_file(&link).with_context(|| format!("removing {}", link.display()))?;
    }
    std::os::unix::fs::symlink(library, &link)
        .with_context(|| format!("linking {}", link.display()))?;
    Ok(Some(dir))
}

/// Succeeds if the linker links, by its stamp or by trying.
fn accept(ws: &Workspace, rustc: &EbpfRustc, linker: &Linker) -> Result<()> {
    let stamp_file = ws.tools().join("bpf-linker.stamp");
    let stamp = stamp(rustc, &linker.program)?;
    if fs::read_to_string(&stamp_file).is_ok_and(|old| old == stamp) {
        return Ok(());
    }
    probe(ws, rustc, linker)?;
    fs::write(&stamp_file, stamp).with_context(|| format!("writing {}", stamp_file.display()))
}

/// What must stay the same for an earlier trial to count.
fn stamp(rustc: &EbpfRustc, program: &Path) -> Result<String> {
    let meta = fs::metadata(program).with_context(|| format!("no {}", program.display()))?;
    Ok(format!(
        "{} {} {} with {} {}\n",
        program.display(),
        meta.len(),
        meta.mtime(),
        rustc.rustc.display(),
        rustc.release
    ))
}

fn probe(ws: &Workspace, rustc: &EbpfRustc, linker: &Linker) -> Result<()> {
    let dir = ws.tools().join("probe");
    fs::create_dir_all(&dir).with_context(|| format!("creating {}", dir.display()))?;
    let (source, bitcode) = (dir.join("probe.rs"), dir.join("probe.bc"));
    fs::write(&source, PROBE).with_context(|| format!("writing {}", source.display()))?;
    // Host bitcode does: the question is whether the linker can read it.
    step::capture(
        Command::new(&rustc.rustc)
            .args(["--edition=2024", "--crate-type=lib", "--emit=llvm-bc"])
            .args(["-Cpanic=abort", "-Copt-level=2", "-o"])
            .args([&bitcode, &source])
            .env_remove("RUSTUP_TOOLCHAIN")
            .env_remove("LD_LIBRARY_PATH"),
    )?;
    let object = dir.join("probe.o");
    let _ = fs::remove_file(&object); // an old one would pass for its work
    let mut link = Command::new(&linker.program);
    link.args(["--target=bpfel", "--export=probe", "-o"])
        .args([&object, &bitcode])
        .env("RUST_BACKTRACE", "0");
    linker.apply_to(&mut link);
    if let Err(error) = step::capture(&mut link) {
        let text = error.to_string();
        let cause = text
            .lines()
            .find(|line| line.contains("LLVM") || line.contains("nvalid"))
            .unwrap_or("it fails");
        bail!(
            "{} cannot link what rustc {} writes (LLVM {LLVM_MAJOR}): {}",
            linker.program.display(),
            rustc.release,
            cause.trim()
        );
    }
    if !fs::read(&object).is_ok_and(|bytes| is_bpf_object(&bytes)) {
        bail!("{} makes no BPF object", linker.program.display());
    }
    Ok(())
}

/// Whether this is an ELF file for the BPF machine (247).
fn is_bpf_object(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x7fELF") && bytes.get(18..20) == Some(&247u16.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::is_bpf_object;

    #[test]
    fn only_bpf_objects_pass() {
        let mut header = *b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x01\0\xf7\0";
        assert!(is_bpf_object(&header));
        header[18] = 62; // x86-64
        assert!(!is_bpf_object(&header));
        assert!(!is_bpf_object(b""));
    }
}
