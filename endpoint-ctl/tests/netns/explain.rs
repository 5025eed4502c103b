//! `explain` says what then happens: of new packets, of flows that are there, and of questions that make
//! no sense. Reverse endpoints and IPv6 are asked where their labs are.

use serde_json::{Value, json};
use xtask::lab::address::{CLIENT_A, CLIENT_B, ENI_A};

use crate::dialogue::Dialogue;
use crate::manifest::{Manifest, accept, drop, tcp};
use crate::scene::Scene;

impl Scene {
    /// What `explain` says; daemon and model must agree.
    #[track_caller]
    pub(crate) fn explain(&self, from: &str, to: &str, protocol: &str) -> Value {
        let argv = ["explain", "--from", from, "--to", to, "--proto", protocol];
        let told = self.daemon.ctl_json(&argv).expect("explain must answer");
        assert_eq!(told["disagreements"], json!([]), "{told:#}");
        told
    }
}

fn manifest() -> Manifest {
    Manifest::web()
        .group(accept(tcp(80)).from(CLIENT_A).priority(5).named("sgr-web"))
        .group(drop(tcp(80)).from(CLIENT_B).priority(2).named("sgr-not-b"))
        .group(accept(tcp(80)).priority(9).named("sgr-rest"))
}

#[test]
fn what_explain_says_is_what_curl_meets() {
    let scene = Scene::new(&manifest());
    let to = format!("{ENI_A}:80");
    let told = scene.explain(CLIENT_A, &to, "tcp");
    assert_eq!(told["verdict"], "accepted", "{told:#}");
    assert_eq!(told["answers"]["verdict"], "accepted", "{told:#}");
    assert_eq!(told["source-port-chosen"], true);
    assert_eq!(told["next-hop"]["resolved"], true, "{told:#}");
    assert_eq!(told["next-hop"]["interface"], "provider", "{told:#}");
    let groups = &told["stages"][1];
    assert_eq!(groups["rule"]["rule-id"], "sgr-web", "{told:#}");
    assert_eq!(groups["beaten"][0]["rule-id"], "sgr-rest", "{told:#}");
    assert_eq!(scene.flows().len(), 0, "explaining opens no flow");
    scene.fetch("client-a");

    let told = scene.explain(CLIENT_B, &to, "tcp");
    assert_eq!(told["verdict"], "dropped", "{told:#}");
    assert_eq!(told["reason"], "group-ingress", "{told:#}");
    assert_eq!(told["rule-id"], "sgr-not-b", "{told:#}");
    assert_eq!(
        scene.dropped("group-ingress"),
        0,
        "explaining counts nothing"
    );
    scene.assert_silence("client-b", 80);
    scene.flow_log().one(&json!({
        "action": "REJECT", "srcaddr": CLIENT_B, "dstaddr": ENI_A, "dstport": 80,
        "reason": "group-ingress", "rule-id": told["rule-id"],
    }));
    let shown = scene
        .daemon
        .ctl(["explain", "--from", CLIENT_B, "--to", &to, "--proto", "tcp"]);
    let shown = shown.expect("explain must answer");
    println!("{shown}");
    assert!(
        shown.ok(),
        "a dropped packet is an answer like any: {shown}"
    );
    for words in [
        "DROPPED, group-ingress by rule sgr-not-b",
        "beats sgr-rest",
        "ephemeral",
    ] {
        assert!(shown.stdout.contains(words), "no {words} in {shown}");
    }
}

#[test]
fn an_existing_flow_is_named_with_what_its_next_packet_meets() {
    let scene = Scene::new(&manifest());
    let (mut dialogue, _) = Dialogue::open(&scene, "client-a", 80);
    let flow = &scene.flows()[0];
    let from = format!("{CLIENT_A}:{}", flow["client-port"]);
    let to = format!("{ENI_A}:80");
    let told = scene.explain(&from, &to, "tcp");
    assert_eq!(told["flow"]["state"], "established", "{told:#}");
    assert_eq!(told["flow"]["backend"]["ip"], flow["backend"], "{told:#}");
    assert_eq!(told["flow"]["rules"][1], "sgr-web", "{told:#}");
    assert_eq!(told["flow"]["next-packet"]["verdict"], "accepted");

    let cut = manifest().group(drop(tcp(80)).from(CLIENT_A).priority(1).named("sgr-cut"));
    scene.reload(&cut);
    let told = scene.explain(&from, &to, "tcp");
    assert_eq!(told["flow"]["judged-again"], true, "{told:#}");
    assert_eq!(
        told["flow"]["next-packet"]["rule-id"], "sgr-cut",
        "{told:#}"
    );
    dialogue.must_be_silent();
}

#[test]
fn questions_that_make_no_sense_are_refused_with_the_mend() {
    let scene = Scene::new(&manifest());
    let web = format!("{ENI_A}:80");
    for (from, to, protocol, more, mend) in [
        (CLIENT_A, "10.0.1.99:80", "tcp", None, ENI_A),
        (CLIENT_A, web.as_str(), "tcp", Some("vpc-x"), "there are"),
        (CLIENT_A, ENI_A, "udp", None, "--to 10.0.1.100:80"),
        ("::1", web.as_str(), "tcp", None, "different families"),
    ] {
        let mut argv = vec!["explain", "--from", from, "--to", to, "--proto", protocol];
        argv.extend(more.iter().flat_map(|vpc| ["--vpc", vpc]));
        let refused = scene.daemon.ctl(&argv).expect("it must run");
        assert_eq!(refused.status.code(), Some(2), "{refused}");
        assert!(refused.stderr.contains(mend), "no {mend} in {refused}");
    }
}
