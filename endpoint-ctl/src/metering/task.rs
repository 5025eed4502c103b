//! The task that meters: asks the observer for what was counted, whenever something changes and now and then, and
//! has rows written. A disk that is slow or full delays nothing but that.
//!
//! May import: std, jiff, tokio, tracing, model, observe, registry, bill, days, file, meter, usage.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep_until;

use super::bill::bills;
use super::days;
use super::file::{MeteringError, UsageFile};
use super::meter::{Meter, Moment, Write};
use super::usage::{Usage, UsageOf};
use crate::model::Model;
use crate::observe::{Accepted, ObserverHandle};
use crate::registry::Registry;
use crate::store::StoreError;

/// Questions that may wait.
const WAITING: usize = 16;
/// The most that is lost if the daemon is killed.
const WRITE_EVERY: Duration = Duration::from_mins(1);

/// How to meter.
#[derive(Debug, Clone)]
pub struct MeteringOptions {
    /// The file that rows are kept in; without one they are in memory alone.
    pub file: Option<PathBuf>,
    /// Days that rows are kept.
    pub days: u32,
    /// How often rows are written; more often than once a minute at least.
    pub every: Duration,
}

/// What is known from before, and not metered yet.
pub struct Prepared {
    options: MeteringOptions,
    meter: Meter,
    file: Option<UsageFile>,
}

/// Asks the running task. Clones are handles of the same one.
#[derive(Clone)]
pub struct Metering {
    questions: mpsc::Sender<Question>,
    served: watch::Sender<Arc<Model>>,
}

enum Question {
    Usage(UsageOf, oneshot::Sender<Usage>),
    Stop(Option<Vec<Accepted>>, oneshot::Sender<()>),
}

/// What became of rows that were to be written.
type Written = Result<(), (Vec<Write>, StoreError)>;

impl Prepared {
    /// Reads what is kept.
    ///
    /// # Errors
    /// See [`MeteringError`].
    pub async fn open(options: MeteringOptions) -> Result<Self, MeteringError> {
        let mut meter = Meter::new(options.days);
        let file = match &options.file {
            None => None,
            Some(path) => Some(UsageFile::open(path, &mut meter).await?),
        };
        Ok(Self {
            options,
            meter,
            file,
        })
    }

    /// Begins to meter. Who pays is said by what is declared, or by what is in force if that is declared no
    /// more. Must be called within a tokio runtime.
    pub fn start(
        self,
        observer: ObserverHandle,
        declared: watch::Receiver<Arc<Registry>>,
        in_force: watch::Receiver<Arc<Registry>>,
    ) -> Metering {
        let (questions, asked) = mpsc::channel(WAITING);
        let (served, watched) = watch::channel(Arc::default());
        let since = self.file.is_none().then(Timestamp::now);
        let task = Task {
            every: self.options.every.min(WRITE_EVERY),
            path: self.options.file,
            since,
            meter: self.meter,
            file: self.file,
            observer,
            served: watched,
            declared,
            in_force,
            start: Instant::now(),
            error: None,
        };
        tokio::spawn(task.run(asked));
        Metering { questions, served }
    }
}

impl Metering {
    /// Says which model is in force now.
    pub fn serve(&self, model: Arc<Model>) {
        self.served.send_replace(model);
    }

    /// What was used up to now; `None` once it has stopped.
    pub async fn usage(&self, of: UsageOf) -> Option<Usage> {
        let (to, answer) = oneshot::channel();
        self.questions.send(Question::Usage(of, to)).await.ok()?;
        answer.await.ok()
    }

    /// Takes in what was counted at last, writes everything, and ends.
    pub async fn stop(&self, last: Option<Vec<Accepted>>) {
        let (to, ended) = oneshot::channel();
        if self.questions.send(Question::Stop(last, to)).await.is_ok() {
            // An error means that it has ended before.
            let _ = ended.await;
        }
    }
}

