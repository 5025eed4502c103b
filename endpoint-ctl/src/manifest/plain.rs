//! What a plain YAML scalar, one without quotes, stands for.
//!
//! May import: std, `node`.

use std::borrow::Cow;

use super::node::Value;

/// The value of a plain scalar: nothing, a truth value or a number if it looks like one, else its text.
pub(super) fn value(text: Cow<'_, str>) -> Value<'_> {
    match text.as_ref() {
        nothing if is_nothing(nothing) => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        other => number(other).unwrap_or(Value::Text(text)),
    }
}

/// Whether a plain scalar stands for nothing.
pub(super) fn is_nothing(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

fn number(text: &str) -> Option<Value<'static>> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let first = *unsigned.as_bytes().first()?;
    // Otherwise Rust's own words for what is infinite or no number would be taken.
    if !first.is_ascii_digit() && first != b'.' {
        return None;
    }
    if let Some(number) = integer(text) {
        return Some(Value::Integer(number));
    }
    match unsigned {
        ".nan" | ".NaN" | ".NAN" => Some(Value::Float(f64::NAN)),
        ".inf" | ".Inf" | ".INF" if text.starts_with('-') => Some(Value::Float(f64::NEG_INFINITY)),
        ".inf" | ".Inf" | ".INF" => Some(Value::Float(f64::INFINITY)),
        _ => text.parse().ok().map(Value::Float),
    }
}

/// A whole number: decimal without zeros in front, or of another base by its prefix; underscores may
/// part its digits.
fn integer(text: &str) -> Option<i64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (radix, digits) = match unsigned.split_at_checked(2) {
        Some(("0x" | "0X", digits)) => (16, digits),
        Some(("0o" | "0O", digits)) => (8, digits),
        Some(("0b" | "0B", digits)) => (2, digits),
        Some((padded, _)) if padded.starts_with('0') => return None,
        _ => (10, unsigned),
    };
    let is_group = |group: &str| !group.is_empty() && group.chars().all(|c| c.is_digit(radix));
    if !digits.split('_').all(is_group) {
        return None;
    }
    let size = u64::from_str_radix(&digits.replace('_', ""), radix).ok()?;
    if text.starts_with('-') {
        0i64.checked_sub_unsigned(size)
    } else {
        size.try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_told_from_texts_that_look_like_them() {
        for (text, wanted) in [
            ("0", 0),
            ("-0", 0),
            ("+7", 7),
            ("65535", 65_535),
            ("1_000", 1_000),
            ("0x1F", 31),
            ("-0x10", -16),
            ("0o17", 15),
            ("0b101", 5),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(integer(text), Some(wanted), "{text}");
        }
        for text in [
            "",
            "-",
            "+-1",
            "1_",
            "_1",
            "1__0",
            "007",
            "0x",
            "0xg",
            "0o8",
            "1.0",
            "80/80",
            "१",
            "9223372036854775808",
        ] {
            assert_eq!(integer(text), None, "{text}");
        }
    }

    #[test]
    fn only_what_yaml_calls_a_number_is_one() {
        let is_float = |text: &'static str| matches!(value(text.into()), Value::Float(_));
        for text in [
            "1.5", ".5", "5.", "-1e3", "007", "1e999", ".inf", "-.INF", "+.nan",
        ] {
            assert!(is_float(text), "{text}");
        }
        for text in [
            "inf",
            "nan",
            "-infinity",
            "10.0.1.10",
            "80/80",
            "-1/-1",
            ".",
            "e5",
            "1_000.5",
        ] {
            assert!(matches!(value(text.into()), Value::Text(_)), "{text}");
        }
    }

    #[test]
    fn words_stand_for_nothing_or_truth_in_three_spellings() {
        for text in ["", "~", "null", "NULL"] {
            assert!(matches!(value(text.into()), Value::Null), "{text}");
        }
        assert!(matches!(value("True".into()), Value::Bool(true)));
        assert!(matches!(value("FALSE".into()), Value::Bool(false)));
        for text in ["no", "yes", "on", "nUll", "tRue"] {
            assert!(matches!(value(text.into()), Value::Text(_)), "{text}");
        }
    }
}
