//! Decoding and encoding, by example and by chance. May import: the module's own.

use super::*;

fn pairs(text: &str) -> Vec<(String, String)> {
    decode(text.as_bytes(), "query").expect("decodes")
}

fn pair(name: &str, value: &str) -> Pair {
    (name.to_owned(), value.to_owned())
}

#[test]
fn forms_are_decoded() {
    for (text, name, value) in [
        ("EndpointName=web+1%2A~", "EndpointName", "web 1*~"),
        ("a=%7e%2B", "a", "~+"),
        ("a=", "a", ""),
        ("a", "a", ""),
        ("a=b=c", "a", "b=c"),
        ("na%20me=%C3%A9", "na me", "\u{e9}"),
        ("&&a=1&", "a", "1"),
    ] {
        assert_eq!(pairs(text), [pair(name, value)], "{text}");
    }
    assert!(pairs("").is_empty());
}

#[test]
fn what_is_no_form_is_refused() {
    let long = "a".repeat(LONGEST_NAME + 1);
    let many = "a=1&".repeat(MOST_PAIRS + 1);
    for text in [
        "a=%", "a=%4", "a=%zz", "a=%+1", "%ff=1", "a=%C3", "=1", "=", &long, &many,
    ] {
        let error = decode(text.as_bytes(), "query").expect_err(text);
        assert_eq!((error.status, &*error.code), (400, "InvalidParameter"));
        assert!(error.message.len() < 400, "{}", error.message);
    }
    assert!(decode(b"a=\xff", "body").is_err());
    assert_eq!(pairs(&"a=1&".repeat(MOST_PAIRS)).len(), MOST_PAIRS);
}

#[test]
fn what_is_signed_is_encoded_by_rfc_3986() {
    let pairs = pairs("EndpointName=web+1%2a%7E&Empty=&Zone.1.ip=10.0.0.10&k/=%C3%A9");
    let refs = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str()));
    assert_eq!(
        canonical(refs),
        "EndpointName=web%201%2A~&Empty=&Zone.1.ip=10.0.0.10&k%2F=%C3%A9"
    );
}

#[test]
fn a_parameter_has_one_value() {
    let merged = merge([pair("a", "1"), pair("b", "2"), pair("a", "1")]).expect("merges");
    assert_eq!(merged.len(), 2);
    let error = merge([pair("a", "1"), pair("a", "2")]).expect_err("differ");
    assert!(error.message.contains("parameter a is given twice"));
}

/// Any way a client may encode a text: bare, `%XX` in either case, a space as `+` or `%20`.
fn sent(text: &str, random: &mut fastrand::Rng) -> String {
    let encoded = text.bytes().map(|byte| {
        let is_plain = byte.is_ascii_alphanumeric() || b"-_.~*!'()".contains(&byte);
        match byte {
            b' ' if random.bool() => "+".to_owned(),
            _ if is_plain && random.u8(0..4) > 0 => char::from(byte).to_string(),
            _ if random.bool() => format!("%{byte:02X}"),
            _ => format!("%{byte:02x}"),
        }
    });
    encoded.collect()
}

#[test]
fn however_a_text_is_sent_the_same_is_signed() {
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..5_000 {
        let length = random.usize(1..20);
        let text: String = (0..length)
            .map(|_| match random.u8(0..3) {
                0 => random.char('\u{1}'..='\u{7f}'),
                1 => *random
                    .choice(&[' ', '*', '~', '+', '%', '&', '='])
                    .expect("some"),
                _ => random.char(..),
            })
            .collect();
        let sent = format!("{}={}", sent(&text, &mut random), sent(&text, &mut random));
        assert_eq!(pairs(&sent), [pair(&text, &text)], "{sent}");

        // Written from RFC 3986 and not from the code.
        let expected: String = text
            .bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                    char::from(byte).to_string()
                }
                _ => format!("%{byte:02X}"),
            })
            .collect();
        assert_eq!(encode(&text).collect::<String>(), expected);
        // What is signed decodes to what was meant, so that no two texts share a signature.
        assert_eq!(pairs(&format!("a={expected}")), [pair("a", &text)]);
    }
}
