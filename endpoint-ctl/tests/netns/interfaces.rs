//! Bound interfaces change under the daemon: MTU, MAC, down and up, gone and back.

use std::time::{Duration, Instant};

use serde_json::Value;
use xtask::lab::Outcome;
use xtask::lab::address::{ENI_A, NODE};

use crate::manifest::{ANYWHERE, Manifest, accept, all};
use crate::scene::Scene;
use crate::waiting::eventually_within;

/// How long it may take until a change is followed: milliseconds on an idle machine. What goes by
/// unseen is found after half a minute.
const AT_ONCE: Duration = Duration::from_secs(3);

fn scene() -> Scene {
    let scene = Scene::new(&Manifest::web().group(accept(all()).from(ANYWHERE)));
    scene.fetch("client-a");
    scene
}

/// What `status` lists of that name.
fn find(scene: &Scene, list: &str, key: &str, value: &str) -> Value {
    let status = scene.status();
    let rows = status[list].as_array().expect("a list");
    let found = rows.iter().find(|row| row[key] == value);
    found
        .unwrap_or_else(|| panic!("no {value} in {status}"))
        .clone()
}

#[track_caller]
fn await_interface(scene: &Scene, name: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let start = Instant::now();
    let found = eventually_within(AT_ONCE, what, || {
        let row = find(scene, "interfaces", "interface", name);
        if is_so(&row) {
            Ok(row)
        } else {
            Err(row.to_string())
        }
    });
    println!("{what}: after {:?}", start.elapsed());
    found
}

fn ip(scene: &Scene, role: &str, words: &str) -> Outcome {
    let argv: Vec<_> = ["ip"].into_iter().chain(words.split(' ')).collect();
    scene.must(role, &argv)
}

#[test]
fn a_changed_mtu_is_followed() {
    let scene = scene();
    for (interface, mtu) in [("vsw-a", 1400), ("provider", 1420), ("provider", 1500)] {
        ip(&scene, "node", &format!("link set {interface} mtu {mtu}"));
        await_interface(&scene, interface, "the MTU", |row| row["mtu"] == mtu);
        if interface == "provider" {
            let status = scene.status();
            let hops = status["hops"].as_array().expect("hops");
            assert_eq!(hops.len(), 3, "{status}");
            assert!(hops.iter().all(|hop| hop["mtu"] == mtu), "{status}");
        }
    }
    let table = scene.daemon.ctl(["status"]).expect("status must answer");
    let row = table
        .stdout
        .lines()
        .find(|line| line.trim().starts_with("vsw-a"));
    assert!(row.is_some_and(|row| row.contains("1400")), "{table}");
    // A route of its own for one backend.
    let backend = xtask::lab::address::BACKENDS[0];
    ip(
        &scene,
        "node",
        &format!("route add {backend} dev provider mtu 1300"),
    );
    let of_route = |row: Value| (row["mtu"] == 1300).then_some(()).ok_or(row.to_string());
    eventually_within(AT_ONCE, "the route's MTU", || {
        of_route(find(&scene, "hops", "backend", backend))
    });
    scene.fetch("client-a");
}

#[test]
fn a_changed_mac_is_answered_with() {
    let scene = scene();
    let mac = "02:00:00:00:22:01";
    ip(&scene, "node", &format!("link set vsw-a address {mac}"));
    ip(&scene, "client-a", "neigh flush all");
    eventually_within(AT_ONCE, "the ENI has the new MAC", || {
        scene.fetch("client-a");
        let shown = ip(&scene, "client-a", &format!("neigh show {ENI_A}")).stdout;
        shown.contains(mac).then_some(()).ok_or(shown)
    });
}

#[test]
fn an_interface_that_is_down_is_told_and_one_that_is_up_again_serves() {
    let scene = scene();
    ip(&scene, "node", "link set provider down");
    await_interface(&scene, "provider", "it is down", |row| row["up"] == false);
    let note = find(&scene, "hops", "interface", "provider")["note"].clone();
    assert!(
        note.as_str().is_some_and(|note| note.contains("down")),
        "{note}"
    );
    scene.assert_silence("client-a", 80);
    scene.await_drops("next-hop-unresolved");
    ip(&scene, "node", "link set provider up");
    await_interface(&scene, "provider", "it is up", |row| row["up"] == true);
    scene.fetch("client-a");
    // Without a carrier it is as good as down.
    ip(&scene, "pnet", "link set node down");
    await_interface(&scene, "provider", "it has no carrier", |row| {
        row["up"] == false
    });
    ip(&scene, "pnet", "link set node up");
    await_interface(&scene, "provider", "it has one again", |row| {
        row["up"] == true
    });
    scene.fetch("client-a");
}

/// Makes a veth pair anew that was taken away, with the MAC that its neighbours know.
fn replace(scene: &Scene, interface: &str, mac: &str, segment: &str) {
    let far = scene.lab.ns(segment).name().to_owned();
    ip(
        scene,
        "node",
        &format!("link add {interface} address {mac} type veth peer name node netns {far}"),
    );
    let off = [
        "ethtool", "-K", interface, "tx", "off", "tso", "off", "gso", "off",
    ];
    scene.must("node", &off);
    let off = [
        "ethtool", "-K", "node", "tx", "off", "tso", "off", "gso", "off", "gro", "on",
    ];
    scene.must(segment, &off);
    ip(scene, segment, "link set node master br0 up");
    if interface == "provider" {
        ip(
            scene,
            "node",
            &format!("addr add {NODE}/16 dev {interface}"),
        );
    }
    ip(scene, "node", &format!("link set {interface} up"));
}

#[test]
fn an_interface_that_goes_and_comes_back_is_bound_again() {
    let scene = scene();
    for (interface, segment) in [("vsw-a", "vswitch"), ("provider", "pnet")] {
        let before = find(&scene, "interfaces", "interface", interface);
        let shown = ip(&scene, "node", &format!("-j link show {interface}"));
        let shown: Value = serde_json::from_str(&shown.stdout).expect("ip -j");
        let mac = shown[0]["address"].as_str().expect("a MAC");
        ip(&scene, "node", &format!("link del {interface}"));
        let detached = |row: &Value| row["hook"] == "detached" && row["ifindex"].is_null();
        let row = await_interface(&scene, interface, "it is detached", detached);
        let note = row["note"].as_str().expect("a note");
        assert!(note.contains("gone"), "{row}");
        let table = scene.daemon.ctl(["status"]).expect("status must answer");
        assert!(table.stdout.contains("detached"), "{table}");

        // What else changes does not wait for it.
        scene.reload(&Manifest::web().group(accept(all()).from(ANYWHERE)));
        let row = find(&scene, "interfaces", "interface", interface);
        assert!(detached(&row), "{row}");

        replace(&scene, interface, mac, segment);
        let bound = |row: &Value| {
            row["ifindex"].is_number() && row["ifindex"] != before["ifindex"] && row["up"] == true
        };
        let row = await_interface(&scene, interface, "it is bound", bound);
        assert_eq!(row["hook"], before["hook"], "{row}");
        assert_eq!(row["note"], Value::Null, "{row}");
        let answer = scene.fetch("client-a");
        assert!(answer.backend.starts_with('b'), "{answer:?}");
    }
    // A reload finds all as it should be.
    scene.reload(&Manifest::web().group(accept(all()).from(ANYWHERE)));
    scene.fetch("client-a");
}
