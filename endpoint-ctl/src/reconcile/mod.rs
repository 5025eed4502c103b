//! Brings the kernel to what the model says: links, next hops, tables, interfaces, in an order in
//! which nothing half-made is ever in force.
//!
//! May import: model, compiler, dataplane, nexthop, endpoint-common::abi.

mod hops;

use std::collections::BTreeMap;

use endpoint_common::abi::meta::Port;

use crate::compiler::{Capacity, CompileError, Numbers, compile};
use crate::dataplane::{Attached, Dataplane, DataplaneError};
use crate::model::{Model, VSwitchId};
use crate::nexthop::{Link, Netlink, NetlinkError};
use hops::Hops;

pub use hops::HopStatus;

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

/// An interface the model binds.
#[derive(Debug, Clone)]
struct Binding {
    link: Link,
    scope: u16,
}

/// Owns what is in force.
pub struct Reconciler {
    dataplane: Dataplane,
    netlink: Netlink,
    capacity: Capacity,
    model: Model,
    numbers: Numbers,
    bindings: BTreeMap<String, Binding>,
    hops: Hops,
}

impl Reconciler {
    /// Nothing in force yet.
    pub fn new(dataplane: Dataplane, netlink: Netlink, capacity: Capacity) -> Self {
        Self {
            dataplane,
            netlink,
            capacity,
            model: Model::default(),
            numbers: Numbers::default(),
            bindings: BTreeMap::new(),
            hops: Hops::default(),
        }
    }

    /// The model in force.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The numbers given so far.
    pub fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// The generation in force.
    pub fn generation(&self) -> u32 {
        self.dataplane.generation()
    }

    /// Interfaces the program is attached to.
    pub fn attached(&self) -> &[Attached] {
        self.dataplane.attached()
    }

    /// Hands what the program logged about packets to the daemon's log.
    pub fn flush_packet_log(&mut self) {
        self.dataplane.flush_packet_log();
    }

    /// Every next hop toward backends.
    pub fn hops(&self) -> Vec<HopStatus> {
        self.hops.status()
    }

    /// Puts `model` in force as the next generation.
    ///
    /// # Errors
    /// See [`ReconcileError`]; what was in force stays.
    pub async fn apply(&mut self, model: Model) -> Result<(), ReconcileError> {
        let mut numbers = self.numbers.clone();
        numbers.assign(&model);
        let tables = compile(&model, &numbers, self.generation() + 1, &self.capacity)?;
        let bindings = self.find_interfaces(&model, &numbers).await?;
        let links: BTreeMap<_, _> = bindings
            .iter()
            .map(|(name, binding)| (name.as_str(), &binding.link))
            .collect();
        self.hops
            .want(&model, &numbers, &links, &mut self.dataplane)?;
        self.hops
            .refresh(&self.netlink, &mut self.dataplane)
            .await?;
        for (name, binding) in &bindings {
            let port = Port::new(binding.link.index, binding.scope, binding.link.mac);
            self.dataplane.bind(name, port)?;
        }
        self.dataplane.apply(&tables)?;
        for (name, binding) in std::mem::replace(&mut self.bindings, bindings) {
            let still = self
                .bindings
                .get(&name)
                .is_some_and(|now| now.link.index == binding.link.index);
            if !still {
                self.dataplane.unbind(binding.link.index)?;
            }
        }
        self.model = model;
        self.numbers = numbers;
        Ok(())
    }

    /// Looks at the neighbours again; `true` when every next hop is known.
    ///
    /// # Errors
    /// Netlink or a map refused.
    pub async fn refresh_hops(&mut self) -> Result<bool, ReconcileError> {
        self.hops
            .refresh(&self.netlink, &mut self.dataplane)
            .await?;
        Ok(self.hops.all_resolved())
    }

    async fn find_interfaces(
        &self,
        model: &Model,
        numbers: &Numbers,
    ) -> Result<BTreeMap<String, Binding>, ReconcileError> {
        let scope = |id: &VSwitchId| numbers.vswitch_scope(id);
        let vswitches = model.vswitches.values().map(|vswitch| {
            (
                "VSwitch",
                vswitch.id.to_string(),
                &vswitch.interface,
                scope(&vswitch.id),
            )
        });
        let networks = model.provider_networks.values().map(|network| {
            let scope = numbers.provider_scope(&network.id);
            (
                "ProviderNetwork",
                network.id.to_string(),
                &network.interface,
                scope,
            )
        });
        let mut bindings = BTreeMap::new();
        for (kind, id, interface, scope) in vswitches.chain(networks) {
            let link =
                self.netlink
                    .link(interface)
                    .await?
                    .ok_or_else(|| ReconcileError::NoInterface {
                        kind,
                        id,
                        interface: interface.clone(),
                    })?;
            bindings.insert(interface.clone(), Binding { link, scope });
        }
        Ok(bindings)
    }
}
