//! Small numbers for names, stable from generation to generation: live flows and counters refer
//! to ENIs, networks, hops and rules by number, so a number is not given to another name as long as
//! anything can refer to it ([`Numbers::retire`]).
//!
//! May import: std, model, error, given, rule_names, rule_numbers.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use super::error::CompileError;
use super::given::Given;
use super::rule_names::rule_names;
use super::rule_numbers::RuleNumbers;
use crate::model::{EniId, LoadBalancerId, Model, ProviderNetworkId, VSwitchId};

/// What helps where too many names had numbers lately.
pub(super) const GIVEN_BACK: &str = "numbers of what was deleted come back once no flow can refer to them, a quarter of an hour after the longest idle time; or restart the daemon";

/// Whom a hop leads to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum HopTo {
    /// The clients of a vSwitch, each by the MAC its flow came from.
    Clients(VSwitchId),
    /// One backend address of a provider network.
    Backend(ProviderNetworkId, IpAddr),
    /// The hosts of a provider network that reach into VPCs, each by the MAC its flow came from.
    Callers(ProviderNetworkId),
    /// One resource that a vSwitch leads to.
    Resource(VSwitchId, IpAddr),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Network {
    VSwitch(VSwitchId),
    Provider(ProviderNetworkId),
}

/// What has listeners.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Balancer {
    Service(LoadBalancerId),
    /// The resources that are reached at one address from one ENI.
    Reverse(EniId, Ipv4Addr),
}

/// The numbers given so far. Numbers start at 1: 0 means "none" in every table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbers {
    scopes: Given<Network>,
    enis: Given<EniId>,
    load_balancers: Given<Balancer>,
    hops: Given<HopTo>,
    rules: RuleNumbers,
}

fn row<K: Ord + Clone>(
    given: &Given<K>,
    key: &K,
    table: &'static str,
) -> Result<u16, CompileError> {
    let number = given.get(key).unwrap_or(0);
    u16::try_from(number).map_err(|_| CompileError {
        table,
        needed: number as usize,
        capacity: usize::from(u16::MAX),
        mend: GIVEN_BACK,
    })
}

/// What has numbers, of one kind each.
#[derive(Default)]
struct Named {
    scopes: BTreeSet<Network>,
    enis: BTreeSet<EniId>,
    load_balancers: BTreeSet<Balancer>,
    hops: BTreeSet<HopTo>,
}

impl Named {
    fn of(model: &Model) -> Self {
        let mut named = Self::default();
        for vswitch in model.vswitches.keys() {
            named.scopes.insert(Network::VSwitch(vswitch.clone()));
            named.hops.insert(HopTo::Clients(vswitch.clone()));
        }
        for network in model.provider_networks.keys() {
            named.scopes.insert(Network::Provider(network.clone()));
        }
        for load_balancer in model.load_balancers.values() {
            let balancer = Balancer::Service(load_balancer.id.clone());
            named.load_balancers.insert(balancer);
            let listeners = load_balancer.listeners.iter();
            for server in listeners.flat_map(|listener| &listener.servers) {
                let network = load_balancer.provider_network.clone();
                named.hops.insert(HopTo::Backend(network, server.ip));
            }
        }
        for endpoint in model.endpoints.values() {
            named
                .enis
                .extend(endpoint.zones.iter().map(|zone| zone.eni.clone()));
            for (zone, resource) in endpoint.reversed() {
                let balancer = Balancer::Reverse(zone.eni.clone(), resource.service_ip);
                named.load_balancers.insert(balancer);
                let hop = HopTo::Resource(zone.vswitch.clone(), resource.ip.into());
                named.hops.insert(hop);
                if let Some(network) = model.provider_network(endpoint) {
                    named.hops.insert(HopTo::Callers(network.clone()));
                }
            }
        }
        named
    }
}

