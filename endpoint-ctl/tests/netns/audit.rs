//! What rules decide, as users see it: hits of every rule, audit mode, and drops that add up to what
//! was told of them and what was not.

use serde_json::{Value, json};
use xtask::lab::address::{CLIENT_A, CLIENT_B, CLIENT_R, ENI_A};

use crate::dialogue::Dialogue;
use crate::flow_log::has_fields;
use crate::manifest::{Manifest, accept, all, drop, tcp};
use crate::scene::Scene;
use crate::waiting::eventually;

/// A may, B may not, and nobody else is named.
fn manifest() -> Manifest {
    Manifest::web()
        .group(accept(tcp(80)).from(CLIENT_A).named("sgr-a"))
        .group(drop(tcp(80)).from(CLIENT_B).named("sgr-b"))
}

#[track_caller]
fn rules(scene: &Scene, of: &[&str]) -> Vec<Value> {
    let argv: Vec<_> = ["rules"].iter().chain(of).copied().collect();
    let rules = scene.daemon.ctl_json(&argv).expect("rules must answer");
    rules.as_array().cloned().expect("rules is a list")
}

#[track_caller]
fn rule(scene: &Scene, id: &str) -> Value {
    let rules = rules(scene, &[]);
    let found = rules.iter().find(|rule| rule["rule-id"] == id);
    found
        .cloned()
        .unwrap_or_else(|| panic!("no {id} among {rules:?}"))
}

/// Packets a rule has accepted and dropped.
#[track_caller]
fn hits(scene: &Scene, id: &str) -> (u64, u64) {
    let rule = rule(scene, id);
    let packets = |what: &str| rule[what]["packets"].as_u64().expect("a number");
    (packets("accepted"), packets("dropped"))
}

#[test]
fn every_rule_shows_what_it_decided_and_keeps_it_over_a_reload() {
    let acl = [
        accept(all()).from(CLIENT_R).named("in-r"),
        accept(all()).to(CLIENT_R).named("out-r"),
    ];
    let scene = Scene::new(&manifest().acl(&acl));
    assert_eq!(hits(&scene, "sgr-a"), (0, 0));
    assert_eq!(rule(&scene, "sgr-a")["last-hit"], Value::Null);
    scene.fetch("client-a");
    scene.assert_silence("client-b", 80);
    scene.assert_silence("client-r", 80);

    let status = scene.status();
    let eni = &status["enis"][0];
    let (a, b) = (hits(&scene, "sgr-a"), hits(&scene, "sgr-b"));
    assert_eq!(a, (eni["in"]["packets"].as_u64().expect("a number"), 0));
    assert!(a.0 >= 4 && b.0 == 0 && b.1 >= 2, "{a:?} {b:?}");
    // What nobody wrote has hits as well. Both clients of the vSwitch pass its ACL; what the group
    // drops is the group's rule's.
    let managed = rule(&scene, "sgr-managed-ep-a-egress");
    let wanted = json!({
        "owner-id": "sg-managed-ep-a", "managed": true, "policy": "accept", "direction": "egress",
    });
    assert!(has_fields(&managed, &wanted), "{managed}");
    assert_eq!(managed["accepted"], rule(&scene, "sgr-a")["accepted"]);
    let same = hits(&scene, "same-vswitch");
    let out = eni["out"]["packets"].as_u64().expect("a number");
    assert_eq!(same, (a.0 + out, 0), "the way there, and the way back");
    let default = hits(&scene, "default-ingress");
    assert!(default.0 == 0 && default.1 >= 2, "{default:?}");
    let dropped = &eni["dropped"]["packets"];
    assert_eq!(json!(b.1 + default.1), *dropped, "{status}");
    let last = rule(&scene, "sgr-b")["last-hit"].clone();
    assert!(last.is_string(), "{last}");

    // Whose rules are asked for.
    let group = rules(&scene, &["--sg", "sg-a"]);
    // Two that are written, and the one that lets members in.
    assert_eq!(group.len(), 3, "{group:?}");
    let wanted = json!({
        "layer": "security-group", "owner-id": "sg-a", "direction": "ingress", "order": 1,
        "policy": "drop", "matches": format!("tcp 80/80 {CLIENT_B}/32"), "managed": false,
    });
    assert!(
        group.iter().any(|rule| has_fields(rule, &wanted)),
        "{group:?}"
    );
    let entries = rules(&scene, &["--nacl", "nacl-a"]);
    assert_eq!(entries.len(), 2, "{entries:?}");
    let of_endpoint = rules(&scene, &["--endpoint", "ep-a"]);
    assert_eq!(of_endpoint.len(), 3 + 2 + 2 + 5, "{of_endpoint:?}");
    let refused = scene
        .daemon
        .ctl(["rules", "--sg", "sg-x"])
        .expect("an answer");
    assert!(
        !refused.ok() && refused.stderr.contains("no security group sg-x"),
        "{refused}"
    );
    let table = scene
        .daemon
        .ctl(["rules", "--sg", "sg-a"])
        .expect("an answer");
    assert!(table.ok() && table.stdout.contains("sgr-b"), "{table}");

    // A rule that stays keeps what it has counted.
    scene.reload(&manifest().group(accept(all()).from(CLIENT_R).named("sgr-r")));
    assert_eq!((hits(&scene, "sgr-a"), hits(&scene, "sgr-b")), (a, b));
    assert_eq!(rule(&scene, "sgr-b")["last-hit"], last);
    scene.fetch("client-a");
    let more = hits(&scene, "sgr-a");
    assert!(more.0 > a.0, "{a:?}, then {more:?}");
}

