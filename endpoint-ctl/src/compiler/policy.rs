//! Rule sets of the model, made ready for the tries: order, defaults, exemptions.
//!
//! Every rule set becomes one trie per family, which holds the rules of that family alone.
//!
//! May import: model, endpoint-common::abi, ipnet, numbers, address_trie, node_store.

use std::collections::BTreeMap;

use endpoint_common::abi::flow::Family;
use endpoint_common::abi::policy::{PolicyNode, RuleWord};
use ipnet::IpNet;

use super::address_trie::{self, ANY_SOURCE, Prefix, TrieRule};
use super::node_store::{KeyRange, NodeStore};
use super::numbers::Numbers;
use crate::model::{
    Direction, Endpoint, Model, NetworkAclEntry, Policy, PortRange, ProtocolMatch, SecurityGroup,
    SecurityGroupId, SecurityGroupType, VSwitch, VSwitchId,
};

/// Order of the rule that decides when no other does.
const LAST: u8 = u8::MAX;

/// Names of the rules that nobody wrote.
pub mod builtin {
    /// Traffic inside a vSwitch is not filtered by its network ACL.
    pub const SAME_VSWITCH: &str = "same-vswitch";
    /// No security-group rule matched, inbound.
    pub const GROUP_INGRESS: &str = "default-ingress";
    /// No security-group rule matched, outbound.
    pub const GROUP_EGRESS: &str = "default-egress";
    /// No network-ACL entry matched, inbound.
    pub const ACL_INGRESS: &str = "default-nacl-ingress";
    /// No network-ACL entry matched, outbound.
    pub const ACL_EGRESS: &str = "default-nacl-egress";
    /// All of the above.
    pub const ALL: [&str; 5] = [
        SAME_VSWITCH,
        GROUP_INGRESS,
        GROUP_EGRESS,
        ACL_INGRESS,
        ACL_EGRESS,
    ];
}

/// The ids of all rules a model can decide by, the default ones included.
pub fn rule_names(model: &Model) -> impl Iterator<Item = &str> {
    let groups = model
        .security_groups
        .values()
        .flat_map(|group| &group.rules);
    let entries = model
        .network_acls
        .values()
        .flat_map(|acl| acl.ingress.iter().chain(&acl.egress));
    let written = groups
        .map(|rule| rule.id.as_str())
        .chain(entries.map(|entry| entry.id.as_str()));
    builtin::ALL.into_iter().chain(written)
}

/// Compiles rule sets into one shared node store.
pub(super) struct PolicyCompiler<'a> {
    model: &'a Model,
    numbers: &'a Numbers,
    store: NodeStore,
    acls: BTreeMap<(Family, VSwitchId), (u32, u32)>,
    groups: BTreeMap<(Family, Vec<SecurityGroupId>), (u32, u32)>,
}

impl<'a> PolicyCompiler<'a> {
    pub(super) fn new(model: &'a Model, numbers: &'a Numbers) -> Self {
        Self {
            model,
            numbers,
            store: NodeStore::new(),
            acls: BTreeMap::new(),
            groups: BTreeMap::new(),
        }
    }

    pub(super) fn into_nodes(self) -> Vec<PolicyNode> {
        self.store.into_nodes()
    }

    /// Roots of a vSwitch's network ACL for one family, inbound and outbound; 0 without one.
    pub(super) fn network_acl(&mut self, family: Family, id: &VSwitchId) -> (u32, u32) {
        let key = (family, id.clone());
        if let Some(roots) = self.acls.get(&key) {
            return *roots;
        }
        let model = self.model;
        let roots = model.vswitches.get(id).map_or((0, 0), |vswitch| {
            let acl = vswitch
                .network_acl
                .as_ref()
                .and_then(|acl| model.network_acls.get(acl));
            acl.map_or((0, 0), |acl| {
                (
                    self.acl_root(family, vswitch, &acl.ingress, builtin::ACL_INGRESS),
                    self.acl_root(family, vswitch, &acl.egress, builtin::ACL_EGRESS),
                )
            })
        });
        self.acls.insert(key, roots);
        roots
    }

