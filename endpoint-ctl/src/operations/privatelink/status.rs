//! The states that the API shows (reference/privatelink.md section 2.7): none of them is kept, all follow
//! from what is declared and what of it is in force.
//!
//! May import: std, model, registry.

use crate::model::{Endpoint, EndpointService, EndpointZone, Model};
use crate::registry::{Progress, View};

/// `EndpointStatus`. What the provider does to the connection leaves it as it is.
pub(super) fn endpoint(view: &View, id: &str) -> &'static str {
    let (now, before) = endpoints(view, id);
    match (now, before) {
        (Some(_), None) => "Creating",
        (None, _) => "Deleting",
        (Some(now), Some(before)) if is_same_but_for_connection(now, before) => "Active",
        (Some(_), Some(_)) => "Pending",
    }
}

/// `ConnectionStatus` of an endpoint.
pub(super) fn connection(view: &View, id: &str) -> &'static str {
    let (now, before) = endpoints(view, id);
    let Some(now) = now else {
        return "Deleting";
    };
    if !view.model().services.contains_key(&now.service) {
        return "ServiceDeleted";
    }
    let was_accepted = before.is_some_and(|before| before.connection.accepted);
    match (was_accepted, now.connection.accepted) {
        (true, true) if before.is_some_and(|before| is_modified(now, before)) => "Pending",
        (true, true) => "Connected",
        (false, true) => "Connecting",
        (true, false) => "Disconnecting",
        (false, false) => "Disconnected",
    }
}

/// `ServiceStatus`.
pub(super) fn service(progress: Progress) -> &'static str {
    match progress {
        Progress::Coming => "Creating",
        Progress::Changing => "Pending",
        Progress::There => "Active",
        Progress::Going => "Deleting",
    }
}

/// `ZoneStatus` of a zone of an endpoint, either of them declared or in force.
pub(super) fn zone(view: &View, endpoint: &Endpoint, zone: &EndpointZone) -> &'static str {
    let id = endpoint.id.as_str();
    let (now, before) = (
        in_model(view.model(), id),
        in_model(&view.in_force.model, id),
    );
    let now = now.and_then(|endpoint| Some((endpoint, zone_of(endpoint, zone)?)));
    let before = before.and_then(|endpoint| Some((endpoint, zone_of(endpoint, zone)?)));
    let (Some((now, of_now)), before) = (now, before) else {
        return "Deleting";
    };
    let Some((before, of_before)) = before else {
        return "Creating";
    };
    match (before.is_connected(of_before), now.is_connected(of_now)) {
        (true, true) => "Connected",
        (false, true) => "Connecting",
        (true, false) => "Disconnecting",
        (false, false) if of_now.connected => "Wait",
        (false, false) => "Disconnected",
    }
}

/// The same as the provider sees it, who moves zones from one resource to another.
pub(super) fn zone_of_connection(
    view: &View,
    endpoint: &Endpoint,
    zone: &EndpointZone,
) -> &'static str {
    let shown = self::zone(view, endpoint, zone);
    let before = in_model(&view.in_force.model, endpoint.id.as_str());
    let before = before.and_then(|before| zone_of(before, zone));
    match before {
        Some(before) if shown == "Connected" && before.resource != zone.resource => "Migrating",
        Some(_) if shown == "Connected" && zone.replaced.is_some() => "Migrated",
        _ => shown,
    }
}

/// `SecurityGroupStatus`.
pub(super) fn group(progress: Progress) -> &'static str {
    match progress {
        Progress::Coming => "Attaching",
        Progress::Changing | Progress::There => "Attached",
        Progress::Going => "Detaching",
    }
}

/// How far a service is that is declared or in force; `None`: there is no such service.
pub(super) fn service_progress<'v>(
    view: &'v View,
    id: &str,
) -> Option<(&'v EndpointService, Progress)> {
    let now = view.model().services.get(id);
    let before = view.in_force.model.services.get(id);
    match (now, before) {
        (Some(now), None) => Some((now, Progress::Coming)),
        (Some(now), Some(before)) if now != before => Some((now, Progress::Changing)),
        (Some(now), Some(_)) => Some((now, Progress::There)),
        (None, Some(before)) => Some((before, Progress::Going)),
        (None, None) => None,
    }
}

