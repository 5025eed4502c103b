//! The workspace's own tool, and the lab that tests, demo and benches share.
//! `main` holds the command line; everything else is here.
//!
//! Lowest first: `step` and `workspace` (commands, places) - `cleanup` (what
//! is undone on any exit) - `toolchain`, `linker`, `apt`, `tools`, `python`, `setup`
//! (what building needs) - `ebpf`, `build` - `lab` - `demo`, `vm`, `suite`, `tidy`
//! (the subcommands). The other crates' tests and benches use `lab`, `golden` and `python` only.
#![forbid(unsafe_code)]

mod apt;
pub mod build;
mod cleanup;
pub mod demo;
mod ebpf;
pub mod golden;
pub mod lab;
mod linker;
pub mod python;
pub mod setup;
mod step;
pub mod suite;
pub mod tidy;
mod toolchain;
mod tools;
mod vm;
pub mod workspace;
