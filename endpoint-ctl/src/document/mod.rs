//! Resources as documents: what `get` shows, what is stored, and what the manifest reads again.
//!
//! The inverse of `manifest`: reading what is written here gives the same model. A field that has its
//! default is left out, except where a reader would wonder.
//!
//! May import: model, ipnet, serde_json.

mod endpoint;
mod network;
mod provider;
mod rules;

use serde_json::{Map, Value};

use crate::model::Model;

/// The kinds, in the order in which a manifest reads them.
const KINDS: [&str; 9] = [
    "Vpc",
    "VSwitch",
    "PrefixList",
    "SecurityGroup",
    "NetworkAcl",
    "ProviderNetwork",
    "LoadBalancer",
    "VpcEndpointService",
    "VpcEndpoint",
];

/// A resource by itself, as the manifest has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The manifest's `kind`.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// Its fields, the id among them, in the order in which people read them.
    pub fields: Map<String, Value>,
}

impl Document {
    fn new(kind: &'static str, id_field: &str, id: &str) -> Self {
        let mut document = Self {
            kind,
            id: id.to_owned(),
            fields: Map::new(),
        };
        document.set(id_field, id);
        document
    }

    fn set(&mut self, name: &str, value: impl Into<Value>) {
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
        let kind = [("kind".to_owned(), Value::from(self.kind))];
        let fields = self.fields.clone();
        Value::Object(kind.into_iter().chain(fields).collect())
    }
}

/// Every resource that somebody declared; what comes with endpoints is not among them.
pub fn documents(model: &Model) -> Vec<Document> {
    let mut all = network::documents(model);
    all.extend(rules::documents(model));
    all.extend(provider::documents(model));
    all.extend(model.endpoints.values().map(endpoint::document));
    all
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
        let asked = kind.to_ascii_lowercase();
        let is_it = |name: &str| {
            let name = name.to_ascii_lowercase();
            asked == name || asked == plural(&name)
        };
        if !KINDS.iter().any(|name| is_it(name)) {
            return Err(format!(
                "{kind:?} is not a kind; write one of {}",
                KINDS.join(", ")
            ));
        }
        all.retain(|document| is_it(document.kind));
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
