//! Resources as documents: what `get` shows, what is stored, and what the manifest reads again.
//!
//! The inverse of `manifest`: reading what is written here gives the same model. A field that has its
//! default is left out, except where a reader would wonder.
//!
//! May import: model, ipnet, serde_json.

mod endpoint;
mod flow_log;
mod network;
mod provider;
mod rules;

pub use rules::protocol;
use serde_json::{Map, Value, json};

use crate::model::{
    EndpointId, FlowLogId, Kind, LoadBalancerId, Model, NetworkAclId, PrefixListId,
    ProviderNetworkId, SecurityGroupId, ServerGroupId, ServiceId, VSwitchId, VpcId,
};

/// A resource by itself, as the manifest has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Its kind.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// Its fields, the id among them, in the order in which people read them.
    pub fields: Map<String, Value>,
}

impl Document {
    /// One with nothing but its id.
    pub fn new(kind: Kind, id: &str) -> Self {
        let mut document = Self {
            kind,
            id: id.to_owned(),
            fields: Map::new(),
        };
        document.set(kind.id_field(), id);
        document
    }

    /// One with what people say of the resource.
    fn of(kind: Kind, id: &str, model: &Model) -> Self {
        let mut document = Self::new(kind, id);
        if let Some(about) = model.about(kind, id) {
            if let Some(field) = kind.name_field() {
                document.set_if_some(field, about.name.as_deref());
            }
            document.set_if_some(kind.description_field(), about.description.as_deref());
            document.set_if_some("ResourceGroupId", about.resource_group.as_deref());
            if !about.tags.is_empty() {
                let tags = about.tags.iter();
                let tags = tags.map(|(key, value)| json!({ "Key": key, "Value": value }));
                document.set("Tags", tags.collect::<Vec<_>>());
            }
        }
        document
    }

    /// Gives a field a value.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.fields.insert(name.to_owned(), value.into());
    }

    /// Leaves the field out if there is no value.
    fn set_if_some(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    /// The document with its `kind` first, as a manifest has it.
    pub fn to_value(&self) -> Value {
        let kind = [("kind".to_owned(), Value::from(self.kind.name()))];
        let fields = self.fields.clone();
        Value::Object(kind.into_iter().chain(fields).collect())
    }
}

/// Every resource that somebody declared; what comes with endpoints is not among them.
pub fn documents(model: &Model) -> Vec<Document> {
    let of_kind = |kind| ids(model, kind).filter_map(move |id| document(model, kind, id));
    Kind::ALL.into_iter().flat_map(of_kind).collect()
}

/// The document of one resource, if it is there and somebody declared it.
pub fn document(model: &Model, kind: Kind, id: &str) -> Option<Document> {
    let mut document = Document::of(kind, id, model);
    let into = &mut document;
    match kind {
        Kind::Vpc => network::vpc(model.vpcs.get(id)?, into),
        Kind::VSwitch => network::vswitch(model.vswitches.get(id)?, into),
        Kind::PrefixList => {
            let list = model.prefix_lists.get(id)?;
            rules::prefix_list(list, model.about(kind, id), into);
        }
        Kind::SecurityGroup => {
            let group = model.security_groups.get(id)?;
            if group.service_managed {
                return None;
            }
            rules::security_group(group, model.about(kind, id), into);
        }
        Kind::NetworkAcl => rules::network_acl(model.network_acls.get(id)?, model, into),
        Kind::ProviderNetwork => {
            network::provider_network(model.provider_networks.get(id)?, into);
        }
        Kind::ServerGroup => {
            let group = model.server_groups.get(id)?;
            provider::server_group(group, model.about(kind, id), into);
        }
        Kind::LoadBalancer => {
            let balancer = model.load_balancers.get(id)?;
            provider::load_balancer(balancer, model.about(kind, id), into);
        }
        Kind::Service => provider::service(model.services.get(id)?, into),
        Kind::Endpoint => endpoint::fill(model.endpoints.get(id)?, into),
        Kind::FlowLog => flow_log::fill(model.flow_logs.get(id)?, into),
    }
    Some(document)
}

fn ids(model: &Model, kind: Kind) -> Box<dyn Iterator<Item = &str> + '_> {
    match kind {
        Kind::Vpc => Box::new(model.vpcs.keys().map(VpcId::as_str)),
        Kind::VSwitch => Box::new(model.vswitches.keys().map(VSwitchId::as_str)),
        Kind::PrefixList => Box::new(model.prefix_lists.keys().map(PrefixListId::as_str)),
        Kind::SecurityGroup => Box::new(model.security_groups.keys().map(SecurityGroupId::as_str)),
        Kind::NetworkAcl => Box::new(model.network_acls.keys().map(NetworkAclId::as_str)),
        Kind::ProviderNetwork => Box::new(
            model
                .provider_networks
                .keys()
                .map(ProviderNetworkId::as_str),
        ),
        Kind::ServerGroup => Box::new(model.server_groups.keys().map(ServerGroupId::as_str)),
        Kind::LoadBalancer => Box::new(model.load_balancers.keys().map(LoadBalancerId::as_str)),
        Kind::Service => Box::new(model.services.keys().map(ServiceId::as_str)),
        Kind::FlowLog => Box::new(model.flow_logs.keys().map(FlowLogId::as_str)),
        Kind::Endpoint => Box::new(model.endpoints.keys().map(EndpointId::as_str)),
    }
}

/// Those of a kind, or the one with this id. A kind may be written in any case and as a plural.
///
/// # Errors
/// There is no such kind, or no such id.
pub fn select(
    mut all: Vec<Document>,
    kind: Option<&str>,
    id: Option<&str>,
) -> Result<Vec<Document>, String> {
    if let Some(kind) = kind {
        let kind = kind_of(kind)?;
        all.retain(|document| document.kind == kind);
    }
    let Some(id) = id else {
        return Ok(all);
    };
    let ids: Vec<_> = all.iter().map(|document| document.id.clone()).collect();
    all.retain(|document| document.id == id);
    if all.is_empty() {
        let what = kind.unwrap_or("resource");
        return Err(format!(
            "there is no {what} {id:?}; there are: {}",
            some_of(&ids)
        ));
    }
    Ok(all)
}

/// The kind of that name, in any case and number.
///
/// # Errors
/// There is no such kind.
pub fn kind_of(name: &str) -> Result<Kind, String> {
    let asked = name.to_ascii_lowercase();
    let is_it = |kind: &Kind| {
        let name = kind.name().to_ascii_lowercase();
        asked == name || asked == plural(&name)
    };
    let found = Kind::ALL.into_iter().find(is_it);
    found.ok_or_else(|| format!("{name:?} is not a kind; write one of {}", Kind::names()))
}

fn plural(name: &str) -> String {
    if name.ends_with("ch") {
        format!("{name}es")
    } else {
        format!("{name}s")
    }
}

/// The first few.
fn some_of(ids: &[String]) -> String {
    const MOST: usize = 20;
    let shown = ids
        .iter()
        .take(MOST)
        .map(String::as_str)
        .collect::<Vec<_>>();
    match ids.len().saturating_sub(MOST) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// An object of these fields; those without a value are left out.
fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let fields = fields.into_iter();
    let fields = fields.filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(fields.collect())
}

/// What shows itself as text.
fn text(value: &impl ToString) -> Value {
    Value::from(value.to_string())
}
