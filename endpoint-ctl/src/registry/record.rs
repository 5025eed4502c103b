//! Resources as records of the store, and back.
//!
//! A record is JSON: the document as the manifest has it, and where it comes from. One record, `Head`, is
//! written by every transaction and required to be as it was, so that changes of several nodes come one
//! after the other, each made with all that was before in sight.
//!
//! May import: std, bytes, jiff, serde, serde_json, thiserror, document, manifest, model, store, registry's own.

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use super::change::{rebind, take_out};
use super::{Origin, Registry, Token};
use crate::document::document;
use crate::manifest::{self, ManifestErrors};
use crate::model::{AccountId, Kind, ResourceId, Resources};
use crate::store::{Key, Record, Revision, Snapshot, StoreError};

/// The layout of records.
const SCHEMA: u32 = 1;
const HEAD: &str = "Head";
const TOKEN: &str = "Token";

/// A record that cannot be used.
#[derive(Debug, Error)]
pub enum RecordError {
    /// It is no record of ours, or one of a later release.
    #[error(
        "the record {key} of the store cannot be read: {why}. Restore a backup, or run the release that wrote it"
    )]
    Unreadable {
        /// Its key.
        key: String,
        /// What is wrong.
        why: String,
    },
    /// What all of them say together cannot be.
    #[error("what the store holds is not consistent, restore a backup: {0}")]
    Inconsistent(ManifestErrors),
    /// Its key cannot be one.
    #[error(transparent)]
    Key(#[from] StoreError),
}

/// A resource as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Stored {
    schema: u32,
    account_id: String,
    create_time: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    manifest: Option<String>,
    document: Map<String, Value>,
}

/// Writes of a transaction: each key's new value, or none if it goes.
pub(super) type Writes = Vec<(Key, Option<Bytes>)>;

/// The key of the record that every transaction writes.
pub(super) fn head() -> Result<Key, StoreError> {
    Key::new(HEAD, "head")
}

/// What differs between two registries, in an order in which every part leaves the store consistent:
/// deletions first, those that refer to others before these; then the rest, the other way round.
pub(super) fn writes(before: &Registry, now: &Registry) -> Result<Writes, RecordError> {
    let mut writes = Writes::new();
    let (mut gone, mut put) = changed(before, now);
    gone.sort_by_key(|id| std::cmp::Reverse(id.kind));
    put.sort();
    put.dedup();
    for id in gone {
        writes.push((key(&id)?, None));
    }
    for id in put {
        if let Some(value) = encode(now, &id)? {
            writes.push((key(&id)?, Some(value)));
        }
    }
    for difference in now.tokens.differences(&before.tokens) {
        let value = difference.now.map(to_bytes).transpose()?;
        writes.push((Key::new(TOKEN, difference.id)?, value));
    }
    Ok(writes)
}

/// Resources that are gone, and those that are new or changed.
fn changed(before: &Registry, now: &Registry) -> (Vec<ResourceId>, Vec<ResourceId>) {
    let mut put = Vec::new();
    let mut gone = Vec::new();
    for difference in now.origins.differences(&before.origins) {
        match difference.now {
            None => gone.push(difference.id.clone()),
            Some(_) => put.push(difference.id.clone()),
        }
    }
    let (old, new) = (&before.model, &now.model);
    put.extend(
        new.abouts
            .differences(&old.abouts)
            .into_iter()
            .map(|one| one.id.clone()),
    );
    kind(&mut put, Kind::Vpc, &old.vpcs, &new.vpcs);
    kind(&mut put, Kind::VSwitch, &old.vswitches, &new.vswitches);
    kind(
        &mut put,
        Kind::PrefixList,
        &old.prefix_lists,
        &new.prefix_lists,
    );
    kind(
        &mut put,
        Kind::SecurityGroup,
        &old.security_groups,
        &new.security_groups,
    );
    kind(
        &mut put,
        Kind::NetworkAcl,
        &old.network_acls,
        &new.network_acls,
    );
    kind(
        &mut put,
        Kind::ProviderNetwork,
        &old.provider_networks,
        &new.provider_networks,
    );
    kind(
        &mut put,
        Kind::ServerGroup,
        &old.server_groups,
        &new.server_groups,
    );
    kind(
        &mut put,
        Kind::LoadBalancer,
        &old.load_balancers,
        &new.load_balancers,
    );
    kind(&mut put, Kind::Service, &old.services, &new.services);
    kind(&mut put, Kind::Endpoint, &old.endpoints, &new.endpoints);
    kind(&mut put, Kind::FlowLog, &old.flow_logs, &new.flow_logs);
    // Which vSwitches an ACL is bound to stands with the ACL.
    for difference in new.vswitches.differences(&old.vswitches) {
        let acls = [difference.before, difference.now].into_iter().flatten();
        let acls = acls.filter_map(|vswitch| vswitch.network_acl.as_ref());
        put.extend(acls.map(|acl| ResourceId::new(Kind::NetworkAcl, acl.as_str())));
    }
    put.retain(|id| now.origins.contains_key(id));
    (gone, put)
}

