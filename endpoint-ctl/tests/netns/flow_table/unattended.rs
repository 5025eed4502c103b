//! Idle flows end, and no others; while the daemon stands still, they give way to new ones.

use std::net::UdpSocket;
use std::time::Duration;

use xtask::lab::inside;

use super::echo::Echo;
use super::maps::{IdleTime, one_second};
use super::talk::Connection;
use crate::dual_stack::{FAMILIES, Family, one_vpc, table_use};
use crate::scene::Scene;
use crate::waiting::eventually;

const ROOM: usize = 64;
const TALKING: usize = 4;
const DATAGRAMS: usize = ROOM - TALKING;
/// So many new flows that idle ones are easily found: a packet looks at four entries.
const NEW: usize = DATAGRAMS / 2;
/// Until what may be idle for a second has been.
const IDLE: Duration = Duration::from_millis(1500);

#[test]
fn idle_flows_end_and_no_others() {
    let scene = one_vpc(&["--flows", &ROOM.to_string()]);
    let _echo = Echo::start(&scene.lab, "b1");
    for family in FAMILIES {
        let mut talking = fill(&scene, family);
        one_second(&scene, &[IdleTime::Udp]);
        eventually("idle flows end", || {
            let (used, _) = table_use(&scene, family);
            (used == TALKING as u64)
                .then_some(())
                .ok_or(used.to_string())
        });
        must_talk(&mut talking);
        ended_flows_are_recorded(&scene, family);
    }
}

#[test]
fn without_the_daemon_idle_flows_give_way_to_new_ones() {
    let scene = one_vpc(&["--flows", &ROOM.to_string()]);
    let _echo = Echo::start(&scene.lab, "b1");
    for family in FAMILIES {
        let mut talking = fill(&scene, family);
        let refused = Connection::open(&scene, family, Duration::from_millis(500));
        assert!(refused.is_err(), "{family:?}: the table is full");

        scene.daemon.process().signal("STOP").expect("sent");
        one_second(&scene, &[IdleTime::Udp]);
        std::thread::sleep(IDLE);
        let new = (0..NEW).map(|_| Connection::must_open(&scene, family));
        let new: Vec<_> = new.collect();
        must_talk(&mut talking);
        scene.daemon.process().signal("CONT").expect("sent");

        talking.extend(new);
        eventually("the daemon takes over again", || {
            let (used, _) = table_use(&scene, family);
            let wanted = (TALKING + NEW) as u64;
            (used == wanted).then_some(()).ok_or(used.to_string())
        });
        must_talk(&mut talking);
        ended_flows_are_recorded(&scene, family);
    }
}

/// Fills the table: connections, and answered datagrams.
#[track_caller]
fn fill(scene: &Scene, family: Family) -> Vec<Connection> {
    let talking = (0..TALKING).map(|_| Connection::must_open(scene, family));
    let talking = talking.collect();
    let answered = inside(scene.lab.ns("client-a"), || {
        let mut sockets = Vec::new();
        for _ in 0..DATAGRAMS {
            let socket = UdpSocket::bind((family.client(0), 0))?;
            socket.connect(family.target())?;
            socket.set_read_timeout(Some(Duration::from_secs(5)))?;
            socket.send(b"who are you?")?;
            socket.recv(&mut [0; 64])?;
            // Kept, so that each has a port of its own.
            sockets.push(socket);
        }
        Ok(())
    });
    answered.expect("datagrams are answered");
    assert_eq!(table_use(scene, family), (ROOM as u64, ROOM as u64));
    talking
}

#[track_caller]
fn must_talk(connections: &mut [Connection]) {
    for connection in connections {
        connection.ask().expect("a connection that is open lives");
    }
}

/// The log tells of every datagram, in and out.
#[track_caller]
fn ended_flows_are_recorded(scene: &Scene, family: Family) {
    let log = scene.flow_log();
    let eni = family.target().ip().to_string();
    for (direction, address) in [("in", "dstaddr"), ("out", "srcaddr")] {
        let wanted = serde_json::json!({
            "action": "ACCEPT", "protocol": 17, "direction": direction, address: eni, "packets": 1,
        });
        assert_eq!(
            log.all(&wanted).count(),
            DATAGRAMS,
            "{family:?}, {direction}"
        );
    }
}
