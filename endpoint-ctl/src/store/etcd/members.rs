//! The connection to one of etcd's members, and calls over it. Imports `failure`, `proto` and `settings`, and
//! `error` of the store.
//!
//! One member is spoken to at a time. One that fails is left for the next.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, Stream};
use prost::Message;
use tokio::sync::{Mutex, mpsc};
use tokio::time::{Instant, timeout, timeout_at};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status, Streaming};
use tonic_prost::ProstCodec;

use super::super::StoreError;
use super::failure::{Failure, failure, reason};
use super::proto::{AuthenticateRequest, AuthenticateResponse};
use super::settings::{EtcdSettings, tls};

/// How long a call may take, in all.
pub const TIMEOUT: Duration = Duration::from_secs(2);

/// How long one of the tries of a call that can be repeated may take.
const TRY: Duration = Duration::from_millis(950);

/// How long one member may take to be connected to.
const CONNECT: Duration = Duration::from_millis(600);

/// How often a connection with calls in progress is probed, so that one to a host that vanished
/// ends. Members refuse to be probed more often than every 5 s.
const PROBE: Duration = Duration::from_secs(6);

/// A method of the API.
#[derive(Debug, Clone, Copy)]
pub(super) struct Method {
    path: &'static str,
    /// Whether doing it twice is like doing it once.
    repeatable: bool,
}

const fn method(path: &'static str, repeatable: bool) -> Method {
    Method { path, repeatable }
}

pub(super) const RANGE: Method = method("/etcdserverpb.KV/Range", true);
pub(super) const TXN: Method = method("/etcdserverpb.KV/Txn", false);
pub(super) const GRANT: Method = method("/etcdserverpb.Lease/LeaseGrant", true);
pub(super) const REVOKE: Method = method("/etcdserverpb.Lease/LeaseRevoke", true);
pub(super) const KEEP_ALIVE: Method = method("/etcdserverpb.Lease/LeaseKeepAlive", true);
pub(super) const WATCH: Method = method("/etcdserverpb.Watch/Watch", true);
const AUTHENTICATE: Method = method("/etcdserverpb.Auth/Authenticate", true);

/// All members that may be asked.
#[derive(Debug)]
pub(super) struct Members {
    place: String,
    endpoints: Vec<Endpoint>,
    credentials: Option<(String, String)>,
    /// Said of failures that it may explain: how a member refuses depends on who is faster.
    hint: &'static str,
    current: Mutex<Current>,
}

#[derive(Debug, Default)]
struct Current {
    member: usize,
    connection: Option<Connection>,
}

/// A connection to a member, with the token that it asks for.
#[derive(Debug, Clone)]
struct Connection {
    channel: Channel,
    token: Option<MetadataValue<Ascii>>,
    /// Tells it from those before and after.
    identity: Arc<()>,
}

