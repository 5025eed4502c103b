//! One aggregation window: what flows counted since they were last reported, and refusals by kind.
//!
//! May import: dataplane (names of flows), endpoint-common::abi, record, rule_hits.

use std::collections::HashMap;

use endpoint_common::abi::counter::Counter;
use endpoint_common::abi::event::DropEvent;
use endpoint_common::abi::flow::{FlowEntry, FlowRules, Side};

use super::record::{Counted, Refusal};
use super::rule_hits;
use crate::dataplane::FlowId;

/// Kinds of refusal kept apart within one window; more are counted, not recorded.
const REFUSAL_KINDS: usize = 65_536;

/// What makes two refusals one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct RefusalKind {
    src: [u8; 16],
    dst: [u8; 16],
    ports: [[u8; 2]; 2],
    generation: u32,
    rule: u32,
    eni: u16,
    reason: u8,
    direction: u8,
    protocol: u8,
    audited: u8,
}

/// Packets and bytes, by side.
type Counts = [(u32, u64); 2];

/// What of a flow is already known.
#[derive(Default)]
struct Reported {
    /// What is recorded, if anything.
    recorded: Option<Counts>,
    /// What is counted for rules.
    attributed: Counts,
    /// The rules that it is counted for.
    rules: FlowRules,
    /// The window it was last looked at in.
    window: u64,
}

fn counts(flow: &FlowEntry) -> Counts {
    Side::BOTH.map(|side| {
        let state = &flow.half(side).state;
        (state.packets, state.bytes)
    })
}

/// Counts that wait to be recorded.
#[derive(Default)]
pub(super) struct Window {
    reported: HashMap<FlowId, Reported>,
    refusals: HashMap<RefusalKind, Refusal>,
    /// Tick at which the window began.
    began: u32,
    /// Windows closed so far.
    closed: u64,
}

impl Window {
    /// Takes a refusal in; `false` if there are too many kinds, and it was not. The first of its
    /// kind is asked for its flow.
    pub(super) fn refusal(
        &mut self,
        event: &DropEvent,
        flow: impl FnOnce() -> Option<(FlowEntry, Side)>,
    ) -> bool {
        let kind = RefusalKind {
            src: event.src,
            dst: event.dst,
            ports: [event.src_port, event.dst_port],
            generation: event.generation,
            rule: event.rule,
            eni: event.eni,
            reason: event.reason,
            direction: event.direction,
            protocol: event.protocol,
            audited: event.audited,
        };
        let full = self.refusals.len() >= REFUSAL_KINDS;
        if full && !self.refusals.contains_key(&kind) {
            return false;
        }
        let refusal = self.refusals.entry(kind).or_insert_with(|| Refusal {
            event: *event,
            flow: flow(),
            counted: Counted {
                first_tick: event.tick,
                ..Counted::default()
            },
        });
        let counted = &mut refusal.counted;
        counted.packets += 1;
        counted.bytes += u64::from(event.bytes);
        counted.last_tick = event.tick;
        counted.tcp_flags |= event.tcp_flags;
        true
    }

    /// What a flow has counted since it was last reported, by side, if anything; it counts as reported
    /// now.
    pub(super) fn report(&mut self, id: FlowId, flow: &FlowEntry) -> [Option<Counted>; 2] {
        let began = self.began;
        let reported = self.reported.entry(id).or_default();
        reported.window = self.closed;
        let before = reported.recorded.replace(counts(flow));
        Side::BOTH.map(|side| {
            let state = &flow.half(side).state;
            let (packets, bytes) = before.map_or((0, 0), |before| before[side as usize]);
            let new = state.packets.wrapping_sub(packets);
            (new > 0).then(|| Counted {
                packets: u64::from(new),
                bytes: state.bytes.saturating_sub(bytes),
                first_tick: if before.is_none() {
                    flow.common.created
                } else {
                    began
                },
                last_tick: state.last_seen,
                tcp_flags: flow.common.tcp_flags[side as usize],
            })
        })
    }

    /// What a flow has counted since this was last asked, by side, each with the rules that accepted it.
    pub(super) fn attribute(&mut self, id: FlowId, flow: &FlowEntry) -> [([u32; 4], Counter); 2] {
        let closed = self.closed;
        let fresh = || Reported {
            window: closed,
            ..Reported::default()
        };
        let known = self.reported.entry(id).or_insert_with(fresh);
        known.rules = rule_hits::accepting(flow, &known.rules);
        let now = counts(flow);
        let before = std::mem::replace(&mut known.attributed, now);
        Side::BOTH.map(|side| {
            let ((packets, bytes), (old_packets, old_bytes)) =
                (now[side as usize], before[side as usize]);
            let counter = Counter {
                packets: packets.wrapping_sub(old_packets).into(),
                bytes: bytes.saturating_sub(old_bytes),
            };
            let rules = rule_hits::of_side(&known.rules, flow.common.kind, side);
            (rules, counter)
        })
    }

    /// Forgets a flow that is gone.
    pub(super) fn forget(&mut self, id: FlowId) {
        self.reported.remove(&id);
    }

    /// Forgets flows that were not there any more when all were looked at for the window before, and
    /// of whose end nobody told since: more may end than can be told.
    pub(super) fn forget_lost(&mut self) {
        let closed = self.closed;
        self.reported
            .retain(|_, reported| reported.window + 1 >= closed);
    }

    /// Ends the window at `tick`: its refusals, oldest first.
    pub(super) fn close(&mut self, tick: u32) -> Vec<Refusal> {
        self.began = tick;
        self.closed += 1;
        let mut refusals: Vec<_> = self.refusals.drain().map(|(_, refusal)| refusal).collect();
        refusals.sort_by_key(|Refusal { event, .. }| (event.tick, event.src, event.src_port));
        refusals
    }
}

#[cfg(test)]
mod tests {
    use endpoint_common::abi::flow::{Family, FlowEntry, Side};

    use super::Window;
    use crate::dataplane::FlowId;

    fn id(number: u32) -> FlowId {
        FlowId {
            family: Family::V4 as u8,
            number,
            serial: 1,
        }
    }

    fn flow(packets: u32) -> FlowEntry {
        let mut flow: FlowEntry = bytemuck::Zeroable::zeroed();
        flow.halves[Side::Forward as usize].state.packets = packets;
        flow
    }

    #[test]
    fn flows_whose_end_nobody_told_are_forgotten_after_a_window() {
        let mut window = Window::default();
        let end_window = |window: &mut Window, numbers: std::ops::Range<u32>| {
            window.close(0);
            for number in numbers {
                window.report(id(number), &flow(1));
            }
            window.forget_lost();
        };
        end_window(&mut window, 0..100);
        // All but one end; what is told of an end right after may still ask what was reported.
        end_window(&mut window, 0..1);
        assert_eq!(window.reported.len(), 100);
        let [counted, _] = window.report(id(50), &flow(3));
        assert_eq!(counted.map(|counted| counted.packets), Some(2));
        window.forget(id(50));
        end_window(&mut window, 0..1);
        assert_eq!(window.reported.len(), 1);
        let [counted, _] = window.report(id(0), &flow(1));
        assert!(counted.is_none(), "what lives is not reported twice");
    }
}
