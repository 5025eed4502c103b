//! What redb and the file system say, in the store's errors. Imports `error` of the store.

use std::fs;
use std::io;
use std::path::Path;

use super::super::{Revision, StoreError};

/// The error of a file system.
pub(super) fn io_error(doing: &'static str, path: &Path, error: &io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::DiskFull {
            path: path.to_owned(),
            disk: mount_of(path),
        },
        _ => StoreError::Io {
            doing,
            path: path.to_owned(),
            why: error.to_string(),
        },
    }
}

/// The error of redb.
pub(super) fn failed(path: &Path, error: impl Into<redb::Error>) -> StoreError {
    match error.into() {
        redb::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
            damaged(path, error.to_string())
        }
        redb::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            damaged(path, "it is cut short")
        }
        redb::Error::Io(error) => io_error("writing or reading", path, &error),
        redb::Error::DatabaseAlreadyOpen => StoreError::InUse {
            path: path.to_owned(),
            holder: "another process".to_owned(),
        },
        redb::Error::UpgradeRequired(version) => damaged(path, format!("its format is {version}")),
        error => damaged(path, error.to_string()),
    }
}

pub(super) fn damaged(path: &Path, what: impl Into<String>) -> StoreError {
    StoreError::Damaged {
        path: path.to_owned(),
        what: what.into(),
    }
}

pub(super) fn went_back(to: Revision, acknowledged: Revision) -> String {
    format!("it is at revision {to}, though {acknowledged} was acknowledged")
}

/// Where the file system of a path is mounted.
fn mount_of(path: &Path) -> String {
    let path = fs::canonicalize(path.parent().unwrap_or(path)).unwrap_or_default();
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        .filter(|mount| path.starts_with(mount))
        .max_by_key(|mount| mount.len())
        .unwrap_or("/")
        .to_owned()
}
