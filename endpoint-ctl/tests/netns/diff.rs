//! `diff`: what a manifest would change, told without changing anything.

use std::fs;

use xtask::lab::address::{CLIENT_A, CLIENT_B};

use crate::dialogue::Dialogue;
use crate::manifest::{Manifest, accept, drop, tcp};
use crate::scene::{Scene, argument};

fn manifest() -> Manifest {
    Manifest::web().group(accept(tcp(80)).priority(5).named("sgr-web"))
}

#[test]
fn diff_names_what_would_change_and_changes_nothing() {
    let scene = Scene::with_options(&manifest(), &["--flow-log-window", "1"]);
    let (mut dialogue, _) = Dialogue::open(&scene, "client-a", 80);
    scene.fetch("client-b");
    let generation = scene.status()["generation"].clone();
    let file = scene.file("candidate.yaml");
    let candidate = manifest().group(drop(tcp(80)).from(CLIENT_A).priority(1).named("sgr-cut"));
    fs::write(&file, candidate.text()).expect("a file of the lab's");
    let log = scene.file("records");
    let records = scene.flow_log().to_string();
    fs::write(&log, records).expect("a file of the lab's");

    let argv = [
        "diff",
        "-f",
        argument(&file),
        "--replay",
        "--flow-log",
        argument(&log),
    ];
    let found = scene.daemon.ctl_json(&argv).expect("diff must answer");
    assert_eq!(found["changes"][0]["kind"], "SecurityGroup", "{found:#}");
    assert_eq!(
        found["changes"][0]["fields"][0], "Permissions: added sgr-cut",
        "{found:#}"
    );
    let replay = &found["replay"];
    let changed = replay["changed"].as_array().expect("a list");
    assert_eq!(replay["flows"], 2, "{found:#}");
    assert!(replay["records"].as_u64() > Some(3), "{found:#}");
    // The live flow; its records are of the same one.
    assert_eq!(changed.len(), 1, "{found:#}");
    assert_eq!(changed[0]["state"], "established", "{found:#}");
    assert_eq!(changed[0]["old"]["rule-id"], "sgr-web", "{found:#}");
    assert_eq!(changed[0]["new"]["rule-id"], "sgr-cut", "{found:#}");
    assert_eq!(
        changed[0]["client"]["ip"], CLIENT_A,
        "not {CLIENT_B}: {found:#}"
    );
    let shown = scene.daemon.ctl(argv).expect("diff must answer");
    println!("{shown}");
    assert!(
        shown.ok() && shown.stdout.contains("drop group-ingress sgr-cut"),
        "{shown}"
    );
    assert_eq!(
        scene.status()["generation"],
        generation,
        "nothing is applied"
    );
    dialogue.must_answer();

    fs::write(&file, "kind: Nonsense\n").expect("a file of the lab's");
    let refused = scene.daemon.ctl(["diff", "-f", argument(&file)]);
    let refused = refused.expect("it must run");
    assert_eq!(refused.status.code(), Some(2), "{refused}");
    assert!(refused.stdout.contains("Nonsense"), "{refused}");
}
