//! One document of a manifest: its fields and its header, and which resources the file declares.
//!
//! May import: std, `fault`, `fields`, `kind`, `node`, `scalar`, `suggest`, `yaml`.

use std::collections::BTreeMap;

use serde_json::Map;

use super::fault::{Fault, FaultClass, Faults, Path, Place};
use super::fields::Fields;
use super::kind::Header;
use super::node::{self, Entry, Node, Value, quote};
use super::scalar::{self, MANAGED_GROUP_PREFIX};
use super::suggest::{did_you_mean, nearest};
use super::yaml::{Broken, Chunk};
use crate::model::Kind;

/// A document, as far as it could be read.
#[derive(Debug)]
pub(super) struct Document<'t> {
    pub(super) header: Header,
    /// Its fields; none when only the header is known.
    body: Option<Vec<Entry<'t>>>,
}

impl<'t> Document<'t> {
    /// Makes a document of what YAML gave, recording what is wrong with it as a whole.
    pub(super) fn new(number: usize, node: Node<'t>, faults: &Faults) -> Self {
        let mut header = Header {
            number,
            line: node.line,
            kind: None,
            id: None,
        };
        let Value::Map(entries) = node.value else {
            let found = node.describe();
            whole(&header, faults).fault(
                format!("{found} is not a resource"),
                format!(
                    "write its fields as `Field: value`, first `kind:`, one of {}",
                    Kind::names()
                ),
            );
            return Self { header, body: None };
        };
        header.line = entries.first().map_or(header.line, |entry| entry.line);
        let known = read_kind(&header, &entries, faults);
        // A kind that was only guessed still tells what the document meant to declare.
        let guess = field(&entries, "kind").and_then(|node| match &node.value {
            Value::Text(text) => nearest(text, Kind::ALL.map(Kind::name)).and_then(Kind::named),
            _ => None,
        });
        header.kind = known.or(guess);
        header.id = header.kind.and_then(|kind| read_id(kind, &entries));
        Self {
            header,
            body: known.map(|_| entries),
        }
    }

    /// Makes a document of a kind of what was written as JSON, and stands in no file.
    pub(super) fn of_kind(kind: Kind, fields: &'t Map<String, serde_json::Value>) -> Self {
        let entries: Vec<Entry<'t>> = node::entries(fields);
        let id = read_id(kind, &entries);
        let header = Header {
            number: 0,
            line: 0,
            kind: Some(kind),
            id,
        };
        Self {
            header,
            body: Some(entries),
        }
    }

    /// Makes a document of text that is not YAML: reports it, and guesses what it would declare.
    pub(super) fn broken(number: usize, chunk: Chunk<'_>, broken: Broken, faults: &Faults) -> Self {
        let line_value = |name: &str| {
            let value = chunk
                .text
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            let value = value?.trim().trim_matches(['"', '\'']);
            scalar::is_id(value).then(|| value.to_owned())
        };
        let kind = line_value("kind").and_then(|name| Kind::named(&name));
        let id = kind.and_then(|kind| line_value(kind.id_field()));
        faults.push(Fault {
            document: Some(number),
            kind: kind.map(|kind| kind.name().to_owned()),
            id: id.clone(),
            line: Some(broken.line),
            column: Some(broken.column),
            path: String::new(),
            problem: broken.problem,
            mend: broken.mend,
            class: FaultClass::Wrong,
        });
        Self {
            header: Header {
                number,
                line: chunk.line,
                kind,
                id,
            },
            body: None,
        }
    }

    /// The fields to read, if this is a readable document of that kind.
    pub(super) fn fields<'a>(&'a self, kind: Kind, faults: &'a Faults) -> Option<Fields<'a>> {
        let entries = self.body.as_ref()?;
        (self.header.kind == Some(kind)).then(|| {
            let mut fields = Fields::new(whole(&self.header, faults), entries);
            // Already read for the header.
            let _ = fields.optional("kind", |_| Ok(()));
            fields
        })
    }
}

