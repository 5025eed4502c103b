//! How the daemon starts, refuses to start, and stops.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use xtask::lab::{Lab, LabSpec, Outcome};

use crate::hooks::hooked;
use crate::manifest::{ANYWHERE, Manifest, accept, all};
use crate::scene::{BINARY, Scene, argument};
use crate::temporary::TemporaryFile;
use crate::waiting::PATIENCE;

fn manifest() -> Manifest {
    Manifest::web().group(accept(all()).from(ANYWHERE))
}

/// Whether an XDP program is attached to the node's interface: of tcx, `ip` does not tell.
fn is_attached(lab: &Lab, interface: &str) -> bool {
    let shown = lab
        .ns("node")
        .must(["ip", "link", "show", "dev", interface]);
    shown.expect("the interface is there").contains("xdp")
}

#[track_caller]
fn assert_nothing_attached(lab: &Lab) {
    for interface in ["vsw-a", "provider"] {
        assert!(!is_attached(lab, interface), "{interface} has a program");
    }
}

/// A daemon that must refuse to start, with this exit code, on the node of a bare lab.
#[track_caller]
fn refused(manifest: &str, before: &[&str], binary: &str, code: i32) -> Outcome {
    let lab = Lab::new(&LabSpec::standard()).expect("the lab must come up");
    let file = lab.dir().join("refused.yaml");
    fs::write(&file, manifest).expect("the lab's directory takes files");
    let socket = lab.dir().join("refused.sock");
    let run = [
        binary,
        "run",
        "-f",
        argument(&file),
        "--socket",
        argument(&socket),
    ];
    let argv: Vec<_> = before.iter().chain(&run).collect();
    let outcome = lab.ns("node").run(argv).expect("it must start");
    assert_eq!(outcome.status.code(), Some(code), "{outcome}");
    assert_nothing_attached(&lab);
    assert!(!socket.exists(), "it leaves no socket: {outcome}");
    outcome
}

/// The only line on stderr.
#[track_caller]
fn one_line(outcome: &Outcome) -> &str {
    assert_eq!(
        outcome.stderr.lines().count(),
        1,
        "one line, no more: {outcome}"
    );
    outcome.stderr.trim_end()
}

#[test]
fn a_manifest_with_faults_is_refused_whole() {
    let faulty = manifest()
        .text()
        .replace("Interface: provider", "Interfaces: provider");
    let outcome = refused(&faulty, &[], BINARY, 2);
    for fault in ["Interfaces: unknown field", "Interface is missing"] {
        assert!(
            outcome.stderr.contains(fault),
            "{fault} is missing: {outcome}"
        );
    }
}

#[test]
fn a_missing_interface_is_one_clear_line() {
    let outcome = refused(&manifest().on("absent0").text(), &[], BINARY, 1);
    let line = one_line(&outcome);
    assert!(
        line.contains("VSwitch vsw-a") && line.contains("absent0"),
        "{line}"
    );
}

#[test]
fn a_missing_manifest_is_one_clear_line() {
    let absent = [
        BINARY,
        "run",
        "-f",
        "/nonexistent.yaml",
        "--socket",
        "/nonexistent.sock",
    ];
    let lab = Lab::new(&LabSpec::standard()).expect("the lab must come up");
    let outcome = lab.ns("node").run(absent).expect("it must start");
    assert_eq!(outcome.status.code(), Some(1), "{outcome}");
    assert!(
        one_line(&outcome).contains("/nonexistent.yaml"),
        "{outcome}"
    );
}

#[test]
fn missing_privilege_is_one_clear_line() {
    // Nobody may have no way to where the binary was built.
    let copy = TemporaryFile::new("endpoint-ctl");
    let copy = copy.path();
    fs::copy(BINARY, copy).expect("the temporary directory takes files");
    fs::set_permissions(copy, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let nobody = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
    ];
    let powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
    for before in [&nobody[..], &powerless] {
        let outcome = refused(&manifest().text(), before, argument(copy), 1);
        let line = one_line(&outcome);
        assert!(
            line.contains("root") && line.contains("CAP_BPF"),
            "{before:?}: {line}"
        );
    }
}

