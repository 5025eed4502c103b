//! The stages a packet goes through, the program's word beside the oracle's.
//!
//! May import: model, compiler (numbers), oracle, endpoint-common::abi, rules, target.

use std::net::IpAddr;

use endpoint_common::abi::explain::Explanation;
use endpoint_common::abi::flow::Family;
use endpoint_common::abi::reason::DropReason;
use endpoint_common::abi::service::AUDITED;
use serde::Serialize;

use super::question::Question;
use super::rules::{Probe, RuleSet, RuleView, Rules, policy_name};
use super::target::Target;
use crate::compiler::Numbers;
use crate::model::{
    Direction, Endpoint, EndpointPolicy, EndpointType, EndpointZone, Listener, LoadBalancer, Model,
    Policy, Server,
};
use crate::oracle::Verdict;

/// One rule set that was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Stage {
    /// Which.
    pub stage: &'static str,
    /// Whether what it says binds answers alone, and not the packet.
    pub of_answers: bool,
    /// `accept` or `drop`.
    pub verdict: &'static str,
    /// The rule that decided.
    pub rule: RuleView,
    /// Rules that match as well, in the order in which they would decide.
    pub beaten: Vec<RuleView>,
}

/// What both say, and where they differ.
#[derive(Default)]
pub(super) struct Judged {
    pub(super) stages: Vec<Stage>,
    pub(super) disagreements: Vec<String>,
}

/// A rule set of a packet's way.
struct Asked<'m> {
    stage: &'static str,
    set: RuleSet<'m>,
    direction: Direction,
    probe: Probe,
    /// The number of the rule by which the program judged, 0 if it did not ask.
    number: u32,
    refusal: DropReason,
    of_answers: bool,
}

/// Takes the program's answer and the model stage by stage.
pub(super) fn judge(
    model: &Model,
    numbers: &Numbers,
    question: &Question,
    target: &Target<'_>,
    found: &Explanation,
) -> Judged {
    let reason = DropReason::from_number(found.reason);
    let mut check = Check {
        model,
        numbers,
        question,
        found,
        rules: Rules::of(model),
        judged: Judged::default(),
        reason,
        is_over: false,
    };
    match (reason, target) {
        (Some(DropReason::TableMissing), _) => {
            check.disagree("the program found its own tables broken: table-missing".to_owned());
        }
        // A fault of the packet itself, of which the model knows nothing.
        (Some(reason), _) if !comes_from_rules(reason) && !comes_after_rules(reason) => {}
        (_, Target::Resource(endpoint, zone, ..)) => check.toward_resource(endpoint, zone),
        (_, Target::Eni(endpoint, zone, _))
            if endpoint.endpoint_type == EndpointType::Interface =>
        {
            check.toward_eni(endpoint, zone);
        }
        (_, Target::Eni(..) | Target::Nat(_)) => check.step("address", DropReason::NoFlow, true),
    }
    if let Some(reason) = reason.filter(|reason| comes_from_rules(*reason) && !check.is_over) {
        check.disagree(format!(
            "the program says {}, the model accepts",
            reason.name()
        ));
    }
    check.judged
}

struct Check<'m> {
    model: &'m Model,
    numbers: &'m Numbers,
    question: &'m Question,
    found: &'m Explanation,
    rules: Rules<'m>,
    judged: Judged,
    /// What the program refuses the packet for.
    reason: Option<DropReason>,
    /// One of both has refused it.
    is_over: bool,
}

