//! The interfaces a model binds: which they are, and what becomes of them.
//!
//! May import: model, compiler (numbers), dataplane, nexthop, preflight, endpoint-common::abi.

use std::collections::{BTreeMap, BTreeSet};

use endpoint_common::abi::meta::{Port, Tags};

use super::links::{Links, Seen, Trunk};
use super::picture::Egress;
use super::{ReconcileError, ladder};
use crate::compiler::Numbers;
use crate::dataplane::{AttachMode, Attached, Dataplane};
use crate::model::{Hook, Model};
use crate::nexthop::Mac;
use crate::preflight::{self, Bound, Finding, Severity};

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
    /// Its MAC address, while it is there: ENIs answer with it.
    pub mac: Option<Mac>,
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
    seen: Option<Seen>,
    /// Why it is not bound.
    problem: Option<String>,
    /// What about it may cost packets.
    findings: Vec<Finding>,
}

/// What bindings need to know of each other.
pub(super) struct Shared {
    /// Interfaces whose VLANs are bound by programs in their driver.
    carriers: BTreeSet<u32>,
    /// Interfaces that are bound themselves by another hook than such programs', with the hook.
    others: BTreeMap<u32, Hook>,
}

impl Shared {
    pub(super) fn of(bindings: &BTreeMap<String, Binding>) -> Self {
        let carrier = |binding: &Binding| Some(binding.carrier()?.ifindex);
        let other = |binding: &Binding| {
            let is_other = matches!(binding.hook, Hook::Tc | Hook::XdpGeneric);
            let seen = binding.seen.as_ref()?;
            is_other.then_some((seen.link.index, binding.hook))
        };
        Self {
            carriers: bindings.values().filter_map(carrier).collect(),
            others: bindings.values().filter_map(other).collect(),
        }
    }
}

impl Binding {
    /// Whether the interface is there and bound.
    pub(super) fn is_there(&self) -> bool {
        self.seen.is_some()
    }

    /// The trunk whose driver has the program, if that is how it is bound: a VLAN device has no
    /// driver of its own.
    fn carrier(&self) -> Option<&Trunk> {
        let by_driver = self.hook == Hook::Xdp;
        self.seen.as_ref().filter(|_| by_driver)?.trunk()
    }

    /// The row of `PORTS` that it has, while it is bound.
    pub(super) fn key(&self) -> Option<(u32, Tags)> {
        let seen = self.seen.as_ref()?;
        Some(match self.carrier() {
            Some(trunk) => (trunk.ifindex, trunk.tags),
            None => (seen.link.index, Tags::NONE),
        })
    }

    fn port_of(&self, seen: &Seen, ifindex: u32, tags: Tags) -> Port {
        Port::new(ifindex, self.scope, seen.link.mac).with_tags(tags)
    }

    /// Its row of `PORTS`, while it is bound.
    pub(super) fn port(&self) -> Option<Port> {
        let (index, tags) = self.key()?;
        Some(self.port_of(self.seen.as_ref()?, index, tags))
    }

    /// Whether it hangs on the interface of this name or index.
    pub(super) fn hangs_on(&self, name: &str, of: &str, index: u32) -> bool {
        let stands = |seen: &Seen| seen.trunk.is_err() || seen.stands_on(index);
        name == of || self.seen.as_ref().is_some_and(stands)
    }

    /// How packets leave by it, while it is bound. `by_trunk`: some may leave by the trunk, and none
    /// is to be too long for that.
    pub(super) fn egress(&self, by_trunk: bool) -> Option<Egress> {
        let seen = self.seen.as_ref()?;
        let mut link = seen.link.clone();
        let trunk = seen.trunk();
        if let Some(trunk) = trunk.filter(|_| by_trunk) {
            link.mtu = link.mtu.min(trunk.mtu());
        }
        Some(Egress {
            link,
            trunk: trunk.map(|trunk| (trunk.ifindex, trunk.tags)),
        })
    }

    /// Whether it is bound by XDP, as far as can be told beforehand.
    pub(super) fn is_by_xdp(&self, has_tc: bool) -> bool {
        let Some(seen) = &self.seen else { return false };
        let modes = ladder::modes(self.hook, &seen.link, has_tc, false);
        modes.is_ok_and(|modes| modes.first() != Some(&AttachMode::Tc))
    }