fn kind<K: Ord + std::fmt::Display, V: PartialEq>(
    put: &mut Vec<ResourceId>,
    kind: Kind,
    before: &Resources<K, V>,
    now: &Resources<K, V>,
) {
    let differences = now.differences(before).into_iter();
    put.extend(differences.map(|one| ResourceId::new(kind, one.id.to_string())));
}

fn encode(registry: &Registry, id: &ResourceId) -> Result<Option<Bytes>, RecordError> {
    let origin = registry.origins.get(id);
    let document = document(&registry.model, id.kind, &id.id);
    let (Some(origin), Some(document)) = (origin, document) else {
        return Ok(None);
    };
    let stored = Stored {
        schema: SCHEMA,
        account_id: origin.account.to_string(),
        create_time: origin.created,
        manifest: origin.manifest.clone(),
        document: document.fields,
    };
    to_bytes(&stored).map(Some)
}

fn to_bytes(value: &impl Serialize) -> Result<Bytes, RecordError> {
    let bytes = serde_json::to_vec(value).map_err(|error| RecordError::Unreadable {
        key: "to be written".to_owned(),
        why: error.to_string(),
    })?;
    Ok(bytes.into())
}

fn key(id: &ResourceId) -> Result<Key, StoreError> {
    Key::new(id.kind.name(), &id.id)
}

/// The registry that is stored, and the revision of the record that every transaction writes.
pub(super) fn load(snapshot: &Snapshot) -> Result<(Registry, Option<Revision>), RecordError> {
    let mut registry = Registry::default();
    follow(&mut registry, snapshot, None)?;
    Ok((registry, head_of(snapshot)))
}

/// When a transaction of anybody's was last carried out.
pub(super) fn head_of(snapshot: &Snapshot) -> Option<Revision> {
    let head = head().ok()?;
    Some(snapshot.get(&head)?.revision)
}

/// Brings a registry that was current `after` a revision to what is stored now.
pub(super) fn follow(
    registry: &mut Registry,
    snapshot: &Snapshot,
    after: Option<Revision>,
) -> Result<(), RecordError> {
    let is_new = |record: &&Record| after.is_none_or(|after| record.revision > after);
    let previous = registry.model.clone();
    let mut model = previous.clone();
    let mut gone = Vec::new();
    for id in registry.origins.keys() {
        if snapshot.get(&key(id)?).is_none() {
            take_out(&mut model, id.kind, &id.id);
            gone.push(id.clone());
        }
    }
    for id in &gone {
        registry.origins.remove(id);
    }
    let mut documents = Vec::new();
    for kind in Kind::ALL {
        for record in snapshot.list(kind.name()).filter(is_new) {
            let id = ResourceId::new(kind, record.key.id());
            let stored: Stored = from_bytes(record)?;
            take_out(&mut model, kind, &id.id);
            let origin = Origin {
                account: AccountId::new(stored.account_id),
                created: stored.create_time,
                manifest: stored.manifest,
            };
            registry.origins.insert(id, origin);
            documents.push((kind, stored.document));
        }
    }
    let declared = documents.iter().map(|(kind, fields)| (*kind, fields));
    registry.model = manifest::declare(declared, model, &previous).map_err(|faults| {
        RecordError::Inconsistent(ManifestErrors {
            file: "store".to_owned(),
            faults,
        })
    })?;
    let read = documents.iter().filter_map(|(kind, fields)| {
        let id = fields.get(kind.id_field())?.as_str()?;
        Some((*kind, id))
    });
    rebind(&mut registry.model, &previous, read);
    follow_tokens(registry, snapshot, &is_new)
}

fn follow_tokens(
    registry: &mut Registry,
    snapshot: &Snapshot,
    is_new: &impl Fn(&&Record) -> bool,
) -> Result<(), RecordError> {
    let mut gone = Vec::new();
    for id in registry.tokens.keys() {
        if snapshot.get(&Key::new(TOKEN, id)?).is_none() {
            gone.push(id.clone());
        }
    }
    for id in gone {
        registry.tokens.remove(&id);
    }
    for record in snapshot.list(TOKEN).filter(is_new) {
        let token: Token = from_bytes(record)?;
        registry.tokens.insert(record.key.id().to_owned(), token);
    }
    Ok(())
}

fn from_bytes<T: for<'d> Deserialize<'d>>(record: &Record) -> Result<T, RecordError> {
    serde_json::from_slice(&record.value).map_err(|error| RecordError::Unreadable {
        key: record.key.to_string(),
        why: error.to_string(),
    })
}
