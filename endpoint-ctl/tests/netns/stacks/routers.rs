//! A client that has the choice of two routers: answers go through the one that it asked through last.

use std::time::Duration;

use super::node::{R2, of};
use crate::capture::Capture;
use crate::dual_stack::{FAMILIES, Family};
use crate::flow_table::{Connection, Echo};
use crate::scene::Scene;

const LIMIT: Duration = Duration::from_secs(5);

/// From then on, client R comes through the second one.
#[track_caller]
pub(super) fn are_followed(scene: &Scene) {
    let _echo = Echo::start(&scene.lab, "b1");
    let routers = ["r1", "r2"].map(|role| mac_of(scene, role));
    for family in FAMILIES {
        switches(scene, family, &routers);
    }
}

/// A connection that begins through the first router and goes on through the second one.
#[track_caller]
fn switches(scene: &Scene, family: Family, routers: &[String; 2]) {
    let connection = Connection::open_from(scene, "client-r", family, LIMIT);
    let mut connection = connection.expect("it is served");
    for router in routers {
        let answers = Capture::with_macs(&scene.lab, "vswitch", "node", "tcp src port 80");
        for _ in 0..3 {
            connection.ask().expect("it is answered");
        }
        let seen = answers.stop_after("three answers", |seen| seen.lines().count() >= 3);
        let to_router = format!("> {router},");
        assert!(seen.lines().all(|line| line.contains(&to_router)), "{seen}");
        let second = of(family, R2);
        let argv = ["ip", "route", "replace", "default", "via", second];
        scene.must("client-r", &argv);
    }
}

/// The MAC address of a router's interface in the vSwitch.
#[track_caller]
fn mac_of(scene: &Scene, role: &str) -> String {
    let path = ["ip", "-br", "link", "show", "near"];
    let shown = scene.must(role, &path).stdout;
    let mac = shown.split_whitespace().nth(2);
    mac.unwrap_or_else(|| panic!("{shown}")).to_owned()
}
