//! Dry runs, and client tokens: a request that is sent again changes nothing more.
//!
//! May import: std, serde_json, sha2, api, registry, operations' own.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::{Answer, Request};
use crate::api::ApiError;
use crate::registry::{Change, Token};

const LONGEST: usize = 64;

/// Runs a change, unless its client token says that it was run before.
pub(super) fn once(
    change: &mut Change,
    request: &Request<'_>,
    run: fn(&mut Change, &Request<'_>) -> Answer,
) -> Answer {
    let mut reader = request.parameters.reader();
    let token = reader
        .text("ClientToken")?
        .filter(|token| !token.is_empty());
    if reader.boolean("DryRun")? == Some(true) {
        run(change, request)?;
        return Err(ApiError::new(
            400,
            "DryRunOperation",
            "Request validation has been passed with DryRun flag set.",
        ));
    }
    let Some(token) = token else {
        return run(change, request);
    };
    if token.len() > LONGEST || !token.is_ascii() {
        return Err(reader.invalid("ClientToken", "it is more than 64 characters, or not ASCII"));
    }
    // What is asked, and by what token: both of any length and alphabet.
    let key = format!("{}:{}", request.account, digest(token.as_bytes()));
    let asked = digest(format!("{} {}", request.action, as_json(request)).as_bytes());
    if let Some(known) = change.registry().tokens.get(&key) {
        if known.request == asked {
            return Ok(known.answer.clone());
        }
        return Err(ApiError::new(
            400,
            "IdempotentParameterMismatch",
            "The request uses the same client token as a previous, but non-identical request.",
        )
        .mend("Use a new ClientToken for every new request."));
    }
    let answer = run(change, request)?;
    let token = Token {
        request: asked,
        answer: answer.clone(),
        at: change.now(),
    };
    change.remember(key, token);
    Ok(answer)
}

fn as_json(request: &Request<'_>) -> String {
    // It holds texts alone, which JSON can always say.
    serde_json::to_string(request.parameters).unwrap_or_default()
}

fn digest(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
