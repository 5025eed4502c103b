//! The parameters of a call: texts, lists of them, and groups of fields, as a tree.
//!
//! On the wire they are flat: `Name`, `Name.1`, `Name.1.Field`, `Name.1.Field.2`, lists from 1
//! (`tree`). Operations read them by a [`Reader`], or as the nodes that the manifest's decoders read
//! (`node`), so that one decoder serves both faces.
//!
//! May import: std, serde, manifest, the module's own.

mod node;
mod reader;
mod tree;

use std::collections::BTreeMap;

use serde::Serialize;

pub use reader::Reader;

use super::ApiError;

/// The fields of a call, or of one item in it. Names are told apart by case. As JSON it is the same
/// for the same parameters, in whatever order they came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Parameters {
    fields: BTreeMap<String, Value>,
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// `Name=text`.
    Text(String),
    /// `Name.1=...`, `Name.2=...`: without gaps, so never empty.
    List(Vec<Value>),
    /// `Name.Field=...`.
    Fields(Parameters),
}

impl Parameters {
    /// Makes the tree of what came over the wire, such as `Zone.1.ZoneId`.
    ///
    /// # Errors
    /// Names that make no tree, or one too large.
    pub fn new(flat: BTreeMap<String, String>) -> Result<Self, ApiError> {
        tree::build(flat)
    }

    /// A field, if it is there.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields.get(name)
    }

    /// Puts a field there, and returns what was there before.
    pub fn insert(&mut self, name: impl Into<String>, value: Value) -> Option<Value> {
        self.fields.insert(name.into(), value)
    }

    /// Takes a field away.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(name)
    }

    /// All fields, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.fields
            .iter()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Reads them one by one.
    pub fn reader(&self) -> Reader<'_> {
        Reader::new(self, String::new())
    }
}
