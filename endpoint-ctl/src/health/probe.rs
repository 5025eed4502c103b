//! One probe, from this node's own stack, through the interface that leads to the server and no
//! other: the addresses behind it may exist elsewhere as well.
//!
//! May import: model, tokio, std, http, source, standing.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::http::{self, LONGEST_LINE};
use super::source::Sources;
use super::standing::Outcome;
use crate::model::{HealthCheck, HealthCheckKind, HttpCheck};

/// What to probe, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    /// The interface that leads to the server.
    pub(super) interface: String,
    /// Addresses on it that this node's stack does not get answers at.
    pub(super) nat_addresses: Vec<IpAddr>,
    /// Where the server is probed.
    pub(super) address: SocketAddr,
    pub(super) check: HealthCheck,
}

/// Probes once.
pub(super) async fn probe(job: &Job, sources: &Sources) -> Outcome {
    let (interface, ip) = (job.interface.as_str(), job.address.ip());
    let source = match sources.find(interface, ip, &job.nat_addresses).await {
        Ok(source) => source,
        Err(reason) => return Outcome::Impossible(reason),
    };
    let socket = match open(interface, source) {
        Ok(socket) => socket,
        Err(error) => {
            let error = error.kind();
            return Outcome::Impossible(format!("no socket on {interface} from {source}: {error}"));
        }
    };
    let limit = job.check.connect_timeout;
    match timeout(limit, ask(socket, job)).await {
        Ok(Ok(())) => Outcome::Passed,
        Ok(Err(reason)) => Outcome::Failed(reason),
        Err(_) => Outcome::Failed(format!("no answer within {} s", limit.as_secs())),
    }
}

fn open(interface: &str, source: IpAddr) -> io::Result<TcpSocket> {
    let socket = match source {
        IpAddr::V4(_) => TcpSocket::new_v4(),
        IpAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    socket.bind_device(Some(interface.as_bytes()))?;
    // Ends by a reset, as other balancers' probes do: nothing of it lingers on either side.
    socket.set_zero_linger()?;
    socket.bind(SocketAddr::new(source, 0))?;
    Ok(socket)
}

async fn ask(socket: TcpSocket, job: &Job) -> Result<(), String> {
    let connected = socket.connect(job.address).await;
    let mut stream = connected.map_err(|error| error.kind().to_string())?;
    match &job.check.kind {
        HealthCheckKind::Tcp => Ok(()),
        HealthCheckKind::Http(check) => ask_http(&mut stream, check, job.address).await,
    }
}

async fn ask_http(
    stream: &mut TcpStream,
    check: &HttpCheck,
    address: SocketAddr,
) -> Result<(), String> {
    let broken = |error: io::Error| format!("while it was asked: {}", error.kind());
    let request = http::request(check, address);
    stream.write_all(request.as_bytes()).await.map_err(broken)?;
    let mut line = [0; LONGEST_LINE];
    let mut length = 0;
    while length < line.len() && !line[..length].contains(&b'\n') {
        let read = stream.read(&mut line[length..]).await.map_err(broken)?;
        if read == 0 {
            break;
        }
        length += read;
    }
    http::judge(&line[..length], check)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::net::TcpListener;

    use super::*;
    use crate::model::HttpMethod;

    fn http() -> HealthCheckKind {
        HealthCheckKind::Http(HttpCheck {
            method: HttpMethod::Get,
            url: "/".to_owned(),
            domain: None,
            code_classes: vec![2],
        })
    }

    async fn probe_of(interface: &str, address: SocketAddr, kind: HealthCheckKind) -> Outcome {
        let job = Job {
            interface: interface.to_owned(),
            nat_addresses: Vec::new(),
            address,
            check: HealthCheck {
                kind,
                connect_port: None,
                healthy_threshold: 2,
                unhealthy_threshold: 2,
                connect_timeout: Duration::from_secs(1),
                interval: Duration::from_secs(5),
            },
        };
        let sources = Sources::open().expect("a netlink socket");
        probe(&job, &sources).await
    }

    async fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        (listener, address)
    }

    /// What a probe over HTTP makes of a server that says `answer` in two pieces, then closes.
    async fn answered(answer: &'static str) -> Outcome {
        let (listener, address) = listener().await;
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a probe");
            let mut asked = [0; 1_024];
            let _ = stream.read(&mut asked).await;
            // In the midst of the code.
            let (first, second) = answer.split_at(10);
            for piece in [first, second] {
                let _ = stream.write_all(piece.as_bytes()).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let outcome = probe_of("lo", address, http()).await;
        server.abort();
        outcome
    }

    fn failed(reason: &str) -> Outcome {
        Outcome::Failed(reason.to_owned())
    }

    #[tokio::test]
    async fn a_port_that_listens_passes_and_one_that_does_not_fails() {
        let (listener, address) = listener().await;
        let over_tcp = || probe_of("lo", address, HealthCheckKind::Tcp);
        assert_eq!(over_tcp().await, Outcome::Passed);
        drop(listener);
        assert_eq!(over_tcp().await, failed("connection refused"));
    }

    #[tokio::test]
    async fn an_answer_is_judged_also_when_it_comes_in_pieces() {
        let good = "HTTP/1.1 204 No Content\r\n\r\n";
        assert_eq!(answered(good).await, Outcome::Passed);
        let bad = "HTTP/1.1 503 Service Unavailable\r\n\r\n";
        assert_eq!(answered(bad).await, failed("answered HTTP 503"));
    }

    #[tokio::test]
    async fn an_endless_line_is_read_to_its_limit_only() {
        let endless: &'static str = "x".repeat(100_000).leak();
        assert_eq!(answered(endless).await, failed("the answer is not HTTP/1"));
    }

    #[tokio::test]
    async fn silence_ends_with_the_timeout() {
        let (_listener, address) = listener().await;
        let outcome = probe_of("lo", address, http()).await;
        assert_eq!(outcome, failed("no answer within 1 s"));
    }

    #[tokio::test]
    async fn a_node_without_an_address_there_cannot_probe() {
        let address = "[fd00::1]:80".parse().expect("an address");
        let outcome = probe_of("lo", address, HealthCheckKind::Tcp).await;
        let reason = "this node has no IPv6 address of its own on lo to probe from";
        assert_eq!(outcome, Outcome::Impossible(reason.to_owned()));
    }
}
