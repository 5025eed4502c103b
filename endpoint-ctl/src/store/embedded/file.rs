//! The redb file: opened and checked, read, written. Imports `faults`, `lock` and `rows`, and `error`,
//! `record` and `transaction` of the store.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use bytes::Bytes;
use redb::backends::FileBackend;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};

use super::super::{Key, Listing, Record, Revision, StoreError};
use super::faults::{damaged, failed, io_error, went_back};
use super::lock::{Lock, beside};
use super::rows;

const RECORDS: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("records");
/// Numbers, each a row without a value: the number is where a record has its revision.
const META: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("meta");
const SCHEMA_ROW: &str = "schema";
const REVISION_ROW: &str = "revision";

/// The schema that this release writes, and the newest it reads.
const SCHEMA: u64 = 1;

/// Pages of the file that are kept in memory, in bytes. `Cached` holds the records themselves.
const CACHE_BYTES: usize = 8 << 20;

/// The file of a store, with its lock.
#[derive(Debug)]
pub(super) struct StoreFile {
    path: PathBuf,
    /// None after an error, until it could be opened again; and once closed.
    open: RwLock<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    // Before the lock, so that it is closed first.
    database: Option<Database>,
    lock: Lock,
}

impl StoreFile {
    /// Opens and checks a file, or makes it.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let lock = Lock::take(path)?;
        if !path.exists() {
            if let Some(revision) = lock.acknowledged().filter(|revision| revision.0 > 0) {
                let what = format!("it is gone, though it was at revision {revision}");
                return Err(damaged(path, what));
            }
            lock.write(Revision(0))?;
            create(path, &[], Revision(0))?;
        }
        let (database, revision) = open_database(path)?;
        if let Some(acknowledged) = lock.acknowledged()
            && revision < acknowledged
        {
            return Err(damaged(path, went_back(revision, acknowledged)));
        }
        lock.write(revision)?;
        Ok(Self {
            path: path.to_owned(),
            open: RwLock::new(Some(Open {
                database: Some(database),
                lock,
            })),
        })
    }

    pub(super) fn path(&self) -> &PathBuf {
        &self.path
    }

    pub(super) fn revision(&self) -> Result<Revision, StoreError> {
        self.read(|database| read_revision(database, &self.path))
    }

    pub(super) fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        self.read(|database| {
            let reading = database.begin_read().map_err(|e| self.failed(e))?;
            let table = reading.open_table(RECORDS).map_err(|e| self.failed(e))?;
            let path = key.path();
            let row = table.get(path.as_str()).map_err(|e| self.failed(e))?;
            row.map(|row| record(&self.path, &path, row.value()))
                .transpose()
        })
    }

    pub(super) fn list(&self, kind: Option<&str>) -> Result<Listing, StoreError> {
        self.read(|database| list(database, &self.path, kind))
    }

    fn read<T>(&self, read: impl Fn(&Database) -> Result<T, StoreError>) -> Result<T, StoreError> {
        {
            let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
            let open = open.as_ref().ok_or(StoreError::Closed)?;
            if let Some(database) = &open.database {
                return read(database);
            }
        }
        self.reopen()?;
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        let open = open.as_ref().ok_or(StoreError::Closed)?;
        match &open.database {
            Some(database) => read(database),
            None => Err(StoreError::Closed),
        }
    }

    /// Opens the file anew if an error has closed it, and says what it holds. redb does nothing
    /// after an error of the disk until that.
    pub(super) fn reopen(&self) -> Result<Revision, StoreError> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        let open = open.as_mut().ok_or(StoreError::Closed)?;
        if let Some(database) = &open.database {
            return read_revision(database, &self.path);
        }
        let (database, revision) = open_database(&self.path)?;
        open.database = Some(database);
        Ok(revision)
    }

    /// Closes the file until `reopen`.
    pub(super) fn give_up(&self) {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = open.as_mut() {
            open.database = None;
        }
    }

    /// Closes the file for good, and gives up the lock.
    pub(super) fn close(&self) {
        *self.open.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Writes to the file what `change` does, durably; not if it gives none.
    pub(super) fn write(
        &self,
        change: impl FnOnce(&mut Writing<'_>) -> Result<Option<Revision>, StoreError>,
    ) -> Result<(), StoreError> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        let open = open.as_ref().ok_or(StoreError::Closed)?;
        let database = open.database.as_ref().ok_or(StoreError::Closed)?;
        let Some(revision) = write(database, &self.path, change)? else {
            return Ok(());
        };
        // It is committed whatever becomes of this.
        if let Err(error) = open.lock.write(revision) {
            tracing::warn!(%error, "the store's lock file");
        }
        Ok(())
    }

    fn failed(&self, error: impl Into<redb::Error>) -> StoreError {
        failed(&self.path, error)
    }
}

