//! The rules in force as users see them: where each stands, what it matches, and what it has decided.
//!
//! May import: model, compiler (numbers, names of defaults), endpoint-common::abi, rule_hits, totals,
//! serde, jiff.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use endpoint_common::abi::counter::Counter;
use serde::{Deserialize, Serialize};

use super::rule_hits::Hits;
use super::totals::Amount;
use crate::compiler::{Numbers, builtin, inner_name};
use crate::model::{
    Direction, Endpoint, EndpointPolicy, Model, NetworkAclEntry, Policy, PolicyCondition,
    PolicyStatement, PortRange, ProtocolMatch, SecurityGroupRule, default_statement_name,
    statement_name,
};

/// Which rules are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RulesOf {
    /// Every one.
    All,
    /// Those of this security group.
    SecurityGroup(String),
    /// Those of this network ACL.
    NetworkAcl(String),
    /// Those that can judge packets of this endpoint, defaults included.
    Endpoint(String),
}

/// A rule and what it has decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RuleView {
    /// Its id, as in flow logs.
    pub rule_id: String,
    /// `security-group`, `network-acl` or `endpoint-policy`.
    pub layer: &'static str,
    /// The group or ACL it stands in, or the endpoint whose policy it is of; none of a default that all
    /// of its layer share.
    pub owner_id: Option<String>,
    /// `ingress` or `egress`; none of what is asked both ways.
    pub direction: Option<&'static str>,
    /// A group's rule: its priority. An ACL's entry, a statement: its place, from 1. None of a default.
    pub order: Option<usize>,
    /// `accept` or `drop`; none of the default for egress, which depends on the groups' type.
    pub policy: Option<&'static str>,
    /// What it matches.
    pub matches: String,
    /// Whether it came with an endpoint, or is a default.
    pub managed: bool,
    /// What it accepted, or decided about in audit mode.
    pub accepted: Amount,
    /// What it dropped.
    pub dropped: Amount,
    /// When it last decided (RFC 3339, UTC).
    pub last_hit: Option<String>,
}

/// See the module. What is shown is made when it is asked for.
#[derive(Debug, Clone, Default)]
pub struct RuleBook {
    model: Model,
    numbers: Arc<Numbers>,
}

impl RuleBook {
    /// The rules of a model that is in force.
    pub fn of(model: &Model, numbers: Arc<Numbers>) -> Self {
        Self {
            model: model.clone(),
            numbers,
        }
    }

    fn rules(&self) -> Vec<RuleView> {
        let model = &self.model;
        let mut rules = defaults();
        rules.extend(rules_of_groups(model));
        rules.extend(inner_rules(model));
        rules.extend(entries_of_acls(model));
        rules.extend(model.endpoints.values().flat_map(statements));
        rules
    }

    /// The rules that are asked for, each with what `hits` says of its number.
    ///
    /// # Errors
    /// There is no such group, ACL or endpoint.
    pub(super) fn show(
        &self,
        of: &RulesOf,
        hits: impl Fn(u32) -> Hits,
    ) -> Result<Vec<RuleView>, String> {
        let unknown = |kind, id: &str, all: Vec<String>| {
            Err(format!(
                "there is no {kind} {id}; there are: {}",
                all.join(", ")
            ))
        };
        let model = &self.model;
        let owners = match of {
            RulesOf::All => None,
            RulesOf::SecurityGroup(id) if !model.security_groups.contains_key(id.as_str()) => {
                let all = model.security_groups.keys().map(ToString::to_string);
                return unknown("security group", id, all.collect());
            }
            RulesOf::NetworkAcl(id) if !model.network_acls.contains_key(id.as_str()) => {
                let all = model.network_acls.keys().map(ToString::to_string);
                return unknown("network ACL", id, all.collect());
            }
            RulesOf::SecurityGroup(id) | RulesOf::NetworkAcl(id) => {
                Some(BTreeSet::from([id.clone()]))
            }
            RulesOf::Endpoint(id) => match model.endpoints.get(id.as_str()) {
                None => {
                    let all = model.endpoints.keys().map(ToString::to_string);
                    return unknown("endpoint", id, all.collect());
                }
                Some(endpoint) => Some(owners(model, endpoint)),
            },
        };
        let with_defaults = matches!(of, RulesOf::All | RulesOf::Endpoint(_));
        let all = self.rules().into_iter();
        let wanted = all.filter(|rule| match &rule.owner_id {
            Some(owner) => owners.as_ref().is_none_or(|owners| owners.contains(owner)),
            None => with_defaults,
        });
        Ok(wanted
            .map(|rule| {
                let number = self.numbers.rule(&rule.rule_id);
                with(rule, &hits(number))
            })
            .collect())
    }
}