    /// Detaches the program from a VLAN device that is to be bound by its trunk from now on: the
    /// kernel attaches none to an interface as long as one above it has one.
    pub(super) fn leave_device(&self, dataplane: &mut Dataplane) -> Result<(), ReconcileError> {
        let (Some(seen), Some(_)) = (&self.seen, self.carrier()) else {
            return Ok(());
        };
        if dataplane.is_bound(seen.link.index, Tags::NONE) {
            dataplane.unbind(seen.link.index, Tags::NONE)?;
        }
        Ok(())
    }

    /// Attaches the program to the interface, or refreshes what is known of it.
    pub(super) fn bind(
        &self,
        name: &str,
        shared: &Shared,
        dataplane: &mut Dataplane,
    ) -> Result<(), ReconcileError> {
        let (Some(seen), Some((index, tags))) = (&self.seen, self.key()) else {
            return Ok(());
        };
        let (modes, place) = self.way_in(name, seen, shared, dataplane.has_tc())?;
        let port = self.port_of(seen, index, tags);
        let bound = dataplane.bind(place, port, &modes);
        bound.map_err(|error| match self.carrier() {
            Some(trunk) => ReconcileError::Trunk {
                interface: name.to_owned(),
                trunk: trunk.name.clone(),
                error: Box::new(error),
            },
            None => error.into(),
        })
    }

    /// By which modes the program is to be attached, and to the interface of which name.
    fn way_in<'a>(
        &'a self,
        name: &'a str,
        seen: &Seen,
        shared: &Shared,
        has_tc: bool,
    ) -> Result<(Vec<AttachMode>, &'a str), ReconcileError> {
        let interface = name.to_owned();
        if let (Hook::Xdp, Err(why)) = (self.hook, seen.trunk.as_ref()) {
            let why = why.to_string();
            return Err(ReconcileError::NoTrunk { interface, why });
        }
        if let Some(trunk) = self.carrier() {
            return match shared.others.get(&trunk.ifindex) {
                None => Ok((vec![AttachMode::Native], &trunk.name)),
                Some(hook) => Err(ReconcileError::TrunkHook {
                    trunk: trunk.name.clone(),
                    hook: hook.name(),
                }),
            };
        }
        let carries = shared.carriers.contains(&seen.link.index);
        let modes = ladder::modes(self.hook, &seen.link, has_tc, carries);
        let modes = modes.map_err(|no_hook| match no_hook {
            ladder::NoHook::NoTcProgram => ReconcileError::NoTcProgram { interface },
            ladder::NoHook::CarriesVlans => ReconcileError::TrunkHook {
                trunk: interface,
                hook: self.hook.name(),
            },
        })?;
        Ok((modes, name))
    }

    /// Takes over that the interface of this name now is as seen: binds it if it is another one than
    /// before, and if so, tells.
    pub(super) fn follow(
        &mut self,
        name: &str,
        now: Option<Seen>,
        shared: &Shared,
        dataplane: &mut Dataplane,
    ) -> Result<(), ReconcileError> {
        if self.seen == now {
            return Ok(());
        }
        let before = self.key();
        let index = self.seen.as_ref().map_or(0, |seen| seen.link.index);
        self.seen = now;
        let key = self.key();
        if let Some((ifindex, tags)) = before.filter(|_| before != key) {
            tracing::warn!(
                "interface {name} (index {index}) is gone: nothing passes there until it is back"
            );
            self.problem = Some(GONE.to_owned());
            self.findings.clear();
            dataplane.forget(ifindex, tags)?;
        }
        let (Some(seen), Some((ifindex, tags))) = (&self.seen, key) else {
            return Ok(());
        };
        let was_bound = dataplane.is_bound(ifindex, tags);
        if let Err(error) = self.bind(name, shared, dataplane) {
            self.refuse(&error);
            dataplane.forget(ifindex, tags)?;
            return Err(error);
        }
        if !was_bound {
            tracing::info!("interface {name} (index {}) is bound", seen.link.index);
        }
        self.problem = None;
        Ok(())
    }

    /// Goes without the interface, which cannot be bound.
    pub(super) fn refuse(&mut self, error: &ReconcileError) {
        self.seen = None;
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

    fn attached<'a>(&self, attached: &'a [Attached]) -> Option<&'a Attached> {
        let (ifindex, _) = self.key()?;
        attached.iter().find(|one| one.ifindex == ifindex)
    }

    /// What to look at, if it is bound.
    pub(super) fn bound(&self, name: &str, attached: &[Attached]) -> Option<Bound> {
        let seen = self.seen.as_ref()?;
        let trunk = seen.trunk().map(|trunk| preflight::Trunk {
            ifindex: trunk.ifindex,
            tags: trunk.tags,
            has_program: self.carrier().is_some(),
        });
        Some(Bound {
            interface: name.to_owned(),
            ifindex: seen.link.index,
            trunk,
            mode: self.attached(attached)?.mode,
            is_chosen: self.hook == Hook::Auto,
        })
    }

    pub(super) fn status(&self, name: &str, attached: &[Attached]) -> InterfaceStatus {
        let attached = self.attached(attached);
        let by_trunk = self.carrier().map(|trunk| format!("by {trunk}"));
        let note = attached.and_then(|attached| attached.note.clone());
        let notes: Vec<_> = by_trunk.into_iter().chain(note).collect();
        let note = (!notes.is_empty()).then(|| notes.join("; "));
        let link = self.seen.as_ref().map(|seen| &seen.link);
        InterfaceStatus {
            interface: name.to_owned(),
            ifindex: link.map(|link| link.index),
            mode: attached.map(|attached| attached.mode),
            asked: self.hook,
            mac: link.map(|link| link.mac),
            mtu: link.map(|link| link.mtu),
            up: link.is_some_and(|link| link.up),
            note: note.or_else(|| self.problem.clone()),
            findings: self.findings.clone(),
        }
    }
}