/// A write to the file that is not committed yet.
pub(super) struct Writing<'t> {
    records: redb::Table<'t, &'static str, &'static [u8]>,
    path: &'t Path,
}

impl Writing<'_> {
    /// The commit that changed a record last.
    pub(super) fn revision_of(&self, key: &Key) -> Result<Option<Revision>, StoreError> {
        let path = key.path();
        let row = self
            .records
            .get(path.as_str())
            .map_err(|e| failed(self.path, e))?;
        row.map(|row| record(self.path, &path, row.value()).map(|record| record.revision))
            .transpose()
    }

    pub(super) fn put(
        &mut self,
        key: &Key,
        revision: Revision,
        value: &[u8],
    ) -> Result<(), StoreError> {
        let path = key.path();
        let row = rows::encode(&path, revision, value);
        self.records
            .insert(path.as_str(), row.as_slice())
            .map_err(|e| failed(self.path, e))?;
        Ok(())
    }

    /// Whether there was something to delete.
    pub(super) fn delete(&mut self, key: &Key) -> Result<bool, StoreError> {
        let row = self
            .records
            .remove(key.path().as_str())
            .map_err(|e| failed(self.path, e))?;
        Ok(row.is_some())
    }
}

fn write(
    database: &Database,
    path: &Path,
    change: impl FnOnce(&mut Writing<'_>) -> Result<Option<Revision>, StoreError>,
) -> Result<Option<Revision>, StoreError> {
    // With one phase, which is twice as fast as two: damage to its last pages is then taken for a
    // commit that a crash cut short, and the one before for the state. The lock file knows better.
    let writing = database.begin_write().map_err(|e| failed(path, e))?;
    let revision = {
        let records = writing.open_table(RECORDS).map_err(|e| failed(path, e))?;
        change(&mut Writing { records, path })?
    };
    let Some(revision) = revision else {
        writing.abort().map_err(|e| failed(path, e))?;
        return Ok(None);
    };
    set_number(&writing, path, REVISION_ROW, revision.0)?;
    writing.commit().map_err(|e| failed(path, e))?;
    Ok(Some(revision))
}

fn set_number(
    writing: &WriteTransaction,
    path: &Path,
    name: &str,
    number: u64,
) -> Result<(), StoreError> {
    let row = rows::encode(name, Revision(number), &[]);
    let mut meta = writing.open_table(META).map_err(|e| failed(path, e))?;
    meta.insert(name, row.as_slice())
        .map_err(|e| failed(path, e))?;
    Ok(())
}

/// Makes a store file with these records, which is there whole or not at all.
pub(super) fn create(
    path: &Path,
    records: &[Record],
    revision: Revision,
) -> Result<(), StoreError> {
    let new = beside(path, "new");
    let unfinished = match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    unfinished.map_err(|error| io_error("removing", &new, &error))?;
    let made = fill(&new, records, revision)
        .and_then(|()| fs::rename(&new, path).map_err(|error| io_error("making", path, &error)))
        .and_then(|()| sync_directory(path));
    if made.is_err() {
        // Half a file is of no use. That it cannot be removed is the lesser news.
        let _ = fs::remove_file(&new);
    }
    made
}

fn fill(new: &Path, records: &[Record], revision: Revision) -> Result<(), StoreError> {
    let file = open_options()
        .create_new(true)
        .open(new)
        .map_err(|error| io_error("making", new, &error))?;
    let database = Database::builder()
        .create_with_backend(FileBackend::new(file).map_err(|e| failed(new, e))?)
        .map_err(|e| failed(new, e))?;
    write(&database, new, |writing| {
        for record in records {
            writing.put(&record.key, record.revision, &record.value)?;
        }
        Ok(Some(revision))
    })?;
    let writing = database.begin_write().map_err(|e| failed(new, e))?;
    set_number(&writing, new, SCHEMA_ROW, SCHEMA)?;
    writing.commit().map_err(|e| failed(new, e))
}

/// So that a file's name is as durable as the file.
pub(super) fn sync_directory(of: &Path) -> Result<(), StoreError> {
    let directory = of
        .parent()
        .filter(|directory| !directory.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| io_error("syncing", directory, &error))
}

fn open_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}

