//! What can go wrong with a store, where, and how to mend it. Imports nothing of this crate.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use super::{MAX_BYTES, MAX_ID, MAX_KIND, MAX_OPERATIONS, Revision};

/// An error of a store. Unless it says otherwise, nothing was written.
#[derive(Debug, Clone, Error)]
pub enum StoreError {
    /// A key is not of the alphabet.
    #[error(
        "`{kind}` `{id}` cannot be a key: a kind is 1 to {MAX_KIND} letters, digits or `-`, an id 1 to \
         {MAX_ID} letters, digits or any of `-._:@+=`"
    )]
    Key {
        /// The kind that was asked for.
        kind: String,
        /// The id that was asked for.
        id: String,
    },
    /// A transaction has too many parts.
    #[error("a transaction of {0} operations: {MAX_OPERATIONS} are allowed; make several of it")]
    TooManyOperations(usize),
    /// A transaction is too large.
    #[error("a transaction of {0} bytes: {MAX_BYTES} are allowed; make several of it")]
    TooManyBytes(usize),

    /// Another process has the file.
    #[error(
        "{} is in use by {holder}: stop that, or name another file", path.display()
    )]
    InUse {
        /// The store's file.
        path: PathBuf,
        /// The process, as far as known.
        holder: String,
    },
    /// A later release wrote the file or the prefix.
    #[error(
        "{place} has schema {found}, this release knows up to {known}: run the release that wrote it, or \
         restore a backup that this one made"
    )]
    Newer {
        /// The file or the URL.
        place: String,
        /// The schema it has.
        found: u64,
        /// The newest schema that is known.
        known: u64,
    },
    /// The file is not what was written to it.
    #[error(
        "{} is damaged ({what}), so it was not opened: restore a backup (docs/store.md); the damaged file is \
         kept beside it", path.display()
    )]
    Damaged {
        /// The store's file.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// No space is left.
    #[error(
        "the disk at {disk} is full, so {} was not changed: make space there; nothing else needs to be done",
        path.display()
    )]
    DiskFull {
        /// The store's file.
        path: PathBuf,
        /// Where the file system is mounted.
        disk: String,
    },
    /// The file cannot be read or written.
    #[error("{doing} {}: {why}. See that it is a file on a healthy disk that this user may write", path.display())]
    Io {
        /// What was tried, such as `opening`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// A file is there that would be overwritten.
    #[error("{} is there already: move it away, or say that it may be overwritten", .0.display())]
    Exists(PathBuf),
    /// The store was closed by this process.
    #[error("the store is closed: this process is ending")]
    Closed,

    /// Settings of etcd that cannot be.
    #[error("etcd: {what}: {mend}")]
    Settings {
        /// What is wrong, and where.
        what: String,
        /// What to do.
        mend: &'static str,
    },
    /// etcd cannot be reached. What was asked was not done.
    #[error(
        "etcd at {place} cannot be reached ({why}): nothing was done; see that it runs, then try again"
    )]
    Unreachable {
        /// The URL.
        place: String,
        /// What was met.
        why: String,
    },
    /// etcd did not answer. A transaction may have been carried out or not.
    #[error(
        "etcd at {place} gave no answer ({why}): if this was a change, it may have been made or not; look \
         before you make it again"
    )]
    Unanswered {
        /// The URL.
        place: String,
        /// What was met.
        why: String,
    },
    /// etcd refused.
    #[error("etcd at {place} refused: {why}. {mend}")]
    Refused {
        /// The URL.
        place: String,
        /// What etcd said.
        why: String,
        /// What to do.
        mend: &'static str,
    },
    /// etcd holds what is not ours.
    #[error("etcd at {place} holds {what}, which is no record: delete it, or use another prefix")]
    Foreign {
        /// The URL.
        place: String,
        /// The key.
        what: String,
    },
    /// The store answers from before what was seen of it.
    #[error(
        "etcd at {place} is at revision {now}, though {seen} was seen: it was restored from a backup or is \
         another one. Restart this node if it shall take that as it is"
    )]
    WentBack {
        /// The URL.
        place: String,
        /// The highest revision seen.
        seen: Revision,
        /// The revision of the answer.
        now: Revision,
    },
    /// The copy has not seen a revision in time.
    #[error(
        "the copy of the store is at revision {seen}, not yet at {wanted}, after {waited:?}: try again"
    )]
    Behind {
        /// What was waited for.
        wanted: Revision,
        /// How far the copy is.
        seen: Revision,
        /// How long was waited.
        waited: Duration,
    },
}
