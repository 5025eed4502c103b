//! Work inside one of the lab's namespaces, by a thread that enters it. Imports `namespace`.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result, bail};
use nix::sched::{CloneFlags, setns};

use super::Namespace;

/// Runs `work` in the namespace, to its end. Threads and sockets made by it belong there.
pub fn inside<T: Send>(
    namespace: &Namespace,
    work: impl FnOnce() -> Result<T> + Send,
) -> Result<T> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let path = Path::new("/run/netns").join(namespace.name());
            let file = File::open(&path).with_context(|| path.display().to_string())?;
            setns(file, CloneFlags::CLONE_NEWNET)
                .with_context(|| format!("entering {}", namespace.name()))?;
            work()
        });
        match thread.join() {
            Ok(done) => done,
            Err(_) => bail!("the work in {} panicked", namespace.role()),
        }
    })
}
