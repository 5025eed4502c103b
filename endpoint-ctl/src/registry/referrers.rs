//! Who needs a resource.
//!
//! May import: std, model.

use std::fmt::Display;

use crate::model::{Kind, LoadBalancer, Model, Peer, ResourceId, Resources, SecurityGroup};

/// The resources that refer to one, which cannot go before they do. An endpoint does not refer to its own
/// managed group, nor a network ACL to vSwitches, nor a flow log to what it records: as in the API, that may go,
/// and the flow log then has nothing to record.
pub fn referrers(model: &Model, of: &ResourceId) -> Vec<ResourceId> {
    let id = &*of.id;
    match of.kind {
        Kind::Vpc => in_vpc(model, id),
        Kind::VSwitch => find(Kind::Endpoint, &model.endpoints, |one| {
            one.zones.iter().any(|zone| zone.vswitch.as_str() == id)
        }),
        Kind::PrefixList => find(Kind::SecurityGroup, &model.security_groups, |one| {
            has_peer(
                one,
                |peer| matches!(peer, Peer::PrefixList(list) if list.as_str() == id),
            )
        }),
        Kind::SecurityGroup => of_group(model, id),
        Kind::NetworkAcl => find(Kind::VSwitch, &model.vswitches, |one| {
            let acl = one.network_acl.as_ref();
            acl.is_some_and(|acl| acl.as_str() == id)
        }),
        Kind::ProviderNetwork => {
            let mut all = find(Kind::LoadBalancer, &model.load_balancers, |one| {
                one.provider_network.as_str() == id
            });
            all.extend(find(Kind::ServerGroup, &model.server_groups, |one| {
                one.provider_network.as_str() == id
            }));
            all
        }
        Kind::ServerGroup => find(Kind::LoadBalancer, &model.load_balancers, |one| {
            has_server_group(one, id)
        }),
        Kind::LoadBalancer => of_load_balancer(model, id),
        Kind::Service => find(Kind::Endpoint, &model.endpoints, |one| {
            one.service.as_str() == id
        }),
        Kind::Endpoint | Kind::FlowLog => Vec::new(),
    }
}

/// Those of a kind that pass.
fn find<K: Ord + Display, V>(
    kind: Kind,
    all: &Resources<K, V>,
    refers: impl Fn(&V) -> bool,
) -> Vec<ResourceId> {
    let found = all.iter().filter(|(_, one)| refers(one));
    found
        .map(|(id, _)| ResourceId::new(kind, id.to_string()))
        .collect()
}

fn in_vpc(model: &Model, id: &str) -> Vec<ResourceId> {
    let mut all = find(Kind::VSwitch, &model.vswitches, |one| {
        one.vpc.as_str() == id
    });
    all.extend(find(Kind::SecurityGroup, &model.security_groups, |one| {
        one.vpc.as_str() == id && !one.service_managed
    }));
    all.extend(find(Kind::NetworkAcl, &model.network_acls, |one| {
        one.vpc.as_str() == id
    }));
    all.extend(find(Kind::Endpoint, &model.endpoints, |one| {
        one.vpc.as_str() == id
    }));
    all
}

/// A group's own rules may refer to it.
fn of_group(model: &Model, id: &str) -> Vec<ResourceId> {
    let mut all = find(Kind::SecurityGroup, &model.security_groups, |one| {
        one.id.as_str() != id
            && has_peer(
                one,
                |peer| matches!(peer, Peer::Group(group) if group.as_str() == id),
            )
    });
    all.extend(find(Kind::Endpoint, &model.endpoints, |one| {
        one.security_groups.iter().any(|group| group.as_str() == id)
    }));
    all
}

fn of_load_balancer(model: &Model, id: &str) -> Vec<ResourceId> {
    let mut all = find(Kind::Service, &model.services, |one| {
        let mut resources = one.resources.iter();
        resources.any(|resource| resource.load_balancer.as_str() == id)
    });
    all.extend(find(Kind::Endpoint, &model.endpoints, |one| {
        let mut replaced = one.zones.iter().filter_map(|zone| zone.replaced.as_ref());
        replaced.any(|replaced| replaced.as_str() == id)
    }));
    all
}

fn has_peer(group: &SecurityGroup, is_it: impl Fn(&Peer) -> bool) -> bool {
    group.rules.iter().any(|rule| is_it(&rule.peer))
}

fn has_server_group(balancer: &LoadBalancer, id: &str) -> bool {
    let listeners = balancer.listeners.iter();
    let mut groups = listeners.filter_map(|one| one.server_group.as_ref());
    groups.any(|group| group.as_str() == id)
}
