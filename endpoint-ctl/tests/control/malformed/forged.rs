//! Requests that are HTTP, and that nobody may be let in with: each would change something if it were taken.

use fastrand::Rng;

use super::stage::{Stage, call};
use super::{Ending, Wrong, misnamed};
use crate::calls::Product;
use crate::signer::{Request, date};

/// A kind of request: its name, how one is made of a change that would do well, what is said to it, and whether
/// there may be more over the same connection.
type Kind = (
    &'static str,
    fn(&mut Request, &mut Rng) -> Vec<u8>,
    &'static [&'static str],
    Ending,
);

use Ending::GoesOn;

const MISMATCH: &str = "SignatureDoesNotMatch";
const INCOMPLETE: &str = "IncompleteSignature";
/// What is cut or changed may be in the midst of an encoded byte.
const ENCODING: &str = "InvalidParameter";

const KINDS: [Kind; 22] = [
    ("unsigned", unsigned, &["MissingSignature"], GoesOn),
    ("by another secret", other_secret, &[MISMATCH], GoesOn),
    ("by another's secret", others_secret, &[MISMATCH], GoesOn),
    (
        "by no key",
        no_key,
        &["InvalidAccessKeyId.NotFound"],
        GoesOn,
    ),
    (
        "out of time",
        out_of_time,
        &["InvalidTimeStamp.Expired"],
        GoesOn,
    ),
    (
        "at no time",
        no_time,
        &["InvalidTimeStamp.Format", "MissingTimestamp"],
        GoesOn,
    ),
    (
        "signature changed",
        changed_signature,
        &[MISMATCH, INCOMPLETE, ENCODING],
        GoesOn,
    ),
    (
        "signature cut",
        cut_signature,
        &[MISMATCH, INCOMPLETE, ENCODING, "MissingSignature"],
        GoesOn,
    ),
    ("parameter added", added, &[MISMATCH], GoesOn),
    ("parameter changed", changed, &[MISMATCH], GoesOn),
    (
        "action changed",
        other_action,
        &[MISMATCH, "InvalidAction"],
        GoesOn,
    ),
    ("method changed", other_method, &[MISMATCH], GoesOn),
    (
        "not all signed",
        not_all_signed,
        &[INCOMPLETE, MISMATCH],
        GoesOn,
    ),
    (
        "lacks a line",
        lacks_a_line,
        &[
            INCOMPLETE,
            "MissingSignature",
            "MissingTimestamp",
            "MissingSignatureNonce",
            "MissingContentSha256",
        ],
        GoesOn,
    ),
    (
        "unknown action",
        misnamed::unknown_action,
        &["InvalidAction.NotFound", "MissingAction"],
        GoesOn,
    ),
    (
        "unknown version",
        misnamed::unknown_version,
        &["InvalidVersion", "MissingVersion"],
        GoesOn,
    ),
    (
        "unknown method",
        misnamed::unknown_method,
        &["UnsupportedHTTPMethod"],
        GoesOn,
    ),
    (
        "unknown path",
        misnamed::unknown_path,
        &["InvalidAction.NotFound"],
        GoesOn,
    ),
    ("encoding", misnamed::encoding, &[ENCODING], GoesOn),
    ("given twice", misnamed::given_twice, &[ENCODING], GoesOn),
    (
        "another type",
        misnamed::another_type,
        &["UnsupportedContentType", "InvalidFormat"],
        GoesOn,
    ),
    (
        "token",
        misnamed::token,
        &[
            "InvalidSecurityToken.NotSupported",
            "UnsupportedSignatureMethod",
        ],
        GoesOn,
    ),
];

/// How many kinds there are; two are replays.
pub(super) fn kinds() -> usize {
    KINDS.len() + 2
}

/// One of chance.
pub(super) fn any(stage: &Stage, rng: &mut Rng) -> Wrong {
    let mut changes = stage.changes();
    let mut change = changes.swap_remove(rng.usize(..changes.len()));
    // Parameters stand in the query, or in a body.
    if rng.bool() {
        change.form = std::mem::take(&mut change.query);
    }
    let place = rng.usize(..kinds());
    let Some((kind, make, codes, ending)) = KINDS.get(place).copied() else {
        return replayed(&mut change, place == KINDS.len(), rng);
    };
    Wrong {
        kind,
        first: None,
        request: make(&mut change, rng),
        codes,
        ending,
    }
}

