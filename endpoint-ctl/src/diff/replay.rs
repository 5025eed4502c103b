//! What flows would meet under a candidate's tables. Live flows are judged by the tables in force and by
//! the candidate's, as their next packet would be; of records of a flow log, the record says what the flow
//! met, and such a flow opened anew is judged if its backend would be gone.
//!
//! Memory is bounded: flows come one by one, and only so many that change are listed.
//!
//! May import: model, compiler, explain (packets), hostpath, endpoint-common, serde, std, record.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use bytemuck::Zeroable as _;
use endpoint_common::abi::explain::{Explanation, JUDGED};
use endpoint_common::abi::flow::{
    ANSWERED, CLOSING, ESTABLISHED, Family, FlowEntry, FlowKey, FlowRules, HALF_OPEN, KIND_ECHO,
    KIND_REVERSED, Side,
};
use endpoint_common::abi::meta::Port;
use endpoint_common::abi::reason::DropReason;
use serde::Serialize;

use super::record::{Record, Recorded};
use crate::compiler::{Numbers, Tables};
use crate::explain::{self, Protocol, Question};
use crate::hostpath::HostWorld;
use crate::model::Model;

/// Flows listed of those that change; the rest is counted.
const LISTED: usize = 10_000;

/// One end of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct End {
    /// The address.
    pub ip: IpAddr,
    /// The port.
    pub port: u16,
}

/// What a flow's packets meet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Meets {
    /// `accept` or `drop`.
    pub verdict: &'static str,
    /// Why they are dropped.
    pub reason: Option<String>,
    /// The rule that says so.
    pub rule_id: Option<String>,
}

/// A flow whose verdict would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Changed {
    /// `half-open`, `established` or `closing` of live flows, `recorded` of others.
    pub state: &'static str,
    /// IANA protocol number.
    pub protocol: u8,
    /// Who opened it.
    pub client: End,
    /// What it asked for.
    pub target: End,
    /// Its backend, if it has one.
    pub backend: Option<End>,
    /// Whose packets meet something else: `request` or `answer`.
    pub side: &'static str,
    /// What they meet now.
    pub old: Meets,
    /// What they would meet.
    pub new: Meets,
}

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Replayed {
    /// Live flows judged.
    pub flows: u64,
    /// Flow-log records judged.
    pub records: u64,
    /// Records that no rule has a part in, or that cannot be read.
    pub skipped: u64,
    /// Accepted now, and would be dropped; each flow counts once.
    pub to_drop: u64,
    /// Dropped now, and would be accepted.
    pub to_accept: u64,
    /// Of those that change, how many are not in the list.
    pub unlisted: u64,
    /// Those that change: live flows first.
    pub changed: Vec<Changed>,
}

/// See the module.
pub struct Replay {
    in_force: HostWorld,
    candidate: HostWorld,
    models: [Model; 2],
    numbers: Numbers,
    rules: BTreeMap<u32, String>,
    seen: HashSet<(u8, End, End)>,
    found: Replayed,
}

impl Replay {
    /// Holds a candidate's tables against those in force. Of `models` the first is the candidate's, the
    /// other the one in force; `numbers` are the candidate's, which are those in force and more.
    pub fn new(in_force: Tables, candidate: Tables, models: [Model; 2], numbers: Numbers) -> Self {
        let rules = numbers.rules();
        let rules = rules.map(|(name, number)| (number, name.to_owned()));
        let rules = rules.collect();
        let world = |tables| {
            let mut world = HostWorld::new([0; 2], 0);
            world.apply(tables);
            world
        };
        let mut candidate = world(candidate);
        let vswitches = models.iter().flat_map(|model| model.vswitches.keys());
        let networks = models
            .iter()
            .flat_map(|model| model.provider_networks.keys());
        let scopes = vswitches.map(|id| numbers.vswitch_scope(id));
        for scope in scopes.chain(networks.map(|id| numbers.provider_scope(id))) {
            candidate.set_port(Port::new(u32::from(scope), scope, [0; 6]));
        }
        Self {
            in_force: world(in_force),
            candidate,
            models,
            numbers,
            rules,
            seen: HashSet::new(),
            found: Replayed::default(),
        }
    }