impl Numbers {
    /// Gives a number to every name in `model` that has none yet.
    pub fn assign(&mut self, model: &Model) {
        let named = Named::of(model);
        named
            .scopes
            .into_iter()
            .for_each(|name| self.scopes.assign(name));
        named
            .enis
            .into_iter()
            .for_each(|name| self.enis.assign(name));
        let balancers = named.load_balancers.into_iter();
        balancers.for_each(|name| self.load_balancers.assign(name));
        named
            .hops
            .into_iter()
            .for_each(|name| self.hops.assign(name));
        self.rules.assign(rule_names(model));
    }

    /// Takes note that `model` is in force at `now`, counted from any moment. Numbers of what it has not are
    /// free once they have rested for `rest`: as long as a flow that knows them may be idle, and what it
    /// counted waits to be recorded. A flow that is not idle is judged again, by others. What comes back
    /// before has its number still.
    pub fn retire(&mut self, model: &Model, now: Duration, rest: Duration) {
        let named = Named::of(model);
        self.scopes.retire(&named.scopes, now, rest);
        self.enis.retire(&named.enis, now, rest);
        self.load_balancers.retire(&named.load_balancers, now, rest);
        self.hops.retire(&named.hops, now, rest);
        self.rules.retire(rule_names(model), now, rest);
    }

    /// Whether the rules of `model` have numbers below `capacity`.
    pub(super) fn check_rules(&self, model: &Model, capacity: u32) -> Result<(), CompileError> {
        if self.rules.largest() < capacity {
            return Ok(());
        }
        let largest = rule_names(model).map(|name| self.rule(&name)).max();
        let needed = largest.unwrap_or(0) as usize + 1;
        if needed <= capacity as usize {
            return Ok(());
        }
        Err(CompileError {
            table: "rule numbers",
            needed,
            capacity: capacity as usize,
            mend: "use fewer rules, or raise --rules; numbers of removed rules come back once no flow can refer to them",
        })
    }

    /// The number of a vSwitch's network, 0 if it has none.
    pub fn vswitch_scope(&self, vswitch: &VSwitchId) -> u16 {
        self.scope(&Network::VSwitch(vswitch.clone()))
    }

    /// The number of a provider network, 0 if it has none.
    pub fn provider_scope(&self, network: &ProviderNetworkId) -> u16 {
        self.scope(&Network::Provider(network.clone()))
    }

    fn scope(&self, network: &Network) -> u16 {
        self.scopes.get(network).unwrap_or(0) as u16
    }

    /// The row of an ENI's counters.
    ///
    /// # Errors
    /// When more ENIs were seen than numbers fit the table's rows.
    pub fn eni(&self, eni: &EniId) -> Result<u16, CompileError> {
        row(&self.enis, eni, "ENI indexes")
    }

    /// The row of a hop.
    ///
    /// # Errors
    /// As for [`Self::eni`].
    pub fn hop(&self, hop: &HopTo) -> Result<u16, CompileError> {
        row(&self.hops, hop, "next hops")
    }

    /// The number of a load balancer, 0 if it has none.
    pub fn load_balancer(&self, id: &LoadBalancerId) -> u32 {
        let balancer = Balancer::Service(id.clone());
        self.load_balancers.get(&balancer).unwrap_or(0)
    }

    /// The number of what stands for a load balancer where the provider's hosts reach resources at
    /// `service_ip` from this ENI, 0 if it has none.
    pub fn reversed(&self, eni: &EniId, service_ip: Ipv4Addr) -> u32 {
        let balancer = Balancer::Reverse(eni.clone(), service_ip);
        self.load_balancers.get(&balancer).unwrap_or(0)
    }

    /// The number of a rule, 0 if it has none.
    pub fn rule(&self, name: &str) -> u32 {
        self.rules.get(name)
    }

    /// The same for who has just got the number `last`: quick where the two rules follow each other.
    pub(super) fn rule_after(&self, last: u32, name: &str) -> u32 {
        self.rules.get_after(last, name)
    }

    /// Every hop with its row.
    pub fn hops(&self) -> impl Iterator<Item = (&HopTo, u32)> {
        self.hops.iter()
    }

    /// Every ENI with its index.
    pub fn enis(&self) -> impl Iterator<Item = (&EniId, u16)> {
        self.enis.iter().map(|(eni, number)| (eni, number as u16))
    }

