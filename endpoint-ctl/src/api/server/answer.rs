//! Answers: JSON, with a RequestId, whatever happened. May import: std, hyper, http-body-util,
//! serde_json, the module's own.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use hyper::{Response, StatusCode};
use serde_json::{Map, Value};

use crate::api::{ApiError, request_id};

const JSON: HeaderValue = HeaderValue::from_static("application/json;charset=utf-8");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-acs-request-id");
const RETRY_AFTER: HeaderName = HeaderName::from_static("x-acs-retry-after");
/// `HostId` of clients that did not say whom they meant to ask.
const NO_HOST: &str = "endpoint-ctl";
const LONGEST_HOST: usize = 255;
const RECOMMEND: &str = "See docs/api.md, Errors.";

/// An answer to one request.
pub(super) type Answer = Response<Full<Bytes>>;

/// What an answer says of its request.
#[derive(Debug, Clone)]
pub(super) struct About {
    pub(super) request_id: String,
    pub(super) host: String,
}

impl About {
    /// A new request.
    pub(super) fn new(headers: &HeaderMap) -> Self {
        let host = headers.get("host").and_then(|host| host.to_str().ok());
        let host = host.filter(|host| (1..=LONGEST_HOST).contains(&host.len()));
        Self {
            request_id: request_id::new(),
            host: host.unwrap_or(NO_HOST).to_owned(),
        }
    }
}

/// What was asked for.
pub(super) fn success(about: &About, members: Map<String, Value>) -> Answer {
    let mut all = Map::new();
    all.insert("RequestId".to_owned(), about.request_id.clone().into());
    all.extend(members);
    // Whatever the members say, the client is told the id that the log knows.
    all.insert("RequestId".to_owned(), about.request_id.clone().into());
    answer(StatusCode::OK, about, all)
}

/// Why it is not given.
pub(super) fn failure(about: &About, error: ApiError) -> Answer {
    // Anything below 400 would be a success to SDKs.
    let status = StatusCode::from_u16(error.status)
        .ok()
        .filter(|status| status.as_u16() >= 400)
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let retry_after_ms = error.retry_after_ms;
    let mut answer = answer(status, about, members(about, error));
    let headers = answer.headers_mut();
    if let Some(milliseconds) = retry_after_ms {
        headers.insert(RETRY_AFTER, milliseconds.into());
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("GET, POST"));
    }
    answer
}

fn members(about: &About, error: ApiError) -> Map<String, Value> {
    let recommend = error.mend.unwrap_or_else(|| RECOMMEND.to_owned());
    let mut members = error.members.map_or_else(Map::new, |members| *members);
    for (name, value) in [
        ("RequestId", about.request_id.clone()),
        ("HostId", about.host.clone()),
        ("Code", error.code.into_owned()),
        ("Message", error.message),
        ("Recommend", recommend),
    ] {
        members.insert(name.to_owned(), value.into());
    }
    members
}

/// The same, after which the connection cannot be used further.
pub(super) fn last(mut answer: Answer) -> Answer {
    let close = HeaderValue::from_static("close");
    answer.headers_mut().insert(CONNECTION, close);
    answer
}

fn answer(status: StatusCode, about: &About, members: Map<String, Value>) -> Answer {
    let body = Value::Object(members).to_string();
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&about.request_id) {
        headers.insert(REQUEST_ID, id);
    }
    answer
}

/// A whole answer, head and all, to what could not be read as HTTP.
pub(super) fn refusal(status: u16) -> Vec<u8> {
    let (code, message) = match status {
        414 => (
            "RequestUriTooLong",
            "The request's query is too long; send parameters in a form body.",
        ),
        431 => (
            "RequestHeadTooLarge",
            "The request's headers are too many or too long.",
        ),
        503 => (
            "ServiceUnavailable",
            "There are too many connections; try again later.",
        ),
        _ => ("InvalidRequest", "This is not an HTTP/1.1 request."),
    };
    let about = About::new(&HeaderMap::new());
    let body = Value::Object(members(&about, ApiError::new(status, code, message))).to_string();
    let reason = StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Error");
    let id = about.request_id;
    let length = body.len();
    format!(
        "HTTP/1.1 {status} {reason}\r\ncontent-type: application/json;charset=utf-8\r\ncontent-length: {length}\r\nconnection: close\r\nx-acs-request-id: {id}\r\n\r\n{body}"
    )
    .into_bytes()
}