impl Members {
    pub(super) fn new(settings: &EtcdSettings) -> Result<Self, StoreError> {
        let tls = tls(settings)?;
        let endpoints = settings.members.iter().map(|member| {
            let scheme = if tls.is_some() { "https" } else { "http" };
            let endpoint = Endpoint::from_shared(format!("{scheme}://{member}"))
                .and_then(|endpoint| match &tls {
                    Some(tls) => endpoint.tls_config(tls.clone()),
                    None => Ok(endpoint),
                })
                .map_err(|error| StoreError::Settings {
                    what: format!("{member}: {}", reason(&error)),
                    mend: "see that address, CA and certificate are right",
                })?;
            Ok(endpoint
                .tcp_nodelay(true)
                .http2_keep_alive_interval(PROBE)
                .keep_alive_timeout(TIMEOUT))
        });
        Ok(Self {
            place: settings.place(),
            endpoints: endpoints.collect::<Result<_, StoreError>>()?,
            credentials: settings.read_credentials()?,
            hint: match (&settings.ca, &settings.certificate) {
                (Some(_), None) => "; it may ask for a certificate, and none is named",
                _ => "",
            },
            current: Mutex::default(),
        })
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// Asks for one thing and waits for the answer, up to `TIMEOUT`.
    pub(super) async fn call<Q, A>(&self, method: Method, message: Q) -> Result<A, Failure>
    where
        Q: Message + Clone + 'static,
        A: Message + Default + 'static,
    {
        let deadline = Instant::now() + TIMEOUT;
        let mut last = None;
        // As many as there are members, and one for a connection that ended unnoticed.
        for _ in 0..=self.endpoints.len() {
            let until = if method.repeatable {
                deadline.min(Instant::now() + TRY)
            } else {
                deadline
            };
            let failure = match self.try_call(method, message.clone(), until).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let again = match failure {
                Failure::NotDone(_) => true,
                Failure::Unknown(_) => method.repeatable,
                Failure::Refused(..) | Failure::Compacted => false,
            };
            if !again {
                return Err(failure);
            }
            last = Some(failure);
            if Instant::now() >= deadline {
                break;
            }
        }
        Err(last.unwrap_or_else(|| Failure::NotDone("no member".to_owned())))
    }

    async fn try_call<Q, A>(&self, method: Method, message: Q, until: Instant) -> Result<A, Failure>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let connection = self.connection(until).await?;
        let called = timeout_at(until, unary(&connection, method, message)).await;
        let failure = match called {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(status)) => failure(&status),
            Err(_) => Failure::Unknown("no answer in time".to_owned()),
        };
        self.leave(&connection, &failure).await;
        Err(failure)
    }

    /// Opens a stream that asks these things, and whatever is sent then.
    pub(super) async fn stream<Q, A>(
        &self,
        method: Method,
        first: Q,
    ) -> Result<(mpsc::Sender<Q>, Answers<A>), Failure>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let until = Instant::now() + TIMEOUT;
        let connection = self.connection(until).await?;
        let (asks, asked) = mpsc::channel(4);
        let request = with_metadata(&connection, questions(first, asked));
        let opened = async {
            let mut grpc =
                Grpc::new(connection.channel.clone()).max_decoding_message_size(usize::MAX);
            grpc.ready()
                .await
                .map_err(|error| Status::from_error(error.into()))?;
            let codec: ProstCodec<Q, A> = ProstCodec::default();
            grpc.streaming(request, PathAndQuery::from_static(method.path), codec)
                .await
        };
        let failure = match timeout_at(until, opened).await {
            Ok(Ok(answers)) => {
                let answers = answers.into_inner();
                return Ok((
                    asks,
                    Answers {
                        answers,
                        connection,
                    },
                ));
            }
            Ok(Err(status)) => failure(&status),
            Err(_) => Failure::Unknown("no answer in time".to_owned()),
        };
        self.leave(&connection, &failure).await;
        Err(failure)
    }

    /// The next answer of a stream, or why there is none.
    pub(super) async fn next<A: Message + Default + 'static>(
        &self,
        answers: &mut Answers<A>,
    ) -> Result<A, Failure> {
        let failure = match answers.answers.message().await {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) => Failure::Unknown("the stream ended".to_owned()),
            Err(status) => failure(&status),
        };
        self.leave(&answers.connection, &failure).await;
        Err(failure)
    }

    /// Leaves the connection of a stream that is silent.
    pub(super) async fn leave_silent<A>(&self, answers: &Answers<A>) -> Failure {
        let failure = Failure::Unknown("no sign of life in time".to_owned());
        self.leave(&answers.connection, &failure).await;
        failure
    }

    /// A connection: the current one, or a new one to the first member that answers.
    async fn connection(&self, until: Instant) -> Result<Connection, Failure> {
        let connecting = async {
            let mut current = self.current.lock().await;
            if let Some(connection) = &current.connection {
                return Ok(connection.clone());
            }
            let mut last = Failure::NotDone("no member".to_owned());
            for _ in 0..self.endpoints.len() {
                match self.connect(current.member).await {
                    Ok(connection) => {
                        current.connection = Some(connection.clone());
                        return Ok(connection);
                    }
                    Err(Failure::Unknown(why)) => last = Failure::NotDone(why),
                    Err(failure) => last = failure,
                }
                current.member += 1;
            }
            Err(last)
        };
        timeout_at(until, connecting)
            .await
            .unwrap_or_else(|_| Err(Failure::NotDone("no connection in time".to_owned())))
    }

    async fn connect(&self, member: usize) -> Result<Connection, Failure> {
        let Some(endpoint) = self.endpoints.get(member % self.endpoints.len()) else {
            return Err(Failure::NotDone("no member".to_owned()));
        };
        let late = |_| Failure::NotDone(format!("{}: no connection in time", endpoint.uri()));
        let channel = timeout(CONNECT, endpoint.connect())
            .await
            .map_err(late)?
            .map_err(|error| Failure::NotDone(format!("{}: {}", endpoint.uri(), reason(&error))))?;
        let mut connection = Connection {
            channel,
            token: None,
            identity: Arc::new(()),
        };
        if let Some((name, password)) = &self.credentials {
            let ask = AuthenticateRequest {
                name: name.clone(),
                password: password.clone(),
            };
            let answer: AuthenticateResponse =
                timeout(CONNECT, unary(&connection, AUTHENTICATE, ask))
                    .await
                    .map_err(late)?
                    .map_err(|status| failure(&status))?;
            connection.token = answer.token.parse().ok();
        }
        Ok(connection)
    }

    /// Has the next call connect anew, to the next member, if the failure is of this connection.
    async fn leave(&self, left: &Connection, failure: &Failure) {
        if matches!(failure, Failure::Refused(..) | Failure::Compacted) {
            return;
        }
        let mut current = self.current.lock().await;
        let is_current = |now: &Connection| Arc::ptr_eq(&now.identity, &left.identity);
        if current.connection.as_ref().is_some_and(is_current) {
            current.connection = None;
            current.member += 1;
        }
    }

    pub(super) fn error(&self, failure: Failure) -> StoreError {
        let place = self.place.clone();
        let hinted = |why| format!("{why}{}", self.hint);
        match failure {
            Failure::NotDone(why) => StoreError::Unreachable {
                place,
                why: hinted(why),
            },
            Failure::Unknown(why) => StoreError::Unanswered {
                place,
                why: hinted(why),
            },
            Failure::Refused(why, mend) => StoreError::Refused { place, why, mend },
            Failure::Compacted => StoreError::Unreachable {
                place,
                why: "it compacts faster than it can be read".to_owned(),
            },
        }
    }
}