fn with(rule: RuleView, hits: &Hits) -> RuleView {
    let amount = |counter: Counter| Amount {
        packets: counter.packets,
        bytes: counter.bytes,
    };
    let at = i64::try_from(hits.last).ok().filter(|at| *at > 0);
    let at = at.and_then(|at| jiff::Timestamp::from_second(at).ok());
    RuleView {
        accepted: amount(hits.accepted),
        dropped: amount(hits.dropped),
        last_hit: at.map(|at| at.to_string()),
        ..rule
    }
}

/// The groups and ACLs of an endpoint, and itself, as the owner of its policy.
fn owners(model: &Model, endpoint: &Endpoint) -> BTreeSet<String> {
    let groups = endpoint.security_groups.iter().map(ToString::to_string);
    let acls = endpoint.zones.iter().filter_map(|zone| {
        let acl = model.vswitches.get(&zone.vswitch)?.network_acl.as_ref();
        acl.map(ToString::to_string)
    });
    let managed = [endpoint.managed_group.to_string(), endpoint.id.to_string()];
    groups.chain(acls).chain(managed).collect()
}

fn blank(id: &str, layer: &'static str) -> RuleView {
    RuleView {
        rule_id: id.to_owned(),
        layer,
        owner_id: None,
        direction: None,
        order: None,
        policy: None,
        matches: "what no other rule matches".to_owned(),
        managed: true,
        accepted: Amount::default(),
        dropped: Amount::default(),
        last_hit: None,
    }
}

fn defaults() -> Vec<RuleView> {
    let default = |id, layer, direction, policy| RuleView {
        direction: Some(direction),
        policy,
        ..blank(id, layer)
    };
    vec![
        RuleView {
            policy: Some("accept"),
            matches: "traffic inside a vSwitch".to_owned(),
            ..blank(builtin::SAME_VSWITCH, ACL)
        },
        default(builtin::ACL_INGRESS, ACL, INGRESS, Some("drop")),
        default(builtin::ACL_EGRESS, ACL, EGRESS, Some("drop")),
        default(builtin::GROUP_INGRESS, GROUP, INGRESS, Some("drop")),
        default(builtin::GROUP_EGRESS, GROUP, EGRESS, None),
    ]
}

const POLICY: &str = "endpoint-policy";
const GROUP: &str = "security-group";
const ACL: &str = "network-acl";
const INGRESS: &str = "ingress";
const EGRESS: &str = "egress";

fn rules_of_groups(model: &Model) -> impl Iterator<Item = RuleView> + '_ {
    model.security_groups.values().flat_map(|group| {
        group.rules.iter().map(|rule| RuleView {
            owner_id: Some(group.id.to_string()),
            direction: Some(match rule.direction {
                Direction::Ingress => INGRESS,
                Direction::Egress => EGRESS,
            }),
            order: Some(usize::from(rule.priority)),
            policy: Some(policy(rule.policy)),
            matches: matches_of(rule),
            managed: group.service_managed,
            ..blank(&rule.id, GROUP)
        })
    })
}

/// What lets members of a group in where no rule says otherwise.
fn inner_rules(model: &Model) -> impl Iterator<Item = RuleView> + '_ {
    let open = model.security_groups.values();
    let open = open.filter(|group| group.inner_access == Policy::Accept);
    open.map(|group| RuleView {
        owner_id: Some(group.id.to_string()),
        direction: Some(INGRESS),
        policy: Some("accept"),
        matches: format!("all members of {}", group.id),
        ..blank(&inner_name(&group.id), GROUP)
    })
}

