//! Files outside of any lab, for what comes before there is one. Imports nothing.

use std::path::{Path, PathBuf};

/// A file in the temporary directory; it goes when this is dropped.
pub(crate) struct TemporaryFile(PathBuf);

impl TemporaryFile {
    /// A path that nothing else uses; `name` must be the caller's own.
    pub(crate) fn new(name: &str) -> Self {
        let name = format!("netns-{}-{name}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // It may never have been made.
        let _ = std::fs::remove_file(&self.0);
    }
}
