//! Connections opened and closed, as many as go through.
//!
//! The client closes first, so that it is the client who waits for stragglers, and who knows which
//! of its ports it may use again. A backend that waits behind NAT refuses, for a minute, whoever
//! is given a port that another has used.
//!
//! May import: std, anyhow, xtask (the lab), subject.

use std::io::Read as _;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use xtask::lab::{Namespace, inside};

use super::subject::{Service, Subject};

/// Connections that are under way at the same time.
const PARALLEL: usize = 8;
const TIMEOUT: Duration = Duration::from_secs(5);

/// Accepts, waits for the client's close and closes as well, until the bench ends.
pub(crate) fn serve(namespace: &Namespace, port: u16) -> Result<()> {
    inside(namespace, || {
        let listener = TcpListener::bind(("0.0.0.0", port))?;
        for _ in 0..PARALLEL {
            let listener = listener.try_clone()?;
            std::thread::spawn(move || {
                loop {
                    // A client that is gone again is no reason to stop.
                    if let Ok((mut stream, _)) = listener.accept() {
                        let _ = stream.read(&mut [0; 1]);
                    }
                }
            });
        }
        Ok(())
    })
}

/// Gives a client ports enough for as long as the used ones wait: a second, where they may be used
/// again.
pub(crate) fn make_room(namespace: &Namespace) -> Result<()> {
    namespace.sysctl(&[
        ("ipv4/ip_local_port_range", "1024 65535"),
        ("ipv4/tcp_tw_reuse", "1"),
    ])
}

/// Connections per second.
pub(crate) fn per_second(subject: &Subject, limit: Duration) -> Result<f64> {
    let target = SocketAddr::from(subject.target(Service::Connect)?);
    let resets = || -> Result<u64> {
        let sent = ["client-a", "b1"].map(|role| inside(subject.ns(role), resets_sent));
        sent.into_iter().sum()
    };
    let before = resets()?;
    let (connections, took) = inside(subject.ns("client-a"), || {
        let start = Instant::now();
        let deadline = start + limit;
        let threads: Vec<_> = (0..PARALLEL)
            .map(|_| std::thread::spawn(move || connections(target, deadline)))
            .collect();
        let mut sum = 0;
        for thread in threads {
            let Ok(count) = thread.join() else {
                bail!("a client panicked");
            };
            sum += count?;
        }
        Ok((sum, start.elapsed()))
    })?;
    // A few answer acknowledgments that a FIN overtook, after all is closed: on two CPUs that
    // happens.
    let resets = resets()? - before;
    ensure!(
        resets * 100 < u64::from(connections),
        "{resets} resets were sent in {connections} connections, which makes it easy"
    );
    Ok(f64::from(connections) / took.as_secs_f64())
}

fn connections(target: SocketAddr, deadline: Instant) -> Result<u32> {
    let mut count = 0;
    while Instant::now() < deadline {
        let mut stream = TcpStream::connect_timeout(&target, TIMEOUT)
            .with_context(|| format!("connecting to {target}, after {count} connections"))?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.shutdown(Shutdown::Write)?;
        let read = stream.read(&mut [0; 1]).context("waiting for the close")?;
        ensure!(read == 0, "the server said something");
        count += 1;
    }
    Ok(count)
}

/// TCP resets that this thread's namespace has sent.
fn resets_sent() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/net/snmp")?;
    let mut lines = text.lines().filter(|line| line.starts_with("Tcp:"));
    let (names, values) = (lines.next().unwrap_or(""), lines.next().unwrap_or(""));
    let mut pairs = names.split(' ').zip(values.split(' '));
    let (_, value) = pairs
        .find(|(name, _)| *name == "OutRsts")
        .context("/proc/net/snmp has no OutRsts")?;
    Ok(value.parse()?)
}