/// Opens a file that is there, and checks all of it.
fn open_database(path: &Path) -> Result<(Database, Revision), StoreError> {
    let file = open_options()
        .open(path)
        .map_err(|error| io_error("opening", path, &error))?;
    let empty = file.metadata().map(|meta| meta.len() == 0);
    if empty.map_err(|error| io_error("opening", path, &error))? {
        // redb would make a new store of it.
        return Err(damaged(path, "it is empty"));
    }
    file.set_permissions(Permissions::from_mode(0o600))
        .map_err(|error| io_error("securing", path, &error))?;
    let database = Database::builder()
        .set_cache_size(CACHE_BYTES)
        .set_check_integrity_on_open(true)
        .create_with_backend(FileBackend::new(file).map_err(|e| failed(path, e))?)
        .map_err(|e| failed(path, e))?;
    let schema = read_number(&database, path, SCHEMA_ROW)?;
    if schema > SCHEMA {
        return Err(StoreError::Newer {
            place: path.display().to_string(),
            found: schema,
            known: SCHEMA,
        });
    }
    let listing = list(&database, path, None)?;
    let newest = listing.records.iter().map(|record| record.revision).max();
    if newest > Some(listing.revision) {
        return Err(damaged(path, "a record is newer than the file"));
    }
    Ok((database, listing.revision))
}

/// All records of a file, checked, without making it a store that is in use.
pub(super) fn read_all(path: &Path) -> Result<Listing, StoreError> {
    let (database, _) = open_database(path)?;
    list(&database, path, None)
}

fn list(database: &Database, file: &Path, kind: Option<&str>) -> Result<Listing, StoreError> {
    let reading = database.begin_read().map_err(|e| failed(file, e))?;
    let table = reading.open_table(RECORDS).map_err(|e| failed(file, e))?;
    let rows = match kind {
        Some(kind) => {
            let (first, end) = Key::paths_of(kind);
            table.range(first.as_str()..end.as_str())
        }
        None => table.range::<&str>(..),
    };
    let mut records = Vec::new();
    for row in rows.map_err(|e| failed(file, e))? {
        let (path, row) = row.map_err(|e| failed(file, e))?;
        records.push(record(file, path.value(), row.value())?);
    }
    let meta = reading.open_table(META).map_err(|e| failed(file, e))?;
    Ok(Listing {
        revision: Revision(number(&meta, file, REVISION_ROW)?),
        records,
    })
}

fn record(file: &Path, path: &str, row: &[u8]) -> Result<Record, StoreError> {
    let wrong = || damaged(file, format!("record `{path}` is not as it was written"));
    let key = Key::parse(path).ok_or_else(wrong)?;
    let (revision, value) = rows::decode(path, row).ok_or_else(wrong)?;
    Ok(Record {
        key,
        value: Bytes::copy_from_slice(value),
        revision,
    })
}

fn read_revision(database: &Database, path: &Path) -> Result<Revision, StoreError> {
    read_number(database, path, REVISION_ROW).map(Revision)
}

fn read_number(database: &Database, path: &Path, name: &str) -> Result<u64, StoreError> {
    let reading = database.begin_read().map_err(|e| failed(path, e))?;
    let meta = reading.open_table(META).map_err(|e| failed(path, e))?;
    number(&meta, path, name)
}

fn number(
    meta: &impl ReadableTable<&'static str, &'static [u8]>,
    path: &Path,
    name: &str,
) -> Result<u64, StoreError> {
    let row = meta.get(name).map_err(|e| failed(path, e))?;
    row.and_then(|row| rows::decode(name, row.value()).map(|(number, _)| number.0))
        .ok_or_else(|| {
            damaged(
                path,
                format!("it has no `{name}`, or not as it was written"),
            )
        })
}
