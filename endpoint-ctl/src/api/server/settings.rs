//! How the server is set up, and why it may not start.
//!
//! May import: std, thiserror, tokio-rustls, the module's own.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tokio_rustls::rustls;

use crate::api::KeyFileError;
use crate::model::AccountId;

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// A Unix socket, for its owner alone.
    Unix(PathBuf),
    /// HTTP, on a loopback address.
    Http(SocketAddr),
    /// HTTP over TLS.
    Https(SocketAddr),
}

/// Not a place to listen on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a place to listen on; write unix:/path, ADDRESS:PORT, http://ADDRESS:PORT or https://ADDRESS:PORT, with an IP address"
)]
pub struct NoPlace(String);

impl FromStr for Listen {
    type Err = NoPlace;

    /// `unix:/path` or an absolute path; `http://ADDRESS:PORT`, `https://ADDRESS:PORT`; and
    /// `ADDRESS:PORT`, which is HTTP on a loopback address and HTTPS on any other.
    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let wrong = || NoPlace(text.to_owned());
        let path = text.strip_prefix("unix:").unwrap_or(text);
        if path.starts_with('/') {
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        let address = |text: &str| text.trim_end_matches('/').parse().map_err(|_| wrong());
        if let Some(rest) = text.strip_prefix("https://") {
            return address(rest).map(Self::Https);
        }
        if let Some(rest) = text.strip_prefix("http://") {
            return address(rest).map(Self::Http);
        }
        let address = address(text)?;
        Ok(if is_loopback(address.ip()) {
            Self::Http(address)
        } else {
            Self::Https(address)
        })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Http(address) => write!(f, "http://{address}"),
            Self::Https(address) => write!(f, "https://{address}"),
        }
    }
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// The server's certificate and its key, both PEM.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate, and those that vouch for it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// What holds for connections and calls; the default is made for one node's control.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at a time. One more displaces the one that has been idle the longest.
    pub connections: usize,
    /// Calls at a time; further ones wait.
    pub calls: usize,
    /// Calls of one access key at a time; further ones wait.
    pub calls_per_key: usize,
    /// Bytes of a request's line and headers.
    pub head_bytes: usize,
    /// Bytes of a body.
    pub body_bytes: usize,
    /// Bodies at a time that are longer than 64 KiB.
    pub large_bodies: usize,
    /// A TLS handshake has to be done, and a head be there, in this time, also on an idle connection.
    pub head_time: Duration,
    /// A body has to be there in this time.
    pub body_time: Duration,
    /// An answer has to go on being taken in this time.
    pub write_time: Duration,
    /// A call waits so long for its turn.
    pub queue_time: Duration,
    /// A call is answered by then, at the latest; what it does goes on.
    pub call_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            calls: 64,
            calls_per_key: 16,
            head_bytes: 96 << 10,
            body_bytes: 1 << 20,
            large_bodies: 16,
            head_time: Duration::from_secs(15),
            body_time: Duration::from_secs(10),
            write_time: Duration::from_secs(15),
            queue_time: Duration::from_secs(10),
            call_time: Duration::from_secs(30),
        }
    }
}

/// All that a server needs to know.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Where to listen.
    pub listen: Vec<Listen>,
    /// The keys file; TCP needs one.
    pub keys: Option<PathBuf>,
    /// Certificate and key, for HTTPS.
    pub tls: Option<TlsFiles>,
    /// The account of requests without a signature that come over a Unix socket; without it they are
    /// refused there too.
    pub unix_account: Option<AccountId>,
    /// What holds for connections and calls.
    pub limits: Limits,
}

impl Settings {
    /// Whether this can be served safely.
    pub(super) fn check(&self) -> Result<(), StartError> {
        if self.listen.is_empty() {
            return Err(StartError::Nowhere);
        }
        for place in &self.listen {
            match place {
                Listen::Http(address) if !is_loopback(address.ip()) => {
                    return Err(StartError::Plain(*address));
                }
                Listen::Https(address) if self.tls.is_none() => {
                    return Err(StartError::NoCertificate(*address));
                }
                _ => {}
            }
            let needs_keys = match place {
                Listen::Unix(_) => self.unix_account.is_none(),
                Listen::Http(_) | Listen::Https(_) => true,
            };
            if needs_keys && self.keys.is_none() {
                return Err(StartError::NoKeys(place.clone()));
            }
        }
        Ok(())
    }
}

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is nothing to listen on.
    #[error("the API has nowhere to listen; name a place by --api-listen")]
    Nowhere,
    /// Keys and what they sign would go over a network in the clear.
    #[error(
        "the API cannot be served at http://{0}: only loopback addresses may do without TLS; write https://{0} and give --api-tls-cert and --api-tls-key, or listen on 127.0.0.1"
    )]
    Plain(SocketAddr),
    /// TLS needs a certificate.
    #[error(
        "the API cannot be served at https://{0}: there is no certificate; give --api-tls-cert and --api-tls-key, or listen on 127.0.0.1"
    )]
    NoCertificate(SocketAddr),
    /// Nobody could call, or anybody.
    #[error("the API cannot be served at {0}: there are no keys; give --api-keys")]
    NoKeys(Listen),
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyFileError),
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The system refused to listen there.
    #[error("the API cannot be served at {place}: {source}")]
    Bind {
        /// Where.
        place: Listen,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody answers on the Unix socket.
    #[error("{0}: another server answers there; stop it, or choose another path")]
    InUse(PathBuf),
    /// Something else is in the Unix socket's place.
    #[error("{0}: there is a file that is no socket; remove it, or choose another path")]
    NoSocket(PathBuf),
}

/// Why certificate and key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Anybody may read the private key.
    #[error("{path}: its mode {mode:04o} lets others at the private key; `chmod 600 {path}`")]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A file does not hold what it has to.
    #[error("{path}: there is no {what} in it; name a PEM file that has one")]
    Nothing {
        /// The file.
        path: PathBuf,
        /// What is lacking.
        what: &'static str,
    },
    /// They do not fit.
    #[error("certificate {certificate} with key {key}: {source}; name two that belong together")]
    Unfit {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
}
