//! The commands that ask: `flows`, `flowlog --follow`, `status`, `check`.

use std::fs::{self, File};

use serde_json::{Value, json};
use xtask::lab::address::{CLIENT_A, CLIENT_B, ENI_A};
use xtask::lab::{Outcome, run_command, spawn_command};

use crate::dialogue::Dialogue;
use crate::flow_log::has_fields;
use crate::manifest::{Manifest, accept, tcp};
use crate::scene::{BINARY, Scene, argument};
use crate::temporary::TemporaryFile;
use crate::waiting::{PATIENCE, eventually};

fn manifest() -> Manifest {
    Manifest::web().group(accept(tcp(80)).from(CLIENT_A).named("sgr-web"))
}

#[test]
fn flows_lists_a_live_connection() {
    let scene = Scene::new(&manifest());
    let (mut dialogue, answer) = Dialogue::open(&scene, "client-a", 80);
    let wanted = json!({
        "state": "established", "protocol": 6, "client": CLIENT_A, "eni-ip": ENI_A, "eni-port": 80,
        "nat": answer.peer, "nat-port": answer.peer_port, "backend": answer.own,
        "backend-port": 8080, "rule-id": "sgr-web", "endpoint-id": "ep-a", "reason": null,
    });
    let flows = scene.flows();
    let flow = flows.iter().find(|flow| has_fields(flow, &wanted));
    let flow = flow.unwrap_or_else(|| panic!("no {wanted} among {flows:?}"));

    let shown = scene.daemon.ctl(["flows"]).expect("flows must answer");
    let nat = format!("{}:{}", answer.peer, answer.peer_port);
    let client = format!("{CLIENT_A}:{}", flow["client-port"]);
    let row = shown.stdout.lines().find(|line| line.contains(&nat));
    let row = row.unwrap_or_else(|| panic!("no {nat} in {shown}"));
    for cell in ["tcp", "established", "sgr-web", &client, "10.0.1.100:80"] {
        assert!(row.contains(cell), "{cell} is missing in {row}");
    }
    dialogue.must_answer();
}

#[test]
fn what_get_shows_is_a_manifest_that_changes_nothing() {
    let scene = Scene::new(&manifest());
    let shown = scene.daemon.ctl(["get", "-o", "yaml"]).expect("an answer");
    assert!(shown.ok(), "{shown}");
    let file = TemporaryFile::new("got.yaml");
    fs::write(file.path(), &shown.stdout).expect("the temporary directory takes files");
    let file = file.path().to_str().expect("a plain path");
    let changes = scene.daemon.ctl_json(&["diff", "-f", file]);
    assert_eq!(changes.expect("diff must answer")["changes"], json!([]));

    let found = scene.daemon.ctl_json(&["get", "securitygroups", "sg-a"]);
    let found = found.expect("get must answer");
    let wanted =
        json!({ "SecurityGroupRuleId": "sgr-web", "SourceCidrIp": format!("{CLIENT_A}/32") });
    assert!(
        has_fields(&found[0]["Permissions"][0], &wanted),
        "{found:#}"
    );
    let table = scene.daemon.ctl(["get"]).expect("an answer");
    assert!(
        table.ok() && table.stdout.contains("VpcEndpoint"),
        "{table}"
    );
    let refused = scene
        .daemon
        .ctl(["get", "vpc", "vpc-x"])
        .expect("an answer");
    assert!(refused.stderr.contains("there are: vpc-a"), "{refused}");
}

#[test]
fn flowlog_follows_with_json_lines() {
    let scene = Scene::new(&manifest());
    scene.fetch("client-a");
    scene.flow_log();
    let output = scene.file("followed");
    let mut command = std::process::Command::new(BINARY);
    command
        .args(["flowlog", "--follow", "-o", "json", "--socket"])
        .arg(scene.daemon.socket())
        .stdout(File::create(&output).expect("the lab's directory takes files"));
    let follower = spawn_command(command).expect("the follower must start");
    let read = || -> Vec<Value> {
        let text = fs::read_to_string(&output).unwrap_or_default();
        let lines = text
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'));
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        lines.map(parse).collect()
    };
    eventually("what is kept is shown first", || {
        let records = read();
        (records.len() >= 2)
            .then_some(())
            .ok_or_else(|| format!("{records:?}"))
    });

    scene.assert_silence("client-b", 80);
    scene.flow_log();
    let wanted = json!({"action": "REJECT", "srcaddr": CLIENT_B, "reason": "group-ingress"});
    eventually("what is new follows", || {
        let records = read();
        let found = records.iter().any(|record| has_fields(record, &wanted));
        found.then_some(()).ok_or_else(|| format!("{records:?}"))
    });
    assert!(follower.is_running(), "it goes on");
}