pub(super) fn whole<'a>(header: &'a Header, faults: &'a Faults) -> Place<'a> {
    Place {
        faults,
        document: header,
        line: header.line,
        path: Path::default(),
    }
}

fn field<'n, 't>(entries: &'n [Entry<'t>], name: &str) -> Option<&'n Node<'t>> {
    entries
        .iter()
        .find(|entry| entry.key == name)
        .map(|entry| &entry.value)
}

fn read_kind(header: &Header, entries: &[Entry<'_>], faults: &Faults) -> Option<Kind> {
    let Some(entry) = entries.iter().find(|entry| entry.key == "kind") else {
        let near = did_you_mean("kind", entries.iter().map(|entry| entry.key.as_ref()));
        let near = near
            .replace("did you mean", "is it")
            .replace("? ", "? then rename it; ");
        whole(header, faults).fault(
            "kind is missing",
            format!("{near}add `kind:`, one of {}", Kind::names()),
        );
        return None;
    };
    let place = Place {
        line: entry.line,
        path: Path::default().field("kind"),
        ..whole(header, faults)
    };
    let Value::Text(text) = &entry.value.value else {
        let found = entry.value.describe();
        place.fault(
            format!("{found} is not a kind"),
            format!("write one of {}", Kind::names()),
        );
        return None;
    };
    let kind = Kind::named(text);
    if kind.is_none() {
        let near = did_you_mean(text, Kind::ALL.map(Kind::name));
        place.fault(
            format!("{} is not a kind", quote(text)),
            format!("{near}write one of {}", Kind::names()),
        );
    }
    kind
}

fn read_id(kind: Kind, entries: &[Entry<'_>]) -> Option<String> {
    let id = scalar::id(field(entries, kind.id_field())?).ok()?;
    Some(id.to_owned())
}

/// The resources a file declares, faulty ones included.
#[derive(Debug)]
pub(super) struct Declared<'a> {
    headers: BTreeMap<(Kind, &'a str), &'a Header>,
}

impl<'a> Declared<'a> {
    /// Collects the declarations, reporting ids that are given twice or are not for users.
    pub(super) fn new(documents: &'a [Document<'a>], faults: &'a Faults) -> Self {
        let mut headers: BTreeMap<_, &Header> = BTreeMap::new();
        for document in documents {
            let header = &document.header;
            let (Some(kind), Some(id)) = (header.kind, header.id.as_deref()) else {
                continue;
            };
            let place = || {
                let path = Path::default().field(kind.id_field());
                let line = document.line_of(kind.id_field());
                Place {
                    line,
                    path,
                    ..whole(header, faults)
                }
            };
            if kind == Kind::SecurityGroup && id.starts_with(MANAGED_GROUP_PREFIX) {
                place().fault(
                    format!(
                        "{MANAGED_GROUP_PREFIX:?} is reserved for groups that come with endpoints"
                    ),
                    "choose another id",
                );
            }
            if let Some(first) = headers.get(&(kind, id)) {
                place().fault(
                    format!("{} is declared already", first.describe()),
                    "choose another id, or remove one of the two documents",
                );
            } else {
                headers.insert((kind, id), header);
            }
        }
        Self { headers }
    }

    pub(super) fn has(&self, kind: Kind, id: &str) -> bool {
        self.headers.contains_key(&(kind, id))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (Kind, &'a str, &'a Header)> {
        let headers = self.headers.iter();
        headers.map(|((kind, id), header)| (*kind, *id, *header))
    }

    pub(super) fn ids(&self, kind: Kind) -> impl Iterator<Item = &'a str> {
        self.headers
            .keys()
            .filter(move |(k, _)| *k == kind)
            .map(|(_, id)| *id)
    }
}

impl Document<'_> {
    fn line_of(&self, name: &str) -> u32 {
        let entries = self.body.as_deref().unwrap_or_default();
        entries
            .iter()
            .find(|e| e.key == name)
            .map_or(self.header.line, |e| e.line)
    }
}
