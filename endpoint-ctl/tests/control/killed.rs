//! The daemon is killed again and again while it is called: what it acknowledged is there afterwards, and
//! nothing is half there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::calls::{Calls, Product};
use crate::node::Node;

/// How often it is killed, unless `CONTROL_KILLS` says otherwise.
const KILLS: usize = 12;
const WRITERS: usize = 4;

/// What is known of the groups that a writer made.
#[derive(Debug, Default)]
struct Known {
    /// Acknowledged: their names by id.
    made: BTreeMap<String, String>,
    /// Acknowledged to be deleted.
    deleted: BTreeSet<String>,
    /// Asked to be deleted, without an answer: it may be there or not.
    unsure: BTreeSet<String>,
    /// Names of those that were asked for without an answer.
    maybe: BTreeSet<String>,
}

#[test]
fn what_was_acknowledged_outlives_being_killed() {
    let kills = std::env::var("CONTROL_KILLS").ok();
    let kills = kills.map_or(KILLS, |kills| kills.parse().expect("a number"));
    let mut node = Node::new();
    let calls = node.calls();
    let vpc = calls.call(Product::Vpc, "CreateVpc", &[("CidrBlock", "10.0.0.0/16")]);
    let vpc = vpc.text("VpcId");
    let known = Arc::new(Mutex::new(Known::default()));
    let mut rng = fastrand::Rng::with_seed(20_261_130);
    let mut acknowledged = 0;
    for round in 0..kills {
        let stop = Arc::new(AtomicBool::new(false));
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (calls, known, stop, vpc) = (&calls, &known, &stop, vpc.as_str());
                scope.spawn(move || write(calls, known, stop, vpc, round * WRITERS + writer));
            }
            std::thread::sleep(Duration::from_millis(rng.u64(5..400)));
            node.daemon.process().signal("KILL").expect("is sent");
            let ended = node.daemon.process().wait(Duration::from_secs(10));
            assert!(ended.expect("can be awaited").is_some(), "it is dead");
            stop.store(true, Ordering::SeqCst);
        });
        node.restart();
        let known = known.lock().expect("no panic");
        check(&calls, &known, round);
        acknowledged = known.made.len() + known.deleted.len();
    }
    println!(
        "{kills} times killed, {acknowledged} changes acknowledged, all there, none half there"
    );
    assert!(acknowledged > kills, "too few changes to mean anything");
}

/// Makes groups, each with a rule, and deletes some, until told to stop.
fn write(calls: &Calls, known: &Mutex<Known>, stop: &AtomicBool, vpc: &str, seed: usize) {
    let mut rng = fastrand::Rng::with_seed(seed as u64);
    for number in 0.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let name = format!("g-{seed}-{number}");
        let make = [("VpcId", vpc), ("SecurityGroupName", name.as_str())];
        let made = calls.try_call(Product::Ecs, "CreateSecurityGroup", &make);
        let Ok(made) = made else {
            known.lock().expect("no panic").maybe.insert(name);
            continue;
        };
        if made.status != 200 {
            continue;
        }
        let id = made.text("SecurityGroupId");
        known
            .lock()
            .expect("no panic")
            .made
            .insert(id.clone(), name);
        if rng.bool() {
            let deleted = calls.try_call(
                Product::Ecs,
                "DeleteSecurityGroup",
                &[("SecurityGroupId", &id)],
            );
            let mut known = known.lock().expect("no panic");
            match deleted {
                Ok(deleted) if deleted.status == 200 => {
                    known.made.remove(&id);
                    known.deleted.insert(id);
                }
                Ok(_) => {}
                Err(_) => {
                    known.unsure.insert(id);
                }
            }
        }
    }
}

#[track_caller]
fn check(calls: &Calls, known: &Known, round: usize) {
    let mut there = BTreeMap::new();
    let mut next = String::new();
    loop {
        let page = [("MaxResults", "100"), ("NextToken", next.as_str())];
        let answer = calls
            .call(Product::Ecs, "DescribeSecurityGroups", &page)
            .ok();
        let groups = answer["SecurityGroups"]["SecurityGroup"]
            .as_array()
            .cloned();
        for group in groups.unwrap_or_default() {
            let text = |name: &str| group[name].as_str().unwrap_or_default().to_owned();
            there.insert(text("SecurityGroupId"), text("SecurityGroupName"));
        }
        let token = answer["NextToken"].as_str().unwrap_or_default();
        token.clone_into(&mut next);
        if next.is_empty() {
            break;
        }
    }
    for (id, name) in &known.made {
        if known.unsure.contains(id) {
            continue;
        }
        assert_eq!(
            there.get(id),
            Some(name),
            "round {round}: acknowledged, and lost"
        );
    }
    for id in &known.deleted {
        assert!(
            !there.contains_key(id),
            "round {round}: {id} was deleted, and is there"
        );
    }
    for (id, name) in &there {
        let is_known = known.made.contains_key(id) || known.maybe.contains(name);
        assert!(is_known, "round {round}: nobody asked for {id} {name}");
        let whole = [("SecurityGroupId", id.as_str())];
        let shown = calls
            .call(Product::Ecs, "DescribeSecurityGroupAttribute", &whole)
            .ok();
        assert_ne!(shown["VpcId"], Value::Null, "{shown}");
    }
}
