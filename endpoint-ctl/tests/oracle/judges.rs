//! The two judges, side by side: the oracle over the model, the path's look-up over the compiled
//! tables.
//!
//! May import: endpoint-common, endpoint-ctl, subject.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use endpoint_common::abi::flow::Family;
use endpoint_common::abi::mapped;
use endpoint_common::abi::policy::RuleWord;
use endpoint_common::abi::service::{Address, KIND_ENI};
use endpoint_common::path::{Peer, PolicyKey, classify};
use endpoint_ctl::compiler::{Capacity, Numbers, compile};
use endpoint_ctl::hostpath::HostWorld;
use endpoint_ctl::model::{Direction, Model, Policy};
use endpoint_ctl::oracle::{
    Packet, Verdict, judge_endpoint_policy, judge_network_acl, judge_security_groups,
};
use ipnet::Ipv4Net;

use super::subject::{Rule, Subject, endpoint_id, vswitch_id};

/// A rule set of the three that an ENI has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layer {
    NetworkAcl,
    SecurityGroups,
    /// Inbound alone; neither protocol nor ports count.
    EndpointPolicy,
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Probe {
    pub(crate) layer: Layer,
    pub(crate) direction: Direction,
    pub(crate) peer: Ipv4Addr,
    pub(crate) protocol: u8,
    /// Both ports are 0 where the protocol has none.
    pub(crate) source_port: u16,
    pub(crate) port: u16,
}

/// See the module.
pub(crate) struct Judges {
    subject: Subject,
    model: Model,
    world: HostWorld,
    eni: Address,
    names: BTreeMap<u32, String>,
}

impl Judges {
    pub(crate) fn new(subject: &Subject) -> Self {
        let model = subject.model();
        let mut numbers = Numbers::default();
        numbers.assign(&model);
        let capacity = Capacity::default();
        let tables = compile(&model, &numbers, 1, &capacity).expect("rules that fit");
        let again = compile(&model, &numbers, 1, &capacity).expect("rules that fit");
        assert_eq!(tables, again, "compiling is deterministic");
        let mut enis = tables
            .addresses
            .iter()
            .filter(|(_, row)| row.kind == KIND_ENI);
        let (_, eni) = enis.next().expect("the endpoint's ENI");
        let eni = *eni;
        let mut world = HostWorld::new([0; 2], 0);
        world.apply(tables);
        let names = numbers
            .rules()
            .map(|(name, number)| (number, name.to_owned()));
        Self {
            names: names.collect(),
            subject: subject.clone(),
            model,
            world,
            eni,
        }
    }

    /// The verdict both agree on: whether the packet is accepted.
    ///
    /// # Errors
    /// What they do not agree on.
    pub(crate) fn judge(&self, probe: &Probe) -> Result<bool, String> {
        let (expected, found) = (self.by_oracle(probe), self.by_tables(probe)?);
        if expected == found || self.is_of_equal_rank(probe, &expected, &found) {
            return Ok(found.policy == Policy::Accept);
        }
        Err(format!(
            "{probe:?}\n  oracle {expected:?}\n  tables {found:?}"
        ))
    }

    pub(crate) fn by_oracle(&self, probe: &Probe) -> Verdict {
        let packet = Packet {
            direction: probe.direction,
            eni: self.subject.eni().into(),
            peer: probe.peer.into(),
            protocol: probe.protocol,
            source_port: probe.source_port,
            port: probe.port,
        };
        match probe.layer {
            Layer::NetworkAcl => judge_network_acl(&self.model, &vswitch_id(), &packet),
            Layer::SecurityGroups => judge_security_groups(&self.model, &endpoint_id(), &packet),
            Layer::EndpointPolicy => {
                judge_endpoint_policy(&self.model, &endpoint_id(), packet.peer)
            }
        }
    }

    fn by_tables(&self, probe: &Probe) -> Result<Verdict, String> {
        let root = match (probe.layer, probe.direction) {
            (Layer::NetworkAcl, Direction::Ingress) => self.eni.acl_in,
            (Layer::NetworkAcl, Direction::Egress) => self.eni.acl_out,
            (Layer::SecurityGroups, Direction::Ingress) => self.eni.group_in,
            (Layer::SecurityGroups, Direction::Egress) => self.eni.group_out,
            (Layer::EndpointPolicy, _) => self.eni.policy_in,
        };
        if root == 0 && probe.layer == Layer::NetworkAcl {
            let (policy, rule) = (Policy::Accept, "no-acl".to_owned());
            return Ok(Verdict { policy, rule });
        }
        if root == 0 && probe.layer == Layer::EndpointPolicy {
            // The policy of an endpoint that was given none is not asked.
            let verdict = self.by_oracle(probe);
            let policy = Policy::Accept;
            return Ok(Verdict { policy, ..verdict });
        }
        let key = PolicyKey::new(
            Family::V4 as u8,
            probe.protocol,
            probe.port.to_be_bytes(),
            probe.source_port.to_be_bytes(),
        );
        let word = classify(
            &&self.world,
            0,
            root,
            Peer::new(&mapped(probe.peer.octets()), key),
            key,
        );
        let name = self.names.get(&word.number());
        let rule = name.filter(|_| word != RuleWord::NONE).cloned();
        let policy = if word.accepts() {
            Policy::Accept
        } else {
            Policy::Drop
        };
        match rule {
            Some(rule) => Ok(Verdict { policy, rule }),
            None => Err(format!("{probe:?}: no rule, not even a default: {word:x?}")),
        }
    }

    /// Of security-group rules with the same priority and policy it does not matter which is named,
    /// as long as it covers the packet.
    fn is_of_equal_rank(&self, probe: &Probe, a: &Verdict, b: &Verdict) -> bool {
        if probe.layer != Layer::SecurityGroups {
            return false;
        }
        if let (Some(_), Some(b)) = (inner(&a.rule), inner(&b.rule)) {
            return self.subject.groups[b].attached && contains(&self.subject.members(b), probe);
        }
        // Rules as the subject has them, or those of the managed group.
        let (Some(a), Some(b)) = (self.rule(&a.rule), self.rule(&b.rule)) else {
            let is_managed = |verdict: &Verdict| verdict.rule.starts_with("sgr-managed-");
            let rank = |verdict: &Verdict| self.rule(&verdict.rule).map(|rule| rule.priority);
            return a.policy == b.policy
                && (is_managed(a) && rank(b) == Some(1) || is_managed(b) && rank(a) == Some(1));
        };
        let has_ports = matches!(probe.protocol, 6 | 17);
        let eni = self.subject.eni();
        (a.priority, a.policy, a.direction) == (b.priority, b.policy, b.direction)
            && contains(&self.subject.peers(b), probe)
            && b.local.is_none_or(|net| net.contains(&eni))
            && b.protocol.covers(probe.protocol)
            && (!has_ports || b.ports.covers(probe.port))
            && (!has_ports || b.source_ports.covers(probe.source_port))
    }

    /// The rule `group1-7`.
    fn rule(&self, name: &str) -> Option<&Rule> {
        let (group, rule) = name.strip_prefix("group")?.split_once('-')?;
        let group = self.subject.groups.get(group.parse::<usize>().ok()?)?;
        group.rules.get(rule.parse::<usize>().ok()?)
    }
}

/// The group that `inner-group1` is of.
fn inner(name: &str) -> Option<usize> {
    name.strip_prefix("inner-group")?.parse().ok()
}

fn contains(networks: &[Ipv4Net], probe: &Probe) -> bool {
    networks.iter().any(|net| net.contains(&probe.peer))
}
