//! 50,000 requests that are wrong in ways of chance: none gets through, none breaks anything.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::client::Reply;
use crate::rig::{Rig, unix_client};
use crate::signer::{Request, call, date};

const REQUESTS: usize = 50_000;
const WORKERS: usize = 4;
const TIME: Duration = Duration::from_secs(40);

/// What may be said to a request.
enum Expected {
    /// It is HTTP, so there is an answer, and the connection goes on.
    Refused,
    /// It is no HTTP: there is an answer or the connection ends.
    Anything,
}

#[test]
fn fifty_thousand_wrong_requests_are_refused_in_json() {
    let rig = Rig::new();
    let socket = rig.socket();
    let began = Instant::now();
    let (told, cut) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for worker in 0..WORKERS {
            let (socket, told, cut) = (&socket, &told, &cut);
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(worker as u64);
                let mut client = unix_client(socket);
                for _ in 0..REQUESTS / WORKERS {
                    let (request, expected) = wrong(&mut random);
                    client.send(&request);
                    if matches!(expected, Expected::Anything) {
                        // Nothing more comes, so that what is half a request is known to be all.
                        let _ = client.stream.shutdown(std::net::Shutdown::Write);
                    }
                    match client.read() {
                        Ok(reply) => {
                            is_refused(&reply, &request);
                            told.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(error) => {
                            assert!(
                                matches!(expected, Expected::Anything),
                                "{error}: {}",
                                String::from_utf8_lossy(&request)
                            );
                            cut.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                    if matches!(expected, Expected::Anything) {
                        client = unix_client(socket);
                    }
                }
            });
        }
    });
    let took = began.elapsed();
    let (told, cut) = (told.into_inner(), cut.into_inner());
    println!(
        "{told} refused in JSON, {cut} cut, in {:.1} s",
        took.as_secs_f64()
    );
    assert_eq!(told + cut, REQUESTS);
    assert!(told > REQUESTS * 7 / 10, "only {told} were told");
    assert!(took < TIME, "{took:?}");
    assert!(rig.ended().is_empty(), "a call got through");
    assert_eq!(rig.client().ask(call("X", &[]).acs3()).status, 200);
}

fn is_refused(reply: &Reply, request: &[u8]) {
    let request = String::from_utf8_lossy(request);
    assert!((400..500).contains(&reply.status), "{reply:?}: {request}");
    let code = reply.code();
    assert!(!code.is_empty() && code.len() < 100, "{code}: {request}");
}

fn wrong(random: &mut fastrand::Rng) -> (Vec<u8>, Expected) {
    let good = good(random);
    match random.u8(0..10) {
        0 => (bytes(random), Expected::Anything),
        1 => (damaged(good, random), Expected::Anything),
        2 => {
            let mut cut = signed(&good, random);
            cut.truncate(random.usize(..cut.len()));
            (cut, Expected::Anything)
        }
        3 => (oversized(random), Expected::Anything),
        4 => (unsigned(&good, random), Expected::Refused),
        5 => (stripped(&good, random), Expected::Refused),
        6 => (nonsense(random), Expected::Refused),
        _ => (forged(good, random), Expected::Refused),
    }
}

/// A request that would be let in.
fn good(random: &mut fastrand::Rng) -> Request {
    let mut request = call("DescribeRegions", &[]);
    let add = |random: &mut fastrand::Rng| {
        let count = random.usize(0..6);
        (0..count)
            .map(|_| (name(random), text(random)))
            .collect::<Vec<_>>()
    };
    request.query = add(random);
    if random.bool() {
        request.form = add(random);
    }
    request
}

fn signed(request: &Request, random: &mut fastrand::Rng) -> Vec<u8> {
    if random.bool() {
        request.acs3()
    } else {
        request.rpc()
    }
}

/// The same signed by somebody else, at another time, or changed after it was signed.
fn forged(mut request: Request, random: &mut fastrand::Rng) -> Vec<u8> {
    match random.u8(0..4) {
        0 => request.secret = text(random),
        1 => request.key = "nobody",
        2 => request.date = date(if random.bool() { 2_000 } else { -2_000 }),
        _ => {
            let sent = String::from_utf8(signed(&request, random)).unwrap_or_default();
            let at = sent.find("ignature=").map_or(0, |at| at + 9);
            let (before, after) = sent.split_at(at);
            let first = if after.starts_with('1') { "2" } else { "1" };
            return format!("{before}{first}{}", &after[1..]).into_bytes();
        }
    }
    signed(&request, random)
}