    /// Rule ids by number, that of 1 first; none where the number is free.
    pub fn rule_ids(&self) -> &[Option<Arc<str>>] {
        self.rules.names()
    }

    /// Every rule id with its number.
    pub fn rules(&self) -> impl Iterator<Item = (&str, u32)> {
        self.rules.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::Numbers;
    use crate::compiler::builtin;
    use crate::model::{
        Direction, Model, Policy, PortRange, ProtocolMatch, SecurityGroup, SecurityGroupId,
        SecurityGroupRule, SecurityGroupType, VpcId,
    };

    const REST: Duration = Duration::from_mins(1);

    fn with_rules(names: &[&str]) -> Model {
        let rule = |name: &&str| SecurityGroupRule {
            id: (*name).to_owned(),
            direction: Direction::Ingress,
            policy: Policy::Accept,
            priority: 1,
            protocol: ProtocolMatch::All,
            ports: PortRange::ANY,
            source_ports: PortRange::ANY,
            peer: ipnet::Ipv4Net::default().into(),
            local: None,
        };
        let group = SecurityGroup {
            id: SecurityGroupId::new("sg"),
            vpc: VpcId::new("vpc"),
            group_type: SecurityGroupType::Normal,
            service_managed: false,
            inner_access: Policy::Drop,
            members: Vec::new(),
            rules: names.iter().map(rule).collect(),
        };
        Model {
            security_groups: [(group.id.clone(), group)].into_iter().collect(),
            ..Model::default()
        }
    }

    /// As the reconciler does it.
    fn apply(numbers: &mut Numbers, names: &[&str], seconds: u64) -> Vec<u32> {
        let model = with_rules(names);
        numbers.assign(&model);
        numbers.retire(&model, Duration::from_secs(seconds), REST);
        names.iter().map(|name| numbers.rule(name)).collect()
    }

    #[test]
    fn a_rules_number_is_given_again_once_it_has_rested() {
        let mut numbers = Numbers::default();
        let [a, b] = apply(&mut numbers, &["a", "b"], 0)[..] else {
            panic!("two numbers");
        };
        apply(&mut numbers, &["a"], 100);
        let [_, c] = apply(&mut numbers, &["a", "c"], 160)[..] else {
            panic!("two numbers");
        };
        assert!(![a, b].contains(&c), "{b} has not rested long enough");
        // This one finds that it has; the next may have it.
        apply(&mut numbers, &["a", "c"], 161);
        assert_eq!(apply(&mut numbers, &["a", "c", "d"], 162), [a, c, b]);
        let after = apply(&mut numbers, &["a", "c", "d", "e"], 163);
        let builtin: BTreeSet<_> = builtin::ALL.map(|name| numbers.rule(name)).into();
        let all: BTreeSet<_> = after.into_iter().chain(builtin).collect();
        assert_eq!(all, (1..=9).collect(), "none is given twice, none left out");
    }

    #[test]
    fn a_rule_that_comes_back_has_its_number_still_and_rests_anew() {
        let mut numbers = Numbers::default();
        let first = apply(&mut numbers, &["a"], 0);
        apply(&mut numbers, &[], 10);
        assert_eq!(apply(&mut numbers, &["a"], 50), first);
        apply(&mut numbers, &[], 60);
        apply(&mut numbers, &[], 100);
        assert_ne!(apply(&mut numbers, &["b"], 110), first);
        assert_eq!(apply(&mut numbers, &["a", "b"], 119)[..1], first);
    }

    #[test]
    fn rules_beyond_the_table_are_an_error_that_names_it() {
        let mut numbers = Numbers::default();
        let model = with_rules(&["a", "b"]);
        numbers.assign(&model);
        assert_eq!(numbers.check_rules(&model, 8), Ok(()));
        let error = numbers
            .check_rules(&model, 7)
            .expect_err("seven rules and row 0");
        assert_eq!((error.table, error.needed), ("rule numbers", 8));
    }
}
