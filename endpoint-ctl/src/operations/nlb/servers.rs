//! The servers of server groups. One is known by its address and its port.
//!
//! May import: std, serde_json, api, document, model, registry, operations' own.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::only;
use crate::api::{ApiError, Reader};
use crate::document::Document;
use crate::model::{Kind, Model, Server, ZoneId};
use crate::operations::answers::members;
use crate::operations::names;
use crate::operations::paging::TokenPage;
use crate::operations::visible::named;
use crate::operations::{Answer, Request};
use crate::registry::{Change, Refusal, View};

const KIND: Kind = Kind::ServerGroup;
const FIELD: &str = "Servers";
/// The most that one call may name.
const MOST: usize = 200;
/// The most of a filter.
const MOST_FILTERED: usize = 40;

/// A server of a request.
struct Given<'p> {
    /// Its place in the request, from 0.
    place: usize,
    /// The parameter that holds its address.
    parameter: &'static str,
    address: &'p str,
    port: &'p str,
    reader: Reader<'p>,
}

impl Given<'_> {
    /// Whether a document's server is this one.
    fn is(&self, server: &Value) -> bool {
        let known = server.get("ServerIp").and_then(Value::as_str);
        let known = known.and_then(|ip| ip.parse::<IpAddr>().ok());
        let port = server.get("Port").map(ToString::to_string);
        known.is_some() && known == self.address.parse().ok() && port.as_deref() == Some(self.port)
    }
}

/// The servers of a request, at least one.
fn given<'p>(reader: &mut Reader<'p>) -> Result<Vec<Given<'p>>, ApiError> {
    let mut all = Vec::new();
    for (place, mut item) in reader.items(FIELD, MOST)?.into_iter().enumerate() {
        let why = "servers are named by their addresses here: write Ip";
        only(&mut item, "ServerType", &["Ip"], why)?;
        let by_ip = item.text("ServerIp")?.filter(|text| !text.is_empty());
        // That of a server of the type Ip is its address.
        let by_id = item.text("ServerId")?.filter(|text| !text.is_empty());
        let (parameter, address) = match (by_ip, by_id) {
            (Some(ip), _) => ("ServerIp", ip),
            (None, Some(id)) => ("ServerId", id),
            (None, None) => return Err(ApiError::missing(&item.path_of("ServerIp"))),
        };
        let port = item.required("Port")?;
        all.push(Given {
            place,
            parameter,
            address,
            port,
            reader: item,
        });
    }
    if all.is_empty() {
        return Err(ApiError::missing(FIELD));
    }
    Ok(all)
}

/// The servers in a group's document.
fn servers(document: &mut Document) -> Result<&mut Vec<Value>, ApiError> {
    let servers = document.fields.get_mut(FIELD).and_then(Value::as_array_mut);
    servers.ok_or_else(ApiError::internal)
}

/// Sets what a request says of a server beside where it is.
fn set(server: &mut Map<String, Value>, given: &mut Given<'_>) -> Result<(), ApiError> {
    let weight = given.reader.text("Weight")?;
    if let Some(weight) = weight.filter(|text| !text.is_empty()) {
        server.insert("Weight".to_owned(), weight.into());
    }
    if let Some(text) = names::given(&mut given.reader, "Description", 2..=256)? {
        server.insert("Description".to_owned(), text.into());
    }
    Ok(())
}

