//! Prefix lists.
//!
//! May import: std, ipnet, serde_json, api, document, model, registry, operations' own.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Map, Value, json};

use super::listed::tags;
use crate::api::{ApiError, Reader};
use crate::document::Document;
use crate::model::{AddressFamily, Kind, PrefixList, ResourceId};
use crate::operations::answers::{created, description, done, has_tags, members, name};
use crate::operations::names::{self, NameRule};
use crate::operations::paging::TokenPage;
use crate::operations::visible::named;
use crate::operations::{Answer, Request};
use crate::registry::{Change, Refusal, Registry, View, referrers};

/// Entries of one call.
const MOST_ENTRIES: usize = 200;
/// Of what is said of an entry, in characters.
const LONGEST_SAID: usize = 32;
/// Lists that one call names.
const MOST_NAMED: usize = 100;
/// Names of prefix lists.
const NAME: NameRule = NameRule {
    shortest: 2,
    longest: 128,
    is_strict: false,
};
const KIND: Kind = Kind::PrefixList;

/// `CreatePrefixList`.
pub(super) fn create(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let id = change.fresh_id("pl");
    let mut document = Document::new(KIND, &id);
    reader.required("PrefixListName")?;
    for field in ["AddressFamily", "MaxEntries"] {
        document.set(field, reader.required(field)?);
    }
    let entries = entries(&mut reader, "Entry")?;
    document.set("Entries", entries);
    describe_it(&mut reader, &mut document)?;
    names::tags(&mut reader, &mut document)?;
    reader.finish();
    let created = change.create(&document, request.account);
    created.map_err(|refusal| told(refusal, 0, "Entry"))?;
    Ok(members(json!({ "PrefixListId": id })))
}

fn describe_it(reader: &mut Reader<'_>, document: &mut Document) -> Result<(), ApiError> {
    names::name(reader, "PrefixListName", NAME, document, "PrefixListName")?;
    names::description(reader, "Description", document, "Description")
}

/// Entries to add: a network or a host each, and what is said of it.
fn entries(reader: &mut Reader<'_>, parameter: &'static str) -> Result<Vec<Value>, ApiError> {
    let mut entries = Vec::new();
    for mut entry in reader.items(parameter, MOST_ENTRIES)? {
        let cidr = entry.required("Cidr")?;
        let cidr = net(cidr).map_or_else(|| cidr.to_owned(), |net| net.to_string());
        let mut fields = Map::from_iter([("Cidr".to_owned(), cidr.into())]);
        let said = entry.text("Description")?;
        if let Some(said) = said.filter(|text| !text.is_empty()) {
            if !(2..=LONGEST_SAID).contains(&said.chars().count()) {
                let why = format!("it does not have 2 to {LONGEST_SAID} characters");
                return Err(entry.invalid("Description", &why));
            }
            fields.insert("Description".to_owned(), said.into());
        }
        entry.finish();
        entries.push(fields.into());
    }
    Ok(entries)
}

/// A network, or the one of a host.
fn net(text: &str) -> Option<IpNet> {
    let host = text.parse::<IpAddr>().map(IpNet::from);
    host.ok().or_else(|| text.parse().ok())
}

/// A refusal, with the names that the client has: of the entries, those from `first` on are its own.
fn told(mut refusal: Refusal, first: usize, parameter: &str) -> ApiError {
    if refusal.field == "Entries" {
        parameter.clone_into(&mut refusal.field);
    }
    let of_entry = refusal.field.strip_prefix("Entries[");
    if let Some((place, rest)) = of_entry.and_then(|path| path.split_once(']'))
        && let Some(place) = place
            .parse::<usize>()
            .ok()
            .and_then(|one| one.checked_sub(first))
    {
        refusal.field = format!("{parameter}[{place}]{rest}");
    }
    refusal.into()
}

/// `ModifyPrefixList`: the name, the description, and entries to take away and to add.
pub(super) fn modify(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = change.registry();
    let id = named(&mut reader, "PrefixListId", KIND, registry, request.account)?;
    let mut document = change.edit(KIND, id)?;
    describe_it(&mut reader, &mut document)?;
    let added = entries(&mut reader, "AddEntry")?;
    let mut kept = match document.fields.remove("Entries") {
        Some(Value::Array(entries)) => entries,
        _ => Vec::new(),
    };
    for mut entry in reader.items("RemoveEntry", MOST_ENTRIES)? {
        let cidr = entry.required("Cidr")?;
        let Some(net) = net(cidr) else {
            return Err(entry.invalid("Cidr", "it is no network"));
        };
        let (net, before) = (net.to_string(), kept.len());
        kept.retain(|one| one["Cidr"] != net);
        if kept.len() == before {
            return Err(entry.invalid("Cidr", "the list has no such entry"));
        }
        entry.finish();
    }
    reader.finish();
    let first = kept.len();
    kept.extend(added);
    document.set("Entries", kept);
    let replaced = change.replace(&document);
    replaced.map_err(|refusal| told(refusal, first, "AddEntry"))?;
    Ok(done())
}