/// A request that was sent before, or another one with its nonce.
fn replayed(change: &mut Request, is_same: bool, rng: &mut Rng) -> Wrong {
    let mut read = call(Product::Vpc, "DescribeVpcs", &[]);
    // A nonce is the key's, whatever it was signed by.
    let first = signed(&read, rng);
    let (kind, request) = if is_same {
        ("sent again", first.clone())
    } else {
        change.nonce = std::mem::take(&mut read.nonce);
        ("nonce of another", signed(change, rng))
    };
    Wrong {
        kind,
        first: Some(first),
        request,
        codes: &["SignatureNonceUsed"],
        ending: GoesOn,
    }
}

pub(super) fn signed(request: &Request, rng: &mut Rng) -> Vec<u8> {
    if rng.bool() {
        request.acs3()
    } else {
        request.rpc()
    }
}

pub(super) fn text(request: &Request, rng: &mut Rng) -> String {
    String::from_utf8(signed(request, rng)).expect("is text")
}

pub(super) fn one<'c>(rng: &mut Rng, all: &[&'c str]) -> &'c str {
    all[rng.usize(..all.len())]
}

fn unsigned(request: &mut Request, rng: &mut Rng) -> Vec<u8> {
    // What no header says, parameters do.
    let mut query = request.query.clone();
    query.extend(request.form.clone());
    let query: Vec<_> = query.iter().map(|(n, v)| format!("{n}={v}")).collect();
    let query = query.join("&");
    let (action, version) = (&request.action, &request.version);
    let method = one(rng, &["GET", "POST"]);
    let (named, headers) = if rng.bool() {
        (format!("&Action={action}&Version={version}"), String::new())
    } else {
        let headers = format!("x-acs-action: {action}\r\nx-acs-version: {version}\r\n");
        (String::new(), headers)
    };
    let head = format!("{method} /?{query}{named} HTTP/1.1\r\nhost: 127.0.0.1:8080\r\n{headers}");
    format!("{head}content-length: 0\r\n\r\n").into_bytes()
}

fn other_secret(request: &mut Request, rng: &mut Rng) -> Vec<u8> {
    let length = rng.usize(..40);
    request.secret = (0..length).map(|_| rng.char(..)).collect();
    signed(request, rng)
}

fn others_secret(request: &mut Request, rng: &mut Rng) -> Vec<u8> {
    if rng.bool() {
        "provider-secret".clone_into(&mut request.secret);
    } else {
        request.key = "provider-key";
    }
    signed(request, rng)
}

fn no_key(request: &mut Request, rng: &mut Rng) -> Vec<u8> {
    request.key = one(
        rng,
        &["nobody", "Consumer-Key", "1001", "consumer-ke", "*", "root"],
    );
    signed(request, rng)
}

fn out_of_time(request: &mut Request, rng: &mut Rng) -> Vec<u8> {
    let seconds = rng.i64(930..100_000_000);
    request.date = date(if rng.bool() { seconds } else { -seconds });
    signed(request, rng)
}

fn no_time(request: &mut Request, rng: &mut Rng) -> Vec<u8> {
    let now = date(0);
    let (day, time) = now.split_once('T').expect("has both");
    request.date = match rng.u8(..6) {
        0 => String::new(),
        1 => format!("{day}{time}"),
        2 => now.replace('Z', "+01:00"),
        3 => now.trim_end_matches('Z').to_owned(),
        4 => format!("{day}T25:61:00Z"),
        _ => one(
            rng,
            &[
                "yesterday",
                "1700000000",
                "0",
                "Tue, 01 Dec 2026 00:00:00 GMT",
            ],
        )
        .to_owned(),
    };
    signed(request, rng)
}

/// Where the signature begins.
fn signature(sent: &str) -> usize {
    let at = sent.rfind("ignature=").expect("is signed");
    at + "ignature=".len()
}