/// The answers of a stream.
#[derive(Debug)]
pub(super) struct Answers<A> {
    answers: Streaming<A>,
    connection: Connection,
}

fn questions<Q: Send + 'static>(first: Q, rest: mpsc::Receiver<Q>) -> impl Stream<Item = Q> + Send {
    stream::unfold((Some(first), rest), |(first, mut rest)| async {
        match first {
            Some(first) => Some((first, (None, rest))),
            None => rest.recv().await.map(|next| (next, (None, rest))),
        }
    })
}

fn with_metadata<M>(connection: &Connection, message: M) -> Request<M> {
    let mut request = Request::new(message);
    let metadata = request.metadata_mut();
    // A member that has lost the others says so at once, instead of waiting for them.
    metadata.insert("hasleader", MetadataValue::from_static("true"));
    if let Some(token) = &connection.token {
        metadata.insert("token", token.clone());
    }
    request
}

async fn unary<Q, A>(connection: &Connection, method: Method, message: Q) -> Result<A, Status>
where
    Q: Message + 'static,
    A: Message + Default + 'static,
{
    let mut grpc = Grpc::new(connection.channel.clone()).max_decoding_message_size(usize::MAX);
    grpc.ready()
        .await
        .map_err(|error| Status::from_error(error.into()))?;
    let codec: ProstCodec<Q, A> = ProstCodec::default();
    let request = with_metadata(connection, message);
    let answer = grpc
        .unary(request, PathAndQuery::from_static(method.path), codec)
        .await?;
    Ok(answer.into_inner())
}
