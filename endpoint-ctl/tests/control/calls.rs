//! Calls over the API's Unix socket, unsigned: as the account that the node takes them for.

use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

/// Which API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Product {
    Ecs,
    Nlb,
    PrivateLink,
    Vpc,
}

impl Product {
    pub(crate) fn version(self) -> &'static str {
        match self {
            Self::Ecs => "2014-05-26",
            Self::Nlb => "2022-04-30",
            Self::PrivateLink => "2020-04-15",
            Self::Vpc => "2016-04-28",
        }
    }
}

/// An answer: its status and its body.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answered {
    /// The body of an answer that is no error.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    /// A text of the body.
    #[track_caller]
    pub(crate) fn text(self, name: &str) -> String {
        let body = self.ok();
        let text = body[name].as_str();
        text.unwrap_or_else(|| panic!("no {name}: {body}"))
            .to_owned()
    }
}

/// See the module. Each call has a connection of its own, so that a daemon may go between two.
#[derive(Debug, Clone)]
pub(crate) struct Calls(PathBuf);

impl Calls {
    pub(crate) fn new(socket: PathBuf) -> Self {
        Self(socket)
    }

    /// Calls; an error means that no answer came, so that it is not known whether it was done.
    pub(crate) fn try_call(
        &self,
        product: Product,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> io::Result<Answered> {
        let mut form = format!("RegionId={}", super::node::REGION);
        for (name, value) in parameters {
            let _ = write!(form, "&{name}={}", encode(value));
        }
        let mut stream = UnixStream::connect(&self.0)?;
        stream.set_read_timeout(Some(Duration::from_mins(1)))?;
        let request = format!(
            "POST / HTTP/1.1\r\nhost: node\r\nx-acs-version: {}\r\nx-acs-action: {action}\r\n\
             content-type: application/x-www-form-urlencoded\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{form}",
            product.version(),
            form.len()
        );
        stream.write_all(request.as_bytes())?;
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply)?;
        read(&reply).ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
    }

    /// Calls a daemon that is there.
    #[track_caller]
    pub(crate) fn call(
        &self,
        product: Product,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Answered {
        let answered = self.try_call(product, action, parameters);
        answered.unwrap_or_else(|error| panic!("{action}: {error}"))
    }
}

fn read(reply: &[u8]) -> Option<Answered> {
    let end = reply.windows(4).position(|four| four == b"\r\n\r\n")?;
    let status = std::str::from_utf8(reply.get(9..12)?).ok()?.parse().ok()?;
    let body = serde_json::from_slice(reply.get(end + 4..)?).ok()?;
    Some(Answered { status, body })
}

fn encode(text: &str) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
    let bytes = text.bytes();
    bytes
        .map(|byte| {
            if is_plain(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}
