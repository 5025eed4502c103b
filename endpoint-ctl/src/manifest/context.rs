//! What has been read so far, and the checks that look beyond one document.
//!
//! Documents are read kind by kind, so whatever one may refer to is already in the model, or is
//! declared and faulty, or does not exist. May import: std, foldhash, ipnet, `model`, `address`, `document`,
//! `fault`, `kind`, `permission`, `reverse`, `suggest`.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr};

use foldhash::fast::FixedState;
use ipnet::IpNet;

use super::address::Claim;
use super::document::{Declared, whole};
use super::fault::{FaultClass, Faults, Place, Told};
use super::kind::Header;
use super::suggest::did_you_mean;
use super::{permission, reverse};
use crate::model::{
    EndpointId, FlowLogId, Kind, LoadBalancerId, Model, NetworkAclId, NodeId, PrefixListId,
    ProviderNetworkId, Resources, SecurityGroupId, ServerGroupId, ServiceId, VSwitchId, VpcId,
};

/// Who has what only one may have.
#[derive(Debug)]
enum Owner<'a> {
    Document(&'a Header),
    /// Declared before.
    Before(Kind, String),
}

impl Owner<'_> {
    fn describe(&self) -> String {
        match self {
            Self::Document(header) => header.describe(),
            Self::Before(kind, id) => format!("{} {id}", kind.name()),
        }
    }
}

/// Reading in progress.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) declared: &'a Declared<'a>,
    pub(super) model: Model,
    /// What was loaded last, for what only a change of it may not be.
    pub(super) previous: Option<&'a Model>,
    pub(super) claims: Vec<Claim<'a>>,
    /// Groups that rules refer to.
    pub(super) references: Vec<permission::Reference<'a>>,
    /// Resources of reverse endpoints.
    pub(super) resources: Vec<reverse::Named<'a>>,
    /// Addresses in provider networks that lead to resources.
    pub(super) service_addresses: BTreeMap<(ProviderNetworkId, Ipv4Addr), reverse::Taken>,
    interfaces: BTreeMap<String, Vec<(Option<NodeId>, Owner<'a>)>>,
    /// Known once the first rule is read: there may be very many.
    rule_ids: Option<HashMap<String, Owner<'a>, FixedState>>,
    subnets: BTreeMap<VpcId, BTreeMap<IpAddr, (IpNet, VSwitchId)>>,
}

impl<'a> Context<'a> {
    /// Begins with what was declared `before`.
    pub(super) fn over(
        before: Model,
        previous: Option<&'a Model>,
        declared: &'a Declared<'a>,
    ) -> Self {
        let mut context = Self {
            service_addresses: reverse::taken(&before),
            previous,
            ..Self::beside(before, declared)
        };
        context.take_what_was_before();
        context
    }

    /// For what is read without being declared: whatever only one may have is free.
    pub(super) fn beside(model: Model, declared: &'a Declared<'a>) -> Self {
        Self {
            declared,
            claims: Vec::new(),
            references: Vec::new(),
            resources: Vec::new(),
            service_addresses: BTreeMap::new(),
            interfaces: BTreeMap::new(),
            rule_ids: Some(HashMap::default()),
            subnets: BTreeMap::new(),
            model,
            previous: None,
        }
    }

    /// Whether nothing is declared anew that was declared before.
    pub(super) fn is_all_new(&self, faults: &Faults) -> bool {
        let mut is_all_new = true;
        for (kind, id, header) in self
            .declared
            .all()
            .filter(|(kind, id, _)| self.has(*kind, id))
        {
            is_all_new = false;
            whole(header, faults).fault(
                format!("there is a {} {id:?} already", kind.name()),
                format!("choose another {}", kind.id_field()),
            );
        }
        is_all_new
    }

    fn take_what_was_before(&mut self) {
        let Self {
            model,
            interfaces,
            rule_ids,
            subnets,
            ..
        } = self;
        *rule_ids = None;
        for vswitch in model.vswitches.values() {
            if let Some(interface) = &vswitch.interface {
                let owner = Owner::Before(Kind::VSwitch, vswitch.id.to_string());
                let owners = interfaces.entry(interface.clone()).or_default();
                owners.push((vswitch.node.clone(), owner));
            }
            let of_vpc = subnets.entry(vswitch.vpc.clone()).or_default();
            let nets = vswitch.cidr_blocks();
            of_vpc.extend(nets.map(|net| (net.network(), (net, vswitch.id.clone()))));
        }
        for network in model.provider_networks.values() {
            for uplink in &network.uplinks {
                let owner = Owner::Before(Kind::ProviderNetwork, network.id.to_string());
                let owners = interfaces.entry(uplink.interface.clone()).or_default();
                owners.push((uplink.node.clone(), owner));
            }
        }
    }

