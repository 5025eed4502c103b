//! The answer as users see it.
//!
//! May import: model, compiler (numbers), endpoint-common::abi, serde, the module's own.

use std::net::IpAddr;

use endpoint_common::abi::explain::{Explanation, NOT_OURS};
use endpoint_common::abi::flow::{
    ANSWERED, CLOSING, ESTABLISHED, FlowEntry, FlowRules, KIND_REVERSED, Side,
};
use endpoint_common::abi::reason::DropReason;
use endpoint_common::abi::service::{HOP_RESOLVED, HOP_TO_CLIENT, Hop};
use serde::Serialize;

use super::question::Question;
use super::stages::{self, Stage, address, rule_name};
use super::target::Target;
use crate::compiler::Numbers;
use crate::model::{Model, ProviderNetwork};

/// What somebody is told: a verdict, why, and by which rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Told {
    /// `accepted`, `dropped` or `not-ours`.
    pub verdict: &'static str,
    /// Why it is dropped.
    pub reason: Option<&'static str>,
    /// What that means.
    pub meaning: Option<&'static str>,
    /// The rule that drops it, if one does.
    pub rule_id: Option<String>,
}

/// An address and a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The address.
    pub ip: IpAddr,
    /// The port.
    pub port: u16,
}

/// The listener that a packet meets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ListenerView {
    /// Its load balancer, if it is one's and not a reverse endpoint's.
    pub load_balancer_id: Option<String>,
    /// Its port.
    pub port: u16,
    /// Servers that take new flows.
    pub backends: usize,
}

/// The NAT addresses that a new flow chooses from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct NatView {
    /// All of them.
    pub candidates: Vec<IpAddr>,
    /// What is tried first; taken if it is free toward the backend.
    pub first_try: Place,
}

/// A next hop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct HopView {
    /// The interface packets leave by, if it is there.
    pub interface: Option<String>,
    /// Whether it can be used.
    pub resolved: bool,
    /// The MAC address packets go to; none where that is whom the flow came from.
    pub mac: Option<String>,
    /// The longest IP packet that may leave, in bytes.
    pub mtu: u32,
}

/// The flow that a packet belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FlowView {
    /// `half-open`, `answered`, `established` or `closing`.
    pub state: &'static str,
    /// `request` or `answer`: whose packet it is.
    pub side: &'static str,
    /// The generation that judged it last.
    pub generation: u32,
    /// Whether its next packet has it judged again.
    pub judged_again: bool,
    /// The rules that judge it now: network ACL, security groups and policy in, security groups and network ACL
    /// out.
    pub rules: [Option<String>; 5],
    /// The source its backend sees.
    pub nat: Option<Place>,
    /// Its backend.
    pub backend: Option<Place>,
    /// What a packet meets that neither opens nor closes it.
    pub next_packet: Told,
    /// The packet asked about ends it and begins another flow.
    pub begins_anew: bool,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Explained {
    /// What was asked.
    pub question: Question,
    /// The source port, or an echo request's identifier.
    pub source_port: u16,
    /// Whether that was chosen here.
    pub source_port_chosen: bool,
    /// The generation in force.
    pub generation: u32,
    /// The VPC or provider network that the target address is in.
    pub network: String,
    /// The interface the packet arrives on.
    pub interface: String,
    /// The endpoint, if it is one's address.
    pub endpoint_id: Option<String>,
    /// Its ENI.
    pub eni_id: Option<String>,
    /// What becomes of the packet.
    #[serde(flatten)]
    pub told: Told,
    /// What would become of answers, if it is accepted.
    pub answers: Option<Told>,
    /// The rule sets that were asked, in their order.
    pub stages: Vec<Stage>,
    /// The listener, if there is one.
    pub listener: Option<ListenerView>,
    /// The backend, or the resource, that a new flow gets.
    pub backend: Option<Place>,
    /// Its NAT address.
    pub nat: Option<NatView>,
    /// Where the packet goes.
    pub next_hop: Option<HopView>,
    /// Where answers go.
    pub hop_back: Option<HopView>,
    /// The flow it belongs to, if there is one already.
    pub flow: Option<FlowView>,
    /// Where the loaded program and the model disagree: nowhere, unless something is broken.
    pub disagreements: Vec<String>,
}

/// What it takes to name things.
pub(super) struct Context<'m> {
    pub(super) model: &'m Model,
    pub(super) numbers: &'m Numbers,
    /// The name of the interface with this index.
    pub(super) interface: &'m dyn Fn(u32) -> Option<String>,
}

