//! Server groups, load balancers and endpoint services.
//!
//! May import: model, the module's own.

use serde_json::{Value, json};

use super::{Document, object, text};
use crate::model::{
    About, EndpointService, HealthCheck, HealthCheckKind, HttpCheck, HttpMethod, Listener,
    LoadBalancer, OnNoBackend, Payer, Server, ServerGroup, ServiceResource, Transport,
};

pub(super) fn load_balancer(
    balancer: &LoadBalancer,
    about: Option<&About>,
    document: &mut Document,
) {
    document.set("ProviderNetworkId", balancer.provider_network.as_str());
    let listeners = balancer.listeners.iter().map(|one| listener(one, about));
    document.set("Listeners", listeners.collect::<Vec<_>>());
    if !balancer.zone_mappings.is_empty() {
        let zones = balancer.zone_mappings.iter().map(|one| {
            object([
                ("ZoneId", Some(text(&one.zone))),
                ("VSwitchId", one.vswitch.as_deref().map(Value::from)),
            ])
        });
        document.set("ZoneMappings", zones.collect::<Vec<_>>());
    }
}

pub(super) fn server_group(group: &ServerGroup, about: Option<&About>, document: &mut Document) {
    document.set("ProviderNetworkId", group.provider_network.as_str());
    document.set("Protocol", transport(group.transport));
    document.set(
        "HealthCheckConfig",
        health_check(group.health_check.as_ref()),
    );
    if let Some(time) = group.connection_drain_timeout {
        document.set("ConnectionDrainEnabled", true);
        document.set("ConnectionDrainTimeout", time.as_secs());
    }
    document.set("Servers", servers(&group.servers, about));
}

/// What is said of a listener or a server.
fn said(about: Option<&About>, part: &str) -> Option<Value> {
    let part = about?.parts.get(part)?;
    part.description.as_deref().map(Value::from)
}

pub(super) fn transport(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "TCP",
        Transport::Udp => "UDP",
    }
}

fn listener(listener: &Listener, about: Option<&About>) -> Value {
    let rejects = listener.on_no_backend == OnNoBackend::Reject;
    // What a group has stands with the group.
    let own = listener.server_group.is_none();
    let drain = listener.connection_drain_timeout.filter(|_| own);
    object([
        (
            "ListenerProtocol",
            Some(transport(listener.transport).into()),
        ),
        ("ListenerPort", Some(listener.port.into())),
        (
            "HealthCheckConfig",
            own.then(|| health_check(listener.health_check.as_ref())),
        ),
        ("ConnectionDrainEnabled", drain.map(|_| true.into())),
        (
            "ConnectionDrainTimeout",
            drain.map(|time| time.as_secs().into()),
        ),
        ("OnNoBackend", rejects.then(|| "Reject".into())),
        ("ServerGroupId", listener.server_group.as_ref().map(text)),
        ("Servers", own.then(|| servers(&listener.servers, None))),
        ("Description", said(about, &listener.name())),
    ])
}

fn servers(servers: &[Server], about: Option<&About>) -> Value {
    let servers = servers.iter().map(|one| server(one, about));
    Value::Array(servers.collect())
}

fn health_check(check: Option<&HealthCheck>) -> Value {
    let Some(check) = check else {
        return json!({ "HealthCheckEnabled": false });
    };
    let (kind, http) = match &check.kind {
        HealthCheckKind::Tcp => ("TCP", None),
        HealthCheckKind::Http(http) => ("HTTP", Some(http)),
    };
    let mut fields = object([
        ("HealthCheckEnabled", Some(true.into())),
        ("HealthCheckType", Some(kind.into())),
        (
            "HealthCheckConnectPort",
            check.connect_port.map(Value::from),
        ),
        ("HealthyThreshold", Some(check.healthy_threshold.into())),
        ("UnhealthyThreshold", Some(check.unhealthy_threshold.into())),
        (
            "HealthCheckConnectTimeout",
            Some(check.connect_timeout.as_secs().into()),
        ),
        ("HealthCheckInterval", Some(check.interval.as_secs().into())),
    ]);
    if let (Value::Object(fields), Some(http)) = (&mut fields, http) {
        fields.extend(http_fields(http));
    }
    fields
}

fn http_fields(http: &HttpCheck) -> impl Iterator<Item = (String, Value)> {
    let method = match http.method {
        HttpMethod::Get => "GET",
        HttpMethod::Head => "HEAD",
    };
    let classes = http.code_classes.iter();
    let classes: Vec<_> = classes.map(|class| format!("http_{class}xx")).collect();
    let fields = [
        ("HttpCheckMethod", Some(Value::from(method))),
        ("HealthCheckUrl", Some(http.url.as_str().into())),
        ("HealthCheckDomain", http.domain.as_deref().map(Value::from)),
        ("HealthCheckHttpCode", Some(classes.into())),
    ];
    let fields = fields.into_iter();
    fields.filter_map(|(name, value)| Some((name.to_owned(), value?)))
}

fn server(server: &Server, about: Option<&About>) -> Value {
    object([
        ("ServerIp", Some(text(&server.ip))),
        ("Port", Some(server.port.into())),
        ("Weight", Some(server.weight.into())),
        ("ZoneId", server.zone.as_ref().map(|one| text(&one))),
        ("Drain", server.drain.then(|| true.into())),
        ("Description", said(about, &server.name())),
    ])
}

pub(super) fn service(service: &EndpointService, document: &mut Document) {
    document.set("ServiceName", service.name.as_str());
    document.set("AddressIpVersion", service.address_ip_version.name());
    let resources = service.resources.iter().map(resource);
    document.set("Resources", resources.collect::<Vec<_>>());
    document.set("AutoAcceptEnabled", service.auto_accept);
    if service.payer == Payer::EndpointService {
        document.set("Payer", "EndpointService");
    }
    if !service.users.is_empty() {
        let users: Vec<_> = service.users.iter().cloned().collect();
        document.set("Users", users);
    }
    document.set("ZoneAffinityEnabled", service.zone_affinity);
    document.set_if_some("ConnectBandwidth", service.connect_bandwidth);
    if let Some(domain) = &service.domain {
        document.set("PrivateServiceDomain", domain.name.as_str());
        document.set("PrivateServiceDomainVerified", domain.verified);
    }
}

fn resource(resource: &ServiceResource) -> Value {
    let manual = (!resource.auto_allocated).then(|| false.into());
    object([
        ("ResourceId", Some(text(&resource.load_balancer))),
        ("ResourceType", Some("nlb".into())),
        ("ZoneId", resource.zone.as_ref().map(text)),
        ("AutoAllocatedEnabled", manual),
    ])
}