fn changed_signature(request: &mut Request, rng: &mut Rng) -> Vec<u8> {
    let mut sent = text(request, rng);
    let at = signature(&sent) + rng.usize(..20);
    let old = sent.as_bytes()[at];
    let digits = b"0123456789abcdef";
    let is_hex = old.is_ascii_digit() || (b'a'..=b'f').contains(&old);
    // A base64 digit is another one in another case; one of hexadecimal is not.
    let new = loop {
        let new = digits[rng.usize(..digits.len())];
        if new != old && (is_hex || new.is_ascii_digit()) {
            break char::from(new);
        }
    };
    sent.replace_range(at..=at, &new.to_string());
    sent.into_bytes()
}

fn cut_signature(request: &mut Request, rng: &mut Rng) -> Vec<u8> {
    let mut sent = text(request, rng);
    let at = signature(&sent);
    let length = sent[at..]
        .find([' ', '&', '\r'])
        .expect("something follows");
    match rng.u8(..3) {
        0 => sent.replace_range(at..at + length, ""),
        1 => sent.replace_range(at..at + rng.usize(1..length), ""),
        _ => {
            let again = sent[at..at + length].to_owned();
            sent.insert_str(at, &again);
        }
    }
    sent.into_bytes()
}

fn added(request: &mut Request, rng: &mut Rng) -> Vec<u8> {
    let sent = text(request, rng);
    let more = one(
        rng,
        &[
            "DryRun=false",
            "Description=taken",
            "Tag.1.Key=taken",
            "x=",
            "%00=y",
        ],
    );
    sent.replacen("/?", &format!("/?{more}&"), 1).into_bytes()
}

fn changed(request: &mut Request, rng: &mut Rng) -> Vec<u8> {
    let is_form = request.query.is_empty();
    let all = if is_form {
        &mut request.form
    } else {
        &mut request.query
    };
    let marked = rng.usize(..all.len());
    "before".clone_into(&mut all[marked].1);
    let sent = text(request, rng);
    // Of the same length, so that a body stays as long as it says.
    sent.replace("=before", "=behind").into_bytes()
}

fn other_action(request: &mut Request, rng: &mut Rng) -> Vec<u8> {
    let other = if request.action == "DeleteVpc" {
        "CreateVpc"
    } else {
        "DeleteVpc"
    };
    let sent = text(request, rng);
    if sent.contains("x-acs-action: ") {
        let from = format!("x-acs-action: {}", request.action);
        return sent
            .replace(&from, &format!("x-acs-action: {other}"))
            .into_bytes();
    }
    if rng.bool() {
        // Headers are not signed here, so they must not say another than what is.
        let line = format!("HTTP/1.1\r\nx-acs-action: {other}\r\n");
        return sent.replacen("HTTP/1.1\r\n", &line, 1).into_bytes();
    }
    let from = format!("Action={}&", request.action);
    sent.replace(&from, &format!("Action={other}&"))
        .into_bytes()
}

fn other_method(request: &mut Request, rng: &mut Rng) -> Vec<u8> {
    text(request, rng).replacen("POST", "GET", 1).into_bytes()
}

fn not_all_signed(request: &mut Request, rng: &mut Rng) -> Vec<u8> {
    let sent = String::from_utf8(request.acs3()).expect("is text");
    let line = match rng.u8(..4) {
        0 => format!("x-acs-more: {}", rng.u32(..)),
        1 => format!("x-acs-date: {}", date(0)),
        2 => "x-acs-action: DeleteVpc".to_owned(),
        _ => {
            return sent
                .replace("SignedHeaders=host;", "SignedHeaders=")
                .into_bytes();
        }
    };
    sent.replacen("HTTP/1.1\r\n", &format!("HTTP/1.1\r\n{line}\r\n"), 1)
        .into_bytes()
}

fn lacks_a_line(request: &mut Request, rng: &mut Rng) -> Vec<u8> {
    const LINES: [&str; 6] = [
        "authorization:",
        "x-acs-date:",
        "x-acs-signature-nonce:",
        "x-acs-content-sha256:",
        "x-acs-action:",
        "host:",
    ];
    let sent = String::from_utf8(request.acs3()).expect("is text");
    let (head, body) = sent.split_once("\r\n\r\n").expect("has a head");
    let gone = one(rng, &LINES);
    let lines = head.split("\r\n").filter(|line| !line.starts_with(gone));
    let lines: Vec<_> = lines.collect();
    format!("{}\r\n\r\n{body}", lines.join("\r\n")).into_bytes()
}