#[test]
fn a_second_daemon_on_the_socket_is_refused_and_the_first_serves_on() {
    let scene = Scene::new(&manifest());
    let (file, socket) = (scene.daemon.manifest(), scene.daemon.socket());
    let argv = [
        BINARY,
        "run",
        "-f",
        argument(file),
        "--socket",
        argument(socket),
    ];
    let outcome = scene.run("node", &argv);
    assert_eq!(outcome.status.code(), Some(1), "{outcome}");
    let line = one_line(&outcome);
    assert!(
        line.contains("another daemon") && line.contains(argument(socket)),
        "{line}"
    );
    scene.fetch("client-a");
    assert_eq!(scene.status()["pid"], scene.daemon.pid());
}

#[test]
fn a_second_daemon_on_the_interfaces_is_refused_and_the_first_serves_on() {
    let scene = Scene::new(&manifest());
    let file = scene.daemon.manifest();
    let other = scene.file("other.sock");
    let argv = [
        BINARY,
        "run",
        "-f",
        argument(file),
        "--socket",
        argument(&other),
    ];
    let outcome = scene.run("node", &argv);
    assert_eq!(outcome.status.code(), Some(1), "{outcome}");
    assert!(
        one_line(&outcome).contains("another endpoint daemon is attached"),
        "{outcome}"
    );
    assert!(!other.exists(), "it leaves no socket");
    scene.fetch("client-a");
}

#[test]
fn sigterm_ends_it_in_good_order() {
    let scene = Scene::built_as(&LabSpec::standard(), &hooked("xdp"), &[]);
    for interface in ["vsw-a", "provider"] {
        assert!(
            is_attached(&scene.lab, interface),
            "{interface} has a program"
        );
    }
    let process = scene.daemon.process();
    process.signal("TERM").expect("sent");
    let status = process.wait(PATIENCE).expect("it can be awaited");
    assert!(status.is_some_and(|status| status.success()), "{status:?}");
    assert_nothing_attached(&scene.lab);
    assert!(!scene.daemon.socket().exists(), "the socket is gone");
}

#[test]
fn a_socket_left_by_a_killed_daemon_is_no_obstacle() {
    let scene = Scene::new(&manifest());
    scene.daemon.process().signal("KILL").expect("sent");
    let status = scene
        .daemon
        .process()
        .wait(PATIENCE)
        .expect("it can be awaited");
    assert!(status.is_some(), "SIGKILL ends it");
    let (file, socket) = (scene.daemon.manifest(), scene.daemon.socket());
    assert!(socket.exists(), "SIGKILL leaves the socket");
    let argv = [
        BINARY,
        "run",
        "-f",
        argument(file),
        "--socket",
        argument(socket),
    ];
    let next = scene.lab.ns("node").spawn(argv).expect("it must start");
    crate::waiting::eventually("the next daemon answers", || {
        let answer = scene.daemon.ctl_json(&["status"]);
        match answer {
            Ok(status) if status["generation"] == 1 => Ok(()),
            Ok(status) => Err(status.to_string()),
            Err(error) => Err(format!("{error:#}")),
        }
    });
    scene.fetch("client-a");
    assert!(next.is_running(), "it serves on");
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let scene = Scene::new(&manifest());
    let precious = scene.file("precious");
    fs::write(&precious, "kept").expect("the lab's directory takes files");
    let file = scene.daemon.manifest();
    let argv = [
        BINARY,
        "run",
        "-f",
        argument(file),
        "--socket",
        argument(&precious),
    ];
    let outcome = scene.run("node", &argv);
    assert_eq!(outcome.status.code(), Some(1), "{outcome}");
    assert!(one_line(&outcome).contains("no socket"), "{outcome}");
    assert_eq!(fs::read_to_string(&precious).expect("still there"), "kept");
}
