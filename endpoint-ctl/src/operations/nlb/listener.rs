//! Listeners. They are parts of their load balancers' documents; the id says which.
//!
//! May import: std, serde_json, api, document, model, registry, operations' own.

use serde_json::{Map, Value, json};

use super::load_balancer::MOST_FILTERED;
use super::{never, only};
use crate::api::{ApiError, Reader};
use crate::document::Document;
use crate::model::{AccountId, Kind, Listener, LoadBalancer, Model, ServerGroupId, Transport};
use crate::operations::answers::{done, members};
use crate::operations::names;
use crate::operations::paging::TokenPage;
use crate::operations::visible::named;
use crate::operations::{Answer, Request};
use crate::registry::{Change, Refusal, Registry, View};

const KIND: Kind = Kind::LoadBalancer;

/// The id of a listener: it follows from its load balancer, its protocol and its port.
fn id_of(balancer: &LoadBalancer, listener: &Listener) -> String {
    let protocol = match listener.transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
    };
    format!("lsn-{}-{protocol}@{}", balancer.id, listener.port)
}

/// The load balancer of a listener's id, if the id is one.
fn balancer_of(id: &str) -> Option<&str> {
    let (rest, _) = id.strip_prefix("lsn-")?.rsplit_once('@')?;
    Some(rest.rsplit_once('-')?.0)
}

/// A listener that is the caller's, and its place among those of its load balancer.
fn find<'r>(
    registry: &'r Registry,
    id: &str,
    account: &AccountId,
) -> Result<(&'r LoadBalancer, usize, &'r Listener), ApiError> {
    let own = balancer_of(id).filter(|balancer| registry.is_of(KIND, balancer, account));
    let balancer = own.and_then(|balancer| registry.model.load_balancers.get(balancer));
    let found = balancer.and_then(|balancer| {
        let mut listeners = balancer.listeners.iter().enumerate();
        let (place, one) = listeners.find(|(_, one)| id_of(balancer, one) == id)?;
        Some((balancer, place, one))
    });
    found.ok_or_else(|| {
        ApiError::new(
            404,
            "ResourceNotFound.listener",
            format!("The specified resource of listener is not found: {id}."),
        )
    })
}

/// `CreateListener`. `OnNoBackend` is this project's own.
pub(super) fn create(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = change.registry();
    let balancer = named(
        &mut reader,
        "LoadBalancerId",
        KIND,
        registry,
        request.account,
    )?;
    let mut document = change.edit(KIND, balancer)?;
    let protocol = reader.required("ListenerProtocol")?;
    if protocol.eq_ignore_ascii_case("TCPSSL") {
        let why = "TLS is not terminated here: write TCP, and let the servers do it";
        return Err(reader.invalid("ListenerProtocol", why));
    }
    let why = "a listener has one port here: write ListenerPort";
    never(&mut reader, &["StartPort", "EndPort"], why)?;
    let port = reader.required("ListenerPort")?;
    let mut listener = Map::new();
    listener.insert("ListenerProtocol".to_owned(), protocol.into());
    listener.insert("ListenerPort".to_owned(), port.into());
    if !reader.has("ServerGroupId") {
        return Err(ApiError::missing("ServerGroupId"));
    }
    set_rest(&mut reader, &mut listener, registry, request)?;
    never(&mut reader, &["Tag"], "listeners have no tags here")?;
    reader.finish();
    if let Some(listeners) = listeners(&mut document) {
        listeners.push(Value::Object(listener));
    }
    replace(change, &document)?;
    let made = change.model().load_balancers.get(balancer);
    let made = made.and_then(|balancer| Some((balancer, balancer.listeners.last()?)));
    let (balancer, listener) = made.ok_or_else(ApiError::internal)?;
    Ok(members(json!({ "ListenerId": id_of(balancer, listener) })))
}

/// What a listener has that can change.
fn set_rest(
    reader: &mut Reader<'_>,
    listener: &mut Map<String, Value>,
    registry: &Registry,
    request: &Request<'_>,
) -> Result<(), ApiError> {
    if reader.has("ServerGroupId") {
        let kind = Kind::ServerGroup;
        let group = named(reader, "ServerGroupId", kind, registry, request.account)?;
        for own in [
            "Servers",
            "HealthCheckConfig",
            "ConnectionDrainEnabled",
            "ConnectionDrainTimeout",
        ] {
            listener.remove(own);
        }
        listener.insert("ServerGroupId".to_owned(), group.into());
    }
    if let Some(text) = names::given(reader, "ListenerDescription", 2..=256)? {
        listener.insert("Description".to_owned(), text.into());
    }
    if let Some(word) = reader.text("OnNoBackend")?.filter(|text| !text.is_empty()) {
        listener.insert("OnNoBackend".to_owned(), word.into());
    }
    refuse_the_rest(reader)
}

/// What the real API has and this one does not.
fn refuse_the_rest(reader: &mut Reader<'_>) -> Result<(), ApiError> {
    let tls = [
        "CertificateIds",
        "CaCertificateIds",
        "SecurityPolicyId",
        "AlpnPolicy",
    ];
    never(reader, &tls, "TLS is not terminated here")?;
    for name in ["AlpnEnabled", "CaEnabled"] {
        only(reader, name, &["false"], "TLS is not terminated here")?;
    }
    let why = "servers get no PROXY protocol from here";
    only(reader, "ProxyProtocolEnabled", &["false"], why)?;
    never(reader, &["ProxyProtocolV2Config"], why)?;
    only(reader, "SecSensorEnabled", &["false"], "there is none here")?;
    only(
        reader,
        "Cps",
        &["0"],
        "there is no limit of new connections here",
    )?;
    only(
        reader,
        "Mss",
        &["0"],
        "segments are as large as the links allow: write 0",
    )?;
    let why = "it is the endpoint that has idle timeouts here: IdleTimeouts";
    never(reader, &["IdleTimeout"], why)
}

