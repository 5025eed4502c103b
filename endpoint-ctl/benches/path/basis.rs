//! What the benches stand on: the objects that were built, the machine, medians.
//!
//! May import: std, anyhow, aya.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use aya::Ebpf;
use aya::maps::Map;
use aya::programs::Xdp;

/// An object of endpoint-ebpf's; `cargo xtask build` puts all of them beside the product's.
pub(crate) fn object(name: &str) -> Result<Vec<u8>> {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/ebpf-objects/endpoint");
    let product = std::env::var_os("EBPF_OBJECT").map_or(built, PathBuf::from);
    let path = product.with_file_name(name);
    std::fs::read(&path)
        .with_context(|| format!("{}: build it with `cargo xtask build`", path.display()))
}

/// An XDP program of an object's.
pub(crate) fn program<'e>(ebpf: &'e mut Ebpf, name: &str) -> Result<&'e mut Xdp> {
    let program = ebpf.program_mut(name).ok_or_else(|| missing(name))?;
    Ok(program.try_into()?)
}

/// Takes a map out of an object.
pub(crate) fn take(ebpf: &mut Ebpf, name: &str) -> Result<Map> {
    ebpf.take_map(name).ok_or_else(|| missing(name))
}

fn missing(name: &str) -> anyhow::Error {
    anyhow!("the object has no {name}: build it with `cargo xtask build`")
}

/// What it is measured on.
pub(crate) fn print_machine() -> Result<()> {
    let read = |path: &str| std::fs::read_to_string(path).with_context(|| path.to_owned());
    let release = read("/proc/sys/kernel/osrelease")?;
    let info = read("/proc/cpuinfo")?;
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown", |name| name.trim_start_matches([' ', '\t', ':']));
    let cpus = std::thread::available_parallelism()?;
    println!("kernel {}, {cpus} CPUs, {model}", release.trim());
    Ok(())
}

/// The middle one; of an even number, the upper of the two.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
