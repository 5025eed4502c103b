//! `cargo xtask setup`: finds or installs what building and testing need.
//! Imports `apt`, `linker`, `toolchain`, `tools` and `workspace`.

use anyhow::{Context, Result, bail};

use crate::toolchain::{self, Core, EbpfRustc, LLVM_MAJOR, Search, Source};
use crate::workspace::Workspace;
use crate::{apt, linker, tools};

/// What compiles the packet programs.
#[derive(Debug, Clone)]
pub(crate) enum EbpfTools {
    /// Nothing: the object is given.
    Object(std::path::PathBuf),
    /// A compiler and a linker that fit each other.
    Compile(EbpfRustc, linker::Linker),
}

/// Finds or installs everything and says what it found.
pub fn setup(ws: &Workspace) -> Result<()> {
    match ebpf(ws)? {
        EbpfTools::Object(object) => {
            println!("setup: eBPF object    {} (EBPF_OBJECT)", object.display());
        }
        EbpfTools::Compile(rustc, linker) => {
            let core = match rustc.core {
                Core::BuildStd => "core built from rust-src",
                Core::Prebuilt => "core ready made",
            };
            println!(
                "setup: eBPF compiler  {} {}, LLVM {LLVM_MAJOR}, {core}",
                rustc.rustc.display(),
                rustc.release
            );
            println!("setup: eBPF linker    {}", linker.program.display());
        }
    }
    tools::find_or_install()?;
    let names: Vec<_> = tools::TOOLS.iter().map(|tool| tool.program).collect();
    println!("setup: lab tools      {}", names.join(" "));
    Ok(())
}

/// The part the build needs; quiet when all is there.
pub(crate) fn ebpf(ws: &Workspace) -> Result<EbpfTools> {
    let source = match toolchain::find()? {
        Search::Found(source) => source,
        Search::Nothing(tried) => install_compiler(&tried)?,
    };
    Ok(match source {
        Source::Object(object) => EbpfTools::Object(object),
        Source::Compile(rustc) => {
            let linker = linker::find_or_install(ws, &rustc)?;
            EbpfTools::Compile(rustc, linker)
        }
    })
}

fn install_compiler(tried: &str) -> Result<Source> {
    if let Some(obstacle) = apt::obstacle() {
        bail!(no_compiler(tried, obstacle));
    }
    println!("setup: no compiler for eBPF yet:\n{tried}");
    apt::install(toolchain::DEBIAN_PACKAGES)
        .with_context(|| no_compiler(tried, "Debian's packages could not be installed"))?;
    match toolchain::find()? {
        Search::Found(source) => Ok(source),
        Search::Nothing(tried) => bail!(no_compiler(&tried, "Debian's packages did not help")),
    }
}

fn no_compiler(tried: &str, obstacle: &str) -> String {
    format!(
        "no compiler for eBPF, and {obstacle}:\n{tried}\nDo one of these:\n  \
         rustup component add rust-src         (a toolchain built on LLVM {LLVM_MAJOR}; \
         EBPF_TOOLCHAIN=name picks another than the default)\n  \
         apt-get install {}   (as root, on Debian)\n  \
         EBPF_OBJECT=path                      (a finished object)",
        toolchain::DEBIAN_PACKAGES.join(" ")
    )
}
