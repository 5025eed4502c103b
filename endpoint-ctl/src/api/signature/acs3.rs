//! ACS3-HMAC-SHA256: a signature in the header `Authorization`, over headers, query and body.
//!
//! SDKs sign other headers than the documentation says, so what is signed is what `SignedHeaders`
//! names. But what this server goes by must be among it, or it could be changed on the way.
//!
//! May import: std, hyper, sha2, the module's own.

use std::fmt::Write as _;

use hyper::HeaderMap;
use sha2::{Digest as _, Sha256};

use super::{ApiError, Claim, Scheme, Signed, date, incomplete, missing, nonce, unsupported};
use crate::api::error::shown;
use crate::api::form;

const ALGORITHM: &str = "ACS3-HMAC-SHA256";
const DIGEST: &str = "x-acs-content-sha256";

/// Reads what `Authorization` and the headers that it needs claim.
pub(super) fn claim<'r>(request: &Signed<'r>) -> Result<Claim<'r>, ApiError> {
    let authorization = one(request.headers, "authorization")?.unwrap_or_default();
    let (algorithm, fields) = authorization.split_once(' ').unwrap_or((authorization, ""));
    if algorithm != ALGORITHM {
        return Err(unsupported(&shown(algorithm)));
    }
    let fields = Fields::read(fields)?;
    let required = |name: &'static str, code: &str| {
        one(request.headers, name)?.ok_or_else(|| missing(code, &format!("The header {name}")))
    };
    let time = required("x-acs-date", "Timestamp")?;
    let nonce = nonce(required("x-acs-signature-nonce", "SignatureNonce")?)?;
    let told_digest = required(DIGEST, "ContentSha256")?;
    let digest = hex(&Sha256::digest(request.body));
    if !told_digest.eq_ignore_ascii_case(&digest) {
        return Err(ApiError::new(
            400,
            "SignatureDoesNotMatch",
            format!(
                "The header {DIGEST} is not the SHA-256 digest of the body, which is {digest}."
            ),
        ));
    }
    check_signed(request.headers, &fields)?;
    let canonical = canonical(request, &fields, told_digest)?;
    Ok(Claim {
        scheme: Scheme::Acs3,
        key_id: fields.credential,
        nonce,
        date: date(time)?,
        string_to_sign: format!("{ALGORITHM}\n{}", hex(&Sha256::digest(&canonical))),
        signature: unhex(fields.signature)?,
    })
}

/// What stands in `Authorization`.
struct Fields<'r> {
    credential: &'r str,
    signed_headers: &'r str,
    signature: &'r str,
}

impl<'r> Fields<'r> {
    fn read(text: &'r str) -> Result<Self, ApiError> {
        let find = |name: &str| {
            let mut found = text.split(',').filter_map(|field| {
                let (key, value) = field.trim().split_once('=')?;
                (key == name).then_some(value)
            });
            match (found.next(), found.next()) {
                (Some(value), None) if !value.is_empty() => Ok(value),
                _ => Err(incomplete(format!(
                    "The header Authorization must have one {name}: `{ALGORITHM} Credential=...,SignedHeaders=...,Signature=...`."
                ))),
            }
        };
        Ok(Self {
            credential: find("Credential")?,
            signed_headers: find("SignedHeaders")?,
            signature: find("Signature")?,
        })
    }

    fn names(&self) -> impl Iterator<Item = &'r str> {
        self.signed_headers.split(';')
    }

    fn covers(&self, header: &str) -> bool {
        self.names().any(|name| name.eq_ignore_ascii_case(header))
    }
}

/// Whether all is signed that this server goes by.
fn check_signed(headers: &HeaderMap, fields: &Fields<'_>) -> Result<(), ApiError> {
    let ours = headers.keys().map(hyper::header::HeaderName::as_str);
    let ours = ours.filter(|name| name.starts_with("x-acs-"));
    match ours.chain(["host"]).find(|name| !fields.covers(name)) {
        None => Ok(()),
        Some(name) => Err(incomplete(format!(
            "The header {name} must be signed: SignedHeaders must name host and all headers x-acs-*."
        ))),
    }
}

fn canonical(request: &Signed<'_>, fields: &Fields<'_>, digest: &str) -> Result<Vec<u8>, ApiError> {
    let mut query: Vec<_> = request.query.iter().map(|(n, v)| (&**n, &**v)).collect();
    query.sort_unstable();
    let mut text = format!("{}\n/\n{}\n", request.method, form::canonical(query)).into_bytes();
    for name in fields.names() {
        let mut values: Vec<&[u8]> = Vec::new();
        let all = request.headers.get_all(name.to_ascii_lowercase());
        values.extend(all.iter().map(|value| value.as_bytes().trim_ascii()));
        if values.is_empty() {
            let name = shown(name);
            return Err(incomplete(format!(
                "SignedHeaders names {name}, which is not in the request."
            )));
        }
        values.sort_unstable();
        text.extend(name.to_ascii_lowercase().bytes());
        text.push(b':');
        text.extend(values.join(&b','));
        text.push(b'\n');
    }
    text.push(b'\n');
    text.extend(fields.signed_headers.bytes());
    text.push(b'\n');
    text.extend(digest.bytes());
    Ok(text)
}

/// The value of a header that there may be one of, in ASCII.
fn one<'r>(headers: &'r HeaderMap, name: &'static str) -> Result<Option<&'r str>, ApiError> {
    let mut values = headers.get_all(name).iter();
    let (value, second) = (values.next(), values.next());
    match (value.map(|value| value.to_str()), second) {
        (None, _) => Ok(None),
        (Some(Ok(value)), None) => Ok(Some(value)),
        _ => Err(incomplete(format!(
            "The header {name} must be given once, in ASCII."
        ))),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Result<Vec<u8>, ApiError> {
    let wrong = || incomplete("The Signature in the header Authorization is not in hexadecimal.");
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    text.as_bytes()
        .chunks(2)
        .map(|pair| {
            let pair = str::from_utf8(pair).map_err(|_| wrong())?;
            u8::from_str_radix(pair, 16).map_err(|_| wrong())
        })
        .collect()
}
