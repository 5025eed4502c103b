//! What can go wrong with the kernel, each as one line that says how to mend it.
//!
//! May import: aya, thiserror, compiler (its error).

use crate::compiler::CompileError;

/// An error of the kernel side.
#[derive(Debug, thiserror::Error)]
pub enum DataplaneError {
    /// The program that ends idle flows cannot be run.
    #[error("looking for idle flows: {0}")]
    Reap(std::io::Error),
    /// The program that explains packets cannot be run.
    #[error("explaining a packet: {0}")]
    Explain(std::io::Error),
    /// A table cannot be mapped into memory.
    #[error("mapping table {table} into memory: {reason}")]
    Mapping {
        /// The table.
        table: &'static str,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The model is too large for the loaded maps.
    #[error(transparent)]
    DoesNotFit(CompileError),
    /// BPF is not permitted.
    #[error(
        "not permitted to load BPF programs: run as root, or with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON"
    )]
    NotPermitted,
    /// The object could not be loaded.
    #[error("the kernel refused the packet program: {reason}")]
    Load {
        /// The last lines of what the kernel said.
        reason: String,
    },
    /// The object was built with another layout of tables.
    #[error(
        "the packet program was built for table layout {found:016x}, this daemon for {ours:016x}: build both with `cargo xtask build`"
    )]
    Layout {
        /// The object's fingerprint.
        found: u64,
        /// This daemon's.
        ours: u64,
    },
    /// The object lacks a map or program.
    #[error("the packet program has no {0}: build it with `cargo xtask build`")]
    Missing(&'static str),
    /// A map operation failed.
    #[error("table {table}: {source}")]
    Map {
        /// The map.
        table: &'static str,
        /// What aya said.
        source: aya::maps::MapError,
    },
    /// Too many interfaces hash to one place.
    #[error(
        "interface index {0} collides with others already bound: recreate the interface to give it another index"
    )]
    PortTableFull(u32),
    /// The program could not be attached.
    #[error("interface {interface}: {reason}")]
    Attach {
        /// The interface.
        interface: String,
        /// Why, and the mend.
        reason: String,
    },
    /// A test run failed.
    #[error("BPF_PROG_TEST_RUN: {0}")]
    TestRun(aya::programs::ProgramError),
}
