//! Rule sets of the model, made ready for the tries: order, defaults, exemptions.
//!
//! Every rule set becomes one trie per family, which holds the rules of that family alone: a rule for
//! a prefix list or a group stands there once for each network it stands for, with one number.
//!
//! May import: model, endpoint-common::abi, ipnet, family, numbers, address_trie, trie_rule, endpoint_policy,
//! node_store, port_tries, rule_names, tables (their form).

use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::slice;

use endpoint_common::abi::flow::Family;
use endpoint_common::abi::policy::RuleWord;
use ipnet::IpNet;

use super::address_trie;
use super::endpoint_policy;
use super::family::family_of;
use super::node_store::NodeStore;
use super::numbers::Numbers;
use super::port_tries::KeyRange;
use super::rule_names::{builtin, inner_name};
use super::tables::PolicyTables;
use super::trie_rule::{ANY_SOURCE, LAST, Prefix, TrieRule, all_traffic};
use crate::model::{
    Direction, Endpoint, EndpointPolicy, EndpointZone, Model, NetworkAclEntry, Peer, Policy,
    PortRange, ProtocolMatch, SecurityGroup, SecurityGroupId, SecurityGroupRule, SecurityGroupType,
    VSwitch, VSwitchId,
};

#[cfg(test)]
mod tests;

/// Order of the rules that let members of a group in: behind every priority.
const INNER: u8 = LAST - 1;

/// What rule sets of security groups are the same by.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct GroupsKey {
    family: Family,
    is_ingress: bool,
    /// What becomes of packets that no rule is about.
    accepts: bool,
    /// Those that say something of this direction, as they are attached.
    groups: Vec<SecurityGroupId>,
    /// Which of those rules that are not for every ENI are for this one.
    local: Vec<bool>,
}

/// What a group says of one direction.
#[derive(Default)]
struct Said {
    /// Whether anything.
    is_any: bool,
    /// The ENIs that those of its rules are of that are not of all.
    local: Vec<IpNet>,
}

impl Said {
    /// By [`Direction`]. A group may have very many rules, so they are looked at once.
    fn of(group: &SecurityGroup) -> [Self; 2] {
        let mut said = <[Self; 2]>::default();
        said[Direction::Ingress as usize].is_any = group.inner_access == Policy::Accept;
        for rule in &group.rules {
            let of_this = &mut said[rule.direction as usize];
            of_this.is_any = true;
            of_this.local.extend(rule.local);
        }
        said
    }
}

/// Compiles rule sets into one shared node store.
pub(super) struct PolicyCompiler<'a> {
    model: &'a Model,
    numbers: &'a Numbers,
    store: NodeStore,
    acls: BTreeMap<(Family, VSwitchId), (u32, u32)>,
    groups: BTreeMap<GroupsKey, u32>,
    members: BTreeMap<&'a SecurityGroupId, Vec<IpNet>>,
    said: BTreeMap<&'a SecurityGroupId, [Said; 2]>,
    /// The rule whose number was asked for last.
    last_rule: Cell<u32>,
}

impl<'a> PolicyCompiler<'a> {
    pub(super) fn new(model: &'a Model, numbers: &'a Numbers) -> Self {
        let groups = model.security_groups.values();
        let said = groups.map(|group| (&group.id, Said::of(group)));
        Self {
            model,
            numbers,
            store: NodeStore::new(),
            acls: BTreeMap::new(),
            groups: BTreeMap::new(),
            members: members(model),
            said: said.collect(),
            last_rule: Cell::new(0),
        }
    }