impl Check<'_> {
    fn toward_eni(&mut self, endpoint: &Endpoint, zone: &EndpointZone) {
        let (question, rules) = (self.question, &self.found.rules);
        let (acl, groups) = (RuleSet::Acl(&zone.vswitch), RuleSet::Groups(&endpoint.id));
        let has_ports = question.protocol.has_ports();
        let request = Probe {
            eni: question.to.ip,
            peer: question.from.ip,
            protocol: question.protocol.number(),
            source_port: if has_ports { question.source_port() } else { 0 },
            port: question.port(),
        };
        self.ask(&Asked {
            stage: "network ACL in",
            set: acl,
            direction: Direction::Ingress,
            probe: request,
            number: rules.acl_in,
            refusal: DropReason::AclIngress,
            of_answers: false,
        });
        self.ask(&Asked {
            stage: "security groups in",
            set: groups,
            direction: Direction::Ingress,
            probe: request,
            number: rules.group_in,
            refusal: DropReason::GroupIngress,
            of_answers: false,
        });
        // Nobody is asked about the policy of an endpoint that was given none.
        if endpoint.policy != EndpointPolicy::default() || rules.policy_in != 0 {
            self.ask(&Asked {
                stage: "endpoint policy",
                set: RuleSet::Policy(&endpoint.id),
                direction: Direction::Ingress,
                probe: request,
                number: rules.policy_in,
                refusal: DropReason::EndpointPolicy,
                of_answers: false,
            });
        }
        if has_ports {
            self.behind_listener(endpoint);
            self.toward_backend(groups, question.to.ip);
        }
        self.ask(&Asked {
            stage: "network ACL out",
            set: acl,
            direction: Direction::Egress,
            probe: request.answered(),
            number: rules.acl_out,
            refusal: DropReason::AclEgress,
            // An echo request is answered at once: what binds the answer binds the request.
            of_answers: has_ports,
        });
    }

    fn toward_resource(&mut self, endpoint: &Endpoint, zone: &EndpointZone) {
        if !self.question.protocol.has_ports() {
            return self.step("address", DropReason::NoFlow, true);
        }
        let (acl, groups) = (RuleSet::Acl(&zone.vswitch), RuleSet::Groups(&endpoint.id));
        self.resource(endpoint);
        let eni = zone.ip.into();
        self.toward_backend(groups, eni);
        let (request, found) = (self.sent_on(eni), self.found);
        self.ask(&Asked {
            stage: "network ACL out",
            set: acl,
            direction: Direction::Egress,
            probe: request,
            number: found.rules.acl_out,
            refusal: DropReason::AclEgress,
            of_answers: false,
        });
        if self.reason == Some(DropReason::NatExhausted) {
            return;
        }
        let source_port = u16::from_be_bytes(found.nat_port);
        self.ask(&Asked {
            stage: "network ACL in",
            set: acl,
            direction: Direction::Ingress,
            probe: Probe {
                source_port,
                ..request
            }
            .answered(),
            number: found.rules.acl_in,
            refusal: DropReason::AclIngress,
            of_answers: true,
        });
    }

    fn toward_backend(&mut self, groups: RuleSet<'_>, eni: IpAddr) {
        self.ask(&Asked {
            stage: "security groups out",
            set: groups,
            direction: Direction::Egress,
            probe: self.sent_on(eni),
            number: self.found.rules.group_out,
            refusal: DropReason::GroupEgress,
            of_answers: false,
        });
    }

    /// The packet as it goes to the backend that the program chose.
    fn sent_on(&self, eni: IpAddr) -> Probe {
        let (peer, port) = self.chosen();
        Probe {
            eni,
            peer,
            protocol: self.question.protocol.number(),
            source_port: self.question.source_port(),
            port,
        }
    }

    fn chosen(&self) -> (IpAddr, u16) {
        let port = u16::from_be_bytes(self.found.backend_port);
        (address(self.found.backend), port)
    }

    /// Whether the model has the listener, and the server that the program chose behind it.
    fn behind_listener(&mut self, endpoint: &Endpoint) {
        let listener = listener(self.model, endpoint, self.question);
        self.step("listener", DropReason::NoListener, listener.is_none());
        let servers = listener.map_or(&[][..], |(_, listener)| &listener.servers);
        let is_v4 = self.question.to.ip.is_ipv4();
        let takes = |server: &Server| server.weight > 0 && server.ip.is_ipv4() == is_v4;
        self.step("backend", DropReason::NoBackend, !servers.iter().any(takes));
        let chosen = self.chosen();
        let is_it = |server: &Server| takes(server) && (server.ip, server.port) == chosen;
        if !self.is_over && !servers.iter().any(is_it) {
            let (ip, port) = chosen;
            self.disagree(format!(
                "backend: the program chose {ip} port {port}, which the model has not behind the listener"
            ));
        }
    }

    /// The same of a resource.
    fn resource(&mut self, endpoint: &Endpoint) {
        let (question, chosen) = (self.question, self.chosen());
        let asked = (question.protocol.number(), question.port());
        let resource = endpoint.resources.iter().find(|one| {
            IpAddr::V4(one.service_ip) == question.to.ip
                && (one.transport.number(), one.service_port) == asked
        });
        self.step("listener", DropReason::NoListener, resource.is_none());
        let named = resource.map(|one| (IpAddr::V4(one.ip), one.port));
        if !self.is_over && named != Some(chosen) {
            let (ip, port) = chosen;
            self.disagree(format!(
                "resource: the program leads to {ip} port {port}, the model to {named:?}"
            ));
        }
    }

    /// A stage that the model refuses the packet at, or not: the program must do the same.
    fn step(&mut self, stage: &str, reason: DropReason, refuses: bool) {
        if self.is_over {
            return;
        }
        let program_refuses = self.reason == Some(reason);
        if program_refuses != refuses {
            let said = self.reason.map_or("that it is accepted", DropReason::name);
            let word = if refuses {
                "drops it as"
            } else {
                "does not drop it as"
            };
            self.disagree(format!(
                "{stage}: the model {word} {}, the program says {said}",
                reason.name()
            ));
        }
        self.is_over = program_refuses || refuses;
    }

    fn disagree(&mut self, text: String) {
        self.judged.disagreements.push(text);
    }

    /// A rule set: asks the oracle, and compares rule and verdict.
    fn ask(&mut self, asked: &Asked<'_>) {
        if self.is_over {
            return;
        }
        let (verdict, mut matching) = self.rules.ask(asked.set, asked.direction, &asked.probe);
        let name = rule_name(self.numbers, asked.number);
        let place = place_of(asked, name.as_deref(), &verdict, &matching);
        if place.is_none() {
            self.disagree(format!(
                "{}: the program judged by {}, the model says {} by {}",
                asked.stage,
                name.as_deref().unwrap_or("no rule"),
                policy_name(verdict.policy),
                verdict.rule
            ));
        }
        let rule = matching.remove(place.unwrap_or(0));
        self.judged.stages.push(Stage {
            stage: asked.stage,
            of_answers: asked.of_answers,
            verdict: policy_name(verdict.policy),
            rule,
            beaten: matching,
        });
        // In audit mode what rules refuse goes on.
        let is_audited = self.found.eni.flags & AUDITED != 0;
        let refuses = verdict.policy == Policy::Drop && !is_audited;
        if !asked.of_answers {
            return self.step(asked.stage, asked.refusal, refuses);
        }
        if refuses != (self.found.back_reason == asked.refusal as u8) {
            let said = DropReason::from_number(self.found.back_reason);
            let said = said.map_or("accepted", DropReason::name);
            self.disagree(format!(
                "{}: the model says {} of answers, the program {said}",
                asked.stage,
                policy_name(verdict.policy)
            ));
        }
    }
}

