//! The manifest: YAML documents in, a validated model out, or every fault of the file at once.
//!
//! The file is split into documents, each read by itself (`yaml`, `tree`, `plain`, `node`); documents are then
//! decoded kind by kind (`fields`, `scalar`, `ip`, `traffic`), each checked against what it refers to
//! (`context`); last, ENI addresses are given out (`address`).
//!
//! May import: std, foldhash, ipnet, serde, `granit_parser`, `serde_json`, `thiserror`, `model`.

mod about;
mod address;
mod connection;
mod context;
mod document;
mod endpoint;
mod endpoint_policy;
mod families;
mod fault;
mod fields;
mod flow_log;
mod health_check;
mod ip;
mod json;
mod kind;
mod limits;
mod network;
mod network_acl;
mod node;
mod peer;
mod permission;
mod plain;
mod prefix_list;
mod provider;
mod reverse;
mod rules;
mod scalar;
mod security_group;
mod server_group;
mod service;
mod suggest;
mod traffic;
mod tree;
mod uplink;
mod yaml;
mod zone;

use context::Context;
use document::{Declared, Document};
use fault::Faults;
pub use fault::{Fault, FaultClass, ManifestErrors};
pub(crate) use node::{Entry, Node, Value as NodeValue};
pub use rules::rules;
pub use scalar::is_id;

use serde_json::{Map, Value};

use crate::model::{Kind, Model, ResourceId};

/// The largest manifest that is read, in bytes.
pub const LARGEST: usize = 16 << 20;

/// Reads a manifest.
///
/// `file_name` only names the file in faults. With the model that was loaded `previous`ly, ENIs
/// whose address is chosen automatically keep theirs.
///
/// # Errors
/// All the faults that could be found, never just the first.
pub fn load(
    text: &str,
    file_name: &str,
    previous: Option<&Model>,
) -> Result<Model, ManifestErrors> {
    Manifest::read(text, file_name).load([], previous)
}

/// A manifest whose documents have been read, but not decoded yet.
#[derive(Debug)]
pub struct Manifest<'t> {
    file: String,
    documents: Vec<Document<'t>>,
    faults: Faults,
}

impl<'t> Manifest<'t> {
    /// Reads the documents; faults are told by [`load`](Self::load).
    pub fn read(text: &'t str, file_name: &str) -> Self {
        let faults = Faults::default();
        let documents = if text.len() > LARGEST {
            let size = text.len();
            faults.file(
                format!("the file has {size} bytes"),
                format!("a manifest may have {LARGEST}: remove what is not needed"),
            );
            Vec::new()
        } else {
            read_documents(text, &faults)
        };
        Self {
            file: file_name.to_owned(),
            documents,
            faults,
        }
    }

    /// The resources that it declares, as far as they could be read.
    pub fn declared(&self) -> impl Iterator<Item = ResourceId> {
        let headers = self.documents.iter().map(|document| &document.header);
        headers.filter_map(|header| Some(ResourceId::new(header.kind?, header.id.as_deref()?)))
    }

    /// The model of it and of resources that others declared, with which it has to be consistent.
    ///
    /// # Errors
    /// All the faults that could be found, in either.
    pub fn load<'d>(
        self,
        others: impl IntoIterator<Item = (Kind, &'d Map<String, Value>)>,
        previous: Option<&Model>,
    ) -> Result<Model, ManifestErrors> {
        let Self {
            file,
            documents,
            faults,
        } = self;
        let others = others.into_iter();
        let others = others.map(|(kind, fields)| Document::of_kind(kind, fields));
        let documents: Vec<Document<'_>> = documents.into_iter().chain(others).collect();
        let model = decode(&documents, Model::default(), previous, &faults);
        drop(documents);
        let faults = faults.into_sorted();
        if faults.is_empty() {
            return Ok(model);
        }
        Err(ManifestErrors { file, faults })
    }
}

/// Reads resources that were written as JSON, which may refer to what was declared `before`, and declare nothing
/// of it anew. `previous` is what is in force, for what may stay as it is though it could not be begun.
///
/// # Errors
/// All the faults that could be found, never just the first.
pub fn declare<'d>(
    resources: impl IntoIterator<Item = (Kind, &'d Map<String, Value>)>,
    before: Model,
    previous: &Model,
) -> Result<Model, Vec<Fault>> {
    let faults = Faults::default();
    let resources = resources.into_iter();
    let documents: Vec<_> = resources
        .map(|(kind, fields)| Document::of_kind(kind, fields))
        .collect();
    let model = decode(&documents, before, Some(previous), &faults);
    let faults = faults.into_sorted();
    if faults.is_empty() {
        return Ok(model);
    }
    Err(faults)
}

fn decode(
    documents: &[Document<'_>],
    before: Model,
    previous: Option<&Model>,
    faults: &Faults,
) -> Model {
    let declared = Declared::new(documents, faults);
    let mut context = Context::over(before, previous, &declared);
    if !context.is_all_new(faults) {
        return context.model;
    }
    for kind in Kind::ALL {
        for fields in documents
            .iter()
            .filter_map(|document| document.fields(kind, faults))
        {
            // What a document that cannot be used is lacking has been told.
            let _ = match kind {
                Kind::Vpc => network::vpc(fields, &mut context),
                Kind::VSwitch => network::vswitch(fields, &mut context),
                Kind::PrefixList => prefix_list::read(fields, &mut context),
                Kind::SecurityGroup => security_group::read(fields, &mut context),
                Kind::NetworkAcl => network_acl::read(fields, &mut context),
                Kind::ProviderNetwork => provider::network(fields, &mut context),
                Kind::ServerGroup => server_group::read(fields, &mut context),
                Kind::LoadBalancer => provider::load_balancer(fields, &mut context),
                Kind::Service => service::read(fields, &mut context),
                Kind::Endpoint => endpoint::read(fields, &mut context),
                Kind::FlowLog => flow_log::read(fields, &mut context),
            };
        }
    }
    context.model.resolve_server_groups();
    permission::check_references(&context);
    let enis = address::assign(&mut context, previous);
    reverse::check_enis(&enis, &context);
    if faults.is_empty() {
        check_nothing_lost(documents, &context, faults);
    }
    context.model
}

/// A document may be left out only if someone was told why: a rule that is silently missing would
/// let packets through. This catches mistakes of this module, not of the manifest.
fn check_nothing_lost(documents: &[Document<'_>], context: &Context<'_>, faults: &Faults) {
    for document in documents {
        let taken = match (document.header.kind, document.header.id.as_deref()) {
            (Some(kind), Some(id)) => context.has(kind, id),
            _ => false,
        };
        if !taken {
            let number = document.header.number;
            faults.file(
                format!("document {number} could not be used, for no known reason"),
                "report this as a defect of the program",
            );
        }
    }
}

fn read_documents<'t>(text: &'t str, faults: &Faults) -> Vec<Document<'t>> {
    let chunks = yaml::split(text);
    if chunks.is_empty() {
        faults.file(
            "the file holds no documents",
            format!(
                "a manifest needs one per resource, separated by `---`, each with `kind:` ({}) and its fields",
                Kind::names()
            ),
        );
    }
    let mut reader = yaml::Reader::new();
    let mut documents = Vec::new();
    for (number, chunk) in (1..).zip(chunks) {
        if reader.gave_up() {
            faults.file(
                format!("too many documents cannot be read; gave up at document {number}"),
                "mend those above first",
            );
            break;
        }
        documents.push(match reader.read(chunk) {
            Ok(node) => Document::new(number, node, faults),
            Err(broken) => Document::broken(number, chunk, broken, faults),
        });
    }
    documents
}