pub(super) fn explained(
    context: &Context<'_>,
    question: &Question,
    target: &Target<'_>,
    found: &Explanation,
) -> Explained {
    let Context { model, numbers, .. } = *context;
    let judged = stages::judge(model, numbers, question, target, found);
    let of_new = context.told(found.reason, &found.rules);
    let flow = (found.flow != 0).then(|| context.flow(found));
    let of_flow = flow.as_ref().filter(|flow| !flow.begins_anew);
    let told = match of_flow {
        Some(flow) => flow.next_packet.clone(),
        None if found.outcome == NOT_OURS => Told {
            verdict: "not-ours",
            ..of_new
        },
        None => of_new,
    };
    let is_answer = found.flow_side == Side::Back as u8 && of_flow.is_some();
    let answers = match (told.verdict == "accepted" && !is_answer, of_flow.is_some()) {
        (false, _) => None,
        (true, false) => Some(context.told(found.back_reason, &found.rules)),
        (true, true) => Some(context.told(found.flow_verdicts[1], &found.flow_rules)),
    };
    let (endpoint, zone) = target.eni().unzip();
    let has_nat = found.nat != [0; 16];
    Explained {
        question: question.clone(),
        source_port: question.source_port(),
        source_port_chosen: question.from.port.is_none(),
        generation: found.generation,
        network: target.network().to_owned(),
        interface: target.interface().to_owned(),
        endpoint_id: endpoint.map(|endpoint| endpoint.id.to_string()),
        eni_id: zone.map(|zone| zone.eni.to_string()),
        told,
        answers,
        stages: judged.stages,
        listener: context.listener(question, target, found),
        backend: place(found.backend, found.backend_port),
        nat: has_nat.then(|| NatView {
            candidates: context.nat_addresses(question, target),
            first_try: Place {
                ip: address(found.nat),
                port: u16::from_be_bytes(found.nat_port),
            },
        }),
        next_hop: context.hop(&found.hop),
        hop_back: context.hop(&found.back_hop),
        flow,
        disagreements: judged.disagreements,
    }
}

impl Context<'_> {
    /// What `reason` means, and by which of these rules.
    fn told(&self, reason: u8, rules: &FlowRules) -> Told {
        let Some(reason) = DropReason::from_number(reason) else {
            return Told {
                verdict: "accepted",
                reason: None,
                meaning: None,
                rule_id: None,
            };
        };
        Told {
            verdict: "dropped",
            reason: Some(reason.name()),
            meaning: Some(reason.meaning()),
            rule_id: rule_name(self.numbers, rules.deciding(reason)),
        }
    }

    fn flow(&self, found: &Explanation) -> FlowView {
        let FlowEntry { common, .. } = &found.entry;
        let [forward, back] = [Side::Forward, Side::Back].map(|side| found.entry.half(side));
        let is_back = found.flow_side == Side::Back as u8;
        let rules = &found.flow_rules;
        let numbers = [
            rules.acl_in,
            rules.group_in,
            rules.policy_in,
            rules.group_out,
            rules.acl_out,
        ];
        // An echo flow has no backend: its halves are one another's reverse.
        let is_sent_on = back.key != forward.key.reversed() || common.kind == KIND_REVERSED;
        FlowView {
            state: match common.phase {
                ESTABLISHED => "established",
                CLOSING => "closing",
                ANSWERED => "answered",
                _ => "half-open",
            },
            side: if is_back { "answer" } else { "request" },
            generation: forward.state.generation,
            judged_again: forward.state.generation != found.generation,
            rules: numbers.map(|number| rule_name(self.numbers, number)),
            nat: is_sent_on.then(|| Place {
                ip: address(back.key.dst),
                port: u16::from_be_bytes(back.key.dst_port),
            }),
            backend: is_sent_on.then(|| Place {
                ip: address(back.key.src),
                port: u16::from_be_bytes(back.key.src_port),
            }),
            next_packet: self.told(found.flow_reason, rules),
            begins_anew: found.begins_anew != 0,
        }
    }

    fn listener(
        &self,
        question: &Question,
        target: &Target<'_>,
        found: &Explanation,
    ) -> Option<ListenerView> {
        if found.listener.scope == 0 {
            return None;
        }
        let Target::Eni(endpoint, ..) = target else {
            return Some(ListenerView {
                load_balancer_id: None,
                port: question.port(),
                backends: 1,
            });
        };
        let (balancer, listener) = stages::listener(self.model, endpoint, question)?;
        let is_v4 = question.to.ip.is_ipv4();
        let servers = listener.servers.iter();
        let taking = servers.filter(|server| server.weight > 0 && server.ip.is_ipv4() == is_v4);
        Some(ListenerView {
            load_balancer_id: Some(balancer.id.to_string()),
            port: listener.port,
            backends: taking.count(),
        })
    }

    fn nat_addresses(&self, question: &Question, target: &Target<'_>) -> Vec<IpAddr> {
        match target {
            Target::Resource(_, zone, ..) => vec![IpAddr::V4(zone.ip)],
            Target::Nat(_) => Vec::new(),
            Target::Eni(endpoint, ..) => {
                let network = self.model.provider_network(endpoint);
                let network = network.and_then(|id| self.model.provider_networks.get(id));
                let all = network.into_iter().flat_map(ProviderNetwork::nat_addresses);
                let is_v4 = question.to.ip.is_ipv4();
                all.filter(|ip| ip.is_ipv4() == is_v4).collect()
            }
        }
    }

    fn hop(&self, hop: &Hop) -> Option<HopView> {
        if *hop == bytemuck::Zeroable::zeroed() {
            return None;
        }
        let has_mac = hop.flags & HOP_TO_CLIENT == 0 && hop.dst_mac != [0; 6];
        let mac = || hop.dst_mac.map(|byte| format!("{byte:02x}")).join(":");
        Some(HopView {
            interface: (self.interface)(hop.ifindex),
            resolved: hop.flags & HOP_RESOLVED != 0,
            mac: has_mac.then(mac),
            mtu: hop.mtu,
        })
    }
}

fn place(row: endpoint_common::abi::Addr, port: [u8; 2]) -> Option<Place> {
    (row != [0; 16]).then(|| Place {
        ip: address(row),
        port: u16::from_be_bytes(port),
    })
}
