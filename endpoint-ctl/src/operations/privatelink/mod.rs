//! PrivateLink 2020-04-15: endpoints, services, and how they come together. Lists are bare.
//!
//! May import: operations' own.

mod attributes;
mod connection_list;
mod connections;
mod domains;
mod endpoint;
mod endpoint_list;
mod groups;
mod migration;
mod region;
mod resource_group;
mod service;
mod service_list;
mod service_resources;
mod shown;
mod status;
mod tags;
mod users;
mod zones;

pub use shown::{EndpointShown, ServiceShown, ZoneShown};

use super::Operation;

pub(super) fn find(action: &str) -> Option<Operation> {
    consumer(action)
        .or_else(|| provider(action))
        .or_else(|| anyone(action))
}

/// What consumers do.
fn consumer(action: &str) -> Option<Operation> {
    Some(match action {
        "CreateVpcEndpoint" => Operation::write(endpoint::create),
        "DeleteVpcEndpoint" => Operation::write(endpoint::delete),
        "UpdateVpcEndpointAttribute" => Operation::write(attributes::update),
        "GetVpcEndpointAttribute" => Operation::read(endpoint_list::attribute),
        "ListVpcEndpoints" => Operation::read(endpoint_list::list),
        "AddZoneToVpcEndpoint" => Operation::write(zones::add),
        "RemoveZoneFromVpcEndpoint" => Operation::write(zones::remove),
        "ListVpcEndpointZones" => Operation::read(zones::list),
        "AttachSecurityGroupToVpcEndpoint" => Operation::write(groups::attach),
        "DetachSecurityGroupFromVpcEndpoint" => Operation::write(groups::detach),
        "ListVpcEndpointSecurityGroups" => Operation::read(groups::list),
        "UntagResources" => Operation::write(tags::untag),
        _ => return None,
    })
}

/// What providers do.
fn provider(action: &str) -> Option<Operation> {
    Some(match action {
        "CreateVpcEndpointService" => Operation::write(service::create),
        "DeleteVpcEndpointService" => Operation::write(service::delete),
        "UpdateVpcEndpointServiceAttribute" => Operation::write(service::update),
        "GetVpcEndpointServiceAttribute" => Operation::read(service_list::attribute),
        "ListVpcEndpointServices" => Operation::read(service_list::list),
        "AttachResourceToVpcEndpointService" => Operation::write(service_resources::attach),
        "DetachResourceFromVpcEndpointService" => Operation::write(service_resources::detach),
        "ListVpcEndpointServiceResources" => Operation::read(service_resources::list),
        "UpdateVpcEndpointServiceResourceAttribute" => Operation::write(service_resources::update),
        "AddUserToVpcEndpointService" => Operation::write(users::add),
        "RemoveUserFromVpcEndpointService" => Operation::write(users::remove),
        "ListVpcEndpointServiceUsers" => Operation::read(users::list),
        "ListVpcEndpointConnections" => Operation::read(connection_list::list),
        "EnableVpcEndpointConnection" => Operation::write(connections::enable),
        "DisableVpcEndpointConnection" => Operation::write(connections::disable),
        "UpdateVpcEndpointConnectionAttribute" => Operation::write(connections::update),
        "EnableVpcEndpointZoneConnection" => Operation::write(connections::enable_zone),
        "DisableVpcEndpointZoneConnection" => Operation::write(connections::disable_zone),
        "UpdateVpcEndpointZoneConnectionResourceAttribute" => Operation::write(migration::update),
        _ => return None,
    })
}

/// What anyone may ask for.
fn anyone(action: &str) -> Option<Operation> {
    Some(match action {
        "ListVpcEndpointServicesByEndUser" => Operation::read(service_list::list_by_end_user),
        "OpenPrivateLinkService" => Operation::read(region::open).anywhere(),
        "CheckProductOpen" => Operation::read(region::is_open).anywhere(),
        "DescribeRegions" => Operation::read(region::regions).anywhere(),
        "DescribeZones" => Operation::read(region::describe_zones),
        "ChangeResourceGroup" => Operation::write(resource_group::change).anywhere(),
        "TagResources" => Operation::write(tags::tag),
        "ListTagResources" => Operation::read(tags::list),
        _ => return None,
    })
}
