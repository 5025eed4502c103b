//! Brings the kernel to what the model says: links, next hops, tables, interfaces, in an order in
//! which nothing half-made is ever in force; and keeps it there when links, routes and neighbours
//! change.
//!
//! May import: model, compiler, dataplane, nexthop, preflight, endpoint-common::abi.

mod asking;
mod bindings;
mod follow;
mod ladder;
mod links;
mod picture;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use endpoint_common::abi::explain::Explanation;
use endpoint_common::abi::flow::Family;
use endpoint_common::abi::meta::Tags;
use endpoint_common::wire::Mac;

use crate::compiler::{Capacity, CompileError, HopTo, Numbers, Tables, compile};
use crate::dataplane::{Dataplane, DataplaneError, IdleTimes};
use crate::model::{Endpoint, Model};
use crate::nexthop::{Netlink, NetlinkError, Watch};
use crate::preflight;
use bindings::{Binding, Shared};
use links::Links;
use picture::{Egress, Picture, Toward, Wanted};

pub use bindings::{InterfaceStatus, Missing};
pub use follow::Changes;
pub use picture::HopStatus;

/// How long after the last packet a rule decided about its number may still be read: the longest
/// flow-log window, and time for idle flows to be found and read.
const UNREAD: Duration = Duration::from_mins(15);

/// Why a model could not be put in force. What was in force before still is.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// An interface that the model names is not there.
    #[error(
        "{kind} {id}: there is no interface {interface} with a MAC address on this host; create it, or name another under Interface"
    )]
    NoInterface {
        /// `VSwitch` or `ProviderNetwork`.
        kind: &'static str,
        /// Its id.
        id: String,
        /// The interface.
        interface: String,
    },
    /// TC is asked for, and the object has no program for it.
    #[error(
        "interface {interface}: `Hook: tc` needs the TC program, which this build has not; write `Hook: auto`"
    )]
    NoTcProgram {
        /// The interface.
        interface: String,
    },
    /// XDP in the driver is asked for, and it is not clear in which.
    #[error(
        "interface {interface}: {why}, so there is no driver for `Hook: xdp`; write `Hook: auto` or `Hook: tc`"
    )]
    NoTrunk {
        /// The VLAN device.
        interface: String,
        /// Why.
        why: String,
    },
    /// The interface below a VLAN device refused the program.
    #[error("interface {interface}: a VLAN device, attached to by {trunk} below it: {error}")]
    Trunk {
        /// The VLAN device.
        interface: String,
        /// The interface below it.
        trunk: String,
        /// What the kernel said.
        error: Box<DataplaneError>,
    },
    /// An interface is to have two hooks: its own and that of its VLANs.
    #[error(
        "interface {trunk}: `Hook: {hook}` is asked for, but VLAN devices on it ask for `Hook: xdp`, which is attached there; write `Hook: xdp` or `Hook: auto` for {trunk}, or `Hook: auto` for its VLAN devices"
    )]
    TrunkHook {
        /// The interface below.
        trunk: String,
        /// What is asked for there.
        hook: &'static str,
    },
    /// No packet arrives on an interface that is not there.
    #[error(
        "interface {0} is not there or not attached to, so no packet arrives on it; `endpoint-ctl status` says why"
    )]
    Detached(String),
    /// Too large.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The kernel refused.
    #[error(transparent)]
    Dataplane(#[from] DataplaneError),
    /// Netlink failed.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
}

/// Owns what is in force.
pub struct Reconciler {
    dataplane: Dataplane,
    netlink: Netlink,
    watch: Watch,
    capacity: Capacity,
    model: Arc<Model>,
    numbers: Arc<Numbers>,
    /// What the model binds, by interface.
    bindings: BTreeMap<String, Binding>,
    /// All links of this host.
    links: Links,
    picture: Picture,
    /// The longest that flows of any model so far may be idle.
    longest_idle: Duration,
    started: Instant,
    /// When the whole picture is taken anew.
    next_resync: Instant,
    /// How soon after something was refused.
    retry_after: Duration,
}

impl Reconciler {
    /// Nothing in force yet.
    ///
    /// # Errors
    /// Netlink is not to be had.
    pub fn new(dataplane: Dataplane, capacity: Capacity) -> Result<Self, NetlinkError> {
        Ok(Self {
            dataplane,
            netlink: Netlink::open()?,
            watch: Watch::open()?,
            capacity,
            model: Arc::default(),
            numbers: Arc::default(),
            bindings: BTreeMap::new(),
            links: Links::default(),
            picture: Picture::default(),
            longest_idle: IdleTimes::default().longest(),
            started: Instant::now(),
            next_resync: Instant::now() + follow::RESYNC_EVERY,
            retry_after: follow::RETRY_AFTER,
        })
    }

