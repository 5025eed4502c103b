//! Requests that are signed as they must be, of changes that would do well, and that are none that is known:
//! another operation, method, path, encoding, or type of body.

use fastrand::Rng;

use super::forged::{one, signed, text};
use crate::signer::{Request, owned};

pub(super) fn unknown_action(request: &mut Request, rng: &mut Rng) -> Vec<u8> {
    let length = rng.usize(60..200);
    request.action = match rng.u8(..4) {
        0 => String::new(),
        1 => request.action.to_lowercase(),
        2 => "A".repeat(length),
        _ => one(
            rng,
            &[
                "CreateVpcs",
                "Delete-Vpc",
                "../CreateVpc",
                "CreateVpc;",
                "null",
                "*",
            ],
        )
        .to_owned(),
    };
    signed(request, rng)
}

pub(super) fn unknown_version(request: &mut Request, rng: &mut Rng) -> Vec<u8> {
    let versions = [
        "",
        "1.0",
        "2016-04-29",
        "2016-4-28",
        "latest",
        "2014-05-26a",
        "*",
    ];
    one(rng, &versions).clone_into(&mut request.version);
    signed(request, rng)
}

pub(super) fn unknown_method(request: &mut Request, rng: &mut Rng) -> Vec<u8> {
    request.method = one(
        rng,
        &[
            "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW", "get", "Post",
        ],
    );
    signed(request, rng)
}

pub(super) fn unknown_path(request: &mut Request, rng: &mut Rng) -> Vec<u8> {
    let path = one(
        rng,
        &["//", "/api", "/.", "/a/../", "/%2f", "/metrics", "/;"],
    );
    text(request, rng)
        .replacen("/?", &format!("{path}?"), 1)
        .into_bytes()
}

pub(super) fn encoding(request: &mut Request, rng: &mut Rng) -> Vec<u8> {
    let wrong = one(
        rng,
        &[
            "%zz=1", "a=%", "a=%f", "a=%ff%fe", "=x", "%c0%80=1", "a=%u0041", "%",
        ],
    );
    text(request, rng)
        .replacen("/?", &format!("/?{wrong}&"), 1)
        .into_bytes()
}

pub(super) fn given_twice(request: &mut Request, rng: &mut Rng) -> Vec<u8> {
    let all: Vec<_> = request.query.iter().chain(&request.form).cloned().collect();
    let (name, value) = all[rng.usize(..all.len())].clone();
    let again = (name, format!("{value}0"));
    if rng.bool() {
        request.query.push(again);
    } else {
        request.form.push(again);
    }
    signed(request, rng)
}

pub(super) fn another_type(request: &mut Request, rng: &mut Rng) -> Vec<u8> {
    if rng.u8(..3) == 0 {
        let format = one(rng, &["XML", "jsonp", "yaml"]);
        request.query.push(("Format".to_owned(), format.to_owned()));
        return request.acs3();
    }
    if request.form.is_empty() {
        request.form = std::mem::take(&mut request.query);
    }
    let kind = one(
        rng,
        &[
            "application/json",
            "text/xml",
            "multipart/form-data; boundary=a",
            "a",
            "",
        ],
    );
    let form = "application/x-www-form-urlencoded";
    text(request, rng).replacen(form, kind, 1).into_bytes()
}

pub(super) fn token(request: &mut Request, rng: &mut Rng) -> Vec<u8> {
    let (name, value) = [
        ("SecurityToken", "abc"),
        ("BearerToken", "abc"),
        ("x-acs-security-token", "abc"),
        ("x-acs-bearer-token", "abc"),
    ][rng.usize(..4)];
    if name.starts_with("x-") {
        request.headers.extend(owned(&[(name, value)]));
    } else {
        request.query.extend(owned(&[(name, value)]));
    }
    signed(request, rng)
}
