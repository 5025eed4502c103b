//! Flat names to a tree. Whatever is sent, it stays small: names have few parts, lists few items.
//!
//! May import: std, the module's own.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::super::error::shown;
use super::{ApiError, Parameters, Value};

/// The longest list; operations have lower limits of their own.
const LONGEST_LIST: u32 = 1_000;
/// Parts of a name. The longest known has four, `Name.N.Field.M`.
const DEEPEST: usize = 8;

/// A tree that does not yet tell lists from fields.
enum Raw {
    Text(String),
    Parts(BTreeMap<String, Raw>),
}

pub(super) fn build(flat: BTreeMap<String, String>) -> Result<Parameters, ApiError> {
    let mut root = BTreeMap::new();
    for (name, value) in flat {
        let mut parts = name.split('.');
        let depth = parts.clone().count();
        let last = parts.next_back().unwrap_or_default();
        if depth > DEEPEST || last.is_empty() || parts.clone().any(str::is_empty) {
            return Err(ApiError::invalid_parameters(format!(
                "{} is not the name of a parameter: names have 1 to {DEEPEST} parts with a dot between each two, such as Tag.1.Key.",
                shown(&name)
            )));
        }
        insert(&mut root, parts, last, value).ok_or_else(|| {
            ApiError::invalid_parameters(format!(
                "The parameter {} is given both by itself and with parts, such as Tag and Tag.1.",
                shown(&name)
            ))
        })?;
    }
    fields(root, "")
}

/// Puts the value where its name says; `None` if something else is on the way, or there.
fn insert<'n>(
    root: &mut BTreeMap<String, Raw>,
    way: impl Iterator<Item = &'n str>,
    last: &str,
    value: String,
) -> Option<()> {
    let mut here = root;
    for part in way {
        let next = here
            .entry(part.to_owned())
            .or_insert_with(|| Raw::Parts(BTreeMap::new()));
        match next {
            Raw::Parts(parts) => here = parts,
            Raw::Text(_) => return None,
        }
    }
    match here.entry(last.to_owned()) {
        Entry::Vacant(place) => {
            place.insert(Raw::Text(value));
            Some(())
        }
        Entry::Occupied(_) => None,
    }
}

fn fields(parts: BTreeMap<String, Raw>, path: &str) -> Result<Parameters, ApiError> {
    let mut fields = BTreeMap::new();
    for (name, raw) in parts {
        let path = joined(path, &name);
        fields.insert(name, value(raw, &path)?);
    }
    Ok(Parameters { fields })
}

fn value(raw: Raw, path: &str) -> Result<Value, ApiError> {
    let parts = match raw {
        Raw::Text(text) => return Ok(Value::Text(text)),
        Raw::Parts(parts) => parts,
    };
    let is_number = |name: &String| name.bytes().all(|byte| byte.is_ascii_digit());
    match parts.keys().filter(|name| is_number(name)).count() {
        0 => fields(parts, path).map(Value::Fields),
        count if count == parts.len() => list(parts, path).map(Value::List),
        _ => Err(ApiError::invalid(
            path,
            "it has both places of a list and fields",
        )),
    }
}

fn list(parts: BTreeMap<String, Raw>, path: &str) -> Result<Vec<Value>, ApiError> {
    let mut items = BTreeMap::new();
    for (name, raw) in parts {
        let place = name.parse::<u32>().ok();
        let place = place.filter(|place| place.to_string() == name);
        let place = place.filter(|place| (1..=LONGEST_LIST).contains(place));
        let Some(place) = place else {
            return Err(ApiError::invalid(
                path,
                format!(
                    "{} is not a place in a list, which are numbered from 1 to at most {LONGEST_LIST}",
                    shown(&name)
                ),
            ));
        };
        items.insert(place, raw);
    }
    let mut list = Vec::with_capacity(items.len());
    for (expected, (place, raw)) in (1..).zip(items) {
        if place != expected {
            return Err(ApiError::invalid(
                path,
                format!("place {place} is given, but place {expected} is not"),
            ));
        }
        list.push(value(raw, &joined(path, &place.to_string()))?);
    }
    Ok(list)
}

/// A field of what is at `path`.
pub(super) fn joined(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn built(pairs: &[(&str, &str)]) -> Result<Parameters, ApiError> {
        let owned = pairs
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        build(owned.collect())
    }

    fn refusal(pairs: &[(&str, &str)]) -> ApiError {
        built(pairs).expect_err(&format!("{pairs:?}"))
    }

    #[test]
    fn names_become_a_tree() {
        let built = built(&[
            ("RegionId", "r"),
            ("Tag.1.Key", "k"),
            ("Tag.1.Value", ""),
            ("Tag.2.Key", "l"),
            ("Zone.1.ip", "10.0.0.1"),
            ("SecurityGroupId.2", "b"),
            ("SecurityGroupId.1", "a"),
            ("Rule.1.Port.1", "80"),
            ("Rule.1.Port.2", "81"),
            ("HealthCheck.Enabled", "true"),
        ])
        .expect("builds");
        assert_eq!(
            serde_json::to_value(&built).expect("is JSON"),
            json!({
                "RegionId": "r",
                "Tag": [{"Key": "k", "Value": ""}, {"Key": "l"}],
                "Zone": [{"ip": "10.0.0.1"}],
                "SecurityGroupId": ["a", "b"],
                "Rule": [{"Port": ["80", "81"]}],
                "HealthCheck": {"Enabled": "true"},
            })
        );
    }

    #[test]
    fn ten_comes_after_nine() {
        let names: Vec<String> = (1..=12).map(|place| format!("A.{place}")).collect();
        let pairs: Vec<_> = names.iter().map(|n| (n.as_str(), n.as_str())).collect();
        let built = built(&pairs).expect("builds");
        let expected = names.iter().cloned().map(Value::Text).collect();
        assert_eq!(built.get("A"), Some(&Value::List(expected)));
    }

    #[test]
    fn places_start_at_1_and_have_no_gaps() {
        for (pairs, says) in [
            (&[("Tag.0.Key", "k")][..], "0 is not a place"),
            (
                &[("Tag.1", "a"), ("Tag.3", "b")],
                "place 3 is given, but place 2 is not",
            ),
            (&[("Tag.2", "a")], "place 2 is given, but place 1 is not"),
            (&[("Tag.01", "a")], "01 is not a place"),
            (&[("Tag.1001", "a")], "1001 is not a place"),
            (&[("Tag.99999999999999999999", "a")], "not a place"),
            (
                &[("Tag.1", "a"), ("Tag.Key", "b")],
                "both places of a list and fields",
            ),
        ] {
            let error = refusal(pairs);
            assert_eq!((error.status, &*error.code), (400, "InvalidTag"));
            assert!(error.message.contains(says), "{}", error.message);
        }
    }

    #[test]
    fn a_name_is_one_thing() {
        for pairs in [
            &[("Tag", "a"), ("Tag.1", "b")][..],
            &[("Tag.1", "a"), ("Tag.1.Key", "b")],
            &[("Tag.1.Key.1", "a"), ("Tag.1.Key", "b")],
            &[(".", "a")],
            &[("Tag.", "a")],
            &[(".Tag", "a")],
            &[("Tag..Key", "a")],
            &[("a.b.c.d.e.f.g.h.i", "a")],
        ] {
            assert_eq!(refusal(pairs).code, "InvalidParameter");
        }
    }
}
