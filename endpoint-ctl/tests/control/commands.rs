//! The commands that change what is declared, copy it and show it, with the exit codes that are documented.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use xtask::lab::address::{ENI_A, ENI_B};

use crate::asks::{BAD_INPUT, assert_has, describe, must, refused};
use crate::calls::Product;
use crate::network::{Network, SERVICE, apply, eventually, service};
use crate::node::{BINARY, Node, argument};

/// What anything else that fails than what was asked ends with.
const FAILED: Option<i32> = Some(1);

#[test]
fn what_is_declared_is_changed_shown_and_copied() {
    let mut node = Node::new();
    applied(&node);
    let network = Network::new(&node.calls());
    let endpoint = network.endpoint(&node);
    taken_over(&node);
    deleted(&node, &network);
    got(&node, &endpoint);
    copied(&mut node);
}

/// `apply`, `--dry-run` and `--prune`.
fn applied(node: &Node) {
    let file = node.lab.dir().join("service.yaml");
    let file = argument(&file);
    fs::write(file, service("Endpoint")).expect("writes");
    let args = ["apply", "--name", "service", "-f", file];
    let tried = must(node, &[&args[..], &["--dry-run"]].concat());
    assert_has(&tried, &["VpcEndpointService", SERVICE]);
    refused(
        node,
        &["get", "vpcendpointservice", SERVICE],
        BAD_INPUT,
        &[SERVICE],
    );
    let done = must(node, &args);
    assert_eq!(done.stdout, tried.stdout, "it was told what came");
    assert_has(
        &must(node, &["get", "vpcendpointservice", SERVICE]),
        &[SERVICE],
    );
    assert_has(&must(node, &args), &["no resource would change"]);

    fs::write(file, service("Nobody")).expect("writes");
    let faults = refused(node, &args, BAD_INPUT, &["Payer"]);
    assert!(faults.stdout.contains("service.yaml"), "{faults}");
    let faults = refused(node, &[&args[..], &["-o", "json"]].concat(), BAD_INPUT, &[]);
    let faults: Value = serde_json::from_str(&faults.stdout).expect("is JSON");
    assert!(faults.to_string().contains("Payer"), "{faults}");
    refused(
        node,
        &["apply", "-f", "/nowhere.yaml"],
        FAILED,
        &["/nowhere.yaml"],
    );
    fs::write(file, service("Endpoint")).expect("writes");

    let list = "
kind: PrefixList
PrefixListId: pl-1
AddressFamily: IPv4
MaxEntries: 10
Entries: [{ Cidr: 10.0.0.0/8 }]";
    let vpc = "
kind: Vpc
VpcId: vpc-m
CidrBlock: 172.16.0.0/16";
    apply(node, "more", &format!("{list}\n---{vpc}"));
    let file = node.lab.dir().join("more.yaml");
    fs::write(&file, vpc).expect("writes");
    let args = ["apply", "--name", "more", "-f", argument(&file)];
    let left = must(node, &args);
    assert_has(
        &left,
        &["PrefixList pl-1 is declared no more, and stays; --prune deletes it"],
    );
    let shown = node.daemon.ctl_json(&args).expect("answers");
    let wanted = json!({ "changes": [], "left": [{ "kind": "PrefixList", "id": "pl-1" }] });
    assert_eq!(shown, wanted);
    must(node, &["get", "prefixlist", "pl-1"]);
    must(node, &[&args[..], &["--prune"]].concat());
    refused(node, &["get", "prefixlist", "pl-1"], BAD_INPUT, &["pl-1"]);
    must(node, &["get", "vpc", "vpc-m"]);
}

