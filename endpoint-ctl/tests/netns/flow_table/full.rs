//! A full table refuses what is new and keeps what is old; what ends makes room.

use std::time::Duration;

use super::echo::Echo;
use super::maps::{IdleTime, one_second};
use super::talk::Connection;
use crate::dual_stack::{FAMILIES, Family, one_vpc, table_use};
use crate::scene::Scene;
use crate::waiting::eventually;

/// Room for this many flows.
const ROOM: usize = 64;
/// How many connections end.
const ENDED: usize = 8;

#[test]
fn a_full_table_keeps_what_it_has_and_refuses_more() {
    let scene = one_vpc(&["--flows", &ROOM.to_string()]);
    let _echo = Echo::start(&scene.lab, "b1");
    one_second(&scene, &[IdleTime::Closing]);
    for family in FAMILIES {
        let mut open: Vec<_> = (0..ROOM)
            .map(|_| Connection::must_open(&scene, family))
            .collect();
        must_refuse(&scene, family);
        must_talk(&mut open);

        open.drain(..ENDED);
        for _ in 0..ENDED {
            let more = eventually("there is room again", || {
                let opened = Connection::open(&scene, family, Duration::from_secs(5));
                opened.map_err(|error| error.to_string())
            });
            open.push(more);
        }
        must_refuse(&scene, family);
        must_talk(&mut open);
    }
}

#[track_caller]
fn must_refuse(scene: &Scene, family: Family) {
    let room = u64::try_from(ROOM).expect("a few");
    assert_eq!(table_use(scene, family), (room, room));
    let before = scene.dropped("flow-table-full");
    let refused = Connection::open(scene, family, Duration::from_millis(1500));
    assert!(refused.is_err(), "{family:?}: one connection too many");
    // The first SYN, and the one that is sent again after a second.
    let dropped = scene.dropped("flow-table-full") - before;
    assert!(
        dropped >= 2,
        "{family:?}: {dropped} dropped as flow-table-full"
    );
    assert_eq!(table_use(scene, family), (room, room));
}

#[track_caller]
fn must_talk(connections: &mut [Connection]) {
    for connection in connections {
        connection.ask().expect("a connection that is open lives");
    }
}
