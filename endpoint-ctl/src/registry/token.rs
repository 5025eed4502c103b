//! Client tokens: a request that is sent again is answered as it was the first time.
//!
//! May import: std, jiff, serde, serde_json, sha2, model.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How long a token is remembered.
pub(super) const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);

/// A request that was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Token {
    /// What was asked, told apart by a digest.
    pub request: String,
    /// What was answered, without `RequestId`.
    pub answer: Map<String, Value>,
    /// When.
    pub at: Timestamp,
}

impl Token {
    /// Whether it is to be remembered no longer.
    pub fn is_old(&self, now: Timestamp) -> bool {
        now.duration_since(self.at) > REMEMBERED
    }
}