/// A manifest that declares what the API made, without and with `--take-over`.
fn taken_over(node: &Node) {
    let calls = node.calls();
    let vpc = [("CidrBlock", "10.7.0.0/16")];
    let vpc = calls.call(Product::Vpc, "CreateVpc", &vpc).text("VpcId");
    let file = node.lab.dir().join("take.yaml");
    fs::write(
        &file,
        format!("kind: Vpc\nVpcId: {vpc}\nCidrBlock: 10.7.0.0/16\n"),
    )
    .expect("writes");
    let args = ["apply", "--name", "taker", "-f", argument(&file)];
    refused(
        node,
        &args,
        BAD_INPUT,
        &[&vpc, "was made by the API", "--take-over"],
    );
    assert_eq!(describe(node, "vpc", &vpc)["manifest"], Value::Null);
    must(node, &[&args[..], &["--take-over"]].concat());
    let shown = describe(node, "vpc", &vpc);
    assert_eq!(
        (&shown["manifest"], &shown["account-id"]),
        (&json!("taker"), &json!("1001"))
    );
    let of = [("VpcId", vpc.as_str())];
    let denied = calls.call(Product::Vpc, "DeleteVpc", &of);
    let code = "OperationDenied.ManagedByManifest";
    assert_eq!(denied.body["Code"], code, "{}", denied.body);
    let args = ["apply", "--name", "another", "-f", argument(&file)];
    refused(node, &args, BAD_INPUT, &["belongs to the manifest taker"]);
}

/// `delete`: what is needed, what a manifest owns, what is not there, and what may go.
fn deleted(node: &Node, network: &Network) {
    let vpc = network.vpc.as_str();
    refused(node, &["delete", "vpc", vpc], BAD_INPUT, &[vpc, "needs it"]);
    refused(
        node,
        &["delete", "vpc", "vpc-m"],
        BAD_INPUT,
        &["manifest more"],
    );
    refused(
        node,
        &["delete", "vpc", "vpc-none"],
        BAD_INPUT,
        &["there is no Vpc vpc-none"],
    );
    refused(node, &["delete", "vcp", vpc], BAD_INPUT, &["is not a kind"]);
    let group = [("VpcId", vpc), ("SecurityGroupName", "idle")];
    let group = node
        .calls()
        .call(Product::Ecs, "CreateSecurityGroup", &group);
    let group = group.text("SecurityGroupId");
    must(node, &["get", "securitygroup", &group]);
    must(node, &["delete", "SecurityGroups", &group]);
    refused(
        node,
        &["get", "securitygroup", &group],
        BAD_INPUT,
        &[&group],
    );
}

/// `get`.
fn got(node: &Node, endpoint: &str) {
    refused(node, &["get", "vcp"], BAD_INPUT, &["is not a kind"]);
    let all = node.daemon.ctl_json(&["get"]).expect("answers");
    let kinds: BTreeSet<_> = all
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["kind"].to_string())
        .collect();
    assert!(kinds.len() >= 7, "{kinds:?}");
    assert_has(&must(node, &["get"]), &[endpoint, "nlb-a", "pnet"]);
    // What it shows is what a manifest may hold.
    let yaml = must(node, &["get", "-o", "yaml"]);
    let file = node.lab.dir().join("got.yaml");
    fs::write(&file, &yaml.stdout).expect("writes");
    let checked = ctl(&["check", "-f", argument(&file)]);
    assert!(checked.status.success(), "{checked:?}\n{yaml}");
}