/// Where the program's rule is among those that match, if it may decide. Of security-group rules of
/// equal rank it does not matter which one is named.
fn place_of(
    asked: &Asked<'_>,
    name: Option<&str>,
    verdict: &Verdict,
    matching: &[RuleView],
) -> Option<usize> {
    let Some(name) = name else {
        return (asked.number == 0 && verdict.rule == "no-acl").then_some(0);
    };
    let place = matching.iter().position(|view| view.rule_id == name)?;
    let (first, found) = (matching.first()?, matching.get(place)?);
    let is_equal = matches!(asked.set, RuleSet::Groups(_))
        && (found.priority, found.policy) == (first.priority, first.policy);
    (place == 0 || is_equal).then_some(place)
}

/// Whether the model can say it too.
fn comes_from_rules(reason: DropReason) -> bool {
    use DropReason::{
        AclEgress, AclIngress, EndpointPolicy, GroupEgress, GroupIngress, NoBackend, NoFlow,
        NoListener,
    };
    matches!(
        reason,
        AclIngress
            | AclEgress
            | GroupIngress
            | GroupEgress
            | EndpointPolicy
            | NoListener
            | NoBackend
            | NoFlow
    )
}

/// Whether all rules were asked by then.
fn comes_after_rules(reason: DropReason) -> bool {
    use DropReason::{NatExhausted, NextHopUnresolved, PacketTooBig, TtlExpired};
    matches!(
        reason,
        NatExhausted | NextHopUnresolved | PacketTooBig | TtlExpired
    )
}

/// The listener a request meets, and its load balancer.
pub(super) fn listener<'m>(
    model: &'m Model,
    endpoint: &Endpoint,
    question: &Question,
) -> Option<(&'m LoadBalancer, &'m Listener)> {
    let mut zones = endpoint.zones.iter();
    let zone = zones.find(|zone| zone.addresses().any(|ip| ip == question.to.ip))?;
    if !endpoint.is_connected(zone) {
        return None;
    }
    let balancer = model.load_balancer(endpoint, zone)?;
    let asked = (question.protocol.number(), question.port());
    let mut listeners = balancer.listeners.iter();
    let listener = listeners.find(|one| (one.transport.number(), one.port) == asked)?;
    Some((balancer, listener))
}

/// The name of a rule, if one has this number.
pub(super) fn rule_name(numbers: &Numbers, number: u32) -> Option<String> {
    let mut rules = numbers.rules();
    let found = rules.find(|(_, other)| *other == number && number != 0);
    found.map(|(name, _)| name.to_owned())
}

/// An address of a row.
pub(super) fn address(row: endpoint_common::abi::Addr) -> IpAddr {
    IpAddr::from(row).to_canonical()
}

/// The family of an address.
pub(super) fn family(ip: IpAddr) -> Family {
    if ip.is_ipv4() { Family::V4 } else { Family::V6 }
}
