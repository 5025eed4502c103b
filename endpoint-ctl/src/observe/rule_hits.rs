//! What every rule has decided: packets, bytes and the last time, accepted and dropped.
//!
//! What is accepted costs the packet path nothing: it is derived from the counts of flows, which know
//! the rules that judged them. Packets of the end that opened a flow count for the rules of the way
//! there; packets of the other end count for the network ACL's rule of the way back, since the security
//! groups are not asked about them. What is dropped is counted by the kernel side.
//!
//! May import: endpoint-common::abi, clock.

use std::collections::HashMap;

use endpoint_common::abi::counter::{Counter, RuleDrops};
use endpoint_common::abi::flow::{FlowEntry, FlowRules, KIND_REVERSED, Side};

use super::clock::Clock;

/// What one rule has decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Hits {
    pub(super) accepted: Counter,
    pub(super) dropped: Counter,
    /// Unix seconds of the last of either; 0 for never.
    pub(super) last: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Known {
    hits: Hits,
    /// What the kernel side had counted for another rule that had the number before.
    before: Counter,
}

/// By rule number.
#[derive(Debug, Default)]
pub(super) struct RuleHits(HashMap<u32, Known>);

impl RuleHits {
    /// Counts what a side of a flow was accepted by.
    pub(super) fn accept(&mut self, rules: [u32; 4], counter: Counter, at: u64) {
        for number in rules.into_iter().filter(|number| *number != 0) {
            let hits = &mut self.0.entry(number).or_default().hits;
            hits.accepted.packets += counter.packets;
            hits.accepted.bytes += counter.bytes;
            hits.last = hits.last.max(at);
        }
    }

    /// Takes in what the kernel side has counted so far. Its ticks wrap, so it must be asked now and
    /// then.
    pub(super) fn drop(&mut self, number: u32, drops: &RuleDrops, clock: &Clock) {
        let before = self
            .0
            .get(&number)
            .map_or(Counter::default(), |one| one.before);
        let packets = drops.counter.packets.saturating_sub(before.packets);
        if packets == 0 {
            return;
        }
        let hits = &mut self.0.entry(number).or_default().hits;
        if packets != hits.dropped.packets {
            hits.last = hits.last.max(clock.unix_seconds(drops.last));
        }
        hits.dropped = Counter {
            packets,
            bytes: drops.counter.bytes.saturating_sub(before.bytes),
        };
    }

    /// Begins anew with a number that another rule has got; the kernel side goes on counting from here.
    pub(super) fn begin(&mut self, number: u32, drops: &RuleDrops) {
        let known = Known {
            before: drops.counter,
            ..Known::default()
        };
        self.0.insert(number, known);
    }

    /// What a rule has decided.
    pub(super) fn of(&self, number: u32) -> Hits {
        self.0.get(&number).map_or(Hits::default(), |one| one.hits)
    }
}

/// The rules that packets of a side are accepted by, 0 for none.
pub(super) fn of_side(rules: &FlowRules, kind: u8, side: Side) -> [u32; 4] {
    match (kind == KIND_REVERSED, side) {
        (false, Side::Forward) => [
            rules.acl_in,
            rules.group_in,
            rules.policy_in,
            rules.group_out,
        ],
        (false, Side::Back) => [rules.acl_out, 0, 0, 0],
        (true, Side::Forward) => [rules.group_out, rules.acl_out, 0, 0],
        (true, Side::Back) => [rules.acl_in, 0, 0, 0],
    }
}

/// The rules that what a flow has counted lately was accepted by: of a side that is refused by now,
/// those of before, since none of what now judges it has accepted anything.
pub(super) fn accepting(flow: &FlowEntry, before: &FlowRules) -> FlowRules {
    let from = |side: Side| {
        if flow.half(side).state.verdict == 0 {
            &flow.common.rules
        } else {
            before
        }
    };
    let (there, back) = (from(Side::Forward), from(Side::Back));
    if flow.common.kind == KIND_REVERSED {
        FlowRules {
            acl_in: back.acl_in,
            group_in: 0,
            policy_in: 0,
            group_out: there.group_out,
            acl_out: there.acl_out,
        }
    } else {
        FlowRules {
            acl_out: back.acl_out,
            ..*there
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use endpoint_common::abi::counter::{Counter, RuleDrops};
    use endpoint_common::abi::flow::{FlowEntry, FlowRules, KIND_REVERSED, Side};

    use super::super::clock::Clock;
    use super::{RuleHits, accepting, of_side};

    const RULES: FlowRules = FlowRules {
        acl_in: 1,
        group_in: 2,
        group_out: 3,
        acl_out: 4,
        policy_in: 5,
    };

    fn drops(packets: u64, last: u32) -> RuleDrops {
        RuleDrops {
            counter: Counter {
                packets,
                bytes: packets * 60,
            },
            last,
            reserved: 0,
        }
    }

    #[test]
    fn each_way_counts_for_the_rules_that_are_asked_about_it() {
        assert_eq!(of_side(&RULES, 0, Side::Forward), [1, 2, 5, 3]);
        assert_eq!(of_side(&RULES, 0, Side::Back), [4, 0, 0, 0]);
        assert_eq!(of_side(&RULES, KIND_REVERSED, Side::Forward), [3, 4, 0, 0]);
        assert_eq!(of_side(&RULES, KIND_REVERSED, Side::Back), [1, 0, 0, 0]);
    }

    #[test]
    fn a_rule_that_refuses_a_side_has_accepted_nothing_of_it() {
        let mut flow: FlowEntry = bytemuck::Zeroable::zeroed();
        flow.common.rules = RULES;
        let before = FlowRules {
            acl_in: 11,
            group_in: 12,
            group_out: 13,
            acl_out: 14,
            policy_in: 15,
        };
        assert_eq!(accepting(&flow, &before), RULES);
        flow.halves[Side::Back as usize].state.verdict = 2;
        let expected = FlowRules {
            acl_out: 14,
            ..RULES
        };
        assert_eq!(accepting(&flow, &before), expected);
        flow.halves[Side::Forward as usize].state.verdict = 3;
        assert_eq!(accepting(&flow, &before), before);
        flow.common.kind = KIND_REVERSED;
        flow.halves[Side::Back as usize].state.verdict = 0;
        let expected = FlowRules {
            acl_in: 1,
            group_in: 0,
            policy_in: 0,
            ..before
        };
        assert_eq!(accepting(&flow, &before), expected);
    }

    #[test]
    fn a_number_that_another_rule_gets_begins_at_nothing() {
        let second = Duration::from_millis(4);
        let clock = Clock::at(1_000, second, UNIX_EPOCH + Duration::from_secs(100));
        let mut hits = RuleHits::default();
        hits.accept([7, 0, 0, 7], drops(2, 0).counter, 90);
        hits.drop(7, &drops(5, 750), &clock);
        let of = hits.of(7);
        assert_eq!((of.accepted.packets, of.dropped.packets), (4, 5));
        assert_eq!(of.last, 99);
        hits.begin(7, &drops(5, 750));
        hits.drop(7, &drops(5, 750), &clock);
        assert_eq!(hits.of(7), super::Hits::default());
        hits.drop(7, &drops(6, 1_000), &clock);
        let of = hits.of(7);
        assert_eq!(
            (of.dropped.packets, of.dropped.bytes, of.last),
            (1, 60, 100)
        );
        assert_eq!(hits.of(0), super::Hits::default());
    }
}
