//! The lab: a node between a consumer network and a provider network, each a
//! set of network namespaces. Demo, endpoint-ctl's netns tests and benches
//! share it. Imports `cleanup` and `workspace` from this crate.
//!
//! A lab's namespaces are called `ep<pid>x<n>-<role>`, so labs run side by
//! side. A lab goes when it is dropped, also by panic or by a signal; what a
//! killed process left is swept when the next lab is built.
//!
//! ```no_run
//! # fn main() -> anyhow::Result<()> {
//! use xtask::lab::{Lab, LabSpec, address};
//!
//! let lab = Lab::new(&LabSpec::standard())?;
//! let _server = lab.nginx("b1", 8080, "b1")?;
//! let daemon = lab.daemon("target/release/endpoint-ctl", "kind: Vpc\n", &[])?;
//! let url = format!("http://{}/", address::ENI_A);
//! assert!(lab.ns("client-a").run(["curl", "-s", &url])?.ok());
//! # Ok(())
//! # }
//! ```

pub mod address;
mod daemon;
mod inside;
mod namespace;
mod process;
mod server;
mod spec;
mod sweep;
mod wiring;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail};

use crate::cleanup::{self, Guard};
use crate::workspace::{find_program, is_root};

pub use daemon::Daemon;
pub use inside::inside;
pub use namespace::Namespace;
pub use process::{Outcome, Process, run_command, spawn_command};
pub use spec::{Host, LabSpec, Port, Segment, Wire};

/// A running lab.
#[derive(Debug)]
pub struct Lab {
    // Declared first, so that namespaces go before the directory.
    namespaces: BTreeMap<String, Namespace>,
    _namespace_guards: Vec<Guard>,
    dir: PathBuf,
    _dir_guard: Guard,
    files: AtomicU32,
}

impl Lab {
    /// Builds the namespaces and wires them up.
    pub fn new(spec: &LabSpec) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        spec.check()?;
        if !is_root() {
            bail!("the lab makes network namespaces: run it as root");
        }
        for program in ["ip", "ethtool", "nsenter"] {
            if find_program(program).is_none() {
                bail!("the lab needs `{program}`: run `cargo xtask setup`");
            }
        }
        sweep::sweep();
        let name = format!(
            "ep{}x{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let dir = std::env::temp_dir().join(&name);
        let dir_guard = {
            let dir = dir.clone();
            cleanup::register(move || drop(fs::remove_dir_all(dir)))
        };
        fs::create_dir_all(&dir).with_context(|| format!("creating {}", dir.display()))?;
        let mut namespaces = BTreeMap::new();
        let mut guards = Vec::new();
        for role in spec.roles() {
            let (namespace, guard) = Namespace::create(&name, role)?;
            namespaces.insert(role.to_owned(), namespace);
            guards.push(guard);
        }
        let lab = Self {
            namespaces,
            _namespace_guards: guards,
            dir,
            _dir_guard: dir_guard,
            files: AtomicU32::new(0),
        };
        wiring::wire(&lab, spec)?;
        Ok(lab)
    }

    /// The namespace of a role.
    ///
    /// # Panics
    ///
    /// If the lab's spec has no such role: that is a slip in the caller.
    pub fn ns(&self, role: &str) -> &Namespace {
        self.namespaces.get(role).unwrap_or_else(|| {
            let roles: Vec<_> = self.namespaces.keys().collect();
            panic!("the lab has no `{role}`, only {roles:?}")
        })
    }

    /// All namespaces, by role.
    pub fn namespaces(&self) -> impl Iterator<Item = &Namespace> {
        self.namespaces.values()
    }

    /// The lab's directory for files; it goes with the lab.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A path in the lab's directory that nothing else uses.
    fn fresh_path(&self, name: &str) -> PathBuf {
        let n = self.files.fetch_add(1, Ordering::Relaxed);
        self.dir.join(format!("{n}-{name}"))
    }
}