/// `backup` and `restore`.
fn copied(node: &mut Node) {
    let dir = node.lab.dir().to_owned();
    let [copy, store, other] = ["copy.redb", "state.redb", "other.redb"].map(|name| dir.join(name));
    let [copy, store, other] = [&copy, &store, &other].map(|path| argument(path));
    let before = everything(node);
    assert_has(&must(node, &["backup", "--to", copy]), &[copy, "revision"]);
    let kept = fs::read(copy).expect("is there");
    refused(
        node,
        &["backup", "--to", copy],
        FAILED,
        &["is there already"],
    );
    assert_eq!(fs::read(copy).expect("is there"), kept, "it is as it was");
    // What comes after the backup is not in it.
    apply(
        node,
        "later",
        "kind: Vpc\nVpcId: vpc-later\nCidrBlock: 10.9.0.0/16\n",
    );

    let restore = |to: &str, more: &[&str]| {
        ctl(&[&["restore", "--from", copy, "--store", to], more].concat())
    };
    let held = restore(store, &["--overwrite"]);
    assert_eq!(held.status.code(), FAILED, "{held:?}");
    assert!(text(&held.stderr).contains("is in use by"), "{held:?}");
    let fresh = restore(other, &[]);
    assert!(fresh.status.success(), "{fresh:?}");
    assert!(text(&fresh.stdout).contains("revision"), "{fresh:?}");
    node.end("TERM");
    let there = restore(store, &[]);
    assert_eq!(there.status.code(), FAILED, "{there:?}");
    assert!(
        text(&there.stderr).contains("is there already"),
        "{there:?}"
    );
    node.restart();
    must(node, &["get", "vpc", "vpc-later"]);

    // Onto a fresh one.
    node.end("TERM");
    for file in [store.to_owned(), format!("{store}.lock")] {
        fs::remove_file(file).expect("removes");
    }
    let done = restore(store, &[]);
    assert!(done.status.success(), "{done:?}");
    node.restart();
    refused(
        node,
        &["get", "vpc", "vpc-later"],
        BAD_INPUT,
        &["vpc-later"],
    );
    assert_eq!(everything(node), before);
    for (client, eni) in [("client-a", ENI_A), ("client-c", ENI_B)] {
        let fetch = || {
            node.fetch(client, eni)
                .ok_or_else(|| format!("nothing from {eni}"))
        };
        eventually("it serves", fetch);
    }
}

#[test]
fn completions_and_pages_name_every_command() {
    let help = ctl(&["help"]);
    let help = text(&help.stdout);
    let commands: Vec<_> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .collect();
    assert!(commands.len() > 15, "{help}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let made = ctl(&["completions", shell]);
        assert!(made.status.success(), "{shell}: {made:?}");
        let made = text(&made.stdout);
        for command in &commands {
            assert!(made.contains(command), "{shell} knows no {command}");
        }
    }
    assert_eq!(ctl(&["completions", "csh"]).status.code(), BAD_INPUT);

    let dir = std::env::temp_dir().join(format!("endpoint-man-{}", std::process::id()));
    let made = ctl(&["man", "--dir", argument(&dir)]);
    assert!(made.status.success(), "{made:?}");
    let pages = commands
        .iter()
        .map(|command| format!("endpoint-ctl-{command}.1"));
    for page in pages.chain(["endpoint-ctl.1".to_owned()]) {
        let written = fs::read_to_string(dir.join(&page)).unwrap_or_default();
        assert!(written.contains(".SH NAME"), "{page}: {written:?}");
    }
    fs::remove_dir_all(&dir).expect("removes");
    let file = ctl(&["man", "--dir", BINARY]);
    assert_eq!(file.status.code(), FAILED, "{file:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    for args in [
        &["completions", "bash"][..],
        &["completions", "zsh"],
        &["help"],
    ] {
        let mut child = Command::new(BINARY)
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        drop(child.stdout.take());
        let status = child.wait().expect("ends");
        let mut told = String::new();
        let mut stderr = child.stderr.take().expect("is piped");
        stderr.read_to_string(&mut told).expect("is text");
        assert!(!told.contains("panicked"), "{args:?}: {told}");
        assert!(
            matches!(status.code(), Some(0 | 1)),
            "{args:?}: {status} {told}"
        );
    }
}

/// All that is declared, with whose it is and which manifest's.
fn everything(node: &Node) -> Vec<Value> {
    let all = node.daemon.ctl_json(&["get"]).expect("answers");
    let all = all.as_array().expect("a list").iter();
    let of = |document: &Value| {
        let mut fields = document.as_object().expect("an object").values();
        let mut next = || {
            fields
                .next()
                .and_then(Value::as_str)
                .expect("a text")
                .to_owned()
        };
        let (kind, id) = (next(), next());
        let shown = describe(node, &kind, &id);
        let kept = ["account-id", "created", "manifest", "referrers", "document"];
        kept.iter().map(|key| shown[key].clone()).collect::<Value>()
    };
    all.map(of).collect()
}

/// Runs a command that asks no daemon.
fn ctl(args: &[&str]) -> Output {
    let mut command = Command::new(Path::new(BINARY));
    command.args(args).output().expect("runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