    /// The model in force, to be kept by whoever works on it.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// The numbers given so far.
    pub fn numbers(&self) -> &Arc<Numbers> {
        &self.numbers
    }

    /// The generation in force.
    pub fn generation(&self) -> u32 {
        self.dataplane.generation()
    }

    /// Hands what the program logged about packets to the daemon's log.
    pub fn flush_packet_log(&mut self) {
        self.dataplane.flush_packet_log();
    }

    /// Every interface the model binds.
    pub fn interfaces(&self) -> Vec<InterfaceStatus> {
        let bindings = self.bindings.iter();
        bindings
            .map(|(name, binding)| binding.status(name, self.dataplane.attached()))
            .collect()
    }

    /// What the loaded program would make of a packet that arrives on an interface of the model: a frame
    /// to its MAC address.
    ///
    /// # Errors
    /// The interface is not bound, or the kernel refused the run.
    pub fn explain(
        &mut self,
        interface: &str,
        family: Family,
        frame: impl FnOnce(Mac) -> Vec<u8>,
    ) -> Result<Explanation, ReconcileError> {
        let binding = self.bindings.get(interface);
        let port = binding.and_then(Binding::port);
        let port = port.ok_or_else(|| ReconcileError::Detached(interface.to_owned()))?;
        let frame = frame(port.mac);
        let explained = self
            .dataplane
            .explain(family, &frame, port.ifindex, port.tags);
        Ok(explained?)
    }

    /// The tables in force.
    pub fn tables(&self) -> &Arc<Tables> {
        self.dataplane.tables()
    }

    /// What the tables may hold.
    pub fn capacity(&self) -> &Capacity {
        &self.capacity
    }

    /// Every next hop toward backends.
    pub fn hops(&self) -> Vec<HopStatus> {
        self.picture.status()
    }

    /// Whether every next hop toward backends can be used.
    pub fn all_resolved(&self) -> bool {
        self.picture.all_resolved()
    }

    /// The numbers of this model's names: those given so far, new ones, and some of what went long ago.
    pub fn numbers_for(&mut self, model: &Model) -> Arc<Numbers> {
        let endpoints = self.model.endpoints.values();
        let longest = endpoints
            .filter_map(|endpoint| endpoint.limits.idle.longest())
            .max();
        let longest = longest.map_or(Duration::ZERO, |seconds| {
            Duration::from_secs(seconds.into())
        });
        self.longest_idle = self.longest_idle.max(longest);
        let rest = self.longest_idle + UNREAD;
        let mut numbers = Numbers::clone(&self.numbers);
        numbers.retire(&self.model, self.started.elapsed(), rest);
        // Though the model may be refused: time goes on for what was deleted.
        self.numbers = Arc::new(numbers.clone());
        numbers.assign(model);
        Arc::new(numbers)
    }

    /// Puts `model` in force as the next generation, with the [numbers](Self::numbers_for) for it.
    ///
    /// # Errors
    /// See [`ReconcileError`]; what was in force stays.
    pub async fn apply(
        &mut self,
        model: Model,
        numbers: Arc<Numbers>,
        missing: Missing,
    ) -> Result<(), ReconcileError> {
        let tables = compile(&model, &numbers, self.generation() + 1, &self.capacity)?;
        self.links = Links::new(self.netlink.links().await?);
        let mut bindings = bindings::find(&model, &numbers, &self.links, &self.bindings, missing)?;
        let shared = Shared::of(&bindings);
        let before = self.picture.clone();
        let applied = async {
            self.follow_hops_of(&model, &numbers, &bindings).await?;
            for binding in bindings.values() {
                binding.leave_device(&mut self.dataplane)?;
            }
            for (name, binding) in &mut bindings {
                // What was away before is not waited for.
                let was_away = |before: &Binding| !before.is_there();
                let before = self.bindings.get(name).filter(|before| was_away(before));
                let may_wait = before.is_some() || missing == Missing::Await;
                match binding.bind(name, &shared, &mut self.dataplane) {
                    Err(error) if may_wait => binding.refuse(&error),
                    bound => bound?,
                }
            }
            Ok(self.dataplane.apply(&tables)?)
        };
        if let Err(error) = applied.await {
            // Hops that only the refused model has do no harm; those in force are followed on.
            self.picture = before;
            self.next_resync = Instant::now();
            self.bind_as_before(&bindings);
            return Err(error);
        }
        let before = std::mem::replace(&mut self.bindings, bindings);
        for (index, tags) in only_in(&before, &self.bindings) {
            self.dataplane.unbind(index, tags)?;
        }
        self.model = Arc::new(model);
        self.numbers = numbers;
        self.look_around().await;
        Ok(())
    }

