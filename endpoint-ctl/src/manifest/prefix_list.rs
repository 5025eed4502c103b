//! The kind `PrefixList`.
//!
//! May import: std, `model`, `context`, `fault`, `fields`, `ip`, `scalar`.

use std::collections::{BTreeMap, BTreeSet};

use super::context::Context;
use super::fault::Told;
use super::fields::Fields;
use super::ip::{self, Family};
use super::{about, scalar};
use crate::model::{About, AddressFamily, Kind, PartAbout, PrefixList, PrefixListId};

const MOST_ENTRIES: u16 = 200;

/// Reads a `PrefixList`. One without entries is legal: rules with it match nothing.
pub(super) fn read<'a>(mut fields: Fields<'a>, context: &mut Context<'a>) -> Result<(), Told> {
    let id = fields.required("PrefixListId", |node| {
        scalar::id(node).map(PrefixListId::new)
    });
    let family = fields.required("AddressFamily", ip::family);
    let max_entries = fields.required("MaxEntries", |node| scalar::integer(node, 1..=MOST_ENTRIES));
    let mut seen = BTreeSet::new();
    let mut parts = BTreeMap::new();
    let entries = fields.items("Entries", |mut entry| {
        let net = entry.required("Cidr", |node| match family {
            Ok(family) => ip::cidr_of(family, node, "write a list of that family for it"),
            Err(Told) => ip::address_or_network(node),
        });
        let said = about::described(&mut entry);
        let place = entry.place_of("Cidr");
        entry.finish();
        let (net, said) = (net?, said?);
        if !seen.insert(net) {
            return Err(place.fault(format!("{net} is given twice"), "remove one of the two"));
        }
        if said != PartAbout::default() {
            parts.insert(net.to_string(), said);
        }
        Ok(net)
    });
    let about = about::read(&mut fields, Kind::PrefixList);
    let entries_place = fields.place_of("Entries");
    fields.finish();

    let (id, entries, max_entries) = (id?, entries?, max_entries?);
    if entries.len() > usize::from(max_entries) {
        return Err(entries_place.fault(
            format!("{} entries, and MaxEntries is {max_entries}", entries.len()),
            format!("raise MaxEntries, up to {MOST_ENTRIES}, or remove entries"),
        ));
    }
    let family = match family? {
        Family::V4 => AddressFamily::Ipv4,
        Family::V6 => AddressFamily::Ipv6,
    };
    let list = PrefixList {
        id,
        family,
        max_entries,
        entries,
    };
    let about = About { parts, ..about? };
    context.describe(Kind::PrefixList, list.id.as_str(), about);
    context.model.prefix_lists.insert(list.id.clone(), list);
    Ok(())
}
