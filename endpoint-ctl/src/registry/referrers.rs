//! Who needs a resource.
//!
//! May import: std, model.

use crate::model::{Kind, Model, Peer, ResourceId};

/// The resources that refer to one, which cannot go before they do. An endpoint does not refer to its own
/// managed group, nor a network ACL to vSwitches, nor a flow log to what it records: as in the API, that may go,
/// and the flow log then has nothing to record.
pub fn referrers(model: &Model, of: &ResourceId) -> Vec<ResourceId> {
    let id = &*of.id;
    let mut all = Vec::new();
    let mut add = |kind, id: &str| all.push(ResourceId::new(kind, id));
    match of.kind {
        Kind::Vpc => {
            let vswitches = model
                .vswitches
                .values()
                .filter(|one| one.vpc.as_str() == id);
            vswitches.for_each(|one| add(Kind::VSwitch, one.id.as_str()));
            let groups = model.security_groups.values();
            let groups = groups.filter(|one| one.vpc.as_str() == id && !one.service_managed);
            groups.for_each(|one| add(Kind::SecurityGroup, one.id.as_str()));
            let acls = model
                .network_acls
                .values()
                .filter(|one| one.vpc.as_str() == id);
            acls.for_each(|one| add(Kind::NetworkAcl, one.id.as_str()));
            let endpoints = model
                .endpoints
                .values()
                .filter(|one| one.vpc.as_str() == id);
            endpoints.for_each(|one| add(Kind::Endpoint, one.id.as_str()));
        }
        Kind::VSwitch => {
            let has = |zone: &crate::model::EndpointZone| zone.vswitch.as_str() == id;
            let endpoints = model.endpoints.values();
            let endpoints = endpoints.filter(|one| one.zones.iter().any(has));
            endpoints.for_each(|one| add(Kind::Endpoint, one.id.as_str()));
        }
        Kind::PrefixList => {
            let is_it = |peer: &Peer| matches!(peer, Peer::PrefixList(list) if list.as_str() == id);
            groups_with(model, is_it, &mut add);
        }
        Kind::SecurityGroup => {
            let is_it = |peer: &Peer| matches!(peer, Peer::Group(group) if group.as_str() == id);
            groups_with(model, is_it, &mut |kind, group| {
                if group != id {
                    add(kind, group);
                }
            });
            let endpoints = model.endpoints.values();
            let has = |one: &&crate::model::Endpoint| {
                one.security_groups.iter().any(|group| group.as_str() == id)
            };
            endpoints
                .filter(has)
                .for_each(|one| add(Kind::Endpoint, one.id.as_str()));
        }
        Kind::NetworkAcl => {
            let vswitches = model.vswitches.values();
            let bound = vswitches.filter(|one| {
                one.network_acl
                    .as_ref()
                    .is_some_and(|acl| acl.as_str() == id)
            });
            bound.for_each(|one| add(Kind::VSwitch, one.id.as_str()));
        }
        Kind::ProviderNetwork => {
            let balancers = model.load_balancers.values();
            let in_it = balancers.filter(|one| one.provider_network.as_str() == id);
            in_it.for_each(|one| add(Kind::LoadBalancer, one.id.as_str()));
            let groups = model.server_groups.values();
            let in_it = groups.filter(|one| one.provider_network.as_str() == id);
            in_it.for_each(|one| add(Kind::ServerGroup, one.id.as_str()));
        }
        Kind::ServerGroup => {
            let has = |one: &&crate::model::LoadBalancer| {
                let mut groups = one
                    .listeners
                    .iter()
                    .filter_map(|one| one.server_group.as_ref());
                groups.any(|group| group.as_str() == id)
            };
            let balancers = model.load_balancers.values();
            balancers
                .filter(has)
                .for_each(|one| add(Kind::LoadBalancer, one.id.as_str()));
        }
        Kind::LoadBalancer => {
            let has = |one: &&crate::model::EndpointService| {
                let mut resources = one.resources.iter();
                resources.any(|resource| resource.load_balancer.as_str() == id)
            };
            model
                .services
                .values()
                .filter(has)
                .for_each(|one| add(Kind::Service, one.id.as_str()));
            let is_there = |zone: &crate::model::EndpointZone| {
                let replaced = zone.replaced.as_ref();
                replaced.is_some_and(|replaced| replaced.as_str() == id)
            };
            let endpoints = model.endpoints.values();
            let endpoints = endpoints.filter(|one| one.zones.iter().any(is_there));
            endpoints.for_each(|one| add(Kind::Endpoint, one.id.as_str()));
        }
        Kind::Service => {
            let endpoints = model.endpoints.values();
            let to_it = endpoints.filter(|one| one.service.as_str() == id);
            to_it.for_each(|one| add(Kind::Endpoint, one.id.as_str()));
        }
        Kind::Endpoint | Kind::FlowLog => {}
    }
    all
}

fn groups_with(model: &Model, is_it: impl Fn(&Peer) -> bool, add: &mut dyn FnMut(Kind, &str)) {
    let groups = model.security_groups.values();
    let found = groups.filter(|group| group.rules.iter().any(|rule| is_it(&rule.peer)));
    found.for_each(|group| add(Kind::SecurityGroup, group.id.as_str()));
}
