//! Tags of resources, which three APIs have the same operations for: `TagResources`, `UntagResources`,
//! `ListTagResources`.
//!
//! May import: std, serde_json, api, document, model, registry, operations' own.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::answers::{done, has_tags};
use super::names;
use super::paging::TokenPage;
use super::visible::own;
use super::{Answer, Request};
use crate::api::{ApiError, Reader};
use crate::document::Document;
use crate::model::Kind;
use crate::registry::{Change, View};

/// Resources that are tagged by one call.
const MOST_RESOURCES: usize = 50;
/// Tags or keys of one call.
const MOST_TAGS: usize = 20;

/// The kinds that an API tags, by its names for them.
pub(super) type Types = [(&'static str, Kind)];

/// What a page of tags is made of: items, and the token of the next page.
pub(super) type Page = (Vec<Value>, String);

/// Puts tags on resources, in place of those of the same keys: on all of them or on none.
pub(super) fn tag(change: &mut Change, request: &Request<'_>, types: &Types) -> Answer {
    let mut reader = request.reader();
    let (_, kind) = resource_type(&mut reader, types)?;
    let ids = resources(&mut reader)?;
    let mut tags = Vec::new();
    for mut tag in reader.items("Tag", MOST_TAGS)? {
        let key = tag.required("Key")?;
        let value = tag.text("Value")?.unwrap_or_default();
        check(&tag, "Key", key)?;
        check(&tag, "Value", value)?;
        tags.push((key, value));
    }
    if tags.is_empty() {
        return Err(ApiError::missing("Tag"));
    }
    reader.finish();
    each(change, request, kind, &ids, |before| {
        // First, so that the places of faults are those of the call.
        let given = tags.iter();
        let given = given.map(|(key, value)| json!({ "Key": key, "Value": value }));
        let is_kept = |tag: &&Value| !tags.iter().any(|(key, _)| tag["Key"] == *key);
        given
            .chain(before.iter().filter(is_kept).cloned())
            .collect()
    })
}

/// Takes tags from resources: those of some keys, or all.
pub(super) fn untag(change: &mut Change, request: &Request<'_>, types: &Types) -> Answer {
    let mut reader = request.reader();
    let (_, kind) = resource_type(&mut reader, types)?;
    let ids = resources(&mut reader)?;
    let keys = reader.texts("TagKey", MOST_TAGS)?;
    let all = reader.boolean("All")?.unwrap_or(false);
    reader.finish();
    if keys.is_empty() && !all {
        return Err(ApiError::missing("TagKey"));
    }
    each(change, request, kind, &ids, |before| {
        // `All` has no effect beside keys.
        let goes = |tag: &Value| keys.is_empty() || keys.iter().any(|key| tag["Key"] == *key);
        before.iter().filter(|tag| !goes(tag)).cloned().collect()
    })
}

/// One item for each tag of each resource. A resource that is not there has none.
pub(super) fn list(view: &View, request: &Request<'_>, types: &Types) -> Result<Page, ApiError> {
    let mut reader = request.reader();
    let registry = &*view.declared;
    let (name, kind) = resource_type(&mut reader, types)?;
    let ids = reader.texts("ResourceId", MOST_RESOURCES)?;
    let wanted = names::pairs(&mut reader)?;
    let page = TokenPage::read(&mut reader, 1..=50, 50)?;
    reader.finish();
    let own = registry.ids_of(kind, request.account);
    let found = own
        .filter(|id| ids.is_empty() || ids.contains(id))
        .filter(|id| has_tags(registry, kind, id, &wanted));
    let found: Vec<_> = found
        .filter_map(|id| Some((id, registry.model.about(kind, id)?)))
        .flat_map(|(id, about)| about.tags.iter().map(move |(key, value)| (id, key, value)))
        .collect();
    let (found, token) = page.cut(found, |(id, key, _)| place(id, key));
    let items = found.into_iter().map(|(id, key, value)| {
        json!({ "ResourceId": id, "ResourceType": name, "TagKey": key, "TagValue": value })
    });
    Ok((items.collect(), token))
}

/// The same where lists are wrapped.
pub(super) fn wrapped((items, token): Page) -> Value {
    json!({ "TagResources": { "TagResource": items }, "NextToken": token })
}

/// Where a tag stands among all of them. A token is of few letters, and a key may be of many.
fn place(id: &str, key: &str) -> String {
    const SHOWN: usize = 64;
    let mut place = format!("{id}:");
    for byte in key.bytes().take(SHOWN) {
        let _ = write!(place, "{byte:02x}");
    }
    let rest = key.bytes().skip(SHOWN);
    let hash = rest.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let _ = write!(place, ":{hash:016x}");
    place
}

/// `ResourceType`, in any case.
fn resource_type(reader: &mut Reader<'_>, types: &Types) -> Result<(&'static str, Kind), ApiError> {
    let given = reader.required("ResourceType")?;
    let mut all = types.iter();
    let found = all.find(|(name, _)| name.eq_ignore_ascii_case(given));
    found.copied().ok_or_else(|| {
        let names: Vec<_> = types.iter().map(|(name, _)| *name).collect();
        let why = format!("it is none of {}", names.join(", "));
        reader.invalid("ResourceType", &why)
    })
}

fn resources<'p>(reader: &mut Reader<'p>) -> Result<Vec<&'p str>, ApiError> {
    let mut ids = reader.texts("ResourceId", MOST_RESOURCES)?;
    if ids.is_empty() {
        return Err(ApiError::missing("ResourceId"));
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// What the manifest does not say of keys and values.
fn check(tag: &Reader<'_>, name: &str, text: &str) -> Result<(), ApiError> {
    match ["http://", "https://"]
        .iter()
        .find(|part| text.contains(*part))
    {
        None => Ok(()),
        Some(part) => Err(tag.invalid(name, &format!("it holds {part}"))),
    }
}

/// Gives each of these resources the tags that `edited` makes of those it has.
fn each(
    change: &mut Change,
    request: &Request<'_>,
    kind: Kind,
    ids: &[&str],
    edited: impl Fn(&[Value]) -> Vec<Value>,
) -> Answer {
    let mut documents: Vec<Document> = Vec::new();
    for id in ids {
        own(change.registry(), kind, id, request.account)?;
        let mut document = change.edit(kind, id)?;
        let before = document.fields.get("Tags").and_then(Value::as_array);
        let tags = edited(before.map_or(&[], Vec::as_slice));
        document.set("Tags", tags);
        documents.push(document);
    }
    change.replace_all(&documents)?;
    Ok(done())
}