/// The listeners in a load balancer's document.
fn listeners(document: &mut Document) -> Option<&mut Vec<Value>> {
    document.fields.get_mut("Listeners")?.as_array_mut()
}

/// Puts a changed document in place; what is wrong with a listener is told of the request's parameter.
fn replace(change: &mut Change, document: &Document) -> Result<(), Refusal> {
    change.replace(document).map_err(|mut refusal| {
        if let Some((_, field)) = refusal.field.split_once("].") {
            refusal.field = field.to_owned();
        }
        refusal
    })
}

/// `DeleteListener`.
pub(super) fn delete(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let id = reader.required("ListenerId")?;
    reader.finish();
    let (balancer, place, _) = find(change.registry(), id, request.account)?;
    let mut document = change.edit(KIND, balancer.id.as_str())?;
    if let Some(listeners) = listeners(&mut document) {
        listeners.remove(place);
    }
    replace(change, &document)?;
    Ok(done())
}

/// `UpdateListenerAttribute`.
pub(super) fn update(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let id = reader.required("ListenerId")?;
    let registry = change.registry();
    let (balancer, place, _) = find(registry, id, request.account)?;
    let mut document = change.edit(KIND, balancer.id.as_str())?;
    let listener = listeners(&mut document).and_then(|all| all.get_mut(place)?.as_object_mut());
    let listener = listener.ok_or_else(ApiError::internal)?;
    set_rest(&mut reader, listener, registry, request)?;
    reader.finish();
    replace(change, &document)?;
    Ok(done())
}

/// `GetListenerAttribute`.
pub(super) fn attribute(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let id = reader.required("ListenerId")?;
    reader.finish();
    let (balancer, _, listener) = find(&view.declared, id, request.account)?;
    Ok(members(shown(balancer, listener, view, request)))
}

/// `ListListeners`.
pub(super) fn list(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = &*view.declared;
    let page = TokenPage::read(&mut reader, 1..=100, 20)?;
    let ids = reader.texts("ListenerIds", MOST_FILTERED)?;
    let balancers = reader.texts("LoadBalancerIds", MOST_FILTERED)?;
    let protocol = reader
        .text("ListenerProtocol")?
        .filter(|text| !text.is_empty());
    reader.finish();
    let among = |all: &[&str], one: &str| all.is_empty() || all.contains(&one);
    let own = registry.ids_of(KIND, request.account);
    let own = own.filter(|id| among(&balancers, id));
    let own = own.filter_map(|id| registry.model.load_balancers.get(id));
    let all = own.flat_map(|balancer| balancer.listeners.iter().map(move |one| (balancer, one)));
    let found: Vec<_> = all
        .filter(|(balancer, one)| among(&ids, &id_of(balancer, one)))
        .filter(|(_, one)| {
            protocol.is_none_or(|protocol| protocol.eq_ignore_ascii_case(spelled(one.transport)))
        })
        .collect();
    let total = found.len();
    let (listeners, next) = page.cut(found, |(balancer, one)| id_of(balancer, one));
    let listeners = listeners.into_iter();
    let listeners = listeners.map(|(balancer, one)| shown(balancer, one, view, request));
    Ok(members(json!({
        "Listeners": listeners.collect::<Vec<_>>(),
        "TotalCount": total,
        "MaxResults": page.most(),
        "NextToken": next,
    })))
}

fn spelled(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "TCP",
        Transport::Udp => "UDP",
    }
}

fn shown(
    balancer: &LoadBalancer,
    listener: &Listener,
    view: &View,
    request: &Request<'_>,
) -> Value {
    let about = view.model().about(KIND, balancer.id.as_str());
    let said = about.and_then(|about| about.parts.get(&listener.name()));
    let group = listener.server_group.as_ref();
    json!({
        "ListenerId": id_of(balancer, listener),
        "ListenerProtocol": spelled(listener.transport),
        "ListenerPort": listener.port,
        "ListenerDescription": said.and_then(|said| said.description.as_deref()).unwrap_or_default(),
        "ListenerStatus": status(balancer, listener, &view.in_force.model),
        "LoadBalancerId": balancer.id.as_str(),
        "ServerGroupId": group.map(ServerGroupId::as_str).unwrap_or_default(),
        "RegionId": request.settings.region,
        "ProxyProtocolEnabled": false,
        "SecSensorEnabled": false,
        "Tags": [],
    })
}

fn status(balancer: &LoadBalancer, listener: &Listener, in_force: &Model) -> &'static str {
    let there = in_force.load_balancers.get(balancer.id.as_str());
    let there = there.and_then(|balancer| {
        let mut listeners = balancer.listeners.iter();
        listeners.find(|one| one.name() == listener.name())
    });
    match there {
        None => "Provisioning",
        Some(there) if there != listener => "Configuring",
        Some(_) => "Running",
    }
}