const GONE: &str = "the interface is gone; it is bound again when it is back";
const AWAITED: &str = "there is no such interface yet; it is bound when there is";

/// What is done about interfaces that are not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Who declares them is told.
    Refuse,
    /// They are bound once they are there.
    Await,
}

/// What `model` binds, by interface. One that is not there is an error if `all` must be, but for those that
/// were bound `before` and have gone: what else changes is not to wait for them.
pub(super) fn find(
    model: &Model,
    numbers: &Numbers,
    links: &Links,
    before: &BTreeMap<String, Binding>,
    missing: Missing,
) -> Result<BTreeMap<String, Binding>, ReconcileError> {
    let vswitches = model.vswitches.values().filter_map(|vswitch| {
        let scope = numbers.vswitch_scope(&vswitch.id);
        let id = vswitch.id.as_str();
        let interface = vswitch.interface.as_ref()?;
        Some(("VSwitch", id, interface, vswitch.hook, scope))
    });
    let networks = model.provider_networks.values().flat_map(|network| {
        let scope = numbers.provider_scope(&network.id);
        let id = network.id.as_str();
        let uplinks = network.uplinks.iter();
        uplinks.map(move |one| ("ProviderNetwork", id, &one.interface, one.hook, scope))
    });
    let mut bindings = BTreeMap::new();
    for (kind, id, interface, hook, scope) in vswitches.chain(networks) {
        let seen = links.see(interface);
        let known = before.get(interface);
        if missing == Missing::Refuse && seen.is_none() && known.is_none() {
            return Err(ReconcileError::NoInterface {
                kind,
                id: id.to_owned(),
                interface: interface.clone(),
            });
        }
        let binding = Binding {
            scope,
            hook,
            problem: seen.is_none().then(|| {
                let was_there = |known: &Binding| known.problem.as_deref() != Some(AWAITED);
                let why = if known.is_some_and(was_there) {
                    GONE
                } else {
                    AWAITED
                };
                why.to_owned()
            }),
            seen,
            findings: known
                .map(|known| known.findings.clone())
                .unwrap_or_default(),
        };
        bindings.insert(interface.clone(), binding);
    }
    Ok(bindings)
}

#[cfg(test)]
mod tests;
