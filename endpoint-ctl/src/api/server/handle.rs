//! From a request to its answer.
//!
//! May import: std, hyper, tokio, tracing, the module's own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Method, Request};
use serde_json::{Map, Value};
use tokio::sync::{OwnedSemaphorePermit, SemaphorePermit};
use tokio::time::timeout;

use super::answer::{self, About, Answer};
use super::connection::Origin;
use super::seats::Seat;
use super::{Shared, body};
use crate::api::authenticate::{Caller, authenticate};
use crate::api::error::shown;
use crate::api::form;
use crate::api::signature::{self, Scheme, Signed};
use crate::api::{ApiError, Call, Parameters, Product, Service};

const FORM: &str = "application/x-www-form-urlencoded";

/// What the protocol needs for itself, and operations never see.
const OF_THE_PROTOCOL: [&str; 12] = [
    "AccessKeyId",
    "Action",
    "BearerToken",
    "Format",
    "SecurityToken",
    "Signature",
    "SignatureMethod",
    "SignatureNonce",
    "SignatureType",
    "SignatureVersion",
    "Timestamp",
    "Version",
];

/// A request that has been read, and where it came from.
struct Received {
    head: Parts,
    body: Vec<u8>,
    origin: Origin,
    about: About,
}

/// Answers one request; never fails.
pub(super) async fn answer<S: Service>(
    request: Request<Incoming>,
    origin: Origin,
    seat: &Seat,
    shared: Arc<Shared<S>>,
) -> Answer {
    let began = Instant::now();
    let (head, body) = request.into_parts();
    let about = About::new(&head.headers);
    let method = head.method.clone();
    let limits = &shared.settings.limits;
    let result = match body::read(body, limits, &shared.large_bodies).await {
        // While it is read, others may need the seat more.
        Ok((body, _large)) => {
            let _busy = seat.busy();
            let received = Received {
                head,
                body,
                origin,
                about: about.clone(),
            };
            Ok(run(received, &shared).await)
        }
        Err(error) => Err(error),
    };
    let (result, is_last) = match result {
        Ok(result) => (result, false),
        Err(error) => (Err(error), true),
    };
    let code = result.as_ref().map_or_else(|error| &*error.code, |_| "OK");
    tracing::debug!(
        request_id = about.request_id,
        %method,
        code,
        milliseconds = began.elapsed().as_millis(),
        "answered"
    );
    let answer = match result {
        Ok(members) => answer::success(&about, members),
        Err(error) => answer::failure(&about, error),
    };
    if is_last {
        answer::last(answer)
    } else {
        answer
    }
}

/// Runs the request in a task of its own: it goes on if the client goes away or if it takes too long,
/// and a panic in it ends nothing else.
async fn run<S: Service>(
    received: Received,
    shared: &Arc<Shared<S>>,
) -> Result<Map<String, Value>, ApiError> {
    let request_id = received.about.request_id.clone();
    let task = tokio::spawn(process(received, Arc::clone(shared)));
    match timeout(shared.settings.limits.call_time, task).await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => {
            tracing::error!(request_id, %panic, "a request could not be answered");
            Err(ApiError::internal())
        }
        Err(_) => Err(ApiError::unavailable(
            "The request takes too long. What it does may still come about.",
        )),
    }
}

async fn process<S: Service>(
    received: Received,
    shared: Arc<Shared<S>>,
) -> Result<Map<String, Value>, ApiError> {
    let (call, caller) = understand(received, &shared)?;
    let (account, action) = (call.account.clone(), call.action.clone());
    let request_id = call.request_id.clone();
    let _turns = wait_for_turn(&caller, &shared).await?;
    let result = shared.service.call(call).await;
    if let Err(error) = result.as_ref()
        && error.status >= 500
    {
        let (code, message) = (&error.code, &error.message);
        tracing::warn!(request_id, %account, action, %code, message, "a call failed");
    }
    result
}

/// The call that a request is, from whom it says it is.
fn understand<S>(received: Received, shared: &Shared<S>) -> Result<(Call, Caller), ApiError> {
    let Received {
        head,
        body,
        origin,
        about,
    } = received;
    check_place(&head)?;
    let query = form::decode(head.uri.query().unwrap_or_default().as_bytes(), "query")?;
    let form = form_body(&head, &body)?;
    let parameters = form::merge(query.iter().cloned().chain(form))?;
    let signed = Signed {
        method: head.method.as_str(),
        headers: &head.headers,
        query: &query,
        parameters: &parameters,
        body: &body,
    };
    let caller = match (signature::claim(&signed)?, &shared.settings.unix_account) {
        (Some(claim), _) => authenticate(&claim, &shared.secrets.keys(), &shared.admission)?,
        (None, Some(account)) if origin == Origin::Unix => Caller {
            account: account.clone(),
            scheme: None,
            calls: None,
        },
        (None, _) => {
            return Err(
                ApiError::new(400, "MissingSignature", "The request is not signed.")
                    .mend("Give the client an access key of the keys file."),
            );
        }
    };
    let (product, action) = operation(&head, &parameters, caller.scheme)?;
    let mut parameters = parameters;
    check_format(&parameters)?;
    for name in OF_THE_PROTOCOL {
        parameters.remove(name);
    }
    let call = Call {
        account: caller.account.clone(),
        product,
        action,
        parameters: Parameters::new(parameters)?,
        request_id: about.request_id,
    };
    Ok((call, caller))
}

