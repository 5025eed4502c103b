//! When the NAT ports toward a server run out, new flows are refused with that reason and old ones live.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use xtask::lab::inside;

use super::echo::Echo;
use crate::dual_stack::{CLIENT_ADDRESSES, FAMILIES, Family, one_nat_address, table_use};
use crate::scene::Scene;

/// Ports of one address toward one server: those from 1024 on.
const PORTS: u64 = 64_512;
/// Flows that are opened at once: as many as the server takes in before it looks.
const BATCH: u16 = 200;
/// So many batches of each client address, from this port on.
const FIRST_PORT: u16 = 20_000;
const BATCHES: u16 = 22;
/// How long answers may take that must come, and how long those of which few may miss.
const PATIENCE: Duration = Duration::from_secs(2);
const IMPATIENCE: Duration = Duration::from_millis(60);
const REST: Duration = Duration::from_millis(2);

#[test]
fn nat_ports_run_out_for_new_flows_alone() {
    let scene = one_nat_address();
    let _echo = Echo::start(&scene.lab, "b1");
    for family in FAMILIES {
        let refused_before = scene.dropped("nat-exhausted");
        let opened = open_all(&scene, family);
        let refused = scene.dropped("nat-exhausted") - refused_before;
        let (used, _) = table_use(&scene, family);
        println!("{family:?}: {opened} opened, {refused} refused, {used} in the table");
        assert!(opened > PORTS * 85 / 100 && opened <= PORTS, "{opened}");
        assert!(refused > 0, "{family:?}: nothing was refused");
        assert!(used <= PORTS, "{used} flows by {PORTS} ports");

        // The first ones are as they were, and there is no room for another.
        let (before, total) = (scene.dropped("nat-exhausted"), BATCH);
        assert_eq!(
            ask(&scene, family, (0, FIRST_PORT), PATIENCE),
            total,
            "{family:?}"
        );
        let beyond = FIRST_PORT + BATCHES * BATCH;
        let lucky = ask(&scene, family, (0, beyond), IMPATIENCE);
        assert!(lucky < total / 2, "{family:?}: {lucky} of {total}");
        assert!(scene.dropped("nat-exhausted") > before);
    }
}

/// Tries to open more flows than there are ports; how many are answered.
fn open_all(scene: &Scene, family: Family) -> u64 {
    let mut opened = 0;
    for batch in 0..BATCHES {
        for client in 0..CLIENT_ADDRESSES {
            let from = (client, FIRST_PORT + batch * BATCH);
            opened += u64::from(ask(scene, family, from, IMPATIENCE));
        }
    }
    opened
}

/// Asks by a batch of sockets, of one client address from this port on; how many are answered in time.
fn ask(scene: &Scene, family: Family, (client, port): (u8, u16), patience: Duration) -> u16 {
    let asked = inside(scene.lab.ns("client-a"), || {
        let from = family.client(client);
        let sockets = (port..port + BATCH).map(|port| (from, port).into());
        let sockets = sockets.map(|from| socket(from, family));
        let sockets = sockets.collect::<Result<Vec<_>>>()?;
        for socket in &sockets {
            socket.send(b"?")?;
        }
        let mut silent = sockets;
        let deadline = Instant::now() + patience;
        while !silent.is_empty() && Instant::now() < deadline {
            silent.retain(|socket| socket.recv(&mut [0; 16]).is_err());
            std::thread::sleep(REST);
        }
        Ok(silent.len())
    });
    let silent = asked.expect("sockets can be had");
    BATCH - u16::try_from(silent).expect("a batch")
}

fn socket(from: SocketAddr, family: Family) -> Result<UdpSocket> {
    let socket = UdpSocket::bind(from)?;
    socket.connect(family.target())?;
    socket.set_nonblocking(true)?;
    ensure!(socket.local_addr()? == from, "another address");
    Ok(socket)
}
