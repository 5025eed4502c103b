//! What a client is told when it does not get what it asked for.
//!
//! Codes are Alibaba's, since SDKs and tools branch on them.
//!
//! May import: std, serde_json, the module's own.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::Product;

/// An answer that is an error.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    /// The HTTP status, 400 to 599: SDKs take anything below for success.
    pub status: u16,
    /// `Code`, by which programs tell errors apart.
    pub code: Cow<'static, str>,
    /// `Message`: what is wrong, and where.
    pub message: String,
    /// `Recommend`: how to mend it; without it, where codes are explained.
    pub mend: Option<String>,
    /// Header `x-acs-retry-after`, in milliseconds; SDKs raise a `ThrottlingException` by it.
    pub retry_after_ms: Option<u32>,
    /// Further members of the answer, such as `AccessDeniedDetail`.
    pub members: Option<Box<Map<String, Value>>>,
}

impl ApiError {
    /// An error without a mend.
    pub fn new(
        status: u16,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
            mend: None,
            retry_after_ms: None,
            members: None,
        }
    }

    /// The same, with how to mend it.
    #[must_use]
    pub fn mend(mut self, mend: impl Into<String>) -> Self {
        self.mend = Some(mend.into());
        self
    }

    /// The same, with when to try again.
    #[must_use]
    pub fn retry_after_ms(mut self, milliseconds: u32) -> Self {
        self.retry_after_ms = Some(milliseconds.max(1));
        self
    }

    /// The same, with a further member of the answer.
    #[must_use]
    pub fn member(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        let members = self.members.get_or_insert_default();
        members.insert(name.into(), value.into());
        self
    }

    /// A parameter that must be given is not: `MissingRegionId`; of `Zone.1.ip`, `MissingIp`.
    pub fn missing(parameter: &str) -> Self {
        let message =
            format!("The parameter {parameter}, which this operation needs, is not given.");
        Self::new(400, format!("Missing{}", code_part(parameter)), message)
    }

    /// A parameter's value cannot be taken: `InvalidMaxResults`. The message goes on with `why`.
    pub fn invalid(parameter: &str, why: impl AsRef<str>) -> Self {
        let message = format!(
            "The parameter {} is not valid: {}.",
            shown(parameter),
            why.as_ref()
        );
        Self::new(400, format!("Invalid{}", code_part(parameter)), message)
    }

    /// The parameters as a whole cannot be taken.
    pub fn invalid_parameters(why: impl Into<String>) -> Self {
        Self::new(400, "InvalidParameter", why)
    }

    /// The operation is not there.
    pub fn action_not_found(product: Product, action: &str) -> Self {
        let message = format!(
            "Specified api is not found, please check your url and method: {product} {} has no {} here.",
            product.version(),
            shown(action)
        );
        Self::new(404, "InvalidAction.NotFound", message)
    }

    /// Something of ours went wrong, of which the log says more.
    pub fn internal() -> Self {
        Self::new(
            500,
            "InternalError",
            "The request processing has failed due to some unknown error.",
        )
        .mend("Look for the RequestId in the log of the daemon.")
    }

    /// There is more to do than can be done; the same request may do well later.
    pub fn unavailable(why: impl Into<String>) -> Self {
        Self::new(503, "ServiceUnavailable", why).retry_after_ms(1_000)
    }

    /// This key asks for too much at a time.
    pub fn throttled(why: impl Into<String>, retry_after_ms: u32) -> Self {
        Self::new(429, "Throttling.User", why).retry_after_ms(retry_after_ms)
    }
}

/// What a code calls a parameter: its last field with a capital, of letters and digits alone.
fn code_part(parameter: &str) -> String {
    const LONGEST: usize = 64;
    let is_index = |part: &&str| part.chars().all(|c| c.is_ascii_digit());
    let field = parameter.split('.').rfind(|part| !is_index(part));
    let letters = field.unwrap_or_default().chars();
    let mut letters = letters.filter(char::is_ascii_alphanumeric).take(LONGEST);
    match letters.next() {
        Some(first) => first.to_ascii_uppercase().to_string() + &letters.collect::<String>(),
        None => "Parameter".to_owned(),
    }
}

/// What a client sent, cut to a length that fits a message.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 100;
    let mut cut: String = text.chars().take(LONGEST).collect();
    if cut.len() < text.len() {
        cut += "...";
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_name_the_parameter() {
        for (parameter, code) in [
            ("RegionId", "MissingRegionId"),
            ("Zone.1.ip", "MissingIp"),
            ("Tag.1.Key", "MissingKey"),
            ("SecurityGroupId.3", "MissingSecurityGroupId"),
            ("x\u{e9}y\r\n", "MissingXy"),
            ("", "MissingParameter"),
            ("1.2", "MissingParameter"),
        ] {
            assert_eq!(ApiError::missing(parameter).code, code);
        }
        let long = ApiError::invalid(&"a".repeat(5_000), "no");
        assert!(long.code.len() < 80 && long.message.len() < 200);
    }
}