/// The same without a line that says who sent it.
fn stripped(request: &Request, random: &mut fastrand::Rng) -> Vec<u8> {
    let gone = *random
        .choice(&[
            "authorization:",
            "x-acs-date:",
            "x-acs-signature-nonce:",
            "x-acs-action:",
            "host:",
        ])
        .unwrap_or(&"host:");
    let sent = String::from_utf8(request.acs3()).unwrap_or_default();
    let (head, body) = sent.split_once("\r\n\r\n").unwrap_or((&sent, ""));
    let lines: Vec<_> = head
        .split("\r\n")
        .filter(|line| !line.starts_with(gone))
        .collect();
    format!("{}\r\n\r\n{body}", lines.join("\r\n")).into_bytes()
}

fn unsigned(request: &Request, random: &mut fastrand::Rng) -> Vec<u8> {
    let method = random.choice(&[
        "GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW",
    ]);
    let path = random.choice(&[
        "/",
        "/?Action=X&Version=2020-04-15",
        "/a/../b",
        "/%",
        "/?%",
        "/?a=%zz",
        "*",
    ]);
    let (method, path) = (method.unwrap_or(&"GET"), path.unwrap_or(&"/"));
    // Only OPTIONS may ask for `*`.
    let path = if *method == "OPTIONS" || *path != "*" {
        path
    } else {
        "/"
    };
    format!(
        "{method} {path} HTTP/1.1\r\nhost: {}\r\nx-acs-action: {}\r\nx-acs-version: 2020-04-15\r\ncontent-length: 0\r\n\r\n",
        "h".repeat(random.usize(0..300)),
        request.action
    )
    .into_bytes()
}

/// Signature parameters and headers of chance, in what is HTTP.
fn nonsense(random: &mut fastrand::Rng) -> Vec<u8> {
    let visible = |random: &mut fastrand::Rng| {
        let length = random.usize(0..40);
        (0..length)
            .map(|_| random.char('!'..='~'))
            .collect::<String>()
    };
    let mut query = Vec::new();
    for name in [
        "AccessKeyId",
        "Signature",
        "SignatureMethod",
        "Timestamp",
        "SignatureNonce",
        "SignatureVersion",
    ] {
        if random.bool() {
            let value = visible(random)
                .replace(['#', '&', '"', '<', '>', '`', '{', '}', '|', '\\', '^'], "");
            query.push(format!("{name}={value}"));
        }
    }
    let mut head = format!("POST /?{} HTTP/1.1\r\nhost: a\r\n", query.join("&"));
    for name in [
        "authorization",
        "x-acs-date",
        "x-acs-signature-nonce",
        "x-acs-content-sha256",
        "content-type",
        "x-acs-version",
    ] {
        if random.bool() {
            head.extend([format!("{name}: {}\r\n", visible(random))]);
        }
    }
    if random.bool() {
        head.extend([format!(
            "authorization: ACS3-HMAC-SHA256 {}\r\n",
            visible(random)
        )]);
    }
    let body = bytes(random);
    let mut request = format!("{head}content-length: {}\r\n\r\n", body.len()).into_bytes();
    request.extend(body);
    request
}

fn oversized(random: &mut fastrand::Rng) -> Vec<u8> {
    let length = 65_000 + random.usize(0..40_000);
    let filler = "a".repeat(length);
    match random.u8(0..20) {
        0 => {
            let body = "a".repeat((1 << 20) + length);
            format!(
                "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
        }
        1..=6 => format!("GET /?{filler} HTTP/1.1\r\nhost: a\r\n\r\n"),
        7..=12 => format!("GET / HTTP/1.1\r\nhost: a\r\na: {filler}\r\n\r\n"),
        _ => format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(length / 500)),
    }
    .into_bytes()
}

/// Signed by somebody else, since what is damaged may be what no signature covers.
fn damaged(mut good: Request, random: &mut fastrand::Rng) -> Vec<u8> {
    "guess".clone_into(&mut good.secret);
    let mut request = signed(&good, random);
    for _ in 0..random.usize(1..6) {
        let at = random.usize(..request.len());
        match random.u8(0..3) {
            0 => request[at] = random.u8(..),
            1 => request.insert(at, random.u8(..)),
            _ => drop(request.remove(at)),
        }
    }
    request
}

fn bytes(random: &mut fastrand::Rng) -> Vec<u8> {
    let length = random.usize(1..300);
    (0..length).map(|_| random.u8(..)).collect()
}

fn name(random: &mut fastrand::Rng) -> String {
    let names = [
        "RegionId",
        "Tag.1.Key",
        "Tag.0",
        "Tag.1",
        "Tag",
        "a.b.c.d.e.f.g.h.i.j",
        ".",
        "Zone.99999999999.ip",
    ];
    let name = random.choice(&names).map_or("", |name| name);
    format!(
        "{name}{}",
        if random.u8(0..4) == 0 {
            text(random)
        } else {
            String::new()
        }
    )
}

fn text(random: &mut fastrand::Rng) -> String {
    let length = random.usize(1..12);
    (0..length).map(|_| random.char(..)).collect()
}
