//! The daemon: wires everything together, and is the only one that does.
//!
//! May import: everything. Nobody imports it but `cli`.

mod asks;
mod declaring;
mod describe;
mod options;
mod status;

use std::sync::Arc;
use std::time::{Duration, Instant};

use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::api;
use crate::control::{AdminSocket, Ask, NodeStatus, ServerError};
use crate::dataplane::{
    Dataplane, DataplaneError, FRAGMENT_TIME, IdleTimes, LoadOptions, OBJECT, TellRate,
};
use crate::health::{Change, Health, Moment, Plan};
use crate::metering::{Metering, MeteringError};
use crate::metrics::MetricsError;
use crate::model::Model;
use crate::nexthop::NetlinkError;
use crate::observe::{Names, Observer, ObserverHandle, RuleBook};
use crate::reconcile::{Changes, Missing, ReconcileError, Reconciler};
use crate::registry::{ClusterView, Desk, DeskError, Registry};

/// How long start waits for the neighbours of backends before it says it is ready without them.
const HOP_PATIENCE: Duration = Duration::from_secs(2);
/// Questions that may wait for the daemon.
const MOST_ASKS: usize = 16;
/// How soon what could not be put in force is tried again: room in the tables comes back by itself.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(10);
/// How often what the program logs about packets is taken, if it does.
const PACKET_LOG_EVERY: Duration = Duration::from_millis(100);

pub use declaring::{Declare, DeclareError, read_manifest};
pub use options::{ApiOptions, DaemonOptions, StorePlace, TOLD_DROPS};

