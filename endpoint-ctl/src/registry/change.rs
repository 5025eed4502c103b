//! A change that is tried out: it becomes what is declared whole, or not at all.
//!
//! May import: std, fastrand, jiff, serde_json, document, manifest, model, registry's own.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Origin, Quotas, Reason, Refusal, Registry, Token, referrers};
use crate::document::{Document, document};
use crate::manifest;
use crate::model::{
    AccountId, EndpointId, Kind, Model, NetworkAclId, ResourceId, SecurityGroupRule,
};

/// What a resource may not be changed by.
const OF_MANIFEST: &str = "change it there and apply that again";

/// See the module. All of it is of one request.
#[derive(Debug, Clone)]
pub struct Change {
    registry: Registry,
    quotas: Quotas,
    /// Whether several nodes have the store, so that what is bound must say to which.
    is_shared: bool,
    now: Timestamp,
}

impl Change {
    pub(super) fn new(registry: Registry, quotas: Quotas, is_shared: bool, now: Timestamp) -> Self {
        Self {
            registry,
            quotas,
            is_shared,
            now,
        }
    }

    pub(super) fn into_registry(self) -> Registry {
        self.registry
    }

    /// Everything, as it would be.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The resources, as they would be.
    pub fn model(&self) -> &Model {
        &self.registry.model
    }

    /// The time of the change, to the second.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// An id that nothing has: the prefix, a dash, and 20 letters and digits.
    pub fn fresh_id(&self, prefix: &str) -> String {
        let mut letter = || {
            let letters = b"abcdefghijklmnopqrstuvwxyz0123456789";
            char::from(letters[fastrand::usize(..letters.len())])
        };
        let tail: String = std::iter::repeat_with(&mut letter).take(20).collect();
        format!("{prefix}-{tail}")
    }

    /// Declares a new resource, which belongs to `owner`.
    ///
    /// # Errors
    /// Its document has faults, or a quota is reached.
    pub fn create(&mut self, document: &Document, owner: &AccountId) -> Result<(), Refusal> {
        let origin = Origin {
            account: owner.clone(),
            created: self.now,
            manifest: None,
        };
        let id = ResourceId::new(document.kind, document.id.as_str());
        let before = self.registry.model.clone();
        self.declare([document])?;
        self.registry.origins.insert(id.clone(), origin);
        self.check_nodes(&id)?;
        self.quotas.check(&self.registry, &id, owner)?;
        self.quotas.check_room(&before, &self.registry.model, &id)
    }

    /// The document of a resource, to be edited and [replaced](Self::replace) by.
    ///
    /// # Errors
    /// There is none, or it is not to be changed by hand.
    pub fn edit(&self, kind: Kind, id: &str) -> Result<Document, Refusal> {
        self.may_change(kind, id)?;
        self.current(kind, id)
    }

    /// Reads rules by themselves, as rules of a group, which may have them already. Each has an id.
    ///
    /// # Errors
    /// The group is not there, or a rule has faults: in `Permissions[0]` is the first one given here.
    pub fn rules(
        &self,
        group: &str,
        permissions: &[Map<String, Value>],
    ) -> Result<Vec<SecurityGroupRule>, Refusal> {
        let model = &self.registry.model;
        let Some(found) = model.security_groups.get(group) else {
            return Err(Refusal::not_found(ResourceId::new(
                Kind::SecurityGroup,
                group,
            )));
        };
        manifest::rules(found, permissions, model).map_err(Refusal::of_faults)
    }

    /// Puts an edited document in the place of the resource's.
    ///
    /// # Errors
    /// It has faults, or what refers to the resource could not be as it is any more.
    pub fn replace(&mut self, document: &Document) -> Result<(), Refusal> {
        self.replace_all([document])
    }