    /// Judges a live flow.
    pub fn flow(&mut self, flow: &FlowEntry) {
        self.found.flows += 1;
        let (old, old_rules) = self.in_force.judge(flow);
        let (new, new_rules) = self.candidate.judge(flow);
        let differs = |side: &Side| (old[*side as usize] == 0) != (new[*side as usize] == 0);
        // An answer to whom no request comes matters no more.
        let Some(side) = Side::BOTH.into_iter().find(differs) else {
            return;
        };
        let meets = |verdicts: [u8; 2], rules| {
            self.meets(
                flow,
                DropReason::from_number(verdicts[side as usize]),
                rules,
            )
        };
        let (old, new) = (meets(old, &old_rules), meets(new, &new_rules));
        let state = match flow.common.phase {
            ESTABLISHED => "established",
            CLOSING => "closing",
            HALF_OPEN | ANSWERED => "half-open",
            _ => "recorded",
        };
        self.note(flow, side, state, old, new);
    }

    /// Judges a record of a flow log, a line of JSON.
    pub fn record(&mut self, line: &str) {
        let Some((recorded, old, new)) = self.judge_record(line) else {
            self.found.skipped += 1;
            return;
        };
        self.found.records += 1;
        if old.verdict != new.verdict {
            self.note(&recorded.flow, recorded.side, "recorded", old, new);
        }
    }

    /// What it met, and would meet. `None` for one that cannot be judged.
    fn judge_record(&self, line: &str) -> Option<(Recorded, Meets, Meets)> {
        let record: Record = serde_json::from_str(line).ok()?;
        let was_accepted = record.action == "ACCEPT";
        if !was_accepted && !record.reason.as_deref().is_some_and(is_of_rules) {
            return None;
        }
        let mut models = self.models.iter();
        let recorded = models.find_map(|model| record.flow(model, &self.numbers))?;
        let (reason, rules) = self.judge_recorded(&recorded)?;
        let old = Meets {
            verdict: if was_accepted { "accept" } else { "drop" },
            reason: record.reason,
            rule_id: record.rule_id,
        };
        let new = self.meets(&recorded.flow, reason, &rules);
        Some((recorded, old, new))
    }

    /// What a recorded flow would meet: by its backend, if it had one that still is one, else opened anew.
    fn judge_recorded(&self, recorded: &Recorded) -> Option<(Option<DropReason>, FlowRules)> {
        let flow = &recorded.flow;
        if recorded.has_backend || is_icmp(flow) {
            let (verdicts, rules) = self.candidate.judge(flow);
            let [forward, back] = verdicts.map(DropReason::from_number);
            // Its answers are refused for what its requests are.
            if forward != Some(DropReason::BackendRemoved) {
                let of_side = match recorded.side {
                    Side::Forward if is_icmp(flow) => forward.or(back),
                    Side::Forward => forward,
                    Side::Back => back,
                };
                return Some((of_side, rules));
            }
        }
        let found = self.open(&flow.half(Side::Forward).key)?;
        let reason = match recorded.side {
            Side::Back if found.reason == 0 => found.back_reason,
            Side::Forward | Side::Back => found.reason,
        };
        // Next hops are not the candidate's affair.
        let reason = DropReason::from_number(reason)
            .filter(|reason| *reason != DropReason::NextHopUnresolved);
        Some((reason, found.rules))
    }

    /// What a packet meets that opens such a flow. `None` if it cannot be said.
    fn open(&self, key: &FlowKey) -> Option<Explanation> {
        let question = question(key)?;
        let family = if key.is_v4() { Family::V4 } else { Family::V6 };
        // The ports of the candidate's world have no MAC address.
        let mut frame = question.frame([0; 6]);
        let arrival = Explanation {
            ifindex: u32::from(key.scope),
            ..Explanation::zeroed()
        };
        let mut found = self.candidate.explain(family, &mut frame, arrival);
        if found.outcome != JUDGED {
            found.reason = DropReason::EndpointGone as u8;
        }
        Some(found)
    }