fn endpoints<'v>(view: &'v View, id: &str) -> (Option<&'v Endpoint>, Option<&'v Endpoint>) {
    (
        in_model(view.model(), id),
        in_model(&view.in_force.model, id),
    )
}

fn in_model<'m>(model: &'m Model, id: &str) -> Option<&'m Endpoint> {
    model.endpoints.get(id)
}

fn zone_of<'e>(endpoint: &'e Endpoint, zone: &EndpointZone) -> Option<&'e EndpointZone> {
    endpoint.zones.iter().find(|one| one.zone == zone.zone)
}

/// Whether two states of an endpoint differ in nothing that the consumer decides.
fn is_same_but_for_connection(now: &Endpoint, before: &Endpoint) -> bool {
    if now == before {
        return true;
    }
    let mut as_before = now.clone();
    as_before.connection = before.connection.clone();
    as_before.limits.bandwidth = before.limits.bandwidth;
    for zone in &mut as_before.zones {
        if let Some(before) = zone_of(before, zone) {
            zone.connected = before.connected;
            zone.resource.clone_from(&before.resource);
            zone.replaced.clone_from(&before.replaced);
        }
    }
    as_before == *before
}

/// Whether the provider has changed something of a connection that stays.
fn is_modified(now: &Endpoint, before: &Endpoint) -> bool {
    let is_of = |zone: &EndpointZone| {
        let before = zone_of(before, zone);
        before.is_some_and(|before| {
            before.connected != zone.connected
                || before.resource != zone.resource
                || before.replaced != zone.replaced
        })
    };
    now.connection != before.connection
        || now.limits.bandwidth != before.limits.bandwidth
        || now.zones.iter().any(is_of)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use super::*;
    use crate::model::{
        AddressIpVersion, Connection, EndpointId, EndpointLimits, EndpointPolicy, EndpointType,
        EniId, LoadBalancerId, Payer, SecurityGroupId, ServiceId, TrafficControlMode, VSwitchId,
        VpcId, ZoneId,
    };
    use crate::registry::Registry;

    fn endpoint_of(accepted: bool) -> Endpoint {
        Endpoint {
            id: EndpointId::new("ep"),
            vpc: VpcId::new("vpc"),
            endpoint_type: EndpointType::Interface,
            service: ServiceId::new("epsrv"),
            address_ip_version: AddressIpVersion::Ipv4,
            security_groups: vec![SecurityGroupId::new("sg")],
            managed_group: SecurityGroupId::new("sg-managed-ep"),
            policy: EndpointPolicy::default(),
            audit_mode: false,
            limits: EndpointLimits::default(),
            zone_affinity: false,
            private_dns: false,
            connection: Connection {
                accepted,
                traffic_control: TrafficControlMode::Scalability,
            },
            zones: vec![EndpointZone {
                zone: ZoneId::new("za"),
                vswitch: VSwitchId::new("vsw"),
                eni: EniId::new("eni"),
                ip: Ipv4Addr::new(10, 0, 0, 5),
                ipv6: None,
                connected: true,
                resource: None,
                replaced: None,
            }],
            resources: Vec::new(),
        }
    }

    fn service_of() -> EndpointService {
        EndpointService {
            id: ServiceId::new("epsrv"),
            name: "name".to_owned(),
            resources: Vec::new(),
            address_ip_version: AddressIpVersion::Ipv4,
            auto_accept: false,
            payer: Payer::Endpoint,
            users: std::collections::BTreeSet::new(),
            zone_affinity: true,
            connect_bandwidth: None,
            domain: None,
        }
    }

    fn registry(endpoint: Option<Endpoint>) -> Arc<Registry> {
        let mut registry = Registry::default();
        let service = service_of();
        registry.model.services.insert(service.id.clone(), service);
        if let Some(endpoint) = endpoint {
            let id = endpoint.id.clone();
            registry.model.endpoints.insert(id, endpoint);
        }
        Arc::new(registry)
    }

    fn view(now: Option<Endpoint>, before: Option<Endpoint>) -> View {
        View {
            declared: registry(now),
            in_force: registry(before),
        }
    }

    /// The three states of the endpoint, its connection and its zone.
    #[track_caller]
    fn assert_states(view: &View, expected: [&str; 3]) {
        let (shown, _) = view.endpoint("ep").expect("known");
        let of_zone = zone(view, shown, &shown.zones[0]);
        let states = [endpoint(view, "ep"), connection(view, "ep"), of_zone];
        assert_eq!(states, expected);
    }

    #[test]
    fn a_life_shows_its_states() {
        let (shut, open) = (endpoint_of(false), endpoint_of(true));
        for (now, before, expected) in [
            (Some(&shut), None, ["Creating", "Disconnected", "Creating"]),
            (Some(&open), None, ["Creating", "Connecting", "Creating"]),
            (Some(&shut), Some(&shut), ["Active", "Disconnected", "Wait"]),
            (
                Some(&open),
                Some(&shut),
                ["Active", "Connecting", "Connecting"],
            ),
            (
                Some(&open),
                Some(&open),
                ["Active", "Connected", "Connected"],
            ),
            (
                Some(&shut),
                Some(&open),
                ["Active", "Disconnecting", "Disconnecting"],
            ),
            (None, Some(&open), ["Deleting", "Deleting", "Deleting"]),
        ] {
            assert_states(&view(now.cloned(), before.cloned()), expected);
        }
    }

    #[test]
    fn what_the_provider_changes_is_of_the_connection() {
        let before = endpoint_of(true);
        let mut limited = before.clone();
        limited.limits.bandwidth = Some(500);
        let states = ["Active", "Pending", "Connected"];
        assert_states(&view(Some(limited), Some(before.clone())), states);
        let mut moved = before.clone();
        moved.zones[0].resource = Some(LoadBalancerId::new("nlb"));
        moved.zones[0].replaced = Some(LoadBalancerId::new("nlb-old"));
        let states = ["Active", "Pending", "Connected"];
        let moving = view(Some(moved.clone()), Some(before.clone()));
        assert_states(&moving, states);
        let there = view(Some(moved.clone()), Some(moved.clone()));
        for (view, expected) in [(moving, "Migrating"), (there, "Migrated")] {
            let seen = zone_of_connection(&view, &moved, &moved.zones[0]);
            assert_eq!(seen, expected);
        }
        let mut cut = before.clone();
        cut.zones[0].connected = false;
        let states = ["Active", "Pending", "Disconnecting"];
        assert_states(&view(Some(cut.clone()), Some(before)), states);
        let states = ["Active", "Connected", "Disconnected"];
        assert_states(&view(Some(cut.clone()), Some(cut)), states);
    }

    #[test]
    fn what_the_consumer_changes_is_of_the_endpoint() {
        let before = endpoint_of(true);
        let mut now = before.clone();
        now.security_groups.push(SecurityGroupId::new("sg-2"));
        let states = ["Pending", "Connected", "Connected"];
        assert_states(&view(Some(now), Some(before)), states);
    }

    #[test]
    fn a_connection_knows_that_its_service_is_gone() {
        let mut view = view(Some(endpoint_of(true)), Some(endpoint_of(true)));
        let mut registry = Registry::clone(&view.declared);
        registry.model.services.remove("epsrv");
        view.declared = Arc::new(registry);
        assert_eq!(connection(&view, "ep"), "ServiceDeleted");
    }

    #[test]
    fn services_and_groups_show_how_far_they_are() {
        let progress = |now: Arc<Registry>, before: Arc<Registry>| {
            let view = View {
                declared: now,
                in_force: before,
            };
            service_progress(&view, "epsrv").map(|(_, progress)| service(progress))
        };
        let none = || Arc::new(Registry::default());
        let mut changed = Registry::clone(&registry(None));
        if let Some(service) = changed.model.services.get_mut("epsrv") {
            service.auto_accept = true;
        }
        assert_eq!(progress(registry(None), none()), Some("Creating"));
        assert_eq!(progress(registry(None), registry(None)), Some("Active"));
        assert_eq!(progress(Arc::new(changed), registry(None)), Some("Pending"));
        assert_eq!(progress(none(), registry(None)), Some("Deleting"));
        assert_eq!(progress(none(), none()), None);
        let groups = [
            (Progress::Coming, "Attaching"),
            (Progress::There, "Attached"),
            (Progress::Changing, "Attached"),
            (Progress::Going, "Detaching"),
        ];
        for (progress, expected) in groups {
            assert_eq!(group(progress), expected);
        }
    }
}
