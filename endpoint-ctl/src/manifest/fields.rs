//! Reading the fields of a mapping: every fault is recorded, none stops the reading.
//!
//! Ask for every field a mapping may have, then call [`Fields::finish`]: what was never asked for
//! is unknown. May import: std, `fault`, `node`, `suggest`.

use super::fault::{FaultClass, Place, Told, Wrong};
use super::node::{Entry, Node, Value};
use super::suggest::did_you_mean;

/// As many as most mappings may have: there are many rules, and each asks for its fields.
const MOST_FIELDS: usize = 20;

/// The fields of one mapping.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    place: Place<'a>,
    entries: &'a [Entry<'a>],
    asked: Vec<&'static str>,
    refused: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// The fields of the mapping at `place`; an empty path stands for a whole document.
    pub(super) fn new(place: Place<'a>, entries: &'a [Entry<'a>]) -> Self {
        Self {
            place,
            entries,
            asked: Vec::with_capacity(MOST_FIELDS),
            refused: Vec::new(),
        }
    }

    /// The place of the mapping itself.
    pub(super) fn place(&self) -> &Place<'a> {
        &self.place
    }

    /// The place of a field, or of the mapping when the field is missing.
    pub(super) fn place_of(&self, name: &'a str) -> Place<'a> {
        let line = self.entry(name).map_or(self.place.line, |entry| entry.line);
        Place {
            line,
            path: self.place.path.field(name),
            ..self.place.clone()
        }
    }

    /// A field that must be there.
    pub(super) fn required<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a Node<'a>) -> Result<T, Wrong>,
    ) -> Result<T, Told> {
        let value = self.optional(name, read)?;
        value.ok_or_else(|| self.missing(name))
    }

    /// A field that may be left out, with the value it then has.
    pub(super) fn defaulted<T>(
        &mut self,
        name: &'static str,
        default: T,
        read: impl FnOnce(&'a Node<'a>) -> Result<T, Wrong>,
    ) -> Result<T, Told> {
        Ok(self.optional(name, read)?.unwrap_or(default))
    }

    /// A field that may be left out.
    pub(super) fn optional<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a Node<'a>) -> Result<T, Wrong>,
    ) -> Result<Option<T>, Told> {
        self.asked.push(name);
        let Some(entry) = self.entry(name) else {
            return Ok(None);
        };
        match entry.value.value {
            Value::Null => Err(no_value(&self.place_of(name))),
            _ => read(&entry.value)
                .map(Some)
                .map_err(|wrong| self.place_of(name).wrong(wrong)),
        }
    }

    /// A mapping within this one, which may be left out.
    pub(super) fn section<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(Fields<'a>) -> Result<T, Told>,
    ) -> Result<Option<T>, Told> {
        let entries = self.optional(name, |node| match &node.value {
            Value::Map(entries) => Ok(entries),
            _ => Err(Wrong::new(
                format!("{} is not a mapping", node.describe()),
                "write its fields as `Field: value`",
            )),
        })?;
        let place = self.place_of(name);
        entries
            .map(|entries| read(Self::new(place, entries)))
            .transpose()
    }

    /// A list of plain values, each read with its place; a missing field is an empty list.
    pub(super) fn values<T>(
        &mut self,
        name: &'static str,
        mut read: impl FnMut(&Place<'a>, &'a Node<'a>) -> Result<T, Told>,
    ) -> Result<Vec<T>, Told> {
        self.list(name, |place, node| match node.value {
            Value::Null => Err(no_value(&place)),
            _ => read(&place, node),
        })
    }

    /// A list of mappings; a missing field is an empty list.
    pub(super) fn items<T>(
        &mut self,
        name: &'static str,
        mut read: impl FnMut(Fields<'a>) -> Result<T, Told>,
    ) -> Result<Vec<T>, Told> {
        self.list(name, |place, node| match &node.value {
            Value::Map(entries) => read(Self::new(place, entries)),
            _ => Err(place.fault(
                format!("{} is not a mapping", node.describe()),
                "write its fields as `Field: value`",
            )),
        })
    }

    /// A list of mappings that must be there, though it may be empty.
    pub(super) fn required_items<T>(
        &mut self,
        name: &'static str,
        read: impl FnMut(Fields<'a>) -> Result<T, Told>,
    ) -> Result<Vec<T>, Told> {
        let items = self.items(name, read)?;
        if self.has(name) {
            Ok(items)
        } else {
            Err(self.missing(name))
        }
    }

    /// Says of each of these fields that is present that it cannot be used yet.
    pub(super) fn unsupported(&mut self, names: &[&'static str], mend: &str) {
        for name in names.iter().filter(|name| self.has(name)) {
            self.place_of(name).fault("not supported yet", mend);
        }
        self.refused.extend(names);
    }

    /// Records that the field is missing.
    pub(super) fn missing(&self, name: &str) -> Told {
        self.place.fault_as(
            FaultClass::Missing,
            format!("{name} is missing"),
            format!("add `{name}:`"),
        )
    }

    /// Whether the field is there at all.
    pub(super) fn has(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    /// Reports the fields nobody asked for and those given twice.
    pub(super) fn finish(self) {
        for (index, entry) in self.entries.iter().enumerate() {
            let key = entry.key.as_ref();
            let place = || Place {
                line: entry.line,
                path: self.place.path.field(key),
                ..self.place.clone()
            };
            if let Some(first) = self.entries.iter().take(index).find(|e| e.key == key) {
                let problem = format!("given twice, first in line {}", first.line);
                place().fault(problem, "keep one of the two");
            } else if !self.asked.contains(&key) && !self.refused.contains(&key) {
                let near = did_you_mean(key, self.unused());
                let known = self.asked.join(", ");
                place().fault("unknown field", format!("{near}known here: {known}"));
            }
        }
    }

    fn list<T>(
        &mut self,
        name: &'static str,
        mut read: impl FnMut(Place<'a>, &'a Node<'a>) -> Result<T, Told>,
    ) -> Result<Vec<T>, Told> {
        let nodes = self.optional(name, |node| match &node.value {
            Value::List(nodes) => Ok(nodes.as_slice()),
            _ => Err(Wrong::new(
                format!("{} is not a list", node.describe()),
                "write a list: `[a, b]`, or lines that start with `- `",
            )),
        })?;
        let mut all = Vec::new();
        let mut faulty = None;
        let path = self.place.path.field(name).part("");
        for (index, node) in nodes.unwrap_or_default().iter().enumerate() {
            let place = Place {
                line: node.line,
                path: path.item(index),
                ..self.place.clone()
            };
            match read(place, node) {
                Ok(value) => all.push(value),
                Err(told) => faulty = Some(told),
            }
        }
        faulty.map_or(Ok(all), Err)
    }

    fn entry(&self, name: &str) -> Option<&'a Entry<'a>> {
        self.entries.iter().find(|entry| entry.key == name)
    }

    fn unused(&self) -> impl Iterator<Item = &'static str> {
        self.asked.iter().copied().filter(|name| !self.has(name))
    }
}

fn no_value(place: &Place<'_>) -> Told {
    place.fault("has no value", "write one, or remove the field")
}