/// Puts a changed document in place. `sources` says which server of the request each of the document's is,
/// so that what is wrong is told of the request's parameter.
fn replace(
    change: &mut Change,
    document: &Document,
    sources: &[Option<(usize, &'static str)>],
) -> Result<(), Refusal> {
    change.replace(document).map_err(|mut refusal| {
        if let Some(field) = in_request(&refusal.field, sources) {
            refusal.field = field;
        }
        refusal
    })
}

fn in_request(field: &str, sources: &[Option<(usize, &'static str)>]) -> Option<String> {
    let (place, name) = field.strip_prefix("Servers[")?.split_once("].")?;
    let (place, address) = (*sources.get(place.parse::<usize>().ok()?)?)?;
    let name = if name == "ServerIp" { address } else { name };
    Some(format!("Servers[{place}].{name}"))
}

/// `AddServersToServerGroup`.
pub(super) fn add(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = change.registry();
    let id = named(
        &mut reader,
        "ServerGroupId",
        KIND,
        registry,
        request.account,
    )?;
    let mut document = change.edit(KIND, id)?;
    let given = given(&mut reader)?;
    reader.finish();
    let servers = servers(&mut document)?;
    let mut sources = vec![None; servers.len()];
    for mut given in given {
        let mut server = Map::new();
        server.insert("ServerIp".to_owned(), given.address.into());
        server.insert("Port".to_owned(), given.port.into());
        set(&mut server, &mut given)?;
        given.reader.finish();
        sources.push(Some((given.place, given.parameter)));
        servers.push(Value::Object(server));
    }
    replace(change, &document, &sources)?;
    Ok(members(json!({ "ServerGroupId": id })))
}

/// The place of a server in a group's document.
fn place_of(servers: &[Value], given: &Given<'_>) -> Result<usize, ApiError> {
    let place = servers.iter().position(|server| given.is(server));
    place.ok_or_else(|| {
        let (address, port) = (given.address, given.port);
        ApiError::new(
            404,
            "ResourceNotFound.BackendServer",
            format!(
                "{}: the group has no server {address} port {port}.",
                given.reader.path_of(given.parameter)
            ),
        )
    })
}

/// `RemoveServersFromServerGroup`. Their flows end with the group's drain, if it has one.
pub(super) fn remove(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = change.registry();
    let id = named(
        &mut reader,
        "ServerGroupId",
        KIND,
        registry,
        request.account,
    )?;
    let mut document = change.edit(KIND, id)?;
    let given = given(&mut reader)?;
    reader.finish();
    let servers = servers(&mut document)?;
    for given in given {
        let place = place_of(servers, &given)?;
        servers.remove(place);
    }
    change.replace(&document)?;
    Ok(members(json!({ "ServerGroupId": id })))
}

/// `UpdateServerGroupServersAttribute`: weights and descriptions.
pub(super) fn update(change: &mut Change, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = change.registry();
    let id = named(
        &mut reader,
        "ServerGroupId",
        KIND,
        registry,
        request.account,
    )?;
    let mut document = change.edit(KIND, id)?;
    let given = given(&mut reader)?;
    reader.finish();
    let servers = servers(&mut document)?;
    let mut sources = vec![None; servers.len()];
    for mut given in given {
        let place = place_of(servers, &given)?;
        let server = servers.get_mut(place).and_then(Value::as_object_mut);
        set(server.ok_or_else(ApiError::internal)?, &mut given)?;
        given.reader.finish();
        if let Some(source) = sources.get_mut(place) {
            *source = Some((given.place, given.parameter));
        }
    }
    replace(change, &document, &sources)?;
    Ok(members(json!({ "ServerGroupId": id })))
}

/// `ListServerGroupServers`.
pub(super) fn list(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = &*view.declared;
    let page = TokenPage::read(&mut reader, 1..=100, 20)?;
    let id = named(
        &mut reader,
        "ServerGroupId",
        KIND,
        registry,
        request.account,
    )?;
    let ids = reader.texts("ServerIds", MOST_FILTERED)?;
    let ips = reader.texts("ServerIps", MOST_FILTERED)?;
    reader.finish();
    let is_wanted = |server: &Server| {
        let ip = server.ip.to_string();
        let among = |all: &[&str]| all.is_empty() || all.contains(&ip.as_str());
        among(&ids) && among(&ips)
    };
    let found: Vec<_> = with_status(id, view)
        .into_iter()
        .filter(|(server, _)| is_wanted(server))
        .collect();
    let total = found.len();
    let (servers, next) = page.cut(found, |(server, _)| server.name());
    let servers = servers
        .into_iter()
        .map(|(server, status)| shown(server, status, id, registry.model.about(KIND, id)));
    Ok(members(json!({
        "Servers": servers.collect::<Vec<_>>(),
        "TotalCount": total,
        "MaxResults": page.most(),
        "NextToken": next,
    })))
}

/// The servers of a group, those that are in force still among them.
fn with_status<'v>(group: &str, view: &'v View) -> Vec<(&'v Server, &'static str)> {
    let of = |model: &'v Model| -> &'v [Server] {
        let group = model.server_groups.get(group);
        group.map_or(&[], |group| &group.servers)
    };
    let (now, before) = (of(view.model()), of(&view.in_force.model));
    let same = |all: &'v [Server], one: &Server| {
        let mut all = all.iter();
        all.find(|other| (other.ip, other.port) == (one.ip, one.port))
    };
    let there = now.iter().map(|one| {
        let status = match same(before, one) {
            None => "Adding",
            Some(before) if before != one => "Configuring",
            Some(_) => "Available",
        };
        (one, status)
    });
    let going = before.iter().filter(|one| same(now, one).is_none());
    there.chain(going.map(|one| (one, "Removing"))).collect()
}

fn shown(server: &Server, status: &str, group: &str, about: Option<&crate::model::About>) -> Value {
    let said = about.and_then(|about| about.parts.get(&server.name()));
    let ip = server.ip.to_string();
    json!({
        "ServerGroupId": group,
        "ServerId": ip,
        "ServerIp": ip,
        "ServerType": "Ip",
        "Port": server.port,
        "Weight": server.weight,
        "Description": said.and_then(|said| said.description.as_deref()).unwrap_or_default(),
        "Status": status,
        "ZoneId": server.zone.as_ref().map(ZoneId::as_str).unwrap_or_default(),
    })
}
