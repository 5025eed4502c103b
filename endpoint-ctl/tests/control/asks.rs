//! Commands that ask the daemon, and how they must end.

use serde_json::Value;
use xtask::lab::Outcome;

use crate::node::Node;

/// What faults in what was asked end with.
pub(crate) const BAD_INPUT: Option<i32> = Some(2);

/// All that is known of a resource.
#[track_caller]
pub(crate) fn describe(node: &Node, kind: &str, id: &str) -> Value {
    let shown = node.daemon.ctl_json(&["describe", kind, id]);
    shown.expect("answers")
}

/// Runs a command that must succeed.
#[track_caller]
pub(crate) fn must(node: &Node, args: &[&str]) -> Outcome {
    let outcome = node.daemon.ctl(args).expect("runs");
    assert!(outcome.ok(), "{outcome}");
    outcome
}

/// Runs a command that must end with a code, and say these.
#[track_caller]
pub(crate) fn refused(node: &Node, args: &[&str], code: Option<i32>, says: &[&str]) -> Outcome {
    let outcome = node.daemon.ctl(args).expect("runs");
    assert_eq!(outcome.status.code(), code, "{outcome}");
    let told = format!("{}{}", outcome.stdout, outcome.stderr);
    for part in says {
        assert!(told.contains(part), "no {part:?}: {outcome}");
    }
    outcome
}

/// It must have printed these.
#[track_caller]
pub(crate) fn assert_has(outcome: &Outcome, parts: &[&str]) {
    for part in parts {
        assert!(outcome.stdout.contains(part), "no {part:?}: {outcome}");
    }
}
