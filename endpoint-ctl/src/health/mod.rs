//! Which servers take new flows: probes, drains, and the model that is served in their light.
//!
//! The manifest's model says what is desired. What is compiled is made from it here: a server that
//! takes no new flows, being unhealthy or draining, has weight 0; one that the manifest does not
//! name any more stays in it until it has drained. When that changes, the caller applies it as the
//! next generation.
//!
//! May import: model, tokio, rtnetlink, ipnet, jiff, fastrand, tracing, std.

mod drain;
mod http;
mod known;
mod probe;
mod source;
mod standing;
#[cfg(test)]
mod tests;
mod view;
mod watch;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::sleep_until;

use crate::model::{Model, TargetId};
use drain::Drains;
use known::Targets;
use watch::{Report, Watcher};

pub use drain::Moment;
pub use standing::{Outcome, Standing, State};
pub use view::TargetView;

/// How long after a plan that could not be put in force the next attempt is made.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A desired model, and the one to serve for it.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What to compile.
    pub served: Model,
    desired: Arc<Model>,
    drains: Drains,
    at: Moment,
}

/// Which servers take no new flows, and under which model.
#[derive(Debug, Clone)]
pub struct Servers {
    desired: Arc<Model>,
    drains: Drains,
    unhealthy: BTreeSet<TargetId>,
}

impl Servers {
    /// What to serve if the manifest asks for `desired`.
    pub fn plan(&self, desired: impl Into<Arc<Model>>, at: Moment) -> Plan {
        let desired = desired.into();
        let drains = self.drains.follow(&self.desired, &desired, at);
        Plan {
            served: drains.served(&desired, &self.unhealthy, at.at),
            desired,
            drains,
            at,
        }
    }
}

/// What a change calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Another model is to be served: [`Health::plan_again`] makes it.
    Served,
    /// Only what is shown has changed.
    Shown,
}

/// See the module.
pub struct Health {
    desired: Arc<Model>,
    drains: Drains,
    targets: Targets,
    watcher: Watcher,
    reports: mpsc::Receiver<Report>,
    /// When the plan in force was made.
    planned: Instant,
    /// Since when another plan is called for.
    called: Option<Instant>,
    /// No attempt before this.
    not_before: Option<Instant>,
}

impl Health {
    /// Nothing desired yet; must be called on a tokio runtime.
    ///
    /// # Errors
    /// No netlink socket.
    pub fn start() -> std::io::Result<Self> {
        let (watcher, reports) = Watcher::start()?;
        Ok(Self {
            desired: Arc::default(),
            drains: Drains::default(),
            targets: Targets::default(),
            watcher,
            reports,
            planned: Instant::now(),
            called: None,
            not_before: None,
        })
    }

    /// The model the manifest asked for, of the plan in force.
    pub fn desired(&self) -> &Arc<Model> {
        &self.desired
    }

    /// What to serve if the manifest asks for `desired`.
    pub fn plan(&self, desired: impl Into<Arc<Model>>, at: Moment) -> Plan {
        self.servers().plan(desired, at)
    }

    /// How things stand now, to make plans elsewhere.
    pub fn servers(&self) -> Servers {
        Servers {
            desired: Arc::clone(&self.desired),
            drains: self.drains.clone(),
            unhealthy: self.targets.unhealthy(),
        }
    }

    /// What to serve for what is desired already, as things stand.
    pub fn plan_again(&self, at: Moment) -> Plan {
        self.plan(Arc::clone(&self.desired), at)
    }

    /// Takes over a plan that is in force now: probes what it has, and waits for its deadlines.
    pub fn follow(&mut self, plan: Plan) {
        let jobs = watch::jobs(&plan.desired);
        self.targets.follow(&plan.desired, &jobs, plan.at);
        self.watcher.set(jobs, |target| self.targets.state(target));
        view::tell_drains(&self.drains, &plan.drains, self.planned, plan.at.at);
        self.targets.tell_without_backend(&plan.served);
        self.desired = plan.desired;
        self.drains = plan.drains;
        self.planned = plan.at.at;
        self.called = None;
        self.not_before = None;
    }

    /// The plan could not be put in force: have it tried again a little later.
    pub fn postpone(&mut self) {
        self.not_before = Some(Instant::now() + RETRY_AFTER);
    }

    /// Waits for the next change. May be dropped at any time without losing one.
    pub async fn changed(&mut self) -> Change {
        loop {
            let due = self.due();
            let when_due = async {
                match due {
                    Some(due) => sleep_until(due.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // Reports first, so that those which come together make one generation.
                biased;
                Some(report) = self.reports.recv() => {
                    if let Some(Change::Shown) = self.take(report) {
                        return Change::Shown;
                    }
                }
                () = when_due => return Change::Served,
            }
        }
    }

    /// When another model is to be served.
    fn due(&self) -> Option<Instant> {
        let drained = self.drains.next_deadline(self.planned);
        let due = self.called.into_iter().chain(drained).min()?;
        Some(
            self.not_before
                .map_or(due, |not_before| due.max(not_before)),
        )
    }

    fn take(&mut self, report: Report) -> Option<Change> {
        let change = self
            .watcher
            .is_current(&report)
            .then(|| self.targets.take(report))?;
        if change == Change::Served {
            self.called.get_or_insert_with(Instant::now);
        }
        Some(change)
    }

    /// Every target, those that are leaving last.
    pub fn targets(&self) -> Vec<TargetView> {
        view::all(&self.desired, &self.targets, &self.drains, self.planned)
    }
}
