//! Names, descriptions and tags of requests (reference/privatelink.md section 2.7).
//!
//! May import: std, serde_json, api, document.

use std::ops::RangeInclusive;

use serde_json::{Value, json};

use crate::api::{ApiError, Reader};
use crate::document::Document;

/// How a name may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct NameRule {
    pub(super) shortest: usize,
    pub(super) longest: usize,
    /// Whether it begins with a letter and goes on with letters, digits, `_`, `-` and `.`.
    pub(super) is_strict: bool,
}

/// Names of endpoints.
pub(super) const STRICT: NameRule = NameRule {
    shortest: 2,
    longest: 128,
    is_strict: true,
};
/// Names of most resources of ECS and VPC.
pub(super) const FREE: NameRule = NameRule {
    shortest: 1,
    longest: 128,
    is_strict: false,
};

/// Sets the field of a name to what is given, if it is.
pub(super) fn name(
    reader: &mut Reader<'_>,
    parameter: &'static str,
    rule: NameRule,
    document: &mut Document,
    field: &str,
) -> Result<(), ApiError> {
    if let Some(text) = name_given(reader, parameter, rule)? {
        document.set(field, text);
    }
    Ok(())
}

/// The name that is given, if one is.
pub(super) fn name_given<'p>(
    reader: &mut Reader<'p>,
    parameter: &'static str,
    rule: NameRule,
) -> Result<Option<&'p str>, ApiError> {
    let lengths = rule.shortest..=rule.longest;
    let Some(text) = given(reader, parameter, lengths)? else {
        return Ok(None);
    };
    if rule.is_strict {
        let mut letters = text.chars();
        let first_is_letter = letters.next().is_some_and(char::is_alphabetic);
        let is_rest = |c: char| c.is_alphanumeric() || "_-.".contains(c);
        if !first_is_letter || !letters.all(is_rest) {
            let why =
                "it does not begin with a letter, or has others than letters, digits, _ and -";
            return Err(reader.invalid(parameter, why));
        }
    }
    Ok(Some(text))
}

/// Sets the field of a description to what is given, if it is.
pub(super) fn description(
    reader: &mut Reader<'_>,
    parameter: &'static str,
    document: &mut Document,
    field: &str,
) -> Result<(), ApiError> {
    if let Some(text) = given(reader, parameter, 2..=256)? {
        document.set(field, text);
    }
    Ok(())
}

/// A text of so many characters that is no URL, if one is given.
pub(super) fn given<'p>(
    reader: &mut Reader<'p>,
    parameter: &'static str,
    lengths: RangeInclusive<usize>,
) -> Result<Option<&'p str>, ApiError> {
    let Some(text) = reader.text(parameter)?.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let length = text.chars().count();
    if !lengths.contains(&length) {
        let (shortest, longest) = lengths.into_inner();
        let why = format!("it has {length} characters, not {shortest} to {longest}");
        return Err(reader.invalid(parameter, &why));
    }
    if let Some(start) = url_start(text) {
        return Err(reader.invalid(parameter, &format!("it begins with {start}")));
    }
    Ok(Some(text))
}

/// Sets `Tags` to `Tag.N`, if any are given.
pub(super) fn tags(reader: &mut Reader<'_>, document: &mut Document) -> Result<(), ApiError> {
    let tags = pairs(reader)?;
    if !tags.is_empty() {
        let tags = tags
            .iter()
            .map(|(key, value)| json!({ "Key": key, "Value": value }));
        document.set("Tags", tags.collect::<Vec<Value>>());
    }
    Ok(())
}

/// `Tag.N`: keys and values, for what is made or for what is looked for.
pub(super) fn pairs<'p>(reader: &mut Reader<'p>) -> Result<Vec<(&'p str, &'p str)>, ApiError> {
    pairs_of(reader, "Tag")
}

/// The same under another name: some operations look for `Tags.N`.
pub(super) fn pairs_of<'p>(
    reader: &mut Reader<'p>,
    list: &'static str,
) -> Result<Vec<(&'p str, &'p str)>, ApiError> {
    let mut tags = Vec::new();
    for mut tag in reader.items(list, 20)? {
        let key = tag.required("Key")?;
        let value = tag.text("Value")?.unwrap_or_default();
        tags.push((key, value));
    }
    Ok(tags)
}

fn url_start(text: &str) -> Option<&'static str> {
    ["http://", "https://"]
        .into_iter()
        .find(|start| text.starts_with(start))
}
