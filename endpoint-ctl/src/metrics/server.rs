//! `GET /metrics` over plain HTTP. What hangs or comes too often holds up nobody: few connections are
//! served at a time, each for a while.
//!
//! May import: std, http-body-util, hyper, hyper-util, thiserror, tokio, control (status), metering,
//! observe, exposition.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use super::exposition;
use crate::control::NodeStatus;
use crate::metering::{Metering, UsageOf};
use crate::observe::ObserverHandle;

/// Connections that are served at a time.
const MOST: usize = 8;
/// How long one is served, whatever it does.
const AT_MOST: Duration = Duration::from_secs(30);
/// After an error of the listener, before the next connection is taken.
const PAUSE: Duration = Duration::from_millis(100);
const FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Metrics cannot be served.
#[derive(Debug, Error)]
#[error("--metrics-listen {address}: {source}; name a free port of an address of this host")]
pub struct MetricsError {
    /// Where.
    address: SocketAddr,
    /// What the system said.
    source: std::io::Error,
}

/// Where the numbers come from.
#[derive(Clone)]
pub struct Sources {
    /// What the node says of itself.
    pub status: watch::Receiver<NodeStatus>,
    /// What it has counted.
    pub observer: ObserverHandle,
    /// What was used.
    pub metering: Metering,
}

/// Serves from now on, until the process ends.
///
/// # Errors
/// The address cannot be had.
pub async fn serve(address: SocketAddr, sources: Sources) -> Result<(), MetricsError> {
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|source| MetricsError { address, source })?;
    tokio::spawn(accept(listener, sources));
    Ok(())
}

async fn accept(listener: TcpListener, sources: Sources) {
    let seats = Arc::new(Semaphore::new(MOST));
    loop {
        let Ok(seat) = Arc::clone(&seats).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let sources = sources.clone();
                tokio::spawn(async move {
                    // How it ended is the client's business.
                    let _ = timeout(AT_MOST, connection(stream, sources)).await;
                    drop(seat);
                });
            }
            Err(error) => {
                tracing::warn!("metrics: no connection can be taken: {error}");
                sleep(PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, sources: Sources) -> hyper::Result<()> {
    let answer = service_fn(move |request| {
        let sources = sources.clone();
        async move { Ok::<_, Infallible>(answer(&request, &sources).await) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(AT_MOST)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), answer)
        .await
}

async fn answer<B>(request: &Request<B>, sources: &Sources) -> Response<Full<Bytes>> {
    if request.uri().path() != "/metrics" {
        return plain(StatusCode::NOT_FOUND, "there is /metrics");
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "GET it");
    }
    let totals = sources.observer.totals().await;
    let usage = sources.metering.usage(UsageOf::default()).await;
    let Some((totals, usage)) = totals.zip(usage) else {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "the daemon is stopping");
    };
    let status = sources.status.borrow().clone();
    match exposition(&status, &totals, &usage) {
        Ok(text) => {
            let mut response = Response::new(Full::from(text));
            let format = HeaderValue::from_static(FORMAT);
            response.headers_mut().insert(CONTENT_TYPE, format);
            response
        }
        Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn plain(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(format!("{text}\n")));
    *response.status_mut() = status;
    response
}
