//! The form encoding: queries and bodies to pairs, and pairs to what signatures cover.
//!
//! The two differ: a space is sent as `+` and signed as `%20`, `~` may be sent either way and is
//! signed bare. So what was sent is decoded, and encoded anew by RFC 3986.
//!
//! May import: std, percent-encoding, the module's own.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::ApiError;
use super::error::shown;

/// A name and its value, decoded.
pub(super) type Pair = (String, String);

/// So many parameters are read, and names of so many bytes. The longest operation, 100 rules of a
/// security group, has 1,500.
const MOST_PAIRS: usize = 5_000;
const LONGEST_NAME: usize = 256;

/// What RFC 3986 leaves as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Decodes a query, or a body of type `application/x-www-form-urlencoded`. Empty values are kept,
/// since they are signed; `source` names what is decoded in errors.
pub(super) fn decode(encoded: &[u8], source: &str) -> Result<Vec<Pair>, ApiError> {
    let mut pairs = Vec::new();
    for part in encoded.split(|byte| *byte == b'&') {
        if part.is_empty() {
            continue;
        }
        if pairs.len() == MOST_PAIRS {
            return Err(ApiError::invalid_parameters(format!(
                "The {source} has more than {MOST_PAIRS} parameters."
            )));
        }
        let mut sides = part.splitn(2, |byte| *byte == b'=');
        let name = decoded(sides.next().unwrap_or_default());
        let value = decoded(sides.next().unwrap_or_default());
        let (Some(name), Some(value)) = (name, value) else {
            let part = shown(&String::from_utf8_lossy(part));
            return Err(ApiError::invalid_parameters(format!(
                "The {source} has {part}, which is not encoded as a form: UTF-8, with % and two hexadecimal digits for each byte that is no letter or digit."
            )));
        };
        if name.is_empty() || name.len() > LONGEST_NAME {
            return Err(ApiError::invalid_parameters(format!(
                "The {source} has a parameter whose name has {} bytes: {}. Names have 1 to {LONGEST_NAME}.",
                name.len(),
                shown(&name)
            )));
        }
        pairs.push((name, value));
    }
    Ok(pairs)
}

fn decoded(encoded: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let [byte, after @ ..] = rest {
        rest = after;
        bytes.push(match (byte, after) {
            (b'+', _) => b' ',
            (b'%', [high, low, after @ ..]) => {
                rest = after;
                digit(*high)? << 4 | digit(*low)?
            }
            (b'%', _) => return None,
            _ => *byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// Encodes by RFC 3986.
pub(super) fn encode(text: &str) -> impl Iterator<Item = &str> {
    utf8_percent_encode(text, ENCODED)
}

/// `name=value&...`, encoded, in the order of the pairs.
pub(super) fn canonical<'p>(pairs: impl IntoIterator<Item = (&'p str, &'p str)>) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        if !text.is_empty() {
            text.push('&');
        }
        text.extend(encode(name));
        text.push('=');
        text.extend(encode(value));
    }
    text
}

/// All parameters of a request, from wherever they came.
pub(super) fn merge(
    pairs: impl IntoIterator<Item = Pair>,
) -> Result<BTreeMap<String, String>, ApiError> {
    let mut merged = BTreeMap::new();
    for (name, value) in pairs {
        match merged.entry(name) {
            Entry::Vacant(place) => {
                place.insert(value);
            }
            Entry::Occupied(given) if *given.get() == value => {}
            Entry::Occupied(given) => {
                let name = shown(given.key());
                return Err(ApiError::invalid_parameters(format!(
                    "The parameter {name} is given twice, with different values."
                )));
            }
        }
    }
    Ok(merged)
}

#[cfg(test)]
mod tests;
