//! The file beside the store's that says who has it, and up to which revision commits have been
//! acknowledged. Imports `error` and `record` of the store.
//!
//! The second is for what the store's file cannot know: that it was put back to an earlier state,
//! by a flipped bit in its header, by a hand that copied, or by a disk that lost writes. It is not
//! synced, so after a power cut it may be behind, and then finds less.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::super::{Revision, StoreError};
use super::faults::io_error;

/// The lock, held as long as this lives.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    path: PathBuf,
    /// What was acknowledged before this lock was taken.
    acknowledged: Option<Revision>,
}

impl Lock {
    /// Takes the lock of a store file, or says who has it.
    pub(super) fn take(store: &Path) -> Result<Self, StoreError> {
        let path = beside(store, "lock");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| io_error("opening", &path, &error))?;
        let text = fs::read_to_string(&path).unwrap_or_default();
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::InUse {
                    path: store.to_owned(),
                    holder: holder(&text),
                });
            }
            Err(TryLockError::Error(error)) => return Err(io_error("locking", &path, &error)),
        }
        Ok(Self {
            file,
            path,
            acknowledged: acknowledged(&text),
        })
    }

    pub(super) fn acknowledged(&self) -> Option<Revision> {
        self.acknowledged
    }

    /// Writes down who has the store, and what is acknowledged. Always of one length, so a full
    /// disk has room for it.
    pub(super) fn write(&self, revision: Revision) -> Result<(), StoreError> {
        let words = format!("{:>10} {revision:>20}", std::process::id());
        let line = format!("{words} {:08x}\n", crc32fast::hash(words.as_bytes()));
        self.file
            .write_all_at(line.as_bytes(), 0)
            .map_err(|error| io_error("writing", &self.path, &error))
    }
}

/// The name of a file beside another.
pub(super) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

fn holder(text: &str) -> String {
    let Some(pid) = text.split_whitespace().next() else {
        return "another process".to_owned();
    };
    match fs::read_to_string(format!("/proc/{pid}/comm")) {
        Ok(name) => format!("process {pid} ({})", name.trim()),
        // It may be in another namespace.
        Err(_) => format!("process {pid}"),
    }
}

/// None if the line is not as it was written: then nothing is known.
fn acknowledged(text: &str) -> Option<Revision> {
    let (words, sum) = text.trim_end().rsplit_once(' ')?;
    let sum = u32::from_str_radix(sum, 16).ok()?;
    if sum != crc32fast::hash(words.as_bytes()) {
        return None;
    }
    words.split_whitespace().nth(1)?.parse().ok().map(Revision)
}