    /// First match wins: the place in the list is the order. The vSwitch's own addresses come
    /// before all entries, since its inner traffic is not filtered.
    fn acl_root(
        &mut self,
        family: Family,
        vswitch: &VSwitch,
        entries: &[NetworkAclEntry],
        default: &'static str,
    ) -> u32 {
        let mut rules = vec![self.whole(LAST, Policy::Drop, default, Prefix::ALL)];
        let own = vswitch.cidr_blocks().filter(|net| is_of(family, net));
        rules.extend(
            own.map(|net| self.whole(0, Policy::Accept, builtin::SAME_VSWITCH, net.into())),
        );
        let entries = entries.iter().enumerate();
        rules.extend(entries.filter(|(_, entry)| is_of(family, &entry.peer)).map(
            |(place, entry)| TrieRule {
                peer: entry.peer.into(),
                range: key_range(entry.protocol, entry.ports),
                sources: ANY_SOURCE,
                word: self.word(place as u8 + 1, entry.policy, &entry.id),
            },
        ));
        address_trie::build(&mut self.store, &rules)
    }

    /// Roots of an endpoint's merged security groups for one family, inbound and outbound.
    pub(super) fn security_groups(&mut self, family: Family, endpoint: &Endpoint) -> (u32, u32) {
        let mut ids = endpoint.security_groups.clone();
        ids.push(endpoint.managed_group.clone());
        let key = (family, ids);
        if let Some(roots) = self.groups.get(&key) {
            return *roots;
        }
        let model = self.model;
        let groups: Vec<_> = key
            .1
            .iter()
            .filter_map(|id| model.security_groups.get(id))
            .collect();
        let normal = groups
            .iter()
            .any(|group| !group.service_managed && group.group_type == SecurityGroupType::Normal);
        let defaults = [
            (Direction::Ingress, Policy::Drop, builtin::GROUP_INGRESS),
            (
                Direction::Egress,
                if normal { Policy::Accept } else { Policy::Drop },
                builtin::GROUP_EGRESS,
            ),
        ];
        let [ingress, egress] = defaults.map(|(direction, policy, name)| {
            let default = self.whole(LAST, policy, name, Prefix::ALL);
            self.group_root(family, &groups, direction, default)
        });
        let roots = (ingress, egress);
        self.groups.insert(key, roots);
        roots
    }

    /// By priority, drop before accept at equal priority.
    fn group_root(
        &mut self,
        family: Family,
        groups: &[&SecurityGroup],
        direction: Direction,
        default: TrieRule,
    ) -> u32 {
        let mut rules = vec![default];
        let written = groups.iter().flat_map(|group| &group.rules);
        rules.extend(
            written
                .filter(|rule| rule.direction == direction && is_of(family, &rule.peer))
                .map(|rule| TrieRule {
                    peer: rule.peer.into(),
                    range: key_range(rule.protocol, rule.ports),
                    sources: ANY_SOURCE,
                    word: self.word(rule.priority, rule.policy, &rule.id),
                }),
        );
        address_trie::build(&mut self.store, &rules)
    }

    fn whole(&self, order: u8, policy: Policy, name: &str, peer: Prefix) -> TrieRule {
        TrieRule {
            peer,
            range: key_range(ProtocolMatch::All, PortRange::ANY),
            sources: ANY_SOURCE,
            word: self.word(order, policy, name),
        }
    }

    fn word(&self, order: u8, policy: Policy, name: &str) -> RuleWord {
        RuleWord::new(order, policy == Policy::Accept, self.numbers.rule(name))
    }
}

fn is_of(family: Family, net: &IpNet) -> bool {
    match net {
        IpNet::V4(_) => family == Family::V4,
        IpNet::V6(_) => family == Family::V6,
    }
}

/// The keys a rule covers: protocol, then destination port.
fn key_range(protocol: ProtocolMatch, ports: PortRange) -> KeyRange {
    match protocol {
        ProtocolMatch::All => KeyRange {
            first: 0,
            last: 0x00ff_ffff,
        },
        ProtocolMatch::Number(number) => {
            let base = u32::from(number) << 16;
            KeyRange {
                first: base | u32::from(ports.first),
                last: base | u32::from(ports.last),
            }
        }
    }
}
