//! Which hook an interface is attached by, what is said of it, and what about its neighbourhood is
//! warned of.

use std::fs;

use serde_json::{Value, json};
use xtask::lab::{Lab, LabSpec};

use crate::flow_log::has_fields;
use crate::manifest::{ANYWHERE, Manifest, accept, all};
use crate::scene::{BINARY, Scene, argument};
use crate::waiting::PATIENCE;

fn manifest() -> Manifest {
    Manifest::web().group(accept(all()).from(ANYWHERE))
}

/// The manifest with a hook for both interfaces.
pub(crate) fn hooked(hook: &str) -> String {
    let mut text = manifest().text();
    for interface in ["vsw-a", "provider"] {
        let line = format!("Interface: {interface}\n");
        text = text.replace(&line, &format!("{line}Hook: {hook}\n"));
    }
    text
}

/// What `status` says of an interface.
#[track_caller]
pub(crate) fn interface(scene: &Scene, name: &str) -> Value {
    let status = scene.status();
    let rows = status["interfaces"].as_array().expect("interfaces");
    let row = rows.iter().find(|row| row["interface"] == name);
    row.unwrap_or_else(|| panic!("no {name} in {status}"))
        .clone()
}

/// The findings of that severity about an interface.
#[track_caller]
pub(crate) fn findings(scene: &Scene, name: &str, severity: &str) -> Vec<Value> {
    let row = interface(scene, name);
    let findings = row["findings"].as_array().expect("findings");
    let of_severity = findings.iter().filter(|one| one["severity"] == severity);
    of_severity.cloned().collect()
}

#[test]
fn the_hook_that_is_asked_for_is_the_one_that_is_attached() {
    let scene = Scene::built_as(&LabSpec::standard(), &hooked("xdp"), &[]);
    // What `ip link` calls them.
    for (hook, shown) in [
        ("xdp", "xdp "),
        ("xdp-generic", "xdpgeneric "),
        ("tc", ""),
        ("auto", ""),
    ] {
        if hook != "xdp" {
            scene
                .daemon
                .reload(&hooked(hook))
                .expect("it comes into force");
        }
        let mode = if hook == "auto" { "tc" } else { hook };
        for name in ["vsw-a", "provider"] {
            let row = interface(&scene, name);
            let wanted = json!({
                "hook": mode, "asked": hook, "chosen": hook == "auto", "note": null,
            });
            assert!(has_fields(&row, &wanted), "{row} is not {wanted}");
            let link = scene.must("node", &["ip", "link", "show", "dev", name]);
            assert!(link.stdout.contains(shown), "{hook}: {link}");
        }
        scene.fetch("client-a");
        let table = scene.daemon.ctl(["status"]).expect("status must answer");
        let mut lines = table.stdout.lines();
        let row = lines.find(|line| line.trim().starts_with("vsw-a"));
        assert!(row.is_some_and(|row| row.contains(hook)), "{table}");
    }
}

/// A manifest whose vSwitch is on a bridge, which has no XDP in its driver.
fn on_a_bridge(hook: &str) -> String {
    let text = manifest().on("br9").text();
    text.replace("Interface: br9", &format!("Interface: br9\nHook: {hook}"))
}

#[test]
fn xdp_is_refused_where_the_driver_has_none_and_auto_takes_tc() {
    let lab = Lab::new(&LabSpec::standard()).expect("the lab must come up");
    let node = lab.ns("node");
    let bridge = ["ip", "link", "add", "br9", "up", "type", "bridge"];
    node.must(bridge).expect("a bridge");
    let file = lab.dir().join("bridge.yaml");
    fs::write(&file, on_a_bridge("xdp")).expect("the lab's directory takes files");
    let socket = lab.dir().join("bridge.sock");
    let (file, socket) = (argument(&file), argument(&socket));
    let argv = [
        "timeout", "20", BINARY, "run", "-f", file, "--socket", socket,
    ];
    let outcome = node.run(argv).expect("it must start");
    assert_eq!(outcome.status.code(), Some(1), "{outcome}");
    for told in ["br9", "native XDP", "Hook: auto"] {
        assert!(
            outcome.stderr.contains(told),
            "{told} is missing: {outcome}"
        );
    }

    let daemon = lab.daemon(BINARY, &on_a_bridge("auto"), &[]);
    let daemon = daemon.expect("the daemon must come up");
    let status = daemon.ctl_json(&["status"]).expect("status must answer");
    let rows = status["interfaces"].as_array().expect("interfaces");
    let row = rows.iter().find(|row| row["interface"] == "br9");
    let row = row.unwrap_or_else(|| panic!("no bridge in {status}"));
    let wanted = json!({ "hook": "tc", "asked": "auto", "chosen": true, "note": null });
    assert!(has_fields(row, &wanted), "{row} is not {wanted}");
    // What the provider's interface redirects as XDP is lost on a bridge.
    let mixed = on_a_bridge("xdp-generic")
        .replace("Interface: provider\n", "Interface: provider\nHook: xdp\n");
    daemon.reload(&mixed).expect("it comes into force");
    let status = daemon.ctl_json(&["status"]).expect("status must answer");
    let told = status["interfaces"].to_string();
    let is_told = told.contains("takes no frames") && told.contains("provider");
    assert!(is_told, "{status}");
}

#[test]
fn a_peer_that_is_not_as_xdp_needs_it_is_warned_of_and_the_mend_mends_it() {
    let scene = Scene::built_as(&LabSpec::standard(), &hooked("xdp"), &[]);
    let reload = || {
        scene
            .daemon
            .reload(&hooked("xdp"))
            .expect("it comes into force")
    };
    for (name, segment) in [("vsw-a", "vswitch"), ("provider", "pnet")] {
        assert_eq!(findings(&scene, name, "warning"), [] as [Value; 0]);
        let namespace = scene.lab.ns(segment).name();
        for (setting, told) in [
            (["tx", "on"], "half-done checksums"),
            (["gro", "off"], "GRO"),
        ] {
            let [feature, value] = setting;
            scene.must(segment, &["ethtool", "-K", "node", feature, value]);
            reload();
            let found = findings(&scene, name, "warning");
            assert_eq!(found.len(), 1, "{found:?}");
            let field = |key: &str| found[0][key].as_str().expect(key);
            let place = format!("node, the peer of {name} in namespace {namespace}");
            assert_eq!(field("place"), place);
            assert!(field("problem").contains(told), "{found:?}");
            reload();
            let log = scene.daemon.log();
            let mut lines = log.lines().filter(|line| line.contains(field("mend")));
            assert!(
                lines.next().is_some_and(|line| line.contains("WARN")),
                "{log}"
            );
            assert_eq!(lines.next(), None, "told once");
            let table = scene.daemon.ctl(["status"]).expect("status must answer");
            assert!(table.stdout.contains(field("mend")), "{table}");

            let mut mend = std::process::Command::new("sh");
            mend.args(["-c", field("mend")]);
            let mended = xtask::lab::run_command(mend, PATIENCE).expect("it starts");
            assert!(mended.ok(), "{mended}");
            reload();
            assert_eq!(findings(&scene, name, "warning"), [] as [Value; 0]);
        }
    }
    scene.fetch("client-a");
}
