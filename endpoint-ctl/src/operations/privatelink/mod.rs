//! PrivateLink 2020-04-15: endpoints, services, and how they come together. Lists are bare.
//!
//! May import: operations' own.

mod attributes;
mod endpoint;
mod endpoint_list;
mod groups;
mod status;
mod tags;
mod zones;

use super::Operation;

pub(super) fn find(action: &str) -> Option<Operation> {
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
        "TagResources" => Operation::write(tags::tag),
        "UntagResources" => Operation::write(tags::untag),
        "ListTagResources" => Operation::read(tags::list),
        _ => return None,
    })
}
