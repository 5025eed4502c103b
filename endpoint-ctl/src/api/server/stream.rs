//! A connection's bytes: writing does not wait for ever, and no refusal of hyper goes out empty.
//!
//! What cannot be read as HTTP never reaches our code: hyper answers it by itself, by a status and no
//! body. Clients take an empty error for a broken connection, so such an answer is replaced here.
//!
//! May import: std, tokio, the module's own.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::answer;

/// A stream with patience.
pub(super) struct Patient<T> {
    inner: T,
    patience: Duration,
    waiting: Pin<Box<Sleep>>,
    is_waiting: bool,
    replaced: Option<Replaced>,
}

/// An answer that goes out in place of another one.
struct Replaced {
    bytes: Vec<u8>,
    written: usize,
    /// The length of the one it replaces.
    of: usize,
}

impl<T> Patient<T> {
    pub(super) fn new(inner: T, patience: Duration) -> Self {
        Self {
            inner,
            patience,
            waiting: Box::pin(sleep(patience)),
            is_waiting: false,
            replaced: None,
        }
    }

    /// Passes on how far a write came, unless nothing has been taken for too long.
    fn watched<R>(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        if polled.is_ready() {
            self.is_waiting = false;
            return polled;
        }
        if !self.is_waiting {
            self.is_waiting = true;
            let until = Instant::now() + self.patience;
            self.waiting.as_mut().reset(until);
        }
        ready!(self.waiting.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<T: AsyncWrite + Unpin> Patient<T> {
    fn write_some(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.watched(cx, polled)
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Patient<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Patient<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let replaced = match this.replaced.take() {
            Some(replaced) => Some(replaced),
            None => bare_refusal(bytes).map(|status| Replaced {
                bytes: answer::refusal(status),
                written: 0,
                of: bytes.len(),
            }),
        };
        let Some(mut replaced) = replaced else {
            return this.write_some(cx, bytes);
        };
        while let Some(rest) = replaced
            .bytes
            .get(replaced.written..)
            .filter(|r| !r.is_empty())
        {
            match this.write_some(cx, rest) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => replaced.written += written,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    this.replaced = Some(replaced);
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(replaced.of))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_flush(cx);
        self.watched(cx, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.watched(cx, polled)
    }
}

/// The status of an answer that hyper made by itself: an error, of a head alone. All of ours have a
/// body.
fn bare_refusal(bytes: &[u8]) -> Option<u16> {
    let text = str::from_utf8(bytes).ok()?;
    let status = text.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let is_bare = text.contains("\r\ncontent-length: 0\r\n") && text.ends_with("\r\n\r\n");
    ((400..500).contains(&status) && is_bare).then_some(status)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    const BARE: &[u8] = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\ndate: Tue, 24 Nov 2026 20:00:00 GMT\r\n\r\n";

    #[test]
    fn only_bare_refusals_are_replaced() {
        assert_eq!(bare_refusal(BARE), Some(431));
        for other in [
            &b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"[..],
            b"HTTP/1.1 400 Bad Request\r\ncontent-length: 1\r\n\r\n{",
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/1.1 4",
            b"HTTP/1.1 \xff\xff\xff\r\ncontent-length: 0\r\n\r\n",
            b"",
        ] {
            assert_eq!(bare_refusal(other), None);
        }
    }

    #[tokio::test]
    async fn a_refusal_goes_out_with_a_body_however_little_is_taken_at_a_time() {
        let (near, mut far) = duplex(7);
        let mut near = Patient::new(near, Duration::from_secs(5));
        let writing = tokio::spawn(async move {
            near.write_all(BARE).await.expect("is taken");
            near.shutdown().await.expect("is closed");
        });
        let mut got = String::new();
        far.read_to_string(&mut got).await.expect("is read");
        writing.await.expect("has written");
        assert!(got.starts_with("HTTP/1.1 431 "), "{got}");
        assert_eq!(got.matches("HTTP/1.1").count(), 1, "{got}");
        let (head, body) = got.split_once("\r\n\r\n").expect("has a body");
        assert!(head.contains(&format!("content-length: {}", body.len())));
        let json: serde_json::Value = serde_json::from_str(body).expect("is JSON");
        assert_eq!(json["Code"], "RequestHeadTooLarge");
    }

    #[tokio::test]
    async fn who_does_not_listen_is_not_waited_for() {
        let (near, _far) = duplex(4);
        let mut near = Patient::new(near, Duration::from_millis(100));
        let began = Instant::now();
        let writing = tokio::time::timeout(Duration::from_secs(5), near.write_all(b"123456789"));
        let written = writing.await.expect("does not wait for ever");
        let error = written.expect_err("times out");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!((100..2_000).contains(&began.elapsed().as_millis()));
    }
}
