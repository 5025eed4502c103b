//! Numbers to names. Names outlive what they were given to, since flows of earlier generations still refer to
//! them, until nothing does any more.
//!
//! May import: model, compiler (numbers).

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use endpoint_common::abi::reason::DropReason;

use crate::compiler::Numbers;
use crate::model::{EndpointId, EniId, Model, VSwitchId, VpcId, ZoneId};

/// What an ENI index stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EniName {
    /// `EniId`.
    pub eni: EniId,
    /// Its IPv4 address.
    pub ip: Ipv4Addr,
    /// Its IPv6 address, if it has one.
    pub ipv6: Option<Ipv6Addr>,
    /// Its endpoint.
    pub endpoint: EndpointId,
    /// Its VPC.
    pub vpc: VpcId,
    /// Its vSwitch.
    pub vswitch: VSwitchId,
    /// Its zone.
    pub zone: ZoneId,
}

/// Where a provider's host asks for a resource: ENI index, address, protocol, port.
type Asked = (u16, Ipv4Addr, u8, u16);

/// The names known so far.
#[derive(Debug, Clone, Default)]
pub struct Names {
    enis: BTreeMap<u16, EniName>,
    resources: BTreeMap<Asked, (Ipv4Addr, u16)>,
    /// Rules by number, that of 1 first.
    rules: Vec<Option<Arc<str>>>,
}

impl Names {
    /// Adds what a generation brings.
    pub fn add(&mut self, model: &Model, numbers: &Numbers) {
        let indexes: BTreeMap<_, _> = numbers.enis().collect();
        self.enis
            .retain(|index, name| indexes.get(&name.eni) == Some(index));
        self.resources
            .retain(|(eni, ..), _| self.enis.contains_key(eni));
        for endpoint in model.endpoints.values() {
            for zone in &endpoint.zones {
                let Some(index) = indexes.get(&zone.eni) else {
                    continue;
                };
                let name = EniName {
                    eni: zone.eni.clone(),
                    ip: zone.ip,
                    ipv6: zone.ipv6,
                    endpoint: endpoint.id.clone(),
                    vpc: endpoint.vpc.clone(),
                    vswitch: zone.vswitch.clone(),
                    zone: zone.zone.clone(),
                };
                self.enis.insert(*index, name);
            }
            for (zone, resource) in endpoint.reversed() {
                let Some(index) = indexes.get(&zone.eni) else {
                    continue;
                };
                let protocol = resource.transport.number();
                let asked = (*index, resource.service_ip, protocol, resource.service_port);
                self.resources.insert(asked, (resource.ip, resource.port));
            }
        }
        let given = numbers.rule_ids();
        if self.rules.len() < given.len() {
            self.rules.resize(given.len(), None);
        }
        for (known, given) in self.rules.iter_mut().zip(given) {
            // What had a number that is free again may still be asked for.
            if let Some(given) = given {
                *known = Some(Arc::clone(given));
            }
        }
    }

    /// The ENI with this index.
    pub fn eni(&self, index: u16) -> Option<&EniName> {
        self.enis.get(&index)
    }

    /// Every ENI that anything can refer to, with its index.
    pub fn enis(&self) -> impl Iterator<Item = (u16, &EniName)> {
        self.enis.iter().map(|(index, name)| (*index, name))
    }

    /// The resource that is reached at this address and port from that ENI, with its port.
    pub fn resource(
        &self,
        eni: u16,
        address: IpAddr,
        protocol: u8,
        port: u16,
    ) -> Option<(IpAddr, u16)> {
        let IpAddr::V4(address) = address else {
            return None;
        };
        let found = self.resources.get(&(eni, address, protocol, port));
        found.map(|(ip, port)| (IpAddr::V4(*ip), *port))
    }

    /// The rule with this number, if one decided.
    pub fn rule(&self, number: u32) -> Option<&str> {
        let place = (number as usize).checked_sub(1)?;
        self.rules.get(place)?.as_deref()
    }

    /// Every rule number given so far.
    pub(super) fn rule_numbers(&self) -> impl Iterator<Item = u32> {
        let numbered = (1..).zip(&self.rules);
        numbered.filter_map(|(number, name)| name.is_some().then_some(number))
    }

    /// ENI indexes that `next` has no name for any more, or another one.
    pub(super) fn freed(&self, next: &Self) -> Vec<u16> {
        let has = |index: &u16, name: &EniName| {
            let next = next.enis.get(index);
            next.is_some_and(|next| next.eni == name.eni)
        };
        let enis = self.enis.iter();
        let freed = enis.filter(|(index, name)| !has(index, name));
        freed.map(|(index, _)| *index).collect()
    }

    /// Numbers of rules that `next` gives to others.
    pub(super) fn reused(&self, next: &Self) -> Vec<u32> {
        let pairs = (1..).zip(self.rules.iter().zip(&next.rules));
        let other = pairs.filter_map(|(number, (name, next))| {
            let (name, next) = (name.as_ref()?, next.as_ref()?);
            let is_same = Arc::ptr_eq(name, next) || name == next;
            (!is_same).then_some(number)
        });
        other.collect()
    }

    /// A drop reason's name, also of a number this build does not know.
    pub fn reason(number: u8) -> String {
        DropReason::from_number(number).map_or_else(
            || format!("reason-{number}"),
            |reason| reason.name().to_owned(),
        )
    }
}
