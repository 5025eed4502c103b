//! What the host's side and the kernel's may not differ in, and what must hold on each.
//!
//! May import: endpoint-common, endpoint-ctl, checksums, vlan.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};

use endpoint_common::abi::event::DropEvent;
use endpoint_common::abi::flow::{FlowEntry, FlowKey, Side};
use endpoint_common::abi::reason::DropReason;
use endpoint_common::path::Outcome;
use endpoint_ctl::dataplane::XdpAction;

use crate::{checksums, vlan};

pub(super) fn action(outcome: Outcome) -> XdpAction {
    match outcome {
        Outcome::Pass => XdpAction::Pass,
        Outcome::Drop(_) => XdpAction::Drop,
        Outcome::Transmit | Outcome::Redirect(_) | Outcome::Answer(_) => XdpAction::Redirect,
    }
}

pub(super) fn told_as(audited: u8, events: &[DropEvent]) -> impl Iterator<Item = DropEvent> {
    let events = events.iter();
    events
        .filter(move |event| event.audited == audited)
        .copied()
}

/// What audit mode lets pass is told at most once of a packet, and only of one that is ours; only rules
/// are audited.
pub(super) fn check_audits(wrong: &mut String, outcome: Outcome, audits: &[DropEvent]) {
    const BY_RULES: [u8; 5] = [
        DropReason::AclIngress as u8,
        DropReason::AclEgress as u8,
        DropReason::GroupIngress as u8,
        DropReason::GroupEgress as u8,
        DropReason::EndpointPolicy as u8,
    ];
    let right = audits.iter().all(|event| {
        outcome != Outcome::Pass && event.rule != 0 && BY_RULES.contains(&event.reason)
    });
    if !right || audits.len() > 1 {
        let _ = writeln!(wrong, "audited, with {outcome:?}: {audits:x?}");
    }
}

/// A drop is told once, with its reason; nothing else is told.
pub(super) fn check_events(wrong: &mut String, outcome: Outcome, events: &[DropEvent]) {
    let told: Vec<_> = events.iter().map(|event| event.reason).collect();
    let expected = match outcome {
        Outcome::Drop(reason) | Outcome::Answer(reason) => vec![reason as u8],
        Outcome::Pass | Outcome::Transmit | Outcome::Redirect(_) => Vec::new(),
    };
    differ(wrong, "reasons (of the verdict, told)", &expected, &told);
}

/// What is not ours is not touched, and rewriting keeps right checksums right and wrong ones wrong.
pub(super) fn check_frame(wrong: &mut String, outcome: Outcome, before: &[u8], after: &[u8]) {
    if outcome == Outcome::Pass && before != after {
        let _ = writeln!(wrong, "passed, but changed: {}", hex(after));
    }
    if matches!(outcome, Outcome::Transmit | Outcome::Redirect(_)) {
        let [before, after] = [before, after].map(|frame| checksums::of(&vlan::take_off(frame).0));
        differ(wrong, "checksums (before, after)", &before, &after);
    }
    if let Outcome::Answer(_) = outcome {
        let right =
            checksums::of(&vlan::take_off(after).0).is_some_and(checksums::Checksums::are_right);
        differ(wrong, "checksums of the answer", &right, &true);
    }
}

/// The keys of a flow's halves.
pub(super) fn keys(flow: &FlowEntry) -> [FlowKey; 2] {
    Side::BOTH.map(|side| flow.half(side).key)
}

/// By keys; entries' numbers and times are not compared.
pub(super) fn ageless(flows: Vec<FlowEntry>) -> BTreeMap<[FlowKey; 2], FlowEntry> {
    let zero = |mut flow: FlowEntry| {
        flow.common.created = 0;
        for half in &mut flow.halves {
            half.state.last_seen = 0;
        }
        (keys(&flow), flow)
    };
    flows.into_iter().map(zero).collect()
}

pub(super) fn differ<T: PartialEq + Debug>(wrong: &mut String, what: &str, host: &T, kernel: &T) {
    if host != kernel {
        let _ = writeln!(wrong, "{what}:\n  host   {host:x?}\n  kernel {kernel:x?}");
    }
}

pub(super) fn differ_by_row<K: Ord + Debug, V: PartialEq + Debug>(
    wrong: &mut String,
    table: &str,
    host: &BTreeMap<K, V>,
    kernel: &BTreeMap<K, V>,
) {
    let keys: std::collections::BTreeSet<_> = host.keys().chain(kernel.keys()).collect();
    let differing = keys
        .into_iter()
        .filter(|key| host.get(key) != kernel.get(key));
    for key in differing.take(4) {
        let what = format!("{table}, row {key:x?}");
        differ(wrong, &what, &host.get(key), &kernel.get(key));
    }
}

/// Bytes as hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
