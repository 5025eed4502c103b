//! Requests that HTTP itself is broken of. After each the client says no more, so that half a request is all
//! there is of it. Those that would be HTTP without what is broken are rightly signed where that is no matter.

use fastrand::Rng;

use super::forged::signed;
use super::stage::{Stage, call};
use super::{Ending, Wrong};
use crate::calls::Product;
use crate::signer::Request;

use Ending::{Cut, Told};

type Kind = (
    &'static str,
    fn(&mut Request, &mut Rng) -> Vec<u8>,
    &'static [&'static str],
    Ending,
);

const INVALID: &str = "InvalidRequest";
/// A body may end in the midst of an encoded byte.
const ENDS_EARLY: &[&str] = &["SignatureDoesNotMatch", "InvalidParameter"];

const KINDS: [Kind; 13] = [
    // Of so little of a request that there may be nothing to answer to.
    ("cut", cut, &[], Cut),
    ("no HTTP", no_http, &[], Cut),
    ("damaged", damaged, &[], Cut),
    ("body shorter than said", shorter, &[INVALID], Told),
    ("body longer than said", longer, ENDS_EARLY, Told),
    ("no length", no_length, &[INVALID], Told),
    ("bad chunks", bad_chunks, &[INVALID], Told),
    (
        "chunks and a length",
        both_lengths,
        &[INVALID, "MissingSignature"],
        Told,
    ),
    ("bad header", bad_header, &[INVALID], Told),
    ("smuggled", smuggled, ENDS_EARLY, Told),
    ("long query", long_query, &["RequestUriTooLong"], Told),
    ("long head", long_head, &["RequestHeadTooLarge"], Told),
    ("long body", long_body, &["RequestBodyTooLarge"], Told),
];

pub(super) fn kinds() -> usize {
    KINDS.len()
}

/// One of chance.
pub(super) fn any(stage: &Stage, rng: &mut Rng) -> Wrong {
    let mut changes = stage.changes();
    let mut change = changes.swap_remove(rng.usize(..changes.len()));
    change.form = std::mem::take(&mut change.query);
    // Large ones take their time.
    let place = match rng.usize(..KINDS.len()) {
        large if large >= KINDS.len() - 3 && rng.u8(..8) > 0 => rng.usize(..KINDS.len() - 3),
        place => place,
    };
    let (kind, make, codes, ending) = KINDS[place];
    Wrong {
        kind,
        first: None,
        request: make(&mut change, rng),
        codes,
        ending,
    }
}

fn text(request: &Request, rng: &mut Rng) -> String {
    String::from_utf8(signed(request, rng)).expect("is text")
}

/// Any beginning of a request.
fn cut(change: &mut Request, rng: &mut Rng) -> Vec<u8> {
    let mut sent = signed(change, rng);
    sent.truncate(rng.usize(1..sent.len()));
    sent
}

fn no_http(_: &mut Request, rng: &mut Rng) -> Vec<u8> {
    let known: [&[u8]; 7] = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\nhost: a\r\n\r\n",
        b"GET /\r\n\r\n",
        b"\r\n\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"\x05\x01\x00",
    ];
    if rng.bool() {
        return known[rng.usize(..known.len())].to_vec();
    }
    let length = rng.usize(1..300);
    (0..length).map(|_| rng.u8(..)).collect()
}

/// Signed by somebody else, since what is damaged may be what no signature covers.
fn damaged(change: &mut Request, rng: &mut Rng) -> Vec<u8> {
    "guess".clone_into(&mut change.secret);
    let mut sent = signed(change, rng);
    for _ in 0..rng.usize(1..6) {
        let at = rng.usize(..sent.len());
        match rng.u8(..3) {
            0 => sent[at] = rng.u8(..),
            1 => sent.insert(at, rng.u8(..)),
            _ => drop(sent.remove(at)),
        }
    }
    sent
}

/// The request with another length of its body.
fn with_length(change: &Request, length: &str, rng: &mut Rng) -> Vec<u8> {
    let sent = text(change, rng);
    let at = sent.find("content-length: ").expect("has one") + "content-length: ".len();
    let end = at + sent[at..].find('\r').expect("ends");
    format!("{}{length}{}", &sent[..at], &sent[end..]).into_bytes()
}

fn length_of(change: &Request) -> usize {
    let sent = String::from_utf8(change.acs3()).expect("is text");
    sent.split_once("\r\n\r\n")
        .map_or(0, |(_, body)| body.len())
}

fn shorter(change: &mut Request, rng: &mut Rng) -> Vec<u8> {
    let length = length_of(change) + rng.usize(1..5_000);
    with_length(change, &length.to_string(), rng)
}

