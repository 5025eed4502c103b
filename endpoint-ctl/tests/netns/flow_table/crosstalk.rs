//! Two VPCs of the same addresses ask from equal addresses and ports at once, and so many that
//! they share NAT ports' space: every answer comes back to where it was asked from.

use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Barrier;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use xtask::lab::inside;

use super::echo::Echo;
use crate::dual_stack::{CLIENT_ADDRESSES, FAMILIES, Family, table_use, two_vpcs};
use crate::scene::Scene;

/// Tuples, each used from both VPCs.
const TUPLES: usize = 10_000;
/// Tuples in use at a time: no more than interfaces take at once.
const BATCH: usize = 50;
const PATIENCE: Duration = Duration::from_secs(1);
/// How often a datagram that got lost is sent again.
const TRIES: usize = 5;

/// A VPC, its client, and the servers it may reach.
const VPCS: [(&str, &str, [&str; 2]); 2] = [
    ("vpc-a", "client-a", ["b1", "b2"]),
    ("vpc-b", "client-b", ["b1", "b3"]),
];

/// What a VPC's clients heard.
#[derive(Debug, Default)]
struct Heard {
    answers: usize,
    /// By server.
    by_server: [usize; 2],
    sent_again: usize,
}

#[test]
fn ten_thousand_equal_tuples_of_two_vpcs_never_cross() {
    let scene = two_vpcs(&["--flows", "32768"]);
    let _servers = ["b1", "b2", "b3"].map(|role| Echo::start(&scene.lab, role));
    let tuples = tuples(&mut fastrand::Rng::with_seed(7));
    let barrier = Barrier::new(VPCS.len());
    let heard = std::thread::scope(|scope| {
        let (scene, tuples, barrier) = (&scene, &tuples, &barrier);
        let threads = VPCS.map(|vpc| {
            scope.spawn(move || {
                let mut heard = Heard::default();
                for batch in tuples.chunks(BATCH) {
                    let asked = ask(scene, vpc, batch, barrier, &mut heard);
                    asked.unwrap_or_else(|error| panic!("{}: {error:#}", vpc.0));
                }
                heard
            })
        });
        threads.map(|thread| thread.join().expect("no crosstalk"))
    });
    println!("{heard:?}");
    for heard in &heard {
        assert_eq!(heard.answers, TUPLES);
        assert!(heard.by_server.iter().all(|count| *count > TUPLES / 3));
        assert!(heard.sent_again < TUPLES / 100, "{heard:?}");
    }
    let used: u64 = FAMILIES
        .map(|family| table_use(&scene, family).0)
        .iter()
        .sum();
    assert_eq!(used, 2 * TUPLES as u64, "one flow of every tuple and VPC");
    assert_eq!(scene.status()["drops"].to_string(), "[]");
}

/// Random ones, no two the same.
fn tuples(random: &mut fastrand::Rng) -> Vec<(Family, SocketAddr)> {
    let mut seen = BTreeSet::new();
    let mut tuples = Vec::new();
    while tuples.len() < TUPLES {
        let family = FAMILIES[random.usize(..FAMILIES.len())];
        let from = family.client(random.u8(..CLIENT_ADDRESSES));
        let from = SocketAddr::new(from, random.u16(1024..));
        if seen.insert(from) {
            tuples.push((family, from));
        }
    }
    tuples
}

/// Asks from each of the tuples, while the other VPC asks from the same.
fn ask(
    scene: &Scene,
    (vpc, role, servers): (&str, &str, [&str; 2]),
    batch: &[(Family, SocketAddr)],
    barrier: &Barrier,
    heard: &mut Heard,
) -> Result<()> {
    inside(scene.lab.ns(role), || {
        let sockets = batch.iter().map(|(family, from)| open(*family, *from));
        let sockets: Result<Vec<_>> = sockets.collect();
        // Whatever came of it: the other VPC waits.
        barrier.wait();
        let sockets = sockets?;
        let question = |from: &SocketAddr| format!("{vpc} {from}");
        for (socket, (_, from)) in sockets.iter().zip(batch) {
            socket.send(question(from).as_bytes())?;
        }
        for (socket, (_, from)) in sockets.iter().zip(batch) {
            let question = question(from);
            let answer = hear(socket, &question, heard)?;
            let (server, said) = answer.split_once(' ').context("no name")?;
            ensure!(said == question, "asked {question:?}, heard {answer:?}");
            let place = servers.iter().position(|name| *name == server);
            let place = place.with_context(|| format!("{question:?} was answered by {server}"))?;
            heard.answers += 1;
            heard.by_server[place] += 1;
        }
        Ok(())
    })
}

fn open(family: Family, from: SocketAddr) -> Result<UdpSocket> {
    let socket = UdpSocket::bind(from).with_context(|| from.to_string())?;
    socket.connect(family.target())?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

fn hear(socket: &UdpSocket, question: &str, heard: &mut Heard) -> Result<String> {
    let mut answer = [0; 256];
    for _ in 0..TRIES {
        if let Ok(length) = socket.recv(&mut answer) {
            return Ok(String::from_utf8_lossy(&answer[..length]).into_owned());
        }
        heard.sent_again += 1;
        socket.send(question.as_bytes())?;
    }
    anyhow::bail!("{question:?} was never answered")
}