fn check_place(head: &Parts) -> Result<(), ApiError> {
    if head.method != Method::GET && head.method != Method::POST {
        let method = shown(head.method.as_str());
        return Err(ApiError::new(
            405,
            "UnsupportedHTTPMethod",
            format!("This http method is not supported: {method}; use POST or GET."),
        ));
    }
    if head.uri.path() != "/" {
        return Err(ApiError::new(
            404,
            "InvalidAction.NotFound",
            format!(
                "Specified api is not found, please check your url and method: the path is /, not {}.",
                shown(head.uri.path())
            ),
        ));
    }
    Ok(())
}

fn form_body(head: &Parts, body: &[u8]) -> Result<Vec<form::Pair>, ApiError> {
    // Some clients name a type and send nothing.
    if body.is_empty() {
        return Ok(Vec::new());
    }
    let kind = head.headers.get("content-type");
    let kind = kind.map_or(Ok(FORM), |kind| kind.to_str());
    let is_form = kind.is_ok_and(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case(FORM)
    });
    if !is_form {
        return Err(ApiError::new(
            415,
            "UnsupportedContentType",
            format!("The request's body is not of the type {FORM}."),
        ));
    }
    form::decode(body, "body")
}

/// What is called. Headers name it, or parameters; only what the signature covers counts, so where it
/// covers no headers, they may at most say the same.
fn operation(
    head: &Parts,
    parameters: &BTreeMap<String, String>,
    scheme: Option<Scheme>,
) -> Result<(Product, String), ApiError> {
    let find = |header: &str, name: &str| {
        let value = head.headers.get(header).map(|value| value.to_str());
        let by_header = match value.transpose() {
            Ok(value) => value.filter(|value| !value.is_empty()),
            Err(_) => return Err(ApiError::invalid(name, "it is not ASCII")),
        };
        let given = parameters.get(name).map(String::as_str);
        let by_parameter = given.filter(|value| !value.is_empty());
        match (by_header, by_parameter) {
            (None, None) => Err(ApiError::missing(name)),
            (None, Some(value)) => Ok(value.to_owned()),
            (Some(value), None) if scheme != Some(Scheme::Rpc) => Ok(value.to_owned()),
            (Some(value), Some(same)) if value == same => Ok(value.to_owned()),
            (Some(_), _) => Err(ApiError::invalid(
                name,
                format!("the header {header} says another than the parameters, which are signed"),
            )),
        }
    };
    let version = find("x-acs-version", "Version")?;
    let product = Product::of_version(&version).ok_or_else(|| {
        let known = Product::ALL.map(|product| format!("{} ({product})", product.version()));
        ApiError::new(
            400,
            "InvalidVersion",
            format!(
                "Specified parameter Version is not valid: {}.",
                shown(&version)
            ),
        )
        .mend(format!("Use one of {}.", known.join(", ")))
    })?;
    let action = find("x-acs-action", "Action")?;
    if action.len() > 64 || !action.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(ApiError::action_not_found(product, &action));
    }
    Ok((product, action))
}

fn check_format(parameters: &BTreeMap<String, String>) -> Result<(), ApiError> {
    match parameters.get("Format") {
        Some(format) if !format.is_empty() && !format.eq_ignore_ascii_case("json") => Err(
            ApiError::invalid("Format", "answers are in JSON, and in nothing else"),
        ),
        _ => Ok(()),
    }
}

/// The turn of a call: one of its key's, and one of all.
struct Turns<'s> {
    _of_key: Option<OwnedSemaphorePermit>,
    _of_all: SemaphorePermit<'s>,
}

async fn wait_for_turn<'s, S>(
    caller: &Caller,
    shared: &'s Shared<S>,
) -> Result<Turns<'s>, ApiError> {
    let patience = shared.settings.limits.queue_time;
    let of_key = match &caller.calls {
        None => None,
        Some(calls) => {
            let turn = timeout(patience, Arc::clone(calls).acquire_owned()).await;
            let busy =
                || ApiError::throttled("This access key has too many calls under way.", 1_000);
            let turn = turn.map_err(|_| busy())?;
            Some(turn.map_err(|_| ApiError::internal())?)
        }
    };
    let turn = timeout(patience, shared.calls.acquire()).await;
    let turn = turn.map_err(|_| ApiError::unavailable("There are too many calls under way."))?;
    Ok(Turns {
        _of_key: of_key,
        _of_all: turn.map_err(|_| ApiError::internal())?,
    })
}
