//! A manifest as a change: it owns what it declares, and nothing else.
//!
//! May import: std, thiserror, document, manifest, model, registry's own.

use std::collections::BTreeSet;
use std::fmt;

use thiserror::Error;

use super::{Change, Origin, Refusal};
use crate::document::{Document, document};
use crate::manifest::{Manifest, ManifestErrors};
use crate::model::{AccountId, ResourceId};

/// A manifest, and how it is applied.
#[derive(Debug, Clone)]
pub struct Apply {
    /// Its text.
    pub text: String,
    /// What faults call the file.
    pub file: String,
    /// The name under which it owns what it declares.
    pub name: String,
    /// Whose resources become that are new.
    pub account: AccountId,
    /// Whether what it declared before, and does not any more, is deleted.
    pub prune: bool,
    /// Whether it takes over what the API, or another manifest, made.
    pub take_over: bool,
}

/// What a manifest that was applied left undone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// What it declared before, and does not any more: it stays until it is pruned.
    pub left: Vec<ResourceId>,
}

/// Why a manifest was not applied. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ApplyError {
    /// It has faults, or what others declared would not be consistent with it.
    #[error(transparent)]
    Faults(#[from] ManifestErrors),
    /// It declares what belongs to others.
    #[error("{}", list(.0))]
    Conflicts(Vec<Conflict>),
    /// It does not say which node has an interface.
    #[error(transparent)]
    Unbound(#[from] Refusal),
}

/// A resource that a manifest declares and does not own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The resource.
    pub resource: ResourceId,
    /// The manifest that owns it; `None`: the API made it.
    pub manifest: Option<String>,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resource = &self.resource;
        match &self.manifest {
            Some(manifest) => write!(f, "{resource} belongs to the manifest {manifest}"),
            None => write!(f, "{resource} was made by the API"),
        }?;
        f.write_str("; take it out of the file, or apply with --take-over")
    }
}

fn list(conflicts: &[Conflict]) -> String {
    let lines: Vec<_> = conflicts.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

impl Change {
    /// Applies a manifest.
    ///
    /// # Errors
    /// See [`ApplyError`]; all faults at once.
    pub fn apply(&mut self, apply: &Apply) -> Result<Applied, ApplyError> {
        let manifest = Manifest::read(&apply.text, &apply.file);
        let declared: BTreeSet<ResourceId> = manifest.declared().collect();
        self.check_owners(&declared, apply)?;
        let left: Vec<_> = self
            .owned_by(apply)
            .filter(|id| !declared.contains(*id))
            .cloned()
            .collect();
        let goes = |id: &ResourceId| apply.prune && left.contains(id);
        let stays = |id: &&ResourceId| !declared.contains(*id) && !goes(id);
        let others: Vec<Document> = self
            .registry()
            .origins
            .keys()
            .filter(stays)
            .filter_map(|id| document(self.model(), id.kind, &id.id))
            .collect();
        let fields = others.iter().map(|one| (one.kind, &one.fields));
        let model = manifest.load(fields, Some(self.model()))?;
        let now = self.now();
        let registry = self.registry_mut();
        registry.model = model;
        declared.iter().try_for_each(|id| self.check_nodes(id))?;
        let registry = self.registry_mut();
        if apply.prune {
            for id in &left {
                registry.origins.remove(id);
            }
        }
        for id in declared {
            let before = registry.origins.get(&id);
            let origin = Origin {
                account: before.map_or(&apply.account, |one| &one.account).clone(),
                created: before.map_or(now, |one| one.created),
                manifest: Some(apply.name.clone()),
            };
            if before != Some(&origin) {
                registry.origins.insert(id, origin);
            }
        }
        let left = if apply.prune { Vec::new() } else { left };
        Ok(Applied { left })
    }

    fn owned_by<'c>(&'c self, apply: &'c Apply) -> impl Iterator<Item = &'c ResourceId> {
        let origins = self.registry().origins.iter();
        let owned = origins.filter(|(_, origin)| origin.manifest.as_ref() == Some(&apply.name));
        owned.map(|(id, _)| id)
    }

    fn check_owners(
        &self,
        declared: &BTreeSet<ResourceId>,
        apply: &Apply,
    ) -> Result<(), ApplyError> {
        if apply.take_over {
            return Ok(());
        }
        let conflict = |id: &ResourceId| {
            let origin = self.registry().origins.get(id)?;
            let is_others = origin.manifest.as_ref() != Some(&apply.name);
            is_others.then(|| Conflict {
                resource: id.clone(),
                manifest: origin.manifest.clone(),
            })
        };
        let conflicts: Vec<_> = declared.iter().filter_map(conflict).collect();
        if conflicts.is_empty() {
            return Ok(());
        }
        Err(ApplyError::Conflicts(conflicts))
    }
}