/// Why the daemon did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The manifest cannot be applied.
    #[error(transparent)]
    Declare(#[from] DeclareError),
    /// What is stored cannot be had.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// What was used before cannot be had.
    #[error(transparent)]
    Metering(#[from] MeteringError),
    /// Metrics cannot be served.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// The API cannot be served.
    #[error(transparent)]
    Api(#[from] api::StartError),
    /// The kernel side failed.
    #[error(transparent)]
    Dataplane(#[from] DataplaneError),
    /// The model could not be put in force.
    #[error(transparent)]
    Reconcile(#[from] ReconcileError),
    /// Netlink failed.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// The admin socket could not be had.
    #[error(transparent)]
    Control(#[from] ServerError),
    /// The flow log, a signal or the notify socket failed.
    #[error("{what}: {source}")]
    Io {
        /// Which.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Runs until SIGTERM or SIGINT; SIGHUP reads the manifest again.
///
/// # Errors
/// See [`DaemonError`]. A reload that fails is no error: what was in force stays.
pub async fn run(options: DaemonOptions) -> Result<(), DaemonError> {
    // First of all, for without a handler it ends the process: one that comes early is obeyed later.
    let reload = listen(SignalKind::hangup())?;
    let load = LoadOptions {
        object: OBJECT,
        capacity: options.capacity,
        secret: [fresh_secret(), fresh_secret()],
        idle: IdleTimes::default(),
        fragment_time: FRAGMENT_TIME,
        told: TellRate {
            most: options.told_drops,
            ..TellRate::default()
        },
        log_packets: options.log_packets,
    };
    // The kernel verifies the programs meanwhile: on a large node either takes a second or more.
    let loading = tokio::task::spawn_blocking(move || Dataplane::load(&load));
    let desk = options.open_desk().await?;
    let usage = options.open_usage().await?;
    let manifest = options.read_manifest()?;
    let loaded = loading.await.map_err(|error| DaemonError::Io {
        what: "loading the programs",
        source: error.into(),
    })?;
    let (dataplane, observed) = loaded?;
    // Before any interface is touched: whoever has the socket has the interfaces as well.
    let socket = AdminSocket::take(&options.socket).await?;
    let observer =
        Observer::start(observed, options.observer.clone()).map_err(|source| DaemonError::Io {
            what: "flow log",
            source,
        })?;
    let metering = usage.start(observer.clone(), desk.declared(), desk.in_force());
    let reconciler = Reconciler::new(dataplane, options.capacity)?;
    let health = Health::start().map_err(|source| DaemonError::Io {
        what: "health checks",
        source,
    })?;
    let (status, watched) = watch::channel(NodeStatus::default());
    let (asking, asks) = mpsc::channel(MOST_ASKS);
    let declared = desk.declared();
    let nodes = desk.nodes();
    let mut daemon = Daemon {
        options,
        desk,
        declared,
        nodes,
        notices: Vec::new(),
        try_again: None,
        reconciler,
        health,
        observer,
        metering,
        names: Names::default(),
        status,
        asks,
    };
    daemon.begin(manifest).await?;
    daemon.wait_for_hops().await?;
    let signals = Signals {
        reload,
        stop: listen(SignalKind::terminate())?,
        interrupt: listen(SignalKind::interrupt())?,
    };
    daemon
        .options
        .serve_metrics(&daemon, watched.clone())
        .await?;
    socket.serve(watched, daemon.observer.clone(), asking);
    let api = daemon.options.serve_api(&daemon.desk)?;
    notify(&[NotifyState::Ready]);
    let result = daemon.serve(signals).await;
    notify(&[NotifyState::Stopping]);
    if let Some(api) = api {
        api.stop().await;
    }
    daemon.desk.close().await;
    // Counted up to the end of the last window, as what the flow log has.
    let accepted = daemon.observer.stop().await;
    daemon.metering.stop(accepted).await;
    result
}

struct Signals {
    reload: Signal,
    stop: Signal,
    interrupt: Signal,
}

struct Daemon {
    options: DaemonOptions,
    desk: Desk,
    declared: watch::Receiver<Arc<Registry>>,
    nodes: watch::Receiver<ClusterView>,
    /// What is in force only in part.
    notices: Vec<String>,
    /// When what is declared is to be tried again, if it is not in force.
    try_again: Option<Instant>,
    reconciler: Reconciler,
    health: Health,
    observer: ObserverHandle,
    metering: Metering,
    names: Names,
    status: watch::Sender<NodeStatus>,
    asks: mpsc::Receiver<Ask>,
}

impl Daemon {
    async fn serve(&mut self, mut signals: Signals) -> Result<(), DaemonError> {
        let mut packet_log = tokio::time::interval(PACKET_LOG_EVERY);
        loop {
            tokio::select! {
                _ = signals.stop.recv() => return Ok(()),
                _ = signals.interrupt.recv() => return Ok(()),
                _ = signals.reload.recv() => self.reload().await,
                Ok(()) = self.declared.changed() => self.follow_declared().await,
                Ok(()) = self.nodes.changed() => self.publish_again(),
                () = when(self.try_again) => self.follow_declared().await,
                changes = self.reconciler.changes() => self.follow(changes).await,
                change = self.health.changed() => match change {
                    Change::Served => self.follow_health().await,
                    Change::Shown => self.publish_again(),
                },
                Some(ask) = self.asks.recv() => self.answer(ask).await,
                _ = packet_log.tick(), if self.options.log_packets => {
                    self.reconciler.flush_packet_log();
                }
            }
        }
    }

    /// Reads the manifest again and puts it in force, or says why not.
    async fn reload(&mut self) {
        let mut states = vec![NotifyState::Reloading];
        states.extend(NotifyState::monotonic_usec_now());
        notify(&states);
        let applied = self.declare_manifest().await;
        match applied {
            Ok(()) => tracing::info!(generation = self.reconciler.generation(), "reloaded"),
            Err(error) => {
                let generation = self.reconciler.generation();
                tracing::error!("reload refused, generation {generation} stays in force: {error}");
                self.publish(Some(error.to_string()));
            }
        }
        notify(&[NotifyState::Ready]);
    }

    /// Puts in force this node's part of what is desired.
    async fn apply(&mut self, desired: &Model, missing: Missing) -> Result<(), ReconcileError> {
        let part = desired.at(&self.options.node);
        self.apply_part(desired, part, missing).await
    }

    async fn apply_part(
        &mut self,
        desired: &Model,
        part: Model,
        missing: Missing,
    ) -> Result<(), ReconcileError> {
        let plan = self.health.plan(part, Moment::now());
        self.put_in_force(plan, missing).await?;
        let before = std::mem::replace(&mut self.notices, desired.notices());
        for notice in self.notices.iter().filter(|one| !before.contains(one)) {
            tracing::warn!("{notice}");
        }
        self.publish(None);
        Ok(())
    }

    /// Serves what the states of the targets call for now, or tries again a little later.
    async fn follow_health(&mut self) {
        let plan = self.health.plan_again(Moment::now());
        if let Err(error) = self.put_in_force(plan, Missing::Await).await {
            let generation = self.reconciler.generation();
            tracing::error!("targets: generation {generation} stays in force: {error}");
            self.health.postpone();
        }
        self.publish_again();
    }

    async fn put_in_force(&mut self, plan: Plan, missing: Missing) -> Result<(), ReconcileError> {
        let model = plan.served.clone();
        // Names first: a packet may be judged before this function returns.
        let numbers = self.reconciler.numbers_for(&model);
        self.names.add(&model, &numbers);
        self.observer.set_names(self.names.clone());
        let book = RuleBook::of(&model, Arc::clone(&numbers));
        self.reconciler.apply(model, numbers, missing).await?;
        self.observer.set_rules(book);
        self.metering.serve(Arc::clone(self.reconciler.model()));
        self.health.follow(plan);
        Ok(())
    }

    async fn wait_for_hops(&mut self) -> Result<(), DaemonError> {
        let deadline = Instant::now() + HOP_PATIENCE;
        while !self.reconciler.all_resolved() {
            let changes = self.reconciler.changes();
            match tokio::time::timeout_at(deadline.into(), changes).await {
                Ok(changes) => self.follow(changes).await,
                Err(_) => break,
            }
        }
        for hop in self
            .reconciler
            .hops()
            .iter()
            .filter(|hop| hop.mac.is_none())
        {
            tracing::warn!(
                "no MAC address yet for backend {} (via {}): its packets are dropped until it answers ARP or neighbor solicitations",
                hop.backend,
                hop.via
            );
        }
        self.publish(None);
        Ok(())
    }

    async fn follow(&mut self, changes: Changes) {
        if let Err(error) = self.reconciler.follow(changes).await {
            tracing::error!("{error}");
        }
        self.publish_again();
    }
}

fn listen(kind: SignalKind) -> Result<Signal, DaemonError> {
    signal(kind).map_err(|source| DaemonError::Io {
        what: "signals",
        source,
    })
}

/// Waits until then; if there is no such moment, for ever.
async fn when(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

/// Tells systemd, where there is one.
fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!("systemd was not told: {error}");
    }
}

/// Half of the flow table's secret, from the randomness std's hash maps are keyed with.
fn fresh_secret() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(std::process::id())
}
