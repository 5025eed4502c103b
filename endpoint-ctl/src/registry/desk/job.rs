//! A change that waits to be made, and who waits for it.
//!
//! May import: std, thiserror, tokio, store, registry's own.

use thiserror::Error;
use tokio::sync::oneshot;

use crate::registry::Change;
use crate::store::StoreError;

/// Why a change was not made.
#[derive(Debug, Error)]
pub enum Failed<E> {
    /// It was refused.
    #[error("{0}")]
    Refused(E),
    /// It could not be kept.
    #[error(transparent)]
    Store(StoreError),
    /// The daemon is stopping.
    #[error("the daemon is stopping")]
    Stopping,
}

/// A change, whatever it returns.
pub(super) trait Job: Send {
    /// Tries it; whether it was not refused.
    fn run(&mut self, change: &mut Change) -> bool;

    /// Tells who waits what came of it.
    fn end(self: Box<Self>, kept: &Result<(), StoreError>);
}

/// See [`Job`].
pub(super) struct JobOf<T, E, W> {
    work: W,
    last: Option<Result<T, E>>,
    to: oneshot::Sender<Result<T, Failed<E>>>,
}

impl<T, E, W> JobOf<T, E, W> {
    /// The job, and where its outcome comes.
    pub(super) fn new(work: W) -> (Self, oneshot::Receiver<Result<T, Failed<E>>>) {
        let (to, outcome) = oneshot::channel();
        let job = Self {
            work,
            last: None,
            to,
        };
        (job, outcome)
    }
}

impl<T, E, W> Job for JobOf<T, E, W>
where
    T: Send,
    E: Send,
    W: Fn(&mut Change) -> Result<T, E> + Send,
{
    fn run(&mut self, change: &mut Change) -> bool {
        let result = (self.work)(change);
        let is_made = result.is_ok();
        self.last = Some(result);
        is_made
    }

    fn end(self: Box<Self>, kept: &Result<(), StoreError>) {
        let outcome = match (self.last, kept) {
            (Some(Err(refused)), _) => Err(Failed::Refused(refused)),
            (Some(Ok(done)), Ok(())) => Ok(done),
            (Some(Ok(_)), Err(error)) => Err(Failed::Store(error.clone())),
            (None, _) => Err(Failed::Stopping),
        };
        // Who has gone away does not wait.
        let _ = self.to.send(outcome);
    }
}