    pub(super) fn into_tables(self) -> PolicyTables {
        self.store.into_tables()
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

    /// Roots of an endpoint's merged security groups for one address of an ENI, inbound and outbound.
    pub(super) fn security_groups(&mut self, eni: IpAddr, endpoint: &Endpoint) -> (u32, u32) {
        let ids = endpoint.security_groups.iter();
        let ids = ids.chain([&endpoint.managed_group]);
        let model = self.model;
        let groups: Vec<_> = ids.filter_map(|id| model.security_groups.get(id)).collect();
        let normal = groups
            .iter()
            .any(|group| !group.service_managed && group.group_type == SecurityGroupType::Normal);
        let egress = if normal { Policy::Accept } else { Policy::Drop };
        (
            self.groups_root(eni, &groups, Direction::Ingress, Policy::Drop),
            self.groups_root(eni, &groups, Direction::Egress, egress),
        )
    }

    /// What groups say of one direction. Endpoints for which that is the same share it, though each has a
    /// managed group of its own.
    fn groups_root(
        &mut self,
        eni: IpAddr,
        groups: &[&'a SecurityGroup],
        direction: Direction,
        default: Policy,
    ) -> u32 {
        let family = family_of(eni);
        let of_this = direction as usize;
        let said = groups.iter().filter_map(|group| {
            let said = self.said.get(&group.id)?.get(of_this)?;
            said.is_any.then_some((*group, said))
        });
        let (groups, said): (Vec<_>, Vec<_>) = said.unzip();
        let local = said.iter().flat_map(|said| &said.local);
        let key = GroupsKey {
            family,
            is_ingress: direction == Direction::Ingress,
            accepts: default == Policy::Accept,
            groups: groups.iter().map(|group| group.id.clone()).collect(),
            local: local.map(|net| net.contains(&eni)).collect(),
        };
        if let Some(root) = self.groups.get(&key) {
            return *root;
        }
        let (name, inner) = match direction {
            Direction::Ingress => (builtin::GROUP_INGRESS, self.inner_rules(family, &groups)),
            Direction::Egress => (builtin::GROUP_EGRESS, Vec::new()),
        };
        let default = self.whole(LAST, default, name, Prefix::ALL);
        let rules = self.group_rules(eni, &groups, direction);
        let all: Vec<_> = [default].into_iter().chain(inner).chain(rules).collect();
        let root = address_trie::build(&mut self.store, &all);
        self.groups.insert(key, root);
        root
    }

    /// By priority, drop before accept at equal priority.
    fn group_rules(
        &self,
        eni: IpAddr,
        groups: &[&'a SecurityGroup],
        direction: Direction,
    ) -> impl Iterator<Item = TrieRule> {
        let written = groups.iter().flat_map(|group| &group.rules);
        let of_this = written.filter(move |rule| {
            let is_here = rule.local.is_none_or(|net| net.contains(&eni));
            rule.direction == direction && is_here
        });
        let family = family_of(eni);
        of_this.flat_map(move |rule| self.of_each_peer(family, rule))
    }

    fn of_each_peer(
        &self,
        family: Family,
        rule: &'a SecurityGroupRule,
    ) -> impl Iterator<Item = TrieRule> {
        let peers = self.peers(&rule.peer).iter();
        // Of a rule for the other family nothing is looked up.
        let mut word = None;
        peers
            .filter(move |net| is_of(family, net))
            .map(move |net| TrieRule {
                peer: (*net).into(),
                range: key_range(rule.protocol, rule.ports),
                sources: rule.source_ports.first..=rule.source_ports.last,
                word: *word.get_or_insert_with(|| self.word(rule.priority, rule.policy, &rule.id)),
            })
    }

    fn peers<'p>(&'p self, peer: &'p Peer) -> &'p [IpNet] {
        match peer {
            Peer::Cidr(net) => slice::from_ref(net),
            Peer::PrefixList(id) => {
                let list = self.model.prefix_lists.get(id);
                list.map_or(&[], |list| list.entries.as_slice())
            }
            Peer::Group(id) => self.members.get(id).map_or(&[], Vec::as_slice),
        }
    }

    /// What lets the members of these groups in, where they may.
    fn inner_rules(&self, family: Family, groups: &[&SecurityGroup]) -> Vec<TrieRule> {
        let open = groups
            .iter()
            .filter(|group| group.inner_access == Policy::Accept);
        let members = open.flat_map(|group| {
            let members = self.members.get(&group.id).into_iter().flatten();
            members.map(move |net| (&group.id, net))
        });
        members
            .filter(|(_, net)| is_of(family, net))
            .map(|(id, net)| self.whole(INNER, Policy::Accept, &inner_name(id), (*net).into()))
            .collect()
    }

    /// Root of an endpoint's policy for clients of one family, 0 if it was given none.
    pub(super) fn endpoint_policy(&mut self, family: Family, endpoint: &Endpoint) -> u32 {
        if endpoint.policy == EndpointPolicy::default() {
            return 0;
        }
        let rules = endpoint_policy::rules(family, endpoint, self.numbers);
        address_trie::build(&mut self.store, &rules)
    }

    fn whole(&self, order: u8, policy: Policy, name: &str, peer: Prefix) -> TrieRule {
        all_traffic(peer, self.word(order, policy, name))
    }

    fn word(&self, order: u8, policy: Policy, name: &str) -> RuleWord {
        let number = self.numbers.rule_after(self.last_rule.get(), name);
        self.last_rule.set(number);
        RuleWord::new(order, policy == Policy::Accept, number)
    }
}

/// Who is in each group: the hosts it lists, and the ENIs it is attached to.
fn members(model: &Model) -> BTreeMap<&SecurityGroupId, Vec<IpNet>> {
    let mut all: BTreeMap<_, Vec<IpNet>> = BTreeMap::new();
    for group in model.security_groups.values() {
        let members = all.entry(&group.id).or_default();
        members.extend(&group.members);
    }
    for endpoint in model.endpoints.values() {
        let enis = || endpoint.zones.iter().flat_map(EndpointZone::addresses);
        for id in endpoint
            .security_groups
            .iter()
            .chain([&endpoint.managed_group])
        {
            all.entry(id).or_default().extend(enis().map(IpNet::from));
        }
    }
    for (id, elsewhere) in &model.members_elsewhere {
        all.entry(id).or_default().extend(elsewhere);
    }
    for members in all.values_mut() {
        members.sort_unstable();
        members.dedup();
    }
    all
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
        ProtocolMatch::All => KeyRange::ALL,
        ProtocolMatch::Number(number) => {
            let base = u32::from(number) << 16;
            KeyRange {
                first: base | u32::from(ports.first),
                last: base | u32::from(ports.last),
            }
        }
    }
}