fn longer(change: &mut Request, rng: &mut Rng) -> Vec<u8> {
    let length = rng.usize(..length_of(change));
    with_length(change, &length.to_string(), rng)
}

fn no_length(change: &mut Request, rng: &mut Rng) -> Vec<u8> {
    let lengths = [
        "-1",
        "a",
        "1e3",
        "0x10",
        "99999999999999999999",
        "1, 2",
        "+5",
        "1\r\ncontent-length: 2",
    ];
    with_length(change, lengths[rng.usize(..lengths.len())], rng)
}

/// The request with its body in chunks that are none.
fn bad_chunks(change: &mut Request, rng: &mut Rng) -> Vec<u8> {
    let sent = text(change, rng);
    let (head, body) = sent.split_once("\r\n\r\n").expect("has a head");
    let lines = head
        .split("\r\n")
        .filter(|line| !line.starts_with("content-length"));
    let head = lines.collect::<Vec<_>>().join("\r\n");
    let length = body.len();
    let chunks = match rng.u8(..7) {
        0 => body.to_owned(),
        1 => format!("-1\r\n{body}\r\n0\r\n\r\n"),
        2 => format!("zz\r\n{body}\r\n0\r\n\r\n"),
        3 => format!("ffffffffffffffff1\r\n{body}\r\n0\r\n\r\n"),
        4 => format!("{length:x}\r\n{body}"),
        5 => format!("{:x}\r\n{body}\r\n0\r\n\r\n", length - 1),
        _ => format!("{length:x}\r\n{body}\r\n"),
    };
    format!("{head}\r\ntransfer-encoding: chunked\r\n\r\n{chunks}").into_bytes()
}

/// Unsigned, since chunks may be all right.
fn both_lengths(change: &mut Request, rng: &mut Rng) -> Vec<u8> {
    let body = "VpcName=taken";
    let coding = [
        "chunked",
        "gzip, chunked",
        "identity",
        "chunked, identity",
        "\u{b}chunked",
    ];
    format!(
        "POST / HTTP/1.1\r\nhost: a\r\nx-acs-action: {}\r\nx-acs-version: {}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\
         transfer-encoding: {}\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        change.action,
        change.version,
        rng.usize(..30),
        coding[rng.usize(..coding.len())],
        body.len()
    )
    .into_bytes()
}

fn bad_header(change: &mut Request, rng: &mut Rng) -> Vec<u8> {
    let lines = [
        "bad name: x",
        "no colon",
        "a: \u{0}",
        ": x",
        " folded: x",
        "a\u{e9}: x",
        "a(b): x",
    ];
    let line = lines[rng.usize(..lines.len())];
    let sent = text(change, rng);
    sent.replacen("HTTP/1.1\r\n", &format!("HTTP/1.1\r\n{line}\r\n"), 1)
        .into_bytes()
}

/// A whole request behind the end of a body that is said to be shorter.
fn smuggled(change: &mut Request, rng: &mut Rng) -> Vec<u8> {
    let inner = "POST /?CidrBlock=10.0.0.0/8 HTTP/1.1\r\nhost: a\r\nx-acs-action: CreateVpc\r\n\
         x-acs-version: 2016-04-28\r\ncontent-length: 0\r\n\r\n";
    change.form.push(("Description".to_owned(), "x".to_owned()));
    let length = length_of(change) - 1;
    let mut sent = with_length(change, &length.to_string(), rng);
    sent.truncate(sent.len() - 1);
    sent.extend(inner.bytes());
    sent
}

fn long_query(change: &mut Request, rng: &mut Rng) -> Vec<u8> {
    // Longer ones are too long for a head.
    let filler = "a".repeat(66_000 + rng.usize(..20_000));
    text(change, rng)
        .replacen("/?", &format!("/?a={filler}&"), 1)
        .into_bytes()
}

fn long_head(change: &mut Request, rng: &mut Rng) -> Vec<u8> {
    let more = if rng.bool() {
        format!("a: {}\r\n", "a".repeat(100_000 + rng.usize(..50_000)))
    } else {
        "a: b\r\n".repeat(101 + rng.usize(..500))
    };
    let more = format!("HTTP/1.1\r\n{more}");
    text(change, rng)
        .replacen("HTTP/1.1\r\n", &more, 1)
        .into_bytes()
}

fn long_body(_: &mut Request, rng: &mut Rng) -> Vec<u8> {
    let filler = "a".repeat((1 << 20) + rng.usize(..1_000_000));
    let request = call(Product::Vpc, "CreateVpc", &[("CidrBlock", "10.0.0.0/8")]);
    let request = request.form(&[("Description", &filler)]);
    signed(&request, rng)
}
