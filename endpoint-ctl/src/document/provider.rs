//! Load balancers and endpoint services.
//!
//! May import: model, the module's own.

use serde_json::{Value, json};

use super::{Document, object, text};
use crate::model::{
    EndpointService, HealthCheck, HealthCheckKind, HttpCheck, HttpMethod, Listener, LoadBalancer,
    OnNoBackend, Payer, Server, ServiceResource, Transport,
};

pub(super) fn load_balancer(balancer: &LoadBalancer, document: &mut Document) {
    document.set("ProviderNetworkId", balancer.provider_network.as_str());
    let listeners = balancer.listeners.iter().map(listener);
    document.set("Listeners", listeners.collect::<Vec<_>>());
}

pub(super) fn transport(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "TCP",
        Transport::Udp => "UDP",
    }
}

fn listener(listener: &Listener) -> Value {
    let drain = listener.connection_drain_timeout;
    let rejects = listener.on_no_backend == OnNoBackend::Reject;
    let servers: Vec<_> = listener.servers.iter().map(server).collect();
    object([
        (
            "ListenerProtocol",
            Some(transport(listener.transport).into()),
        ),
        ("ListenerPort", Some(listener.port.into())),
        (
            "HealthCheckConfig",
            Some(health_check(listener.health_check.as_ref())),
        ),
        ("ConnectionDrainEnabled", drain.map(|_| true.into())),
        (
            "ConnectionDrainTimeout",
            drain.map(|time| time.as_secs().into()),
        ),
        ("OnNoBackend", rejects.then(|| "Reject".into())),
        ("Servers", Some(servers.into())),
    ])
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

fn server(server: &Server) -> Value {
    object([
        ("ServerIp", Some(text(&server.ip))),
        ("Port", Some(server.port.into())),
        ("Weight", Some(server.weight.into())),
        ("ZoneId", server.zone.as_ref().map(|one| text(&one))),
        ("Drain", server.drain.then(|| true.into())),
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
        ("ZoneId", resource.zone.as_ref().map(|zone| text(zone))),
        ("AutoAllocatedEnabled", manual),
    ])
}
