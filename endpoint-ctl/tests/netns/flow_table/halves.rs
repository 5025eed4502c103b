//! Half of a flow is lost: the next packets find it healed, on the same connection.

use std::time::Duration;

use super::echo::Echo;
use super::maps::{halves, lose_half};
use super::talk::Connection;
use crate::dual_stack::{FAMILIES, one_vpc, table_use};

/// The index is gone through once a second, and TCP waits longer each time it sends again.
const HEALED: Duration = Duration::from_secs(3);
/// Until the index has been gone through.
const ROUND: Duration = Duration::from_millis(1500);
/// How often a half is lost: seldom, it is healed before a packet needs it.
const ROUNDS: usize = 3;

#[test]
fn a_flow_that_loses_a_half_is_healed() {
    let scene = one_vpc(&["--flows", "64"]);
    let _echo = Echo::start(&scene.lab, "b1");
    for family in FAMILIES {
        let mut connection = Connection::must_open(&scene, family);
        for (side, reason) in [(0, "tcp-not-syn"), (1, "no-flow")] {
            let before = scene.dropped(reason);
            for _ in 0..ROUNDS {
                assert_eq!(halves(&scene, family), 2);
                lose_half(&scene, family, side);
                let took = connection.ask();
                let took = took.unwrap_or_else(|error| panic!("{family:?} {side}: {error}"));
                assert!(took < HEALED, "{family:?} {side}: {took:?}");
                println!("{family:?}, side {side} lost: answered after {took:?}");
            }
            let dropped = scene.dropped(reason) - before;
            assert!(dropped > 0, "{family:?} {side}: it was never missed");

            lose_half(&scene, family, side);
            std::thread::sleep(ROUND);
            let before = scene.dropped(reason);
            connection.ask().expect("healed while idle");
            assert_eq!(scene.dropped(reason), before, "healed while idle");
        }
        assert_eq!(table_use(&scene, family).0, 1, "still the same flow");
    }
}
