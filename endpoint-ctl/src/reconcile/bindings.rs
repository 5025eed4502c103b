//! The interfaces a model binds: which they are, and what becomes of them.
//!
//! May import: model, compiler (numbers), dataplane, nexthop, endpoint-common::abi.

use std::collections::BTreeMap;

use endpoint_common::abi::meta::Port;

use super::ReconcileError;
use crate::compiler::Numbers;
use crate::dataplane::{Attached, Dataplane, DataplaneError};
use crate::model::Model;
use crate::nexthop::Link;

/// An interface the model binds, for `status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceStatus {
    /// Its name.
    pub interface: String,
    /// Its index, while the packet program is attached to it.
    pub ifindex: Option<u32>,
    /// How the program is attached, if it is.
    pub hook: Option<String>,
    /// Its MTU in bytes, while it is there.
    pub mtu: Option<u32>,
    /// Whether it is set up and has a carrier.
    pub up: bool,
    /// Why it is not attached, or not in the better mode.
    pub note: Option<String>,
}

/// What the model binds to an interface.
#[derive(Debug, Clone)]
pub(super) struct Binding {
    /// The number of the network it leads to.
    scope: u16,
    /// The interface as it is, while it is bound.
    pub(super) link: Option<Link>,
    /// Why it is not bound.
    problem: Option<String>,
}

impl Binding {
    /// The index of the interface, while it is bound.
    pub(super) fn index(&self) -> Option<u32> {
        self.link.as_ref().map(|link| link.index)
    }

    /// Attaches the program to the interface, or refreshes what is known of it.
    pub(super) fn bind(&self, name: &str, dataplane: &mut Dataplane) -> Result<(), DataplaneError> {
        match &self.link {
            Some(link) => dataplane.bind(name, Port::new(link.index, self.scope, link.mac)),
            None => Ok(()),
        }
    }

    /// Takes over that the interface of this name now is `link`: binds it if it is another one than
    /// before, and if so, tells.
    pub(super) fn follow(
        &mut self,
        name: &str,
        link: Option<&Link>,
        dataplane: &mut Dataplane,
    ) -> Result<(), DataplaneError> {
        if self.link.as_ref() == link {
            return Ok(());
        }
        let before = self.link.take();
        if let Some(before) =
            before.filter(|before| link.is_none_or(|now| now.index != before.index))
        {
            tracing::warn!(
                "interface {name} (index {}) is gone: nothing passes there until it is back",
                before.index
            );
            self.problem = Some("the interface is gone; it is bound again when it is back".into());
            dataplane.forget(before.index)?;
        }
        let Some(link) = link else { return Ok(()) };
        let was_bound = dataplane.is_bound(link.index);
        self.link = Some(link.clone());
        if let Err(error) = self.bind(name, dataplane) {
            self.link = None;
            self.problem = Some(error.to_string());
            return Err(error);
        }
        self.problem = None;
        if !was_bound {
            tracing::info!("interface {name} (index {}) is bound", link.index);
        }
        Ok(())
    }

    pub(super) fn status(&self, name: &str, attached: &[Attached]) -> InterfaceStatus {
        let index = self.index();
        let attached = attached.iter().find(|one| Some(one.ifindex) == index);
        let note = attached.and_then(|attached| attached.note.clone());
        InterfaceStatus {
            interface: name.to_owned(),
            ifindex: index,
            hook: attached.map(|attached| attached.mode.to_string()),
            mtu: self.link.as_ref().map(|link| link.mtu),
            up: self.link.as_ref().is_some_and(|link| link.up),
            note: note.or_else(|| self.problem.clone()),
        }
    }
}

/// What `model` binds, by interface; every interface must be there.
pub(super) fn find(
    model: &Model,
    numbers: &Numbers,
    links: &[Link],
) -> Result<BTreeMap<String, Binding>, ReconcileError> {
    let vswitches = model.vswitches.values().map(|vswitch| {
        let scope = numbers.vswitch_scope(&vswitch.id);
        ("VSwitch", vswitch.id.as_str(), &vswitch.interface, scope)
    });
    let networks = model.provider_networks.values().map(|network| {
        let scope = numbers.provider_scope(&network.id);
        let id = network.id.as_str();
        ("ProviderNetwork", id, &network.interface, scope)
    });
    let mut bindings = BTreeMap::new();
    for (kind, id, interface, scope) in vswitches.chain(networks) {
        let link = links.iter().find(|link| link.name == *interface);
        let link = link.ok_or_else(|| ReconcileError::NoInterface {
            kind,
            id: id.to_owned(),
            interface: interface.clone(),
        })?;
        let binding = Binding {
            scope,
            link: Some(link.clone()),
            problem: None,
        };
        bindings.insert(interface.clone(), binding);
    }
    Ok(bindings)
}
