//! Signatures: who claims to have sent a request, and whether that is so.
//!
//! Two ways of signing are known: ACS3-HMAC-SHA256, in headers (`acs3`), and HMAC-SHA1 of Alibaba's RPC
//! protocol, in parameters (`rpc`). Both come down to a [`Claim`], which [`Claim::verify`] checks.
//!
//! May import: std, hmac, sha1, sha2, hyper, jiff, the module's own.

mod acs3;
mod rpc;

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit as _, Mac as _};
use hyper::HeaderMap;
use jiff::Timestamp;
use sha1::Sha1;
use sha2::Sha256;

use super::ApiError;
use super::form::Pair;
use super::keys::Secret;

/// The longest nonce, in bytes.
const LONGEST_NONCE: usize = 128;
/// A string to sign is told to a client whose signature is wrong if it is no longer, in bytes.
const LONGEST_TOLD: usize = 4_096;

/// What signatures cover.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signed<'r> {
    pub(super) method: &'r str,
    pub(super) headers: &'r HeaderMap,
    /// The query as it came, decoded.
    pub(super) query: &'r [Pair],
    /// Query and form body.
    pub(super) parameters: &'r BTreeMap<String, String>,
    pub(super) body: &'r [u8],
}

/// How a request is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// Over headers, query and body.
    Acs3,
    /// Over method and parameters; headers are not covered.
    Rpc,
}

/// What a request says of itself; nothing of it is known to be true.
#[derive(Debug)]
pub(super) struct Claim<'r> {
    pub(super) scheme: Scheme,
    pub(super) key_id: &'r str,
    pub(super) nonce: &'r str,
    pub(super) date: Timestamp,
    string_to_sign: String,
    signature: Vec<u8>,
}

/// Reads what a request claims; `None` if it bears no signature at all.
pub(super) fn claim<'r>(request: &Signed<'r>) -> Result<Option<Claim<'r>>, ApiError> {
    refuse_tokens(request)?;
    if request.headers.contains_key("authorization") {
        acs3::claim(request).map(Some)
    } else if ["Signature", "AccessKeyId"]
        .iter()
        .any(|name| request.parameters.contains_key(*name))
    {
        rpc::claim(request).map(Some)
    } else {
        Ok(None)
    }
}

impl Claim<'_> {
    /// Whether the holder of the secret signed this request. Takes the same time whatever of the
    /// signature is wrong.
    pub(super) fn verify(&self, secret: &Secret) -> Result<(), ApiError> {
        let text = self.string_to_sign.as_bytes();
        let is_right = match self.scheme {
            Scheme::Acs3 => Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes())
                .map_err(|_| ApiError::internal())?
                .chain_update(text)
                .verify_slice(&self.signature)
                .is_ok(),
            Scheme::Rpc => {
                Hmac::<Sha1>::new_from_slice((secret.reveal().to_owned() + "&").as_bytes())
                    .map_err(|_| ApiError::internal())?
                    .chain_update(text)
                    .verify_slice(&self.signature)
                    .is_ok()
            }
        };
        if is_right {
            return Ok(());
        }
        let mut message = "Specified signature is not matched with our calculation.".to_owned();
        if self.string_to_sign.len() <= LONGEST_TOLD {
            // Old SDKs tell by this text whether it is the secret that is wrong.
            message += " server string to sign is:";
            message += &self.string_to_sign;
        }
        Err(ApiError::new(400, "SignatureDoesNotMatch", message).mend(
            "Check the access key's secret, and that nothing changes the request on its way.",
        ))
    }
}

/// Tokens of a security service, which is not here, and of bearers.
fn refuse_tokens(request: &Signed<'_>) -> Result<(), ApiError> {
    let has_header = |name| request.headers.contains_key(name);
    let parameter = |name| request.parameters.get(name).map_or("", String::as_str);
    if has_header("x-acs-security-token") || !parameter("SecurityToken").is_empty() {
        return Err(ApiError::new(
            400,
            "InvalidSecurityToken.NotSupported",
            "Temporary credentials (STS tokens) are not supported.",
        )
        .mend("Use an access key of the keys file."));
    }
    let kind = parameter("SignatureType");
    if has_header("x-acs-bearer-token") || !parameter("BearerToken").is_empty() || !kind.is_empty()
    {
        return Err(unsupported("bearer tokens and signature types"));
    }
    Ok(())
}

fn unsupported(what: &str) -> ApiError {
    ApiError::new(
        400,
        "UnsupportedSignatureMethod",
        format!("The request is signed in a way that is not supported here: {what}."),
    )
    .mend("Sign by ACS3-HMAC-SHA256, or by HMAC-SHA1 of the RPC protocol, version 1.0.")
}

/// The request bears something of a signature, but not all.
fn incomplete(why: impl Into<String>) -> ApiError {
    ApiError::new(400, "IncompleteSignature", why)
}

/// `Signature` is given by a header or by a parameter.
fn missing(name: &str, given_by: &str) -> ApiError {
    ApiError::new(
        400,
        format!("Missing{name}"),
        format!("{given_by}, which a signed request needs, is not given."),
    )
}

fn date(text: &str) -> Result<Timestamp, ApiError> {
    const LONGEST: usize = 30;
    let date = text.parse().ok();
    date.filter(|_| text.len() <= LONGEST && text.ends_with('Z'))
        .ok_or_else(|| {
            ApiError::new(
                400,
                "InvalidTimeStamp.Format",
                "Specified time stamp or date value is not well formatted.",
            )
            .mend("Write the time in UTC as 2026-11-23T23:07:00Z.")
        })
}

fn nonce(text: &str) -> Result<&str, ApiError> {
    if text.is_empty() || text.len() > LONGEST_NONCE {
        return Err(ApiError::invalid(
            "SignatureNonce",
            format!(
                "it has {} bytes; 1 to {LONGEST_NONCE} are right",
                text.len()
            ),
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
