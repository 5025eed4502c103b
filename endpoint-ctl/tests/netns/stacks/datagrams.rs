//! Datagrams there and back, compared byte by byte: also of 20 kB, which do not fit into a packet.

use std::net::{Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use xtask::lab::{Lab, inside};

use crate::dual_stack::FAMILIES;
use crate::scene::Scene;

/// Where they are echoed.
pub(super) const PORT: u16 = 7001;
/// The size of one that does not fit.
pub(super) const LARGE: usize = 20_000;
/// How many of them of each family.
const COUNT: usize = 20;
const PATIENCE: Duration = Duration::from_millis(500);
/// How often one that got lost is sent again: on a loaded machine, an interface may take no more.
const TRIES: usize = 10;

/// 20 kB both ways, and byte by byte.
#[track_caller]
pub(super) fn pass_in_fragments(scene: &Scene) {
    let _echo = Datagrams::serve(&scene.lab, "b1");
    for family in FAMILIES {
        let again = ask(scene, ("client-a", family.target()), LARGE, COUNT);
        let again = again.expect("the same comes back");
        println!("{family:?}: {again} were sent again");
    }
    assert_fragments(scene);
}

/// A server that sends back what comes, of both families. It ends when dropped.
pub(super) struct Datagrams {
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Datagrams {
    /// Starts one in a role's namespace.
    #[track_caller]
    pub(super) fn serve(lab: &Lab, role: &str) -> Self {
        let server = inside(lab.ns(role), || {
            let server = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, PORT))?;
            server.set_read_timeout(Some(Duration::from_millis(50)))?;
            Ok(server)
        });
        let server = server.expect("the port is free");
        let ends = Arc::new(AtomicBool::new(false));
        let thread = {
            let ends = Arc::clone(&ends);
            std::thread::spawn(move || {
                let mut heard = vec![0; 65_536];
                while !ends.load(Ordering::Relaxed) {
                    if let Ok((length, from)) = server.recv_from(&mut heard) {
                        server.send_to(&heard[..length], from).expect("sent");
                    }
                }
            })
        };
        Self {
            ends,
            thread: Some(thread),
        }
    }
}

impl Drop for Datagrams {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Sends so many datagrams of that size from a client to the endpoint and compares what comes back; how
/// many had to be sent again.
pub(super) fn ask(
    scene: &Scene,
    (role, endpoint): (&str, SocketAddr),
    size: usize,
    count: usize,
) -> Result<usize> {
    inside(scene.lab.ns(role), || {
        let any = if endpoint.is_ipv4() {
            "0.0.0.0:0"
        } else {
            "[::]:0"
        };
        let socket = UdpSocket::bind(any)?;
        socket.connect(endpoint)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let mut sent_again = 0;
        let mut heard = vec![0; 65_536];
        for number in 0..count {
            let mut said = vec![0; size];
            fastrand::fill(&mut said);
            let mut tries = 0;
            let length = loop {
                socket.send(&said)?;
                if let Ok(length) = socket.recv(&mut heard) {
                    break length;
                }
                tries += 1;
                ensure!(
                    tries < TRIES,
                    "no answer to datagram {number} to {endpoint}"
                );
            };
            sent_again += tries;
            ensure!(
                heard[..length] == said,
                "another content comes back from {endpoint}, of {length} bytes"
            );
        }
        Ok(sent_again)
    })
}

/// Each of them went in 14 packets, both ways, and all are accounted.
#[track_caller]
fn assert_fragments(scene: &Scene) {
    let log = scene.flow_log();
    for family in FAMILIES {
        let eni = family.target();
        for (direction, ip, port) in [("in", "dstaddr", "dstport"), ("out", "srcaddr", "srcport")] {
            let record = log.one(&json!({
                "action": "ACCEPT", "protocol": 17, "direction": direction,
                ip: eni.ip().to_string(), port: eni.port(),
            }));
            let packets = record["packets"].as_u64();
            assert!(packets >= Some(14 * COUNT as u64), "{record}");
        }
    }
}
