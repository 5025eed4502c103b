//! Puts the eBPF object where `include_bytes!` finds it: the one `EBPF_OBJECT` names, else the one
//! that `cargo xtask build` made last.

use std::path::{Path, PathBuf};
use std::{env, fs, process};

fn main() {
    println!("cargo::rerun-if-env-changed=EBPF_OBJECT");
    let object = env::var_os("EBPF_OBJECT").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/ebpf-objects/endpoint"),
        PathBuf::from,
    );
    println!("cargo::rerun-if-changed={}", object.display());
    let out = env::var_os("OUT_DIR")
        .map(PathBuf::from)
        .unwrap_or_default();
    if let Err(error) = fs::copy(&object, out.join("endpoint")) {
        println!(
            "cargo::error={}: {error}; build it with `cargo xtask build`, or name one with EBPF_OBJECT",
            object.display()
        );
        process::exit(1);
    }
}