    /// The resource that `id` refers to, out of the model's map of its kind.
    pub(super) fn find<'m, K: Ord + Display, V>(
        &self,
        kind: Kind,
        map: &'m Resources<K, V>,
        id: &K,
        place: &Place<'_>,
    ) -> Result<&'m V, Told> {
        if let Some(found) = map.get(id) {
            return Ok(found);
        }
        self.must_be_declared(kind, &id.to_string(), place)?;
        // Declared but not in the model: its own faults have been told.
        Err(Told)
    }

    fn must_be_declared(&self, kind: Kind, id: &str, place: &Place<'_>) -> Result<(), Told> {
        if self.declared.has(kind, id) {
            return Ok(());
        }
        let near = did_you_mean(id, self.declared.ids(kind));
        Err(place.fault_as(
            FaultClass::NotFound(kind),
            format!("there is no {} {id:?}", kind.name()),
            format!(
                "{near}name one of this file, or add a document with kind: {} and {}: {id}",
                kind.name(),
                kind.id_field()
            ),
        ))
    }

    /// Whether the model has that resource, whole.
    pub(super) fn has(&self, kind: Kind, id: &str) -> bool {
        let model = &self.model;
        match kind {
            Kind::Vpc => model.vpcs.contains_key(&VpcId::new(id)),
            Kind::VSwitch => model.vswitches.contains_key(&VSwitchId::new(id)),
            Kind::PrefixList => model.prefix_lists.contains_key(&PrefixListId::new(id)),
            Kind::SecurityGroup => model
                .security_groups
                .contains_key(&SecurityGroupId::new(id)),
            Kind::NetworkAcl => model.network_acls.contains_key(&NetworkAclId::new(id)),
            Kind::ProviderNetwork => model
                .provider_networks
                .contains_key(&ProviderNetworkId::new(id)),
            Kind::ServerGroup => model.server_groups.contains_key(&ServerGroupId::new(id)),
            Kind::LoadBalancer => model.load_balancers.contains_key(&LoadBalancerId::new(id)),
            Kind::Service => model.services.contains_key(&ServiceId::new(id)),
            Kind::FlowLog => model.flow_logs.contains_key(&FlowLogId::new(id)),
            Kind::Endpoint => model.endpoints.contains_key(&EndpointId::new(id)),
        }
    }

    /// Takes an interface of a node for one document; each leads to one network only.
    pub(super) fn take_interface(
        &mut self,
        node: Option<&NodeId>,
        name: &str,
        place: &Place<'a>,
    ) -> Result<(), Told> {
        let owners = self.interfaces.entry(name.to_owned()).or_default();
        // Where no node is named it may be any.
        let is_same = |its: &Option<NodeId>| match (its, node) {
            (Some(its), Some(node)) => its == node,
            _ => true,
        };
        if let Some((_, owner)) = owners.iter().find(|(its, _)| is_same(its)) {
            let owner = owner.describe();
            return Err(place.fault_as(
                FaultClass::Taken,
                format!("interface {name:?} is used by {owner}"),
                "give each vSwitch and provider network an interface of its own",
            ));
        }
        owners.push((node.cloned(), Owner::Document(place.document)));
        Ok(())
    }

    /// Takes a rule id; flow logs name rules by it, so it is unique over everything.
    pub(super) fn take_rule_id(&mut self, id: &str, place: &Place<'a>) -> Result<(), Told> {
        let ours = ["default-", "inner-", "policy-", "sgr-managed-"]
            .into_iter()
            .find(|ours| id.starts_with(ours));
        if let Some(ours) = ours.or((id == "no-acl" || id == "same-vswitch").then_some(id)) {
            return Err(place.fault(
                format!("{ours:?} is reserved for rules that are made here"),
                "choose another id",
            ));
        }
        let rule_ids = self.rule_ids.get_or_insert_with(|| rule_ids(&self.model));
        if let Some(owner) = rule_ids.get(id) {
            let owner = owner.describe();
            return Err(place.fault_as(
                FaultClass::Taken,
                format!("rule id {id:?} is used in {owner}"),
                "give every rule and ACL entry an id of its own",
            ));
        }
        let owner = Owner::Document(place.document);
        rule_ids.insert(id.to_owned(), owner);
        Ok(())
    }

    /// Takes a part of a VPC's addresses for one vSwitch.
    pub(super) fn take_subnet(
        &mut self,
        vpc: &VpcId,
        net: IpNet,
        vswitch: &VSwitchId,
        place: &Place<'a>,
    ) -> Result<(), Told> {
        let subnets = self.subnets.entry(vpc.clone()).or_default();
        // Those taken are disjoint, so only the last that starts before our end can overlap. IPv4
        // addresses come before all of IPv6, so the families do not meet.
        let before = subnets.range(..=net.broadcast()).next_back();
        if let Some((_, (other, owner))) = before
            && other.broadcast() >= net.network()
        {
            return Err(place.fault_as(
                FaultClass::Taken,
                format!("{net} overlaps {other} of vSwitch {owner}"),
                format!("choose a network of {vpc} that no other vSwitch uses"),
            ));
        }
        subnets.insert(net.network(), (net, vswitch.clone()));
        Ok(())
    }
}

/// The ids of all rules that were declared before.
fn rule_ids<'a>(model: &Model) -> HashMap<String, Owner<'a>, FixedState> {
    let mut ids = HashMap::default();
    for group in model.security_groups.values() {
        let owner = || Owner::Before(Kind::SecurityGroup, group.id.to_string());
        ids.extend(group.rules.iter().map(|rule| (rule.id.clone(), owner())));
    }
    for acl in model.network_acls.values() {
        let owner = || Owner::Before(Kind::NetworkAcl, acl.id.to_string());
        let entries = acl.ingress.iter().chain(&acl.egress);
        ids.extend(entries.map(|entry| (entry.id.clone(), owner())));
    }
    ids
}
