//! HMAC-SHA1 of the RPC protocol, version 1.0: a signature among the parameters, over method and
//! parameters, be they in the query or in the body. Headers are not covered.
//!
//! May import: base64, the module's own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{ApiError, Claim, Scheme, Signed, date, incomplete, missing, nonce, unsupported};
use crate::api::error::shown;
use crate::api::form;

const METHOD: &str = "HMAC-SHA1";
const VERSION: &str = "1.0";

/// Reads what the parameters claim.
pub(super) fn claim<'r>(request: &Signed<'r>) -> Result<Claim<'r>, ApiError> {
    let parameters = request.parameters;
    let required = |name: &str| match parameters.get(name) {
        Some(value) if !value.is_empty() => Ok(value.as_str()),
        _ => Err(missing(name, &format!("The parameter {name}"))),
    };
    let key_id = required("AccessKeyId")?;
    let signature = required("Signature")?;
    let method = required("SignatureMethod")?;
    if method != METHOD {
        return Err(unsupported(&shown(method)));
    }
    let version = required("SignatureVersion")?;
    if version != VERSION {
        return Err(unsupported(&format!("SignatureVersion {}", shown(version))));
    }
    let signature = STANDARD
        .decode(signature)
        .map_err(|_| incomplete("The parameter Signature is not in base64."))?;
    let signed = parameters
        .iter()
        .filter(|(name, _)| *name != "Signature")
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let signed = form::canonical(signed);
    let mut string_to_sign = format!("{}&%2F&", request.method);
    string_to_sign.extend(form::encode(&signed));
    Ok(Claim {
        scheme: Scheme::Rpc,
        key_id,
        nonce: nonce(required("SignatureNonce")?)?,
        date: date(required("Timestamp")?)?,
        string_to_sign,
        signature,
    })
}
