//! One connection, from its first byte to its last.
//!
//! May import: std, hyper, hyper-util, tokio, the module's own.

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::seats::Seat;
use super::stream::Patient;
use super::{Shared, handle};
use crate::api::Service;

/// When we close a connection, what the client still sends is read for so long, and up to so many
/// bytes: a socket that is closed with unread bytes takes back the answer that was written last.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 1 << 20;

/// By what kind of socket a connection came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Unix,
    Tcp,
}

/// Serves a connection over TLS.
pub(super) async fn serve_tls<S: Service>(
    stream: tokio::net::TcpStream,
    tls: TlsAcceptor,
    seat: Seat,
    shared: Arc<Shared<S>>,
    stopped: watch::Receiver<bool>,
) {
    let handshake = tokio::select! {
        handshake = timeout(shared.settings.limits.head_time, tls.accept(stream)) => handshake,
        () = seat.must_leave() => return,
    };
    if let Ok(Ok(stream)) = handshake {
        serve(stream, Origin::Tcp, seat, shared, stopped).await;
    }
}

/// Serves a connection until it ends, or has to.
pub(super) async fn serve<T, S>(
    stream: T,
    origin: Origin,
    seat: Seat,
    shared: Arc<Shared<S>>,
    mut stopped: watch::Receiver<bool>,
) where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service,
{
    let limits = &shared.settings.limits;
    let stream = Patient::new(stream, limits.write_time);
    let answer = service_fn(|request| {
        let answer = handle::answer(request, origin, &seat, Arc::clone(&shared));
        Box::pin(async { Ok::<_, Infallible>(answer.await) })
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_header_size(limits.head_bytes)
        .max_buf_size(limits.head_bytes.max(16 << 10))
        .half_close(true)
        .serve_connection(TokioIo::new(stream), answer);
    let mut is_stopping = false;
    loop {
        tokio::select! {
            // How it ended is the client's business.
            _ = poll_fn(|cx| connection.poll_without_shutdown(cx)) => break,
            () = seat.must_leave() => return,
            _ = stopped.changed(), if !is_stopping => {
                is_stopping = true;
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
        }
    }
    let stream = connection.into_parts().io.into_inner();
    tokio::select! {
        _ = timeout(LINGER, close(stream)) => {}
        () = seat.must_leave() => {}
    }
}

async fn close<T: AsyncRead + AsyncWrite + Unpin>(mut stream: Patient<T>) -> std::io::Result<()> {
    stream.shutdown().await?;
    let mut rest = stream.take(LINGER_BYTES);
    let mut thrown_away = vec![0; 8 << 10];
    while rest.read(&mut thrown_away).await? > 0 {}
    Ok(())
}
