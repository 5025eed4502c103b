//! What people say of a resource: its name, its description, its tags.
//!
//! May import: std, `model`, `context`, `fault`, `fields`, `scalar`.

use std::collections::BTreeMap;

use super::context::Context;
use super::fault::{Place, Told, Wrong};
use super::fields::Fields;
use super::node::Node;
use super::scalar;
use crate::model::{About, Kind, PartAbout, ResourceId};

const MOST_TAGS: usize = 20;
/// Of a tag's key; PrivateLink allows less.
const LONGEST_KEY: usize = 128;
const LONGEST_PRIVATELINK_KEY: usize = 64;
const LONGEST_VALUE: usize = 128;
const LONGEST_RULE_DESCRIPTION: usize = 512;
const RESERVED: [&str; 4] = ["aliyun", "acs:", "http://", "https://"];

/// Reads what is said of a resource of a kind.
pub(super) fn read(fields: &mut Fields<'_>, kind: Kind) -> Result<About, Told> {
    let name = match kind.name_field() {
        Some(field) => fields.optional(field, scalar::label),
        None => Ok(None),
    };
    let description = fields.optional(kind.description_field(), scalar::label);
    let resource_group = fields.optional("ResourceGroupId", |node| {
        scalar::id(node).map(str::to_owned)
    });
    let tags = tags(fields, longest_key(kind));
    Ok(About {
        name: name?,
        description: description?,
        resource_group: resource_group?,
        tags: tags?,
        parts: BTreeMap::new(),
    })
}

/// Reads what is said of an entry of an ACL, which may have a name.
pub(super) fn of_entry(fields: &mut Fields<'_>) -> Result<PartAbout, Told> {
    let name = fields.optional("NetworkAclEntryName", scalar::label);
    let description = fields.optional("Description", scalar::label);
    Ok(PartAbout {
        name: name?,
        description: description?,
        created: None,
    })
}

/// Reads what is said of a part that has no more than a description.
pub(super) fn described(fields: &mut Fields<'_>) -> Result<PartAbout, Told> {
    let description = fields.optional("Description", scalar::label)?;
    Ok(PartAbout {
        description,
        ..PartAbout::default()
    })
}

/// Reads what is said of a rule of a security group.
pub(super) fn of_rule(fields: &mut Fields<'_>) -> Result<PartAbout, Told> {
    let description = fields.optional("Description", |node| {
        bounded(node, 0..=LONGEST_RULE_DESCRIPTION)
    });
    let created = fields.optional("CreateTime", scalar::time);
    Ok(PartAbout {
        name: None,
        description: description?,
        created: created?,
    })
}

fn longest_key(kind: Kind) -> usize {
    match kind {
        Kind::Service | Kind::Endpoint => LONGEST_PRIVATELINK_KEY,
        _ => LONGEST_KEY,
    }
}

fn tags(fields: &mut Fields<'_>, longest_key: usize) -> Result<BTreeMap<String, String>, Told> {
    const FIELD: &str = "Tags";
    let mut tags = BTreeMap::new();
    fields.items(FIELD, |mut tag| {
        let key = tag.required("Key", |node| bounded(node, 1..=longest_key));
        let value = tag.defaulted("Value", String::new(), |node| {
            bounded(node, 0..=LONGEST_VALUE)
        });
        let place = tag.place_of("Key");
        tag.finish();
        let (key, value) = (key?, value?);
        check_key(&key, &place)?;
        match tags.insert(key, value) {
            None => Ok(()),
            Some(_) => Err(place.fault("this key is given twice", "keep one of the two")),
        }
    })?;
    if tags.len() > MOST_TAGS {
        return Err(fields.place_of(FIELD).fault(
            format!("{} tags", tags.len()),
            format!("a resource may have {MOST_TAGS}"),
        ));
    }
    Ok(tags)
}

fn check_key(key: &str, place: &Place<'_>) -> Result<(), Told> {
    let lower = key.to_ascii_lowercase();
    match RESERVED.into_iter().find(|start| lower.starts_with(start)) {
        None => Ok(()),
        Some(start) => Err(place.fault(
            format!("a key may not begin with {start}"),
            "choose another key",
        )),
    }
}

fn bounded(node: &Node<'_>, lengths: std::ops::RangeInclusive<usize>) -> Result<String, Wrong> {
    let text = scalar::text(node)?;
    let length = text.chars().count();
    if lengths.contains(&length) {
        return Ok(text.to_owned());
    }
    Err(Wrong::new(
        format!("it has {length} characters"),
        format!("write {} to {}", lengths.start(), lengths.end()),
    ))
}

impl Context<'_> {
    /// Keeps what is said of a resource that was read, if anything is.
    pub(super) fn describe(&mut self, kind: Kind, id: &str, about: About) {
        if !about.is_empty() {
            let id = ResourceId::new(kind, id);
            self.model.abouts.insert(id, about);
        }
    }
}