    /// The same of several, which may refer to each other.
    ///
    /// # Errors
    /// See [`replace`](Self::replace).
    pub fn replace_all<'d>(
        &mut self,
        documents: impl IntoIterator<Item = &'d Document>,
    ) -> Result<(), Refusal> {
        let documents: Vec<_> = documents.into_iter().collect();
        let previous = self.registry.model.clone();
        for document in &documents {
            take_out(&mut self.registry.model, document.kind, &document.id);
        }
        self.declare_over(&documents, &previous)?;
        let read = documents.iter().map(|one| (one.kind, one.id.as_str()));
        rebind(&mut self.registry.model, &previous, read);
        let ids = documents
            .iter()
            .map(|one| ResourceId::new(one.kind, one.id.as_str()));
        for id in ids {
            self.check_nodes(&id)?;
            self.quotas
                .check_room(&previous, &self.registry.model, &id)?;
        }
        Ok(())
    }

    /// Deletes a resource.
    ///
    /// # Errors
    /// There is none, it is not to be changed by hand, or something refers to it.
    pub fn delete(&mut self, kind: Kind, id: &str) -> Result<(), Refusal> {
        self.may_change(kind, id)?;
        self.remove(kind, id)
    }

    /// Remembers what a request was answered.
    pub fn remember(&mut self, key: String, token: Token) {
        self.registry.tokens.insert(key, token);
    }

    /// Forgets the tokens that are old.
    pub(super) fn forget_old_tokens(&mut self) {
        let now = self.now;
        if self.registry.tokens.values().any(|token| token.is_old(now)) {
            self.registry.tokens.retain(|_, token| !token.is_old(now));
        }
    }

    pub(super) fn registry_mut(&mut self) -> &mut Registry {
        &mut self.registry
    }

    /// Deletes a resource, whoever it belongs to.
    pub(super) fn remove(&mut self, kind: Kind, id: &str) -> Result<(), Refusal> {
        let of = ResourceId::new(kind, id);
        let needed_by = referrers(&self.registry.model, &of);
        if let [first, rest @ ..] = needed_by.as_slice() {
            let more = match rest.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            return Err(Refusal::new(
                Reason::InUse,
                of,
                format!("{first}{more} needs it"),
                format!("delete or change {first} first"),
            ));
        }
        take_out(&mut self.registry.model, kind, id);
        self.registry.origins.remove(&of);
        Ok(())
    }

    /// Whether what is bound to an interface says of which node, if there may be several.
    pub(super) fn check_nodes(&self, id: &ResourceId) -> Result<(), Refusal> {
        let model = &self.registry.model;
        let field = match id.kind {
            Kind::VSwitch => model.vswitches.get(&*id.id).and_then(|vswitch| {
                let is_open = vswitch.interface.is_some() && vswitch.node.is_none();
                is_open.then_some("NodeId")
            }),
            Kind::ProviderNetwork => model.provider_networks.get(&*id.id).and_then(|network| {
                let is_open = network.uplinks.iter().any(|uplink| uplink.node.is_none());
                is_open.then_some("Uplinks")
            }),
            _ => None,
        };
        let Some(field) = field.filter(|_| self.is_shared) else {
            return Ok(());
        };
        Err(Refusal::new(
            Reason::Missing,
            id.clone(),
            format!(
                "{field} is missing: the store is shared, and each node has interfaces of its own"
            ),
            match id.kind {
                Kind::VSwitch => "say under NodeId which node has the interface",
                _ => {
                    "list under Uplinks the NodeId, Interface and NatAddresses of each node that reaches it"
                }
            },
        ))
    }

    fn declare<const N: usize>(&mut self, documents: [&Document; N]) -> Result<(), Refusal> {
        let previous = self.registry.model.clone();
        self.declare_over(&documents, &previous)
    }

    fn declare_over(&mut self, documents: &[&Document], previous: &Model) -> Result<(), Refusal> {
        let before = std::mem::take(&mut self.registry.model);
        let fields = documents.iter().map(|one| (one.kind, &one.fields));
        let declared = manifest::declare(fields, before, previous);
        self.registry.model = declared.map_err(Refusal::of_faults)?;
        Ok(())
    }

    fn current(&self, kind: Kind, id: &str) -> Result<Document, Refusal> {
        document(&self.registry.model, kind, id)
            .ok_or_else(|| Refusal::not_found(ResourceId::new(kind, id)))
    }

    fn may_change(&self, kind: Kind, id: &str) -> Result<(), Refusal> {
        let of = ResourceId::new(kind, id);
        if kind == Kind::SecurityGroup {
            let group = self.registry.model.security_groups.get(id);
            if group.is_some_and(|group| group.service_managed) {
                return Err(Refusal::new(
                    Reason::Managed,
                    of,
                    "it is managed: it came with an endpoint and goes with it",
                    "make a security group of your own",
                ));
            }
        }
        let Some(origin) = self.registry.origins.get(&of) else {
            return Err(Refusal::not_found(of));
        };
        match &origin.manifest {
            None => Ok(()),
            Some(manifest) => Err(Refusal::new(
                Reason::Managed,
                of,
                format!("it belongs to the manifest {manifest}"),
                OF_MANIFEST,
            )),
        }
    }
}

/// Binds vSwitches that were read again to the ACLs that they were bound to: that stands in the ACL's
/// document, so one that was read again itself has said it.
pub(super) fn rebind<'d>(
    model: &mut Model,
    previous: &Model,
    read: impl Iterator<Item = (Kind, &'d str)>,
) {
    let read: Vec<_> = read.collect();
    let vswitches = read.iter().filter(|(kind, _)| *kind == Kind::VSwitch);
    for (_, id) in vswitches {
        let before = previous.vswitches.get(*id);
        let Some(acl) = before.and_then(|vswitch| vswitch.network_acl.clone()) else {
            continue;
        };
        let mut acls = read.iter().filter(|(kind, _)| *kind == Kind::NetworkAcl);
        if acls.any(|(_, read)| *read == acl.as_str()) || !model.network_acls.contains_key(&acl) {
            continue;
        }
        if let Some(vswitch) = model.vswitches.get_mut(*id) {
            vswitch.network_acl = Some(acl);
        }
    }
}

/// Takes a resource out of the model, with all that came with it.
pub(super) fn take_out(model: &mut Model, kind: Kind, id: &str) {
    model.abouts.remove(&ResourceId::new(kind, id));
    match kind {
        Kind::Vpc => drop(model.vpcs.remove(id)),
        Kind::VSwitch => drop(model.vswitches.remove(id)),
        Kind::PrefixList => drop(model.prefix_lists.remove(id)),
        Kind::SecurityGroup => drop(model.security_groups.remove(id)),
        Kind::NetworkAcl => {
            let acl = NetworkAclId::new(id);
            let bound: Vec<_> = model
                .vswitches
                .values()
                .filter(|vswitch| vswitch.network_acl.as_ref() == Some(&acl))
                .map(|vswitch| vswitch.id.clone())
                .collect();
            for vswitch in bound {
                if let Some(vswitch) = model.vswitches.get_mut(&vswitch) {
                    vswitch.network_acl = None;
                }
            }
            model.network_acls.remove(&acl);
        }
        Kind::ProviderNetwork => drop(model.provider_networks.remove(id)),
        Kind::ServerGroup => drop(model.server_groups.remove(id)),
        Kind::LoadBalancer => drop(model.load_balancers.remove(id)),
        Kind::Service => drop(model.services.remove(id)),
        Kind::FlowLog => drop(model.flow_logs.remove(id)),
        Kind::Endpoint => {
            if let Some(endpoint) = model.endpoints.remove(&EndpointId::new(id)) {
                model.security_groups.remove(&endpoint.managed_group);
            }
        }
    }
}
