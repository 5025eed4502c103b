//! Entries of network ACLs: read into documents, and shown. Their order is their priority.
//!
//! May import: ipnet, serde_json, api, document, model, registry, operations' own.

use ipnet::IpNet;
use serde_json::{Map, Value, json};

use crate::api::{ApiError, Reader};
use crate::document::Document;
use crate::model::{About, NetworkAclEntry, Policy, ProtocolMatch};
use crate::operations::names::{self, FREE};
use crate::registry::Change;

const MOST: usize = 100;
const ID: &str = "NetworkAclEntryId";

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Ingress,
    Egress,
}

impl Side {
    pub(super) const ALL: [Self; 2] = [Self::Ingress, Self::Egress];

    /// The parameter that says whether it is to be updated.
    pub(super) fn flag(self) -> &'static str {
        match self {
            Self::Ingress => "UpdateIngressAclEntries",
            Self::Egress => "UpdateEgressAclEntries",
        }
    }

    /// The list of its entries, in requests and in documents.
    pub(super) fn field(self) -> &'static str {
        match self {
            Self::Ingress => "IngressAclEntries",
            Self::Egress => "EgressAclEntries",
        }
    }

    fn peer(self) -> &'static str {
        match self {
            Self::Ingress => "SourceCidrIp",
            Self::Egress => "DestinationCidrIp",
        }
    }
}

/// The entries of a request, as documents have them. One that names an entry of this direction goes on
/// under its id, which rules are counted by; the others get ids of their own.
pub(super) fn read(
    reader: &mut Reader<'_>,
    side: Side,
    document: &Document,
    change: &Change,
) -> Result<Vec<Value>, ApiError> {
    let known = document.fields.get(side.field()).and_then(Value::as_array);
    let known = known.into_iter().flatten();
    let mut known: Vec<&str> = known.filter_map(|one| one.get(ID)?.as_str()).collect();
    let mut entries = Vec::new();
    for mut item in reader.items(side.field(), MOST)? {
        let mut entry = Map::new();
        let given = item.text(ID)?;
        let place = known.iter().position(|id| Some(*id) == given);
        let id = place.map(|place| known.swap_remove(place).to_owned());
        let id = id.unwrap_or_else(|| change.fresh_id("nae"));
        entry.insert(ID.to_owned(), id.into());
        for field in [
            "Policy",
            "Protocol",
            "Port",
            "IpVersion",
            "EntryType",
            side.peer(),
        ] {
            if let Some(text) = item.text(field)?.filter(|text| !text.is_empty()) {
                entry.insert(field.to_owned(), text.into());
            }
        }
        if let Some(name) = names::name_given(&mut item, "NetworkAclEntryName", FREE)? {
            entry.insert("NetworkAclEntryName".to_owned(), name.into());
        }
        if let Some(text) = names::given(&mut item, "Description", 1..=256)? {
            entry.insert("Description".to_owned(), text.into());
        }
        item.finish();
        entries.push(Value::Object(entry));
    }
    Ok(entries)
}

/// The entries of another ACL's document, under ids of their own.
pub(super) fn copied(source: &Document, side: Side, change: &Change) -> Vec<Value> {
    let entries = source.fields.get(side.field()).and_then(Value::as_array);
    let entries = entries.into_iter().flatten().filter_map(Value::as_object);
    let entries = entries.map(|entry| {
        let mut entry = entry.clone();
        entry.insert(ID.to_owned(), change.fresh_id("nae").into());
        Value::Object(entry)
    });
    entries.collect()
}

/// Entries as answers have them.
pub(super) fn shown(entries: &[NetworkAclEntry], side: Side, about: Option<&About>) -> Vec<Value> {
    let entries = entries.iter().map(|entry| {
        let said = about.and_then(|about| about.parts.get(&entry.id));
        let said = |of: fn(&crate::model::PartAbout) -> &Option<String>| {
            let text = said.and_then(|said| of(said).as_deref());
            text.unwrap_or_default().to_owned()
        };
        json!({
            "NetworkAclEntryId": entry.id,
            "NetworkAclEntryName": said(|said| &said.name),
            "Description": said(|said| &said.description),
            "EntryType": "custom",
            "Policy": policy(entry.policy),
            "Protocol": protocol(entry.protocol),
            "Port": entry.ports.to_string(),
            "IpVersion": match entry.peer {
                IpNet::V4(_) => "IPv4",
                IpNet::V6(_) => "IPv6",
            },
            (side.peer()): entry.peer.to_string(),
        })
    });
    entries.collect()
}

fn policy(policy: Policy) -> &'static str {
    match policy {
        Policy::Accept => "accept",
        Policy::Drop => "drop",
    }
}

/// As the API spells protocols here, in lower case.
fn protocol(protocol: ProtocolMatch) -> String {
    let name = match protocol {
        ProtocolMatch::All => "all",
        ProtocolMatch::Number(1) => "icmp",
        ProtocolMatch::Number(6) => "tcp",
        ProtocolMatch::Number(17) => "udp",
        ProtocolMatch::Number(47) => "gre",
        ProtocolMatch::Number(58) => "icmpv6",
        ProtocolMatch::Number(number) => return number.to_string(),
    };
    name.to_owned()
}
