//! The command line's end of the admin socket.
//!
//! May import: serde, std, the module's own.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Answer, Request};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error("{path}: {source}; is `endpoint-ctl run` running, and with this --socket?")]
    Connect {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The connection broke.
    #[error("the daemon's answer broke off: {0}")]
    Broken(#[from] io::Error),
    /// The answer is no JSON.
    #[error("the daemon's answer cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// The daemon refused.
    #[error("{0}")]
    Refused(String),
    /// What was asked is wrong.
    #[error("{text}")]
    BadInput {
        /// For people, with the mend.
        text: String,
        /// For programs; null if there is no more to say.
        faults: Value,
    },
}

/// A question on its way.
pub struct Connection(BufReader<UnixStream>);

impl Connection {
    /// Asks the daemon at `path`.
    ///
    /// # Errors
    /// Nobody listens there, or the connection broke.
    pub fn ask(path: &Path, request: &Request) -> Result<Self, ClientError> {
        let mut stream = UnixStream::connect(path).map_err(|source| ClientError::Connect {
            path: path.to_owned(),
            source,
        })?;
        let mut line = serde_json::to_string(request)?;
        line.push('\n');
        stream.write_all(line.as_bytes())?;
        Ok(Self(BufReader::new(stream)))
    }

    /// The one answer.
    ///
    /// # Errors
    /// The daemon refused, or the connection broke.
    pub fn answer(mut self) -> Result<Value, ClientError> {
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        match serde_json::from_str(&line)? {
            Answer::Ok(value) => Ok(value),
            Answer::Error(error) => Err(ClientError::Refused(error)),
            Answer::BadInput { text, faults } => Err(ClientError::BadInput { text, faults }),
        }
    }

    /// Records, one after the other, until the daemon closes.
    pub fn records(self) -> impl Iterator<Item = Result<Value, ClientError>> {
        self.0.lines().map(|line| Ok(serde_json::from_str(&line?)?))
    }
}
