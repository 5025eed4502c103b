//! Network namespaces of others: which file leads to one, and looking around inside.
//!
//! May import: nix, std, the module's own.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use nix::sched::{CloneFlags, setns};

use super::kernel::Kernel;

/// Where `ip netns` keeps its namespaces.
const NAMED: &str = "/run/netns";

/// Where a device is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// In our own namespace.
    Here,
    /// In one that `ip netns` knows by this name.
    Named(String),
    /// In that of a process.
    OfProcess(u32),
}

impl Place {
    /// As a part of a sentence; nothing for our own.
    pub(super) fn within(&self) -> String {
        match self {
            Self::Here => String::new(),
            Self::Named(name) => format!(" in namespace {name}"),
            Self::OfProcess(pid) => format!(" in the namespace of process {pid}"),
        }
    }

    /// A command as it is to be run from our own.
    pub(super) fn command(&self, command: &str) -> String {
        match self {
            Self::Here => command.to_owned(),
            Self::Named(name) => format!("ip netns exec {name} {command}"),
            Self::OfProcess(pid) => format!("nsenter -t {pid} -n {command}"),
        }
    }
}

/// The file that leads to the namespace of this number, and what to call it.
pub(super) fn find(kernel: &Kernel, id: i32) -> Option<(File, Place)> {
    let named = entries(NAMED).map(|name| {
        let path = PathBuf::from(NAMED).join(&name);
        (path, Place::Named(name))
    });
    let of_processes = entries("/proc").filter_map(|name| {
        let pid = name.parse().ok()?;
        Some((format!("/proc/{name}/ns/net").into(), Place::OfProcess(pid)))
    });
    let mut seen = HashSet::new();
    for (path, place) in named.chain(of_processes) {
        // A process that has ended meanwhile leads nowhere.
        let Ok(file) = File::open(path) else { continue };
        let Ok(metadata) = file.metadata() else {
            continue;
        };
        if seen.insert((metadata.dev(), metadata.ino()))
            && kernel
                .namespace_id(&file)
                .is_ok_and(|found| found == Some(id))
        {
            return Some((file, place));
        }
    }
    None
}

fn entries(directory: &str) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok())
}

/// Looks around inside a namespace, by a thread that ends there.
pub(super) fn inside<T: Send>(namespace: &File, look: impl FnOnce() -> T + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().spawn_scoped(scope, || {
            setns(namespace, CloneFlags::CLONE_NEWNET)?;
            Ok(look())
        })?;
        let ended = thread.join();
        ended.unwrap_or_else(|_| Err(io::Error::other("the look inside broke off")))
    })
}
