//! The store of one node: a redb file. Imports `error`, `record`, `transaction` and `watch` of the
//! store; its own parts from `file` up.
//!
//! Commits are made by one thread, several waiting ones with one write to the disk; reads run
//! on blocking threads. So a slow disk holds nobody but those who wait for it.

mod commits;
mod copies;
mod faults;
mod file;
mod history;
mod lock;
mod rows;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;

use super::{Key, Listing, Outcome, Record, Revision, StoreError, Transaction, Watch};
use commits::Request;
pub use copies::restore;
pub(super) use copies::write_backup;
use file::StoreFile;
pub use history::EmbeddedWatch;
use history::History;

/// Commits that may wait; who comes then waits to be one of them.
const WAITING: usize = 1024;

/// How much is kept for those who watch, in bytes of keys and values. Who is further behind has to
/// list anew.
const HISTORY_BYTES: usize = 16 << 20;

/// An open store file. Clones are handles of the same one.
#[derive(Debug, Clone)]
pub struct Embedded {
    file: Arc<StoreFile>,
    history: Arc<History>,
    requests: mpsc::Sender<Request>,
}

impl Embedded {
    /// Opens a store, or makes it if it is not there. The whole file is checked. Nobody else can
    /// open it until the last handle is dropped, or one is closed.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with_history(path, HISTORY_BYTES).await
    }

    /// Opens a store that keeps no more than this for those who watch, in bytes.
    pub async fn open_with_history(path: &Path, bytes: usize) -> Result<Self, StoreError> {
        let path = path.to_owned();
        blocking(move || {
            let file = Arc::new(StoreFile::open(&path)?);
            let history = Arc::new(History::new(file.revision()?, bytes));
            let (requests, waiting) = mpsc::channel(WAITING);
            let (for_file, for_history) = (Arc::clone(&file), Arc::clone(&history));
            std::thread::Builder::new()
                .name("store".to_owned())
                .spawn(move || commits::run(&for_file, &for_history, waiting))
                .map_err(|error| StoreError::Io {
                    doing: "starting the thread that writes",
                    path,
                    why: error.to_string(),
                })?;
            Ok(Self {
                file,
                history,
                requests,
            })
        })
        .await
    }

    /// The file.
    pub fn path(&self) -> &PathBuf {
        self.file.path()
    }

    pub(super) async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        let (file, key) = (Arc::clone(&self.file), key.clone());
        blocking(move || file.get(&key)).await
    }

    pub(super) async fn list(&self, kind: Option<&str>) -> Result<Listing, StoreError> {
        let (file, kind) = (Arc::clone(&self.file), kind.map(str::to_owned));
        blocking(move || file.list(kind.as_deref())).await
    }

    pub(super) async fn transact(&self, transaction: Transaction) -> Result<Outcome, StoreError> {
        let (answer, answered) = oneshot::channel();
        let request = Request::Transact(transaction, answer);
        self.requests
            .send(request)
            .await
            .map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    pub(super) fn watch(&self, after: Revision) -> Watch {
        Watch::Embedded(History::watch(&self.history, after))
    }

    pub(super) async fn close(&self) {
        let (answer, answered) = oneshot::channel();
        if self.requests.send(Request::Close(answer)).await.is_ok() {
            // An error means that another handle closed it first.
            let _ = answered.await;
        }
    }
}

/// Runs what waits for the disk on a thread that may.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    // It fails only if the work panicked, or the runtime is ending.
    spawn_blocking(work).await.map_err(|_| StoreError::Closed)?
}