    /// Undoes what binding for a refused model has changed.
    fn bind_as_before(&mut self, refused: &BTreeMap<String, Binding>) {
        let mut undone = Vec::new();
        for (index, tags) in only_in(refused, &self.bindings) {
            let unbound = self.dataplane.unbind(index, tags);
            undone.push(unbound.map_err(ReconcileError::from));
        }
        let shared = Shared::of(&self.bindings);
        for (name, binding) in &self.bindings {
            undone.push(binding.bind(name, &shared, &mut self.dataplane));
        }
        for error in undone.into_iter().filter_map(Result::err) {
            tracing::error!("while going back to what was in force: {error}");
        }
    }

    /// Looks what about the bound interfaces costs packets; what was not so before is told.
    async fn look_around(&mut self) {
        let attached = self.dataplane.attached();
        let bindings = self.bindings.iter();
        let bound = bindings.filter_map(|(name, binding)| binding.bound(name, attached));
        let bound: Vec<_> = bound.collect();
        let found = tokio::task::spawn_blocking(move || preflight::look(&bound)).await;
        let mut found = found.unwrap_or_default();
        for (name, binding) in &mut self.bindings {
            binding.found(name, found.remove(name).unwrap_or_default());
        }
    }

    /// Has the picture follow the hops of a model.
    async fn follow_hops_of(
        &mut self,
        model: &Model,
        numbers: &Numbers,
        bindings: &BTreeMap<String, Binding>,
    ) -> Result<(), ReconcileError> {
        let now = Instant::now();
        self.picture.want(wanted(model, numbers), now);
        let links = links_of(bindings, self.dataplane.has_tc());
        self.picture.set_links(links, now);
        let neighbours = self.netlink.neighbours().await?;
        self.picture.set_neighbours(neighbours, now);
        self.settle().await
    }
}

/// The rows of `PORTS` that some bindings have and others have not.
fn only_in(
    some: &BTreeMap<String, Binding>,
    others: &BTreeMap<String, Binding>,
) -> BTreeSet<(u32, Tags)> {
    let others: BTreeSet<_> = others.values().filter_map(Binding::key).collect();
    let some: BTreeSet<_> = some.values().filter_map(Binding::key).collect();
    &some - &others
}

/// The hops that a model needs, by row. Numbers outlive what they were given to.
fn wanted(model: &Model, numbers: &Numbers) -> BTreeMap<u32, Wanted> {
    let balancers = model.load_balancers.values();
    let backends: BTreeSet<_> = balancers
        .flat_map(|balancer| {
            let servers = balancer.listeners.iter().flat_map(|one| &one.servers);
            servers.map(|server| (&balancer.provider_network, server.ip))
        })
        .collect();
    let endpoints = model.endpoints.values();
    let resources: BTreeSet<_> = endpoints
        .flat_map(Endpoint::reversed)
        .map(|(zone, resource)| (&zone.vswitch, IpAddr::V4(resource.ip)))
        .collect();
    let interface = |hop: &HopTo| match hop {
        HopTo::Clients(id) => {
            let interface = model.vswitches.get(id)?.interface.as_ref()?;
            Some((interface, Toward::Clients))
        }
        HopTo::Callers(id) => {
            let network = model.provider_networks.get(id)?;
            Some((network.interface()?, Toward::Clients))
        }
        HopTo::Resource(id, resource) => {
            let vswitch = model.vswitches.get(id)?;
            let is_used = resources.contains(&(id, *resource));
            let interface = vswitch.interface.as_ref()?;
            is_used.then_some((interface, Toward::Backend(*resource)))
        }
        HopTo::Backend(id, backend) => {
            let network = model.provider_networks.get(id)?;
            let is_used = backends.contains(&(id, *backend));
            let interface = network.interface()?;
            is_used.then_some((interface, Toward::Backend(*backend)))
        }
    };
    let wanted = numbers.hops().filter_map(|(hop, row)| {
        let (interface, toward) = interface(hop)?;
        let interface = interface.clone();
        Some((row, Wanted { interface, toward }))
    });
    wanted.collect()
}

/// How packets leave by the interfaces that are bound.
fn links_of(bindings: &BTreeMap<String, Binding>, has_tc: bool) -> BTreeMap<String, Egress> {
    let mut all = bindings.values();
    let by_trunk = all.any(|binding| binding.is_by_xdp(has_tc));
    let links = bindings
        .iter()
        .filter_map(|(name, binding)| Some((name.clone(), binding.egress(by_trunk)?)));
    links.collect()
}
