//! From a request to who sent it: key, time, signature, nonce and rate, in this order.
//!
//! Only a request whose signature is right costs its key anything: nobody else can use up its nonces
//! or its rate.
//!
//! May import: std, jiff, tokio, the module's own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Semaphore;

use super::ApiError;
use super::admission::Admission;
use super::keys::KeyRing;
use super::signature::{Claim, Scheme};
use crate::model::AccountId;

/// Requests may be so much older or newer than our clock says.
const WINDOW: SignedDuration = SignedDuration::from_mins(15);

/// Who sent a request.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) account: AccountId,
    /// What of the request the signature covers; none if it was let in without.
    pub(super) scheme: Option<Scheme>,
    /// Limits how many calls the caller runs at a time.
    pub(super) calls: Option<Arc<Semaphore>>,
}

/// Finds out who sent a request.
pub(super) fn authenticate(
    claim: &Claim<'_>,
    keys: &KeyRing,
    admission: &Admission,
) -> Result<Caller, ApiError> {
    let Some(key) = keys.find(claim.key_id) else {
        return Err(ApiError::new(
            404,
            "InvalidAccessKeyId.NotFound",
            "Specified access key is not found.",
        )
        .mend("Add it to the keys file, or use one that is there."));
    };
    let valid = valid_for(claim.date, Timestamp::now())?;
    claim.verify(&key.secret)?;
    if key.disabled {
        return Err(ApiError::new(
            400,
            "InvalidAccessKeyId.Inactive",
            "Specified access key is disabled.",
        )
        .mend("Remove `Disabled: true` from the keys file, or use another key."));
    }
    let calls = admission.admit(key, claim.nonce, valid, Instant::now())?;
    Ok(Caller {
        account: key.account.clone(),
        scheme: Some(claim.scheme),
        calls: Some(calls),
    })
}

/// For how long a request of this date can be sent from now on.
fn valid_for(date: Timestamp, now: Timestamp) -> Result<Duration, ApiError> {
    let age = now.duration_since(date);
    if age.abs() > WINDOW {
        return Err(ApiError::new(
            400,
            "InvalidTimeStamp.Expired",
            format!(
                "Specified time stamp or date value is expired: it is {} s from our clock, which is {now:.0}, and 900 s are allowed.",
                age.as_secs()
            ),
        )
        .mend("Set the clock of the client or of this host."));
    }
    Ok((WINDOW - age).unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_valid_for_15_minutes_either_way() {
        let now: Timestamp = "2026-11-23T23:07:00Z".parse().expect("is a time");
        for (date, valid) in [
            ("2026-11-23T23:07:00Z", Some(900)),
            ("2026-11-23T22:52:00Z", Some(0)),
            ("2026-11-23T23:22:00Z", Some(1_800)),
            ("2026-11-23T22:51:59Z", None),
            ("2026-11-23T23:22:01Z", None),
            ("1970-01-01T00:00:00Z", None),
            ("-009998-01-01T00:00:00Z", None),
            ("9999-12-30T00:00:00Z", None),
        ] {
            let date = date.parse().expect("is a time");
            let left = valid_for(date, now);
            assert_eq!(left.as_ref().ok().map(Duration::as_secs), valid, "{date}");
            if let Err(error) = left {
                assert_eq!(error.code, "InvalidTimeStamp.Expired");
            }
        }
    }
}