#[test]
fn flowlog_is_a_table_for_people() {
    let scene = Scene::new(&manifest());
    let answer = scene.fetch("client-a");
    scene.assert_silence("client-b", 80);
    let shown = scene
        .daemon
        .ctl(["flowlog", "--flush"])
        .expect("flowlog must answer");
    let nat = format!("{}:{}", answer.peer, answer.peer_port);
    for (action, cells) in [
        (
            "ACCEPT",
            [CLIENT_A, "10.0.1.100:80", nat.as_str(), "sgr-web"],
        ),
        (
            "REJECT",
            [
                CLIENT_B,
                "10.0.1.100:80",
                "default-ingress",
                "group-ingress",
            ],
        ),
    ] {
        let row =
            |line: &&str| line.starts_with(action) && cells.iter().all(|cell| line.contains(cell));
        assert!(
            shown.stdout.lines().any(|line| row(&line)),
            "no {action} {cells:?} in {shown}"
        );
    }
}

#[test]
fn status_shows_what_is_attached_and_counted() {
    let scene = Scene::new(&manifest());
    scene.fetch("client-a");
    scene.assert_silence("client-b", 80);
    let status = scene.status();
    let interfaces = status["interfaces"].as_array().expect("interfaces");
    for name in ["vsw-a", "provider"] {
        let found = interfaces
            .iter()
            .find(|interface| interface["interface"] == name);
        assert_eq!(
            found.map(|found| &found["hook"]),
            Some(&json!("tc")),
            "{name}: {status}"
        );
    }
    let hops = status["hops"].as_array().expect("hops");
    assert_eq!(hops.len(), 3, "{status}");
    assert!(hops.iter().all(|hop| hop["mac"].is_string()), "{status}");

    let table = scene.daemon.ctl(["status"]).expect("status must answer");
    for word in [
        "generation 1",
        "vsw-a",
        "tc",
        "10.0.50.13",
        ENI_A,
        "group-ingress",
    ] {
        assert!(table.stdout.contains(word), "{word} is missing in {table}");
    }
}

#[test]
fn asking_without_a_daemon_says_so_in_one_line() {
    for question in ["status", "flows", "flowlog"] {
        let outcome = endpoint_ctl(&[question, "--socket", "/nonexistent/socket"]);
        assert_eq!(outcome.status.code(), Some(1), "{outcome}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{outcome}");
        assert!(
            outcome.stderr.contains("endpoint-ctl run"),
            "it says what to do: {outcome}"
        );
    }
}

#[test]
fn check_lists_all_faults() {
    let file = TemporaryFile::new("faulty.yaml");
    let file = file.path();
    let faulty = manifest().group(accept(tcp(80)).from("10.0.1.300"));
    let faulty = faulty
        .text()
        .replace("Interface: provider", "Interfaces: provider");
    fs::write(file, faulty).expect("the temporary directory takes files");
    let wanted = [
        "10.0.1.300/32",
        "Interfaces: unknown field",
        "Interface is missing",
    ];

    let outcome = endpoint_ctl(&["check", "-f", argument(file)]);
    assert_eq!(outcome.status.code(), Some(2), "{outcome}");
    for fault in wanted {
        assert!(
            outcome.stdout.contains(fault),
            "{fault} is missing: {outcome}"
        );
    }
    let outcome = endpoint_ctl(&["check", "-o", "json", "-f", argument(file)]);
    assert_eq!(outcome.status.code(), Some(2), "{outcome}");
    let said: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let faults = said["faults"].as_array().expect("faults");
    assert_eq!(faults.len(), wanted.len(), "{said}");
    for fault in faults {
        let place = ["document", "kind", "id", "line", "problem", "mend"];
        assert!(
            place.iter().all(|field| !fault[*field].is_null()),
            "{fault}"
        );
    }

    fs::write(file, manifest().text()).expect("the temporary directory takes files");
    let outcome = endpoint_ctl(&["check", "-f", argument(file)]);
    assert!(outcome.ok() && outcome.stdout.contains(ENI_A), "{outcome}");
}

fn endpoint_ctl(args: &[&str]) -> Outcome {
    let mut command = std::process::Command::new(BINARY);
    command.args(args);
    run_command(command, PATIENCE).expect("endpoint-ctl must start")
}
