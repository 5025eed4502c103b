//! The two judges, side by side: the oracle over the model, the path's look-up over the compiled
//! tables.
//!
//! May import: endpoint-common, endpoint-ctl, subject.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::net::Ipv4Addr;

use endpoint_common::abi::flow::Family;
use endpoint_common::abi::mapped;
use endpoint_common::abi::policy::RuleWord;
use endpoint_common::abi::service::{Address, KIND_ENI};
use endpoint_common::path::{Peer, PolicyKey, classify};
use endpoint_ctl::compiler::{Capacity, Numbers, compile};
use endpoint_ctl::hostpath::HostWorld;
use endpoint_ctl::model::{Direction, Model, Policy, SecurityGroupRule};
use endpoint_ctl::oracle::{Verdict, judge_network_acl, judge_security_groups};

use super::subject::{Subject, endpoint_id, vswitch_id};

/// A rule set of the two that an ENI has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layer {
    NetworkAcl,
    SecurityGroups,
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Probe {
    pub(crate) layer: Layer,
    pub(crate) direction: Direction,
    pub(crate) peer: Ipv4Addr,
    pub(crate) protocol: u8,
    /// 0 where the protocol has none.
    pub(crate) port: u16,
}

/// See the module.
pub(crate) struct Judges {
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
        let mut enis = tables.addresses.values().filter(|row| row.kind == KIND_ENI);
        let eni = *enis.next().expect("the endpoint's ENI");
        let mut world = HostWorld::new([0; 2], 0);
        world.apply(tables);
        let names = numbers
            .rules()
            .map(|(name, number)| (number, name.to_owned()));
        Self {
            names: names.collect(),
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
        let (peer, protocol, port) = (probe.peer.into(), probe.protocol, probe.port);
        match probe.layer {
            Layer::NetworkAcl => {
                let vswitch = vswitch_id();
                judge_network_acl(&self.model, &vswitch, probe.direction, peer, protocol, port)
            }
            Layer::SecurityGroups => {
                let endpoint = endpoint_id();
                judge_security_groups(
                    &self.model,
                    &endpoint,
                    probe.direction,
                    peer,
                    protocol,
                    port,
                )
            }
        }
    }

    fn by_tables(&self, probe: &Probe) -> Result<Verdict, String> {
        let root = match (probe.layer, probe.direction) {
            (Layer::NetworkAcl, Direction::Ingress) => self.eni.acl_in,
            (Layer::NetworkAcl, Direction::Egress) => self.eni.acl_out,
            (Layer::SecurityGroups, Direction::Ingress) => self.eni.group_in,
            (Layer::SecurityGroups, Direction::Egress) => self.eni.group_out,
        };
        if root == 0 && probe.layer == Layer::NetworkAcl {
            let (policy, rule) = (Policy::Accept, "no-acl".to_owned());
            return Ok(Verdict { policy, rule });
        }
        let key = PolicyKey::new(
            Family::V4 as u8,
            probe.protocol,
            probe.port.to_be_bytes(),
            [0; 2],
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
        let rule = |verdict: &Verdict| -> Option<&SecurityGroupRule> {
            let groups = self.model.security_groups.values();
            let found = groups.flat_map(|group| &group.rules);
            found.into_iter().find(|rule| rule.id == verdict.rule)
        };
        let (Some(a), Some(b)) = (rule(a), rule(b)) else {
            return false;
        };
        let has_ports = matches!(probe.protocol, 6 | 17);
        probe.layer == Layer::SecurityGroups
            && (a.priority, a.policy, a.direction) == (b.priority, b.policy, b.direction)
            && b.peer.contains(&IpAddr::V4(probe.peer))
            && b.protocol.covers(probe.protocol)
            && (!has_ports || b.ports.covers(probe.port))
    }
}