#[test]
fn what_a_flow_counted_before_its_rule_changed_stays_with_that_rule() {
    let scene = Scene::new(&manifest());
    let (mut dialogue, _) = Dialogue::open(&scene, "client-a", 80);
    let before = hits(&scene, "sgr-a");
    dialogue.must_answer();
    // Another rule refuses it from now on; it has accepted nothing.
    let cut = Manifest::web().group(drop(tcp(80)).from(CLIENT_A).named("sgr-cut"));
    let counted = hits(&scene, "sgr-a");
    assert!(counted.0 > before.0, "{before:?}, then {counted:?}");
    scene.reload(&cut);
    scene.assert_silence("client-a", 80);
    std::mem::drop(dialogue);
    scene.flow_log();
    let (accepted, dropped) = hits(&scene, "sgr-cut");
    assert!(accepted == 0 && dropped > 0, "{accepted} {dropped}");
}

#[test]
fn what_a_rule_accepted_stays_its_own_when_another_takes_its_place() {
    let both = |first: &str, second: &str| {
        Manifest::web()
            .group(accept(tcp(80)).from(CLIENT_A).named(first))
            .group(accept(tcp(80)).from(CLIENT_A).priority(2).named(second))
    };
    let scene = Scene::new(&both("sgr-early", "sgr-late"));
    let (mut dialogue, _) = Dialogue::open(&scene, "client-a", 80);
    dialogue.must_answer();
    let sent = |scene: &Scene| {
        let status = scene.status();
        let packets = &status["enis"][0]["in"]["packets"];
        packets.as_u64().expect("a number")
    };
    // Nobody asks for hits before the reload: it must count them by itself.
    let before = sent(&scene);
    scene.reload(&both("sgr-late", "sgr-early"));
    dialogue.must_answer();
    eventually("all that went in was accepted by one of both", || {
        let (early, late) = (hits(&scene, "sgr-early").0, hits(&scene, "sgr-late").0);
        let adds_up = early + late == sent(&scene);
        let is_split = early >= before && late > 0;
        let told = || format!("{before} before, then {early} and {late}");
        (adds_up && is_split).then_some(()).ok_or_else(told)
    });
}

