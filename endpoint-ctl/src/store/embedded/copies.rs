//! Backups, and restoring them. Imports `faults`, `file` and `lock`, and `error` and `record` of the
//! store.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::{Listing, Revision, StoreError};
use super::blocking;
use super::faults::io_error;
use super::file;
use super::lock::{Lock, beside};

/// Writes records to a file that must not be there yet. It is a store file like any other.
pub(in super::super) async fn write_backup(
    listing: Listing,
    to: PathBuf,
) -> Result<(), StoreError> {
    blocking(move || {
        if to.exists() {
            return Err(StoreError::Exists(to));
        }
        file::create(&to, &listing.records, listing.revision)
    })
    .await
}

/// Makes the store file `to` of a backup, and tells its revision. The backup is checked first. A
/// file that is there is only replaced if `overwrite` is set, and kept as `TO.replaced`. No process
/// may have either open.
pub async fn restore(from: &Path, to: &Path, overwrite: bool) -> Result<Revision, StoreError> {
    let (from, to) = (from.to_owned(), to.to_owned());
    blocking(move || {
        let lock = Lock::take(&to)?;
        if to.exists() && !overwrite {
            return Err(StoreError::Exists(to));
        }
        let listing = read_backup(&from, &beside(&to, "from"))?;
        // Before the file: a crash between leaves one that is newer than acknowledged, which is good.
        lock.write(Revision(0))?;
        if to.exists() {
            let replaced = beside(&to, "replaced");
            fs::hard_link(&to, &replaced)
                .or_else(|_| {
                    fs::remove_file(&replaced).and_then(|()| fs::hard_link(&to, &replaced))
                })
                .map_err(|error| io_error("keeping", &replaced, &error))?;
        }
        file::create(&to, &listing.records, listing.revision)?;
        lock.write(listing.revision)?;
        Ok(listing.revision)
    })
    .await
}

/// Reads a copy of the backup, since reading writes to the file.
fn read_backup(from: &Path, copy: &Path) -> Result<Listing, StoreError> {
    fs::copy(from, copy).map_err(|error| io_error("copying", from, &error))?;
    let listing = file::read_all(copy).map_err(|error| match error {
        StoreError::Damaged { what, .. } => StoreError::Damaged {
            path: from.to_owned(),
            what,
        },
        error => error,
    });
    fs::remove_file(copy).map_err(|error| io_error("removing", copy, &error))?;
    listing
}
