//! A plain HTTP client, that sends whatever it is given.

use std::io::{self, Read, Write};

use serde_json::Value;

/// A connection.
pub(crate) struct Client<T> {
    pub(crate) stream: T,
    unread: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// The body, which must be a JSON object with a RequestId.
    pub(crate) fn json(&self) -> Value {
        let json: Value =
            serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        let id = json["RequestId"].as_str().expect("has a RequestId");
        assert!(id.len() == 36 && id.to_uppercase() == id, "{id}");
        assert_eq!(self.header("x-acs-request-id"), Some(id));
        json
    }

    /// `Code` of an error, which must have all that errors have.
    pub(crate) fn code(&self) -> String {
        let json = self.json();
        assert!(self.status >= 400, "{self:?}");
        for name in ["HostId", "Message", "Recommend"] {
            let text = json[name].as_str().expect(name);
            assert!(!text.is_empty(), "{name}");
        }
        json["Code"].as_str().expect("has a code").to_owned()
    }

    /// `Parameters` of an echo.
    pub(crate) fn parameters(&self) -> Value {
        assert_eq!(self.status, 200, "{:?}", self.json());
        self.json()["Parameters"].clone()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

impl<T: Read + Write> Client<T> {
    pub(crate) fn new(stream: T) -> Self {
        Self {
            stream,
            unread: Vec::new(),
        }
    }

    /// Sends a request and reads its answer.
    pub(crate) fn ask(&mut self, request: impl AsRef<[u8]>) -> Reply {
        self.send(request);
        self.read().expect("is answered")
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // Whoever is told off early may find the connection closed.
        let _ = self.stream.write_all(bytes.as_ref());
    }

    /// Reads an answer; errors if the connection ends before its end.
    pub(crate) fn read(&mut self) -> io::Result<Reply> {
        self.read_of(true)
    }

    /// Reads an answer, to HEAD if it `has_body` not.
    pub(crate) fn read_of(&mut self, has_body: bool) -> io::Result<Reply> {
        let end = loop {
            let end = self.unread.windows(4).position(|four| four == b"\r\n\r\n");
            match end {
                Some(end) => break end + 4,
                None => self.read_more()?,
            }
        };
        let head: Vec<u8> = self.unread.drain(..end).collect();
        let head = String::from_utf8(head).expect("heads are text");
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        let mut reply = Reply {
            status: status.expect("has a status"),
            head,
            body: Vec::new(),
        };
        if reply.status == 100 {
            return self.read_of(has_body);
        }
        let length = reply.header("content-length").expect("has a length");
        let length: usize = length.parse().expect("is a number");
        if has_body {
            while self.unread.len() < length {
                self.read_more()?;
            }
            reply.body = self.unread.drain(..length).collect();
        }
        Ok(reply)
    }

    /// Whether the other side has closed, with nothing more to be read.
    pub(crate) fn is_closed(&mut self) -> bool {
        matches!(self.stream.read(&mut [0; 1]), Ok(0) | Err(_)) && self.unread.is_empty()
    }

    fn read_more(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 << 10];
        let count = self.stream.read(&mut buffer)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.unread.extend_from_slice(&buffer[..count]);
        Ok(())
    }
}
