//! NLB 2022-04-30, a subset: load balancers, listeners, server groups. Lists are bare.
//!
//! What `VpcId` names here is a provider network, which belongs to no account. docs/api.md says what the subset is.
//!
//! May import: operations' own, api.

mod health_check;
mod listener;
mod load_balancer;
mod server_group;
mod servers;

use super::Operation;
use crate::api::{ApiError, Reader};

pub(super) fn find(action: &str) -> Option<Operation> {
    let operation = match action {
        "CreateLoadBalancer" => Operation::write(load_balancer::create),
        "DeleteLoadBalancer" => Operation::write(load_balancer::delete),
        "GetLoadBalancerAttribute" => Operation::read(load_balancer::attribute),
        "ListLoadBalancers" => Operation::read(load_balancer::list),
        "UpdateLoadBalancerAttribute" => Operation::write(load_balancer::update),
        "CreateListener" => Operation::write(listener::create),
        "DeleteListener" => Operation::write(listener::delete),
        "GetListenerAttribute" => Operation::read(listener::attribute),
        "ListListeners" => Operation::read(listener::list),
        "UpdateListenerAttribute" => Operation::write(listener::update),
        "CreateServerGroup" => Operation::write(server_group::create),
        "DeleteServerGroup" => Operation::write(server_group::delete),
        "ListServerGroups" => Operation::read(server_group::list),
        "UpdateServerGroupAttribute" => Operation::write(server_group::update),
        "AddServersToServerGroup" => Operation::write(servers::add),
        "RemoveServersFromServerGroup" => Operation::write(servers::remove),
        "UpdateServerGroupServersAttribute" => Operation::write(servers::update),
        "ListServerGroupServers" => Operation::read(servers::list),
        _ => return None,
    };
    Some(operation.anywhere())
}

/// Refuses a parameter that is given and has another value than those that change nothing here, in any case.
fn only(
    reader: &mut Reader<'_>,
    name: &'static str,
    allowed: &[&str],
    why: &str,
) -> Result<(), ApiError> {
    let Some(given) = reader.text(name)?.filter(|text| !text.is_empty()) else {
        return Ok(());
    };
    if allowed.iter().any(|one| one.eq_ignore_ascii_case(given)) {
        return Ok(());
    }
    Err(reader.invalid(name, why))
}

/// Refuses a parameter that is given at all.
fn never(reader: &mut Reader<'_>, names: &[&'static str], why: &str) -> Result<(), ApiError> {
    match names.iter().find(|name| reader.has(name)) {
        None => Ok(()),
        Some(name) => Err(reader.invalid(name, why)),
    }
}