fn entries_of_acls(model: &Model) -> Vec<RuleView> {
    let entry = |owner: &str, direction, place: usize, entry: &NetworkAclEntry| RuleView {
        owner_id: Some(owner.to_owned()),
        direction: Some(direction),
        order: Some(place + 1),
        policy: Some(policy(entry.policy)),
        matches: matches(entry.protocol, entry.ports, &entry.peer),
        managed: false,
        ..blank(&entry.id, ACL)
    };
    let mut views = Vec::new();
    for acl in model.network_acls.values() {
        for (direction, entries) in [(INGRESS, &acl.ingress), (EGRESS, &acl.egress)] {
            let numbered = entries.iter().enumerate();
            views
                .extend(numbered.map(|(place, one)| entry(acl.id.as_str(), direction, place, one)));
        }
    }
    views
}

/// The statements of a policy, and what comes after them; none of an endpoint that was given none.
fn statements(endpoint: &Endpoint) -> Vec<RuleView> {
    if endpoint.policy == EndpointPolicy::default() {
        return Vec::new();
    }
    let of_endpoint = |name: &str| RuleView {
        owner_id: Some(endpoint.id.to_string()),
        direction: Some(INGRESS),
        ..blank(name, POLICY)
    };
    let numbered = (1..).zip(&endpoint.policy.statements);
    let written = numbered.map(|(place, statement)| RuleView {
        order: Some(place),
        policy: Some(policy(statement.effect)),
        matches: matches_of_statement(statement),
        managed: false,
        ..of_endpoint(&statement_name(&endpoint.id, place))
    });
    let default = RuleView {
        policy: Some("drop"),
        matches: "what no statement allows".to_owned(),
        ..of_endpoint(&default_statement_name(&endpoint.id))
    };
    written.chain([default]).collect()
}

/// `clients in 10.0.0.0/8, not in 10.1.0.0/16`.
fn matches_of_statement(statement: &PolicyStatement) -> String {
    if statement.effect == Policy::Drop && !statement.undecided.is_empty() {
        return "nothing: left to the service".to_owned();
    }
    let conditions: Vec<_> = statement.conditions.iter().map(condition).collect();
    if conditions.is_empty() {
        return "all clients".to_owned();
    }
    format!("clients {}", conditions.join(", "))
}

fn condition(condition: &PolicyCondition) -> String {
    let (within, what) = match condition {
        PolicyCondition::SourceIp { within, networks } => {
            let networks: Vec<_> = networks.iter().map(ToString::to_string).collect();
            (within, networks.join(" or "))
        }
        PolicyCondition::SourceVpc { within, vpcs } => (within, vpcs.join(" or ")),
    };
    format!("{} {what}", if *within { "in" } else { "not in" })
}

fn policy(policy: Policy) -> &'static str {
    match policy {
        Policy::Accept => "accept",
        Policy::Drop => "drop",
    }
}

/// The same with what few rules name: the client's ports, the ENIs.
fn matches_of(rule: &SecurityGroupRule) -> String {
    let sources = match rule.source_ports {
        PortRange::ANY => String::new(),
        ports => format!(", source ports {ports}"),
    };
    let local = rule.local.map(|net| format!(", ENIs in {net}"));
    matches(rule.protocol, rule.ports, &rule.peer) + &sources + &local.unwrap_or_default()
}

/// What a rule matches, in a line: `tcp 80/80 10.0.0.0/8`.
fn matches(protocol: ProtocolMatch, ports: PortRange, peer: &impl fmt::Display) -> String {
    let protocol = match protocol {
        ProtocolMatch::All => return format!("all {peer}"),
        ProtocolMatch::Number(1) => "icmp".to_owned(),
        ProtocolMatch::Number(6) => "tcp".to_owned(),
        ProtocolMatch::Number(17) => "udp".to_owned(),
        ProtocolMatch::Number(58) => "icmpv6".to_owned(),
        ProtocolMatch::Number(number) => format!("protocol {number}"),
    };
    format!("{protocol} {ports} {peer}")
}