/// `DeletePrefixList`.
pub(super) fn delete(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = change.registry();
    let id = named(&mut reader, "PrefixListId", KIND, registry, request.account)?;
    reader.finish();
    change.delete(KIND, id)?;
    Ok(done())
}

/// `DescribePrefixLists`.
pub(super) fn describe(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = &*view.declared;
    let page = TokenPage::read(&mut reader, 1..=100, 10)?;
    let ids = reader.texts("PrefixListId", MOST_NAMED)?;
    let mut given = |name| Ok::<_, ApiError>(reader.text(name)?.filter(|text| !text.is_empty()));
    let (called, family) = (given("PrefixListName")?, given("AddressFamily")?);
    let tagged = names::pairs(&mut reader)?;
    reader.finish();
    let own = registry.ids_of(KIND, request.account);
    let found = own
        .filter(|id| ids.is_empty() || ids.contains(id))
        .filter(|id| called.is_none_or(|called| name(registry, KIND, id) == called))
        .filter(|id| has_tags(registry, KIND, id, &tagged))
        .filter_map(|id| registry.model.prefix_lists.get(id))
        .filter(|list| family.is_none_or(|wanted| word(list.family).eq_ignore_ascii_case(wanted)));
    let (found, token) = page.cut(found.collect(), |list: &&PrefixList| list.id.to_string());
    let lists = found.into_iter().map(|list| {
        let mut shown = shown(registry, list);
        let id = list.id.as_str();
        shown["AssociationCount"] = users(registry, id).len().into();
        shown["ResourceGroupId"] = "".into();
        shown["Tags"] = json!({ "Tag": tags(registry, KIND, id) });
        shown
    });
    Ok(members(json!({
        "PrefixLists": { "PrefixList": lists.collect::<Vec<_>>() },
        "NextToken": token,
    })))
}

/// `DescribePrefixListAttributes`.
pub(super) fn attributes(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = &*view.declared;
    let id = named(&mut reader, "PrefixListId", KIND, registry, request.account)?;
    reader.finish();
    let list = registry.model.prefix_lists.get(id);
    let list = list.ok_or_else(ApiError::internal)?;
    let about = registry.model.about(KIND, id);
    let entries = list.entries.iter().map(|net| {
        let net = net.to_string();
        let said = about.and_then(|about| about.parts.get(&net)?.description.as_deref());
        json!({ "Cidr": net, "Description": said.unwrap_or_default() })
    });
    let mut shown = shown(registry, list);
    shown["Entries"] = json!({ "Entry": entries.collect::<Vec<_>>() });
    Ok(members(shown))
}

/// `DescribePrefixListAssociations`: the security groups whose rules name a list.
pub(super) fn associations(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = &*view.declared;
    let id = named(&mut reader, "PrefixListId", KIND, registry, request.account)?;
    let page = TokenPage::read(&mut reader, 1..=100, 10)?;
    reader.finish();
    let (users, token) = page.cut(users(registry, id), |user| user.id.to_string());
    let users = users
        .into_iter()
        .map(|user| json!({ "ResourceId": &*user.id, "ResourceType": "securitygroup" }));
    Ok(members(json!({
        "PrefixListAssociations": { "PrefixListAssociation": users.collect::<Vec<_>>() },
        "NextToken": token,
    })))
}

fn users(registry: &Registry, id: &str) -> Vec<ResourceId> {
    referrers(&registry.model, &ResourceId::new(KIND, id))
}

fn shown(registry: &Registry, list: &PrefixList) -> Value {
    let id = list.id.as_str();
    json!({
        "PrefixListId": id,
        "PrefixListName": name(registry, KIND, id),
        "Description": description(registry, KIND, id),
        "AddressFamily": word(list.family),
        "MaxEntries": list.max_entries,
        "CreationTime": created(registry, KIND, id),
    })
}

fn word(family: AddressFamily) -> &'static str {
    match family {
        AddressFamily::Ipv4 => "IPv4",
        AddressFamily::Ipv6 => "IPv6",
    }
}
