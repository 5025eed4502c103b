//! The kind `ServerGroup`, and listeners that name one.
//!
//! What a group has is put into those listeners once everything is read.
//!
//! May import: std, `model`, `about`, `context`, `fault`, `fields`, `provider`, `scalar`, `traffic`.

use std::collections::BTreeMap;

use super::context::Context;
use super::fault::{Place, Told, Wrong};
use super::fields::Fields;
use super::provider::read_backends;
use super::{about, scalar, traffic};
use crate::model::{
    About, Kind, Listener, ProviderNetworkId, ServerGroup, ServerGroupId, Transport,
};

/// Fields of a listener that it may not have beside a group.
const OF_GROUP: [&str; 4] = [
    "HealthCheckConfig",
    "ConnectionDrainEnabled",
    "ConnectionDrainTimeout",
    "Servers",
];

/// Reads a `ServerGroup`.
pub(super) fn read<'a>(mut fields: Fields<'a>, context: &mut Context<'a>) -> Result<(), Told> {
    let id = fields.required("ServerGroupId", |node| {
        scalar::id(node).map(ServerGroupId::new)
    });
    let network = fields.required("ProviderNetworkId", |node| {
        scalar::id(node).map(ProviderNetworkId::new)
    });
    let network_place = fields.place_of("ProviderNetworkId");
    let network = network.and_then(|id| {
        let all = &context.model.provider_networks;
        context.find(Kind::ProviderNetwork, all, &id, &network_place)
    });
    let transport = fields.defaulted("Protocol", Transport::Tcp, traffic::transport);
    let mut parts = BTreeMap::new();
    let known = transport.as_ref().ok().copied();
    let backends = read_backends(&mut fields, known, network.ok(), &mut parts);
    let about = about::read(&mut fields, Kind::ServerGroup);
    let transport_place = fields.place_of("Protocol");
    fields.finish();

    let backends = backends?;
    let group = ServerGroup {
        id: id?,
        provider_network: network?.id.clone(),
        transport: transport?,
        health_check: backends.health_check,
        connection_drain_timeout: backends.drain,
        servers: backends.servers,
    };
    fits_listeners(&group, context, &transport_place, &network_place)?;
    let about = About { parts, ..about? };
    context.describe(Kind::ServerGroup, group.id.as_str(), about);
    context.model.server_groups.insert(group.id.clone(), group);
    Ok(())
}

/// A group that takes another's place may be named already, by listeners that are not read again.
fn fits_listeners(
    group: &ServerGroup,
    context: &Context<'_>,
    transport_place: &Place<'_>,
    network_place: &Place<'_>,
) -> Result<(), Told> {
    let names_it = |listener: &&Listener| listener.server_group.as_ref() == Some(&group.id);
    for balancer in context.model.load_balancers.values() {
        for listener in balancer.listeners.iter().filter(names_it) {
            let by = format!(
                "the listener {} of {} names it",
                listener.name(),
                balancer.id
            );
            if balancer.provider_network != group.provider_network {
                let problem = format!("{by}, which is in {}", balancer.provider_network);
                return Err(network_place.fault(problem, "make another group for this network"));
            }
            if listener.transport != group.transport {
                return Err(transport_place.fault(by, "make another group for this protocol"));
            }
        }
    }
    Ok(())
}

fn refuse(fields: &mut Fields<'_>, name: &'static str) -> Result<(), Told> {
    let told = fields.optional(name, |_| {
        Err::<(), _>(Wrong::new(
            "has no meaning beside ServerGroupId",
            "remove it: it stands with the server group",
        ))
    });
    told.map(drop)
}

/// The group that a listener names, if it names one.
pub(super) fn of_listener(
    fields: &mut Fields<'_>,
    transport: Option<&Transport>,
    network: Option<&ProviderNetworkId>,
    context: &Context<'_>,
) -> Result<Option<ServerGroupId>, Told> {
    let id = fields.optional("ServerGroupId", |node| {
        scalar::id(node).map(ServerGroupId::new)
    });
    let Some(id) = id? else {
        return Ok(None);
    };
    for name in OF_GROUP {
        refuse(fields, name)?;
    }
    let place = fields.place_of("ServerGroupId");
    let group = context.find(Kind::ServerGroup, &context.model.server_groups, &id, &place)?;
    if transport.is_some_and(|transport| *transport != group.transport) {
        return Err(place.fault(
            format!("the group {id} is of another protocol"),
            "name a group of the listener's protocol",
        ));
    }
    if network.is_some_and(|network| *network != group.provider_network) {
        return Err(place.fault(
            format!("the group {id} is in {}", group.provider_network),
            "name a group of the load balancer's network",
        ));
    }
    Ok(Some(id))
}