#[test]
fn audit_mode_lets_pass_what_rules_refuse_and_logs_it() {
    let audited = manifest().endpoint("AuditMode: true\n");
    let scene = Scene::new(&audited);
    let (mut dialogue, answer) = Dialogue::open(&scene, "client-b", 80);
    dialogue.must_answer();
    let log = scene.flow_log();
    let wanted = json!({
        "action": "AUDIT", "srcaddr": CLIENT_B, "dstaddr": ENI_A, "dstport": 80, "direction": "in",
        "layer": "security-group", "rule-id": "sgr-b", "reason": "group-ingress",
        "endpoint-id": "ep-a", "packets": 1,
    });
    log.one(&wanted);
    assert_eq!(log.all(&wanted).count(), 1, "{log}");
    let passed = json!({"action": "ACCEPT", "srcaddr": CLIENT_B, "dstport": 80});
    log.one(&passed);
    assert!(
        log.all(&json!({"action": "REJECT"})).next().is_none(),
        "{log}"
    );
    let status = scene.status();
    let eni = &status["enis"][0];
    assert_eq!(eni["audited"]["packets"], 1, "{status}");
    assert_eq!(eni["audited-untold"]["packets"], 0, "{status}");
    let (accepted, dropped) = hits(&scene, "sgr-b");
    assert!(accepted > 0 && dropped == 0, "{accepted} {dropped}");
    let flows = scene.flows();
    let wanted =
        json!({"client": CLIENT_B, "audited": "group-ingress", "nat-port": answer.peer_port});
    assert!(
        flows.iter().any(|flow| has_fields(flow, &wanted)),
        "{flows:?}"
    );
    // Nothing refuses A, and what is no rule's refusal is enforced.
    scene.fetch("client-a");
    scene.assert_silence("client-b", 81);
    assert!(scene.dropped("no-listener") > 0);
    let log = scene.flow_log();
    assert!(
        log.all(&json!({"action": "AUDIT", "srcaddr": CLIENT_A}))
            .next()
            .is_none(),
        "{log}"
    );

    // Switched off, the flow is cut with its next packet, and no other one begins.
    scene.reload(&manifest());
    dialogue.must_be_silent();
    scene.assert_silence("client-b", 80);
    eventually("the flow is cut", || {
        let flows = scene.flows();
        let wanted = json!({"client": CLIENT_B, "state": "cut", "reason": "group-ingress"});
        let is_cut = flows.iter().any(|flow| has_fields(flow, &wanted));
        is_cut.then_some(()).ok_or_else(|| format!("{flows:?}"))
    });
    let log = scene.flow_log();
    log.one(&json!({"action": "REJECT", "rule-id": "sgr-b", "srcaddr": CLIENT_B}));
    scene.fetch("client-a");
}

#[test]
fn drops_add_up_to_what_was_told_and_what_was_not() {
    const TOLD: usize = 5;
    const SENT: u64 = 60;
    let told = TOLD.to_string();
    let audited = manifest().endpoint("AuditMode: true\n");
    let scene = Scene::with_options(&audited, &["--told-drops", &told]);
    // What audit mode let pass is told as well, for the same reason, but is no drop.
    scene.must("client-b", &["ping", "-c", "1", "-W", "5", ENI_A]);
    scene.flow_log();
    scene.reload(&manifest());
    let flood = format!("for i in $(seq {SENT}); do echo $i > /dev/udp/{ENI_A}/53; done");
    scene.must("client-a", &["bash", "-c", &flood]);
    let log = scene.flow_log();
    let status = scene.status();
    let drops = status["drops"].as_array().expect("drops");
    let eni = &status["enis"][0];
    let wanted = json!({"reason": "group-ingress", "direction": "in", "eni-id": eni["eni-id"]});
    let row = drops.iter().find(|row| has_fields(row, &wanted));
    let row = row.unwrap_or_else(|| panic!("no {wanted} in {status}"));
    let number = |value: &Value| value.as_u64().expect("a number");
    let [dropped, told, untold] = [
        &row["packets"],
        &row["told"]["packets"],
        &row["untold"]["packets"],
    ]
    .map(number);
    assert_eq!(dropped, SENT, "{row}");
    assert_eq!(told + untold, dropped, "{row}");
    // Seconds may pass meanwhile, and the test's machine has more than one CPU.
    assert!(told >= TOLD as u64 && untold > 0, "{row}");
    assert_eq!(untold, number(&eni["untold"]["packets"]), "{status}");
    let wanted = json!({"action": "REJECT", "reason": "group-ingress"});
    let rejected = log.all(&wanted);
    let logged: u64 = rejected.map(|record| number(&record["packets"])).sum();
    assert_eq!(logged, told, "{log}");
    assert_eq!(hits(&scene, "default-ingress").1, SENT);
    assert_eq!(number(&eni["audited"]["packets"]), 1, "{status}");
}

#[test]
fn more_rules_than_there_is_room_for_are_refused_by_name() {
    let scene = Scene::with_options(&manifest(), &["--rules", "12"]);
    let mut many = manifest();
    for port in 1000..1020 {
        many = many.group(accept(tcp(port)).from(CLIENT_A));
    }
    scene.daemon.request_reload(&many.text()).expect("asked");
    let error = eventually("status shows the refusal", || {
        let status = scene.status();
        let error = status["error"].as_str().map(str::to_owned);
        error.ok_or_else(|| status.to_string())
    });
    for part in ["rule numbers", "the table holds 12", "--rules"] {
        assert!(error.contains(part), "{part} is missing in {error}");
    }
    scene.fetch("client-a");
}
