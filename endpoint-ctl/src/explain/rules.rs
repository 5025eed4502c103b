//! The rule sets a packet meets, as the oracle reads them: which rule decides, and which it beats.
//!
//! May import: model, compiler (names of rules), oracle, std.

use std::net::IpAddr;

use serde::Serialize;

use crate::compiler::inner_name;
use crate::model::{
    Direction, EndpointId, Model, Policy, PolicyCondition, VSwitchId, statement_name,
};
use crate::oracle::{
    Packet, Verdict, judge_endpoint_policy, judge_network_acl, judge_security_groups,
};

/// Rules shown of one set; there may be more that match.
const SHOWN: usize = 50;

/// What a rule set is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// The ENI's own address.
    pub eni: IpAddr,
    /// The source for ingress, the destination for egress.
    pub peer: IpAddr,
    /// IANA protocol number.
    pub protocol: u8,
    /// The source port, 0 if there is none.
    pub source_port: u16,
    /// The destination port, 0 if there is none.
    pub port: u16,
}

impl Probe {
    /// What an answer is asked: the same peer, the ports exchanged.
    pub(super) fn answered(self) -> Self {
        Self {
            source_port: self.port,
            port: self.source_port,
            ..self
        }
    }
}

/// A rule set.
#[derive(Debug, Clone, Copy)]
pub(super) enum RuleSet<'m> {
    /// The security groups of an endpoint.
    Groups(&'m EndpointId),
    /// The network ACL of a vSwitch.
    Acl(&'m VSwitchId),
    /// The policy of an endpoint.
    Policy(&'m EndpointId),
}

/// A rule, or a default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RuleView {
    /// Its id, or the name of the default.
    pub rule_id: String,
    /// The security group or network ACL it is in, or the endpoint whose policy it is of; none for a default.
    pub set_id: Option<String>,
    /// A security-group rule's `Priority`, or the place of a network ACL's entry or of a statement, from 1.
    pub priority: Option<usize>,
    /// `accept` or `drop`.
    pub policy: &'static str,
}

/// The oracle's verdict: the one place that asks it.
fn judge(model: &Model, set: RuleSet<'_>, direction: Direction, probe: &Probe) -> Verdict {
    let packet = Packet {
        direction,
        eni: probe.eni,
        peer: probe.peer,
        protocol: probe.protocol,
        source_port: probe.source_port,
        port: probe.port,
    };
    match set {
        RuleSet::Groups(id) => judge_security_groups(model, id, &packet),
        RuleSet::Acl(id) => judge_network_acl(model, id, &packet),
        RuleSet::Policy(id) => judge_endpoint_policy(model, id, probe.peer),
    }
}

/// A model from which rules are taken away, to see what comes after them.
pub(super) struct Rules<'m> {
    model: &'m Model,
    left: Model,
}

impl<'m> Rules<'m> {
    pub(super) fn of(model: &'m Model) -> Self {
        Self {
            model,
            left: model.clone(),
        }
    }

    /// What the oracle says, and every rule that matches, the one that decides first.
    pub(super) fn ask(
        &mut self,
        set: RuleSet<'_>,
        direction: Direction,
        probe: &Probe,
    ) -> (Verdict, Vec<RuleView>) {
        let verdict = judge(self.model, set, direction, probe);
        let mut next = verdict.clone();
        let mut matching = Vec::new();
        while matching.len() < SHOWN {
            matching.push(self.view(set, direction, &next));
            if !self.take_away(set, direction, &next.rule) {
                break;
            }
            next = judge(&self.left, set, direction, probe);
        }
        (verdict, matching)
    }

    /// Takes a rule away; `false` if there is none of that name.
    fn take_away(&mut self, set: RuleSet<'_>, direction: Direction, rule: &str) -> bool {
        let left = &mut self.left;
        let mut found = false;
        match set {
            RuleSet::Groups(id) => {
                let Some(endpoint) = left.endpoints.get(id) else {
                    return false;
                };
                for group in endpoint
                    .security_groups
                    .iter()
                    .chain([&endpoint.managed_group])
                {
                    let Some(group) = left.security_groups.get_mut(group) else {
                        continue;
                    };
                    if direction == Direction::Ingress && rule == inner_name(&group.id) {
                        group.inner_access = Policy::Drop;
                        found = true;
                    }
                    let before = group.rules.len();
                    group
                        .rules
                        .retain(|one| one.id != rule || one.direction != direction);
                    found |= group.rules.len() < before;
                }
            }
            RuleSet::Acl(id) => {
                let acl = left
                    .vswitches
                    .get(id)
                    .and_then(|vswitch| vswitch.network_acl.as_ref());
                let Some(acl) = acl.and_then(|id| left.network_acls.get_mut(id)) else {
                    return false;
                };
                let entries = match direction {
                    Direction::Ingress => &mut acl.ingress,
                    Direction::Egress => &mut acl.egress,
                };
                let before = entries.len();
                entries.retain(|one| one.id != rule);
                found = entries.len() < before;
            }
            RuleSet::Policy(id) => {
                let Some(endpoint) = left.endpoints.get_mut(id) else {
                    return false;
                };
                let mut numbered = (1..).zip(&mut endpoint.policy.statements);
                let is_it = |number| statement_name(id, number) == rule;
                if let Some((_, statement)) = numbered.find(|(number, _)| is_it(*number)) {
                    // Statements are named by their place, so it stays, and is about nobody.
                    statement.conditions.push(PolicyCondition::SourceIp {
                        within: true,
                        networks: Vec::new(),
                    });
                    found = true;
                }
            }
        }
        found
    }

    fn view(&self, set: RuleSet<'_>, direction: Direction, verdict: &Verdict) -> RuleView {
        let place = self.place(set, direction, &verdict.rule);
        RuleView {
            rule_id: verdict.rule.clone(),
            set_id: place.as_ref().map(|(set, _)| set.clone()),
            priority: place.map(|(_, priority)| priority),
            policy: policy_name(verdict.policy),
        }
    }

    /// The security group or network ACL that a rule is in, and its priority.
    fn place(&self, set: RuleSet<'_>, direction: Direction, rule: &str) -> Option<(String, usize)> {
        let model = self.model;
        match set {
            RuleSet::Groups(id) => {
                let endpoint = model.endpoints.get(id)?;
                let ids = endpoint
                    .security_groups
                    .iter()
                    .chain([&endpoint.managed_group]);
                let groups = ids.filter_map(|id| model.security_groups.get(id));
                let mut rules =
                    groups.flat_map(|group| group.rules.iter().map(move |one| (group, one)));
                let (group, found) =
                    rules.find(|(_, one)| one.id == rule && one.direction == direction)?;
                Some((group.id.to_string(), usize::from(found.priority)))
            }
            RuleSet::Acl(id) => {
                let acl = model.vswitches.get(id)?.network_acl.as_ref()?;
                let acl = model.network_acls.get(acl)?;
                let entries = match direction {
                    Direction::Ingress => &acl.ingress,
                    Direction::Egress => &acl.egress,
                };
                let place = entries.iter().position(|one| one.id == rule)?;
                Some((acl.id.to_string(), place + 1))
            }
            RuleSet::Policy(id) => {
                let count = model.endpoints.get(id)?.policy.statements.len();
                let mut places = 1..=count;
                let place = places.find(|place| statement_name(id, *place) == rule)?;
                Some((id.to_string(), place))
            }
        }
    }
}

/// `accept` or `drop`.
pub(super) fn policy_name(policy: Policy) -> &'static str {
    match policy {
        Policy::Accept => "accept",
        Policy::Drop => "drop",
    }
}
