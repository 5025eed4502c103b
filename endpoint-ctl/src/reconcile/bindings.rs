//! The interfaces a model binds: which they are, and what becomes of them.
//!
//! May import: model, compiler (numbers), dataplane, nexthop, preflight, endpoint-common::abi.

use std::collections::BTreeMap;

use endpoint_common::abi::meta::Port;

use super::{ReconcileError, ladder};
use crate::compiler::Numbers;
use crate::dataplane::{AttachMode, Attached, Dataplane};
use crate::model::{Hook, Model};
use crate::nexthop::Link;
use crate::preflight::{Finding, Severity};

/// An interface the model binds, for `status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceStatus {
    /// Its name.
    pub interface: String,
    /// Its index, while the packet program is attached to it.
    pub ifindex: Option<u32>,
    /// How the program is attached, if it is.
    pub mode: Option<AttachMode>,
    /// What the manifest asks for.
    pub asked: Hook,
    /// Its MTU in bytes, while it is there.
    pub mtu: Option<u32>,
    /// Whether it is set up and has a carrier.
    pub up: bool,
    /// Why it is not attached, or not by a better hook.
    pub note: Option<String>,
    /// What about it may cost packets.
    pub findings: Vec<Finding>,
}

/// What the model binds to an interface.
#[derive(Debug, Clone)]
pub(super) struct Binding {
    /// The number of the network it leads to.
    scope: u16,
    hook: Hook,
    /// The interface as it is, while it is bound.
    pub(super) link: Option<Link>,
    /// Why it is not bound.
    problem: Option<String>,
    /// What about it may cost packets.
    findings: Vec<Finding>,
}

impl Binding {
    /// The index of the interface, while it is bound.
    pub(super) fn index(&self) -> Option<u32> {
        self.link.as_ref().map(|link| link.index)
    }

    /// Attaches the program to the interface, or refreshes what is known of it.
    pub(super) fn bind(&self, name: &str, dataplane: &mut Dataplane) -> Result<(), ReconcileError> {
        let Some(link) = &self.link else {
            return Ok(());
        };
        let modes = ladder::modes(self.hook, link, dataplane.has_tc());
        let modes = modes.map_err(|_| ReconcileError::NoTcProgram {
            interface: name.to_owned(),
        })?;
        let port = Port::new(link.index, self.scope, link.mac);
        Ok(dataplane.bind(name, port, &modes)?)
    }

    /// Takes over that the interface of this name now is `link`: binds it if it is another one than
    /// before, and if so, tells.
    pub(super) fn follow(
        &mut self,
        name: &str,
        link: Option<&Link>,
        dataplane: &mut Dataplane,
    ) -> Result<(), ReconcileError> {
        if self.link.as_ref() == link {
            return Ok(());
        }
        let before = self.link.take();
        let before = before.filter(|before| link.is_none_or(|now| now.index != before.index));
        if let Some(before) = before {
            tracing::warn!(
                "interface {name} (index {}) is gone: nothing passes there until it is back",
                before.index
            );
            self.problem = Some(GONE.to_owned());
            self.findings.clear();
            dataplane.forget(before.index)?;
        }
        let Some(link) = link else { return Ok(()) };
        let was_bound = dataplane.is_bound(link.index);
        self.link = Some(link.clone());
        if let Err(error) = self.bind(name, dataplane) {
            self.refuse(&error);
            return Err(error);
        }
        self.problem = None;
        if !was_bound {
            tracing::info!("interface {name} (index {}) is bound", link.index);
        }
        Ok(())
    }

    /// Goes without the interface, which cannot be bound.
    pub(super) fn refuse(&mut self, error: &ReconcileError) {
        self.link = None;
        self.problem = Some(error.to_string());
    }

    /// Takes over what was found about the interface, and tells what is new.
    pub(super) fn found(&mut self, name: &str, findings: Vec<Finding>) {
        for new in findings.iter().filter(|new| !self.findings.contains(new)) {
            let Finding {
                place,
                problem,
                mend,
                ..
            } = new;
            match new.severity {
                Severity::Warning => tracing::warn!("interface {name}: {place}: {problem}; {mend}"),
                Severity::Note => tracing::info!("interface {name}: {place}: {problem}; {mend}"),
            }
        }
        self.findings = findings;
    }

    pub(super) fn status(&self, name: &str, attached: &[Attached]) -> InterfaceStatus {
        let index = self.index();
        let attached = attached.iter().find(|one| Some(one.ifindex) == index);
        let note = attached.and_then(|attached| attached.note.clone());
        InterfaceStatus {
            interface: name.to_owned(),
            ifindex: index,
            mode: attached.map(|attached| attached.mode),
            asked: self.hook,
            mtu: self.link.as_ref().map(|link| link.mtu),
            up: self.link.as_ref().is_some_and(|link| link.up),
            note: note.or_else(|| self.problem.clone()),
            findings: self.findings.clone(),
        }
    }
}

const GONE: &str = "the interface is gone; it is bound again when it is back";

/// What `model` binds, by interface. Every interface must be there, but for those that were bound
/// `before` and have gone: what else changes is not to wait for them.
pub(super) fn find(
    model: &Model,
    numbers: &Numbers,
    links: &[Link],
    before: &BTreeMap<String, Binding>,
) -> Result<BTreeMap<String, Binding>, ReconcileError> {
    let vswitches = model.vswitches.values().map(|vswitch| {
        let scope = numbers.vswitch_scope(&vswitch.id);
        let id = vswitch.id.as_str();
        ("VSwitch", id, &vswitch.interface, vswitch.hook, scope)
    });
    let networks = model.provider_networks.values().map(|network| {
        let scope = numbers.provider_scope(&network.id);
        let id = network.id.as_str();
        (
            "ProviderNetwork",
            id,
            &network.interface,
            network.hook,
            scope,
        )
    });
    let mut bindings = BTreeMap::new();
    for (kind, id, interface, hook, scope) in vswitches.chain(networks) {
        let link = links.iter().find(|link| link.name == *interface);
        let known = before.get(interface);
        if link.is_none() && known.is_none() {
            return Err(ReconcileError::NoInterface {
                kind,
                id: id.to_owned(),
                interface: interface.clone(),
            });
        }
        let binding = Binding {
            scope,
            hook,
            link: link.cloned(),
            problem: link.is_none().then(|| GONE.to_owned()),
            findings: known
                .map(|known| known.findings.clone())
                .unwrap_or_default(),
        };
        bindings.insert(interface.clone(), binding);
    }
    Ok(bindings)
}