    fn meets(&self, flow: &FlowEntry, reason: Option<DropReason>, rules: &FlowRules) -> Meets {
        let number = match reason {
            Some(reason) => rules.deciding(reason),
            None if flow.common.kind == KIND_REVERSED => rules.group_out,
            None => rules.group_in,
        };
        Meets {
            verdict: if reason.is_some() { "drop" } else { "accept" },
            reason: reason.map(|reason| reason.name().to_owned()),
            rule_id: self.rules.get(&number).cloned(),
        }
    }

    fn note(&mut self, flow: &FlowEntry, side: Side, state: &'static str, old: Meets, new: Meets) {
        let [forward, back] = [Side::Forward, Side::Back].map(|side| flow.half(side).key);
        let (client, target) = (
            end(forward.src, forward.src_port),
            end(forward.dst, forward.dst_port),
        );
        let side = match side {
            Side::Forward => "request",
            Side::Back => "answer",
        };
        // A flow has records of both sides and several windows, and may be live as well: it counts once.
        let is_listed = self.found.changed.len() < LISTED;
        if self.seen.contains(&(forward.protocol, client, target)) {
            return;
        }
        if is_listed {
            self.seen.insert((forward.protocol, client, target));
        }
        match new.verdict {
            "drop" => self.found.to_drop += 1,
            _ => self.found.to_accept += 1,
        }
        if !is_listed {
            self.found.unlisted += 1;
            return;
        }
        let has_backend = flow.common.kind != KIND_ECHO;
        self.found.changed.push(Changed {
            state,
            protocol: forward.protocol,
            client,
            target,
            backend: has_backend.then(|| end(back.src, back.src_port)),
            side,
            old,
            new,
        });
    }

    /// What was found.
    pub fn finish(mut self) -> Replayed {
        let rank = |changed: &Changed| match changed.state {
            "established" => 0,
            "half-open" => 1,
            "closing" => 2,
            _ => 3,
        };
        self.found.changed.sort_by_key(rank);
        self.found
    }
}

fn end(ip: endpoint_common::abi::Addr, port: [u8; 2]) -> End {
    End {
        ip: IpAddr::from(ip).to_canonical(),
        port: u16::from_be_bytes(port),
    }
}

/// The question after a packet of this key. `None` if none can be asked.
fn question(key: &FlowKey) -> Option<Question> {
    let protocols = [
        Protocol::Tcp,
        Protocol::Udp,
        Protocol::Icmp,
        Protocol::Icmpv6,
    ];
    let mut protocols = protocols.into_iter();
    let protocol = protocols.find(|one| one.number() == key.protocol)?;
    let end = |ip, port| explain::End {
        ip: IpAddr::from(ip).to_canonical(),
        port: Some(u16::from_be_bytes(port)),
    };
    Some(Question {
        from: end(key.src, key.src_port),
        to: end(key.dst, key.dst_port),
        protocol,
        vpc: None,
    })
}

fn is_icmp(flow: &FlowEntry) -> bool {
    matches!(flow.half(Side::Forward).key.protocol, 1 | 58)
}

/// Whether a manifest decides it.
fn is_of_rules(reason: &str) -> bool {
    use DropReason::{
        AclEgress, AclIngress, BackendRemoved, EndpointGone, EndpointPolicy, GroupEgress,
        GroupIngress, NoBackend, NoListener,
    };
    [
        AclEgress,
        AclIngress,
        BackendRemoved,
        EndpointGone,
        EndpointPolicy,
        GroupEgress,
        GroupIngress,
        NoBackend,
        NoListener,
    ]
    .iter()
    .any(|one| one.name() == reason)
}