struct Task {
    every: Duration,
    path: Option<PathBuf>,
    since: Option<Timestamp>,
    meter: Meter,
    file: Option<UsageFile>,
    observer: ObserverHandle,
    served: watch::Receiver<Arc<Model>>,
    declared: watch::Receiver<Arc<Registry>>,
    in_force: watch::Receiver<Arc<Registry>>,
    start: Instant,
    /// Why the file did not take rows when it was last tried.
    error: Option<String>,
}

impl Task {
    async fn run(mut self, mut asked: mpsc::Receiver<Question>) {
        let mut writing: Option<JoinHandle<Written>> = None;
        let mut write_at = Instant::now() + self.every;
        loop {
            // A day's row ends with the day.
            let midnight = Instant::now() + days::left(Timestamp::now());
            let wake = write_at.min(midnight);
            tokio::select! {
                Ok(()) = self.served.changed() => self.follow().await,
                Ok(()) = self.declared.changed() => self.follow().await,
                Ok(()) = self.in_force.changed() => self.follow().await,
                () = sleep_until(wake.into()) => {
                    self.sample().await;
                    if Instant::now() >= write_at {
                        write_at = Instant::now() + self.every;
                        if writing.is_none() {
                            writing = self.write();
                        }
                    }
                }
                written = end(&mut writing) => self.note(written),
                question = asked.recv() => match question {
                    Some(Question::Usage(of, to)) => {
                        self.sample().await;
                        // An asker that has gone away is no matter.
                        let _ = to.send(self.usage(&of));
                    }
                    Some(Question::Stop(last, to)) => {
                        self.finish(last, writing).await;
                        let _ = to.send(());
                        return;
                    }
                    None => return,
                }
            }
        }
    }

    /// Takes in what was counted. Without an answer the observer has stopped, and so will this.
    async fn sample(&mut self) {
        if let Some(accepted) = self.observer.accepted().await {
            self.meter.sample(Moment::now(self.start), &accepted);
        }
    }

    /// Has others pay from now on, if they are to.
    async fn follow(&mut self) {
        self.sample().await;
        let served = Arc::clone(&self.served.borrow_and_update());
        let declared = Arc::clone(&self.declared.borrow_and_update());
        let in_force = Arc::clone(&self.in_force.borrow_and_update());
        self.meter.bill(bills(&served, [&declared, &in_force]));
    }

    fn usage(&self, of: &UsageOf) -> Usage {
        Usage {
            file: self.path.clone(),
            since: self.since,
            error: self.error.clone(),
            rows: of.select(&self.meter),
        }
    }

    /// Begins to write what has changed, if anything has.
    fn write(&mut self) -> Option<JoinHandle<Written>> {
        let writes = self.meter.take_unwritten();
        let file = self.file.clone().filter(|_| !writes.is_empty())?;
        Some(tokio::spawn(async move {
            let written = file.write(&writes).await;
            written.map_err(|error| (writes, error))
        }))
    }

    fn note(&mut self, written: Written) {
        match written {
            Ok(()) => self.error = None,
            Err((writes, error)) => {
                self.meter.take_back(writes);
                let error = error.to_string();
                if self.error.as_ref() != Some(&error) {
                    tracing::warn!(
                        "usage is kept in memory alone until it can be written: {error}"
                    );
                }
                self.error = Some(error);
            }
        }
    }

    async fn finish(
        mut self,
        last: Option<Vec<Accepted>>,
        mut writing: Option<JoinHandle<Written>>,
    ) {
        if let Some(last) = last {
            self.meter.sample(Moment::now(self.start), &last);
        }
        if writing.is_some() {
            let written = end(&mut writing).await;
            self.note(written);
        }
        writing = self.write();
        if writing.is_some() {
            let written = end(&mut writing).await;
            self.note(written);
        }
        if let Some(file) = &self.file {
            file.close().await;
        }
    }
}

/// Waits until what is being written is; for ever if nothing is.
async fn end(writing: &mut Option<JoinHandle<Written>>) -> Written {
    let Some(running) = writing else {
        return std::future::pending().await;
    };
    let written = running.await;
    *writing = None;
    // It fails only if it panicked: then its rows come with their next change.
    written.unwrap_or(Ok(()))
}
