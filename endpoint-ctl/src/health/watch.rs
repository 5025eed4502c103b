//! The probes of every target, in the background: one task each, so many at a time, at intervals
//! that vary a little, so that they do not fall into step.
//!
//! May import: model, tokio, jiff, std, probe, source, standing.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use super::probe::{Job, probe};
use super::source::Sources;
use super::standing::{Standing, State};
use crate::model::{Model, TargetId};

/// Most probes under way at once; each takes a socket.
const MOST_AT_ONCE: usize = 256;
/// Reports on their way to a busy daemon; then the probes wait.
const REPORTS: usize = 1_024;
/// First probes are spread over this time.
const FIRST_WITHIN: Duration = Duration::from_secs(1);
/// By how much of it an interval may be shorter.
const JITTER: f64 = 0.1;

/// That something about a target has changed.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) target: TargetId,
    /// Which of the tasks that this target has had speaks.
    pub(super) task: u64,
    pub(super) state: State,
    pub(super) reason: String,
    pub(super) when: Timestamp,
}

/// What is to be probed of a model.
pub(super) fn jobs(model: &Model) -> BTreeMap<TargetId, Job> {
    let jobs = model.targets().filter_map(|(target, listener, server)| {
        let check = listener.health_check.clone()?;
        let balancer = model.load_balancers.get(&target.load_balancer)?;
        let network = model.provider_networks.get(&balancer.provider_network)?;
        let job = Job {
            interface: network.interface()?.clone(),
            nat_addresses: network.nat_addresses().collect(),
            address: SocketAddr::new(server.ip, check.connect_port.unwrap_or(server.port)),
            check,
        };
        Some((target, job))
    });
    jobs.collect()
}

#[derive(Debug)]
struct Task {
    job: Job,
    number: u64,
    handle: JoinHandle<()>,
}

impl Drop for Task {
    fn drop(&mut self) {
        self.handle.abort();
    }
}

/// What all tasks share.
struct Shared {
    sources: Sources,
    permits: Semaphore,
    reports: mpsc::Sender<Report>,
}

/// See the module.
pub(super) struct Watcher {
    shared: Arc<Shared>,
    tasks: BTreeMap<TargetId, Task>,
    started: u64,
}

impl Watcher {
    /// Nothing to probe yet; must be called on a tokio runtime.
    ///
    /// # Errors
    /// No netlink socket.
    pub(super) fn start() -> std::io::Result<(Self, mpsc::Receiver<Report>)> {
        let (reports, receiver) = mpsc::channel(REPORTS);
        let shared = Shared {
            sources: Sources::open()?,
            permits: Semaphore::new(MOST_AT_ONCE),
            reports,
        };
        let watcher = Self {
            shared: Arc::new(shared),
            tasks: BTreeMap::new(),
            started: 0,
        };
        Ok((watcher, receiver))
    }

    /// Probes these targets from now on. Those whose job is what it was are not disturbed; others
    /// begin from what `state` holds of them.
    pub(super) fn set(
        &mut self,
        jobs: BTreeMap<TargetId, Job>,
        state: impl Fn(&TargetId) -> State,
    ) {
        let mut before = std::mem::take(&mut self.tasks);
        for (target, job) in jobs {
            let same = before.remove(&target).filter(|task| task.job == job);
            let task = same.unwrap_or_else(|| self.begin(&target, job, state(&target)));
            self.tasks.insert(target, task);
        }
    }

    /// Whether a report is of a task that still counts.
    pub(super) fn is_current(&self, report: &Report) -> bool {
        let task = self.tasks.get(&report.target);
        task.is_some_and(|task| task.number == report.task)
    }

    fn begin(&mut self, target: &TargetId, job: Job, state: State) -> Task {
        self.started += 1;
        let watch = Watch {
            shared: Arc::clone(&self.shared),
            target: target.clone(),
            job: job.clone(),
            number: self.started,
            standing: Standing::new(state),
        };
        Task {
            job,
            number: self.started,
            handle: tokio::spawn(watch.run()),
        }
    }
}

struct Watch {
    shared: Arc<Shared>,
    target: TargetId,
    job: Job,
    number: u64,
    standing: Standing,
}

impl Watch {
    async fn run(mut self) {
        let interval = self.job.check.interval;
        sleep(FIRST_WITHIN.min(interval).mul_f64(fastrand::f64())).await;
        let mut told = None;
        loop {
            let Ok(permit) = self.shared.permits.acquire().await else {
                return;
            };
            let started = Instant::now();
            let outcome = probe(&self.job, &self.shared.sources).await;
            drop(permit);
            self.standing = self.standing.after(&outcome, &self.job.check);
            let now = (self.standing.state, outcome.reason().to_owned());
            if told.as_ref() != Some(&now) {
                told = Some(now.clone());
                if self.tell(now).await.is_err() {
                    return;
                }
            }
            // Only ever shorter, so that the time a failure takes to count has a bound.
            sleep_until(started + interval.mul_f64(1.0 - JITTER * fastrand::f64())).await;
        }
    }

    async fn tell(
        &self,
        (state, reason): (State, String),
    ) -> Result<(), mpsc::error::SendError<Report>> {
        let report = Report {
            target: self.target.clone(),
            task: self.number,
            state,
            reason,
            when: Timestamp::now(),
        };
        self.shared.reports.send(report).await
    }
}
