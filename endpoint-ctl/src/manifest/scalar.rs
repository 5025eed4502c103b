//! Plain values: texts, ids, numbers, interface names.
//!
//! May import: std, `fault`, `node`, `suggest`.

use std::ops::RangeInclusive;

use super::fault::Wrong;
use super::node::{Node, Value, quote};
use super::suggest::did_you_mean;

/// Prefix of the ids of managed security groups; users may not name their own so.
pub(super) const MANAGED_GROUP_PREFIX: &str = "sg-managed-";

const LONGEST_ID: usize = 64;

/// Any text.
pub(super) fn text<'n>(node: &'n Node<'_>) -> Result<&'n str, Wrong> {
    match &node.value {
        Value::Text(text) => Ok(text),
        Value::Bool(_) | Value::Integer(_) | Value::Float(_) => Err(Wrong::new(
            format!("{} is not text to YAML", node.describe()),
            "put it in quotes",
        )),
        _ => Err(Wrong::new(
            format!("{} is not text", node.describe()),
            "write one value",
        )),
    }
}

/// A name or description: text of up to 256 characters.
pub(super) fn label(node: &Node<'_>) -> Result<String, Wrong> {
    const LONGEST: usize = 256;
    let text = text(node)?;
    let length = text.chars().count();
    if length > LONGEST {
        return Err(Wrong::new(
            format!("{length} characters are too many"),
            format!("write at most {LONGEST}"),
        ));
    }
    Ok(text.to_owned())
}

/// A time of UTC to the second, such as `2026-11-23T10:26:09Z`.
pub(super) fn time(node: &Node<'_>) -> Result<String, Wrong> {
    const FORM: &[u8] = b"0000-00-00T00:00:00Z";
    let text = text(node)?;
    let fits = |(byte, form): (u8, &u8)| match form {
        b'0' => byte.is_ascii_digit(),
        _ => byte == *form,
    };
    if text.len() == FORM.len() && text.bytes().zip(FORM).all(fits) {
        return Ok(text.to_owned());
    }
    Err(Wrong::new(
        format!("{} is not a time", quote(text)),
        "write one of UTC, such as 2026-11-23T10:26:09Z",
    ))
}

/// An id, or a name that ids are part of.
pub(super) fn id<'n>(node: &'n Node<'_>) -> Result<&'n str, Wrong> {
    bounded_id(node, LONGEST_ID)
}

/// A service name: an id, but longer, since it holds one.
pub(super) fn service_name<'n>(node: &'n Node<'_>) -> Result<&'n str, Wrong> {
    bounded_id(node, 128)
}

/// Whether the text could be an id.
pub fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST_ID && text.chars().all(is_id_letter)
}

fn is_id_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-')
}

fn bounded_id<'n>(node: &'n Node<'_>, longest: usize) -> Result<&'n str, Wrong> {
    let text = text(node)?;
    let mend = || format!("write 1 to {longest} letters, digits, dots, dashes or underscores");
    if text.is_empty() {
        Err(Wrong::new("is empty", mend()))
    } else if text.len() > longest {
        Err(Wrong::new(
            format!("{} has {} characters", quote(text), text.len()),
            mend(),
        ))
    } else if let Some(odd) = text.chars().find(|c| !is_id_letter(*c)) {
        Err(Wrong::new(format!("{} holds {odd:?}", quote(text)), mend()))
    } else {
        Ok(text)
    }
}

/// A domain name: labels of letters, digits and dashes, at least two (RFC 1035 section 2.3.1). In lower
/// case, without a final dot.
pub(super) fn domain(node: &Node<'_>) -> Result<String, Wrong> {
    let name = text(node)?.trim_end_matches('.').to_ascii_lowercase();
    let is_label = |label: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let edge = label.starts_with('-') || label.ends_with('-');
        (1..=63).contains(&label.len()) && label.chars().all(inner) && !edge
    };
    if name.len() <= 253 && name.contains('.') && name.split('.').all(is_label) {
        return Ok(name);
    }
    Err(Wrong::new(
        format!("{} is not a domain name", node.describe()),
        "write one such as api.example.com",
    ))
}

/// A whole number within bounds, as a number or as text (the API sends text).
pub(super) fn integer<T>(node: &Node<'_>, bounds: RangeInclusive<T>) -> Result<T, Wrong>
where
    T: TryFrom<i128> + PartialOrd + std::fmt::Display,
{
    let number = match &node.value {
        Value::Integer(number) => Some(i128::from(*number)),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    };
    let mend = || format!("write a number from {} to {}", bounds.start(), bounds.end());
    let Some(number) = number else {
        return Err(Wrong::new(
            format!("{} is not a whole number", node.describe()),
            mend(),
        ));
    };
    T::try_from(number)
        .ok()
        .filter(|number| bounds.contains(number))
        .ok_or_else(|| Wrong::new(format!("{number} is out of range"), mend()))
}

/// `true` or `false`, as YAML has them or as text (the API sends text).
pub(super) fn boolean(node: &Node<'_>) -> Result<bool, Wrong> {
    match &node.value {
        Value::Bool(value) => Ok(*value),
        Value::Text(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Value::Text(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(Wrong::new(
            format!("{} is neither true nor false", node.describe()),
            "write true or false",
        )),
    }
}

/// One of several words, in any case.
pub(super) fn one_of<T: Copy>(node: &Node<'_>, words: &[(&'static str, T)]) -> Result<T, Wrong> {
    let all = || words.iter().map(|(word, _)| *word);
    let mend = || format!("write one of {}", all().collect::<Vec<_>>().join(", "));
    let Value::Text(text) = &node.value else {
        return Err(Wrong::new(
            format!("{} is none of the choices", node.describe()),
            mend(),
        ));
    };
    words
        .iter()
        .find(|(word, _)| word.eq_ignore_ascii_case(text))
        .map(|(_, value)| *value)
        .ok_or_else(|| {
            let near = did_you_mean(text, all());
            Wrong::new(
                format!("{} is none of the choices", quote(text)),
                near + &mend(),
            )
        })
}

/// The only word that is supported so far, in any case; `others` are known from the API.
pub(super) fn only(node: &Node<'_>, word: &str, others: &[&str]) -> Result<(), Wrong> {
    let given = text(node)?;
    if given.eq_ignore_ascii_case(word) {
        return Ok(());
    }
    let known = others.iter().any(|other| other.eq_ignore_ascii_case(given));
    let why = if known {
        "is not supported yet"
    } else {
        "is none of the choices"
    };
    Err(Wrong::new(
        format!("{} {why}", quote(given)),
        format!("write {word}"),
    ))
}

/// A name that Linux takes for a network interface.
pub(super) fn interface(node: &Node<'_>) -> Result<String, Wrong> {
    const LONGEST: usize = 15;
    let name = text(node)?;
    let odd = |c: char| c == '/' || c == ':' || c.is_whitespace() || c.is_control();
    let problem = if name.is_empty() {
        "is empty".to_owned()
    } else if name.len() > LONGEST {
        format!("{} has {} bytes", quote(name), name.len())
    } else if name == "." || name == ".." || name.contains(odd) {
        format!("{} is not a name Linux takes", quote(name))
    } else {
        return Ok(name.to_owned());
    };
    Err(Wrong::new(
        problem,
        format!("write an interface name: 1 to {LONGEST} bytes without '/', ':' or spaces"),
    ))
}
