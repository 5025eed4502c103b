//! Makes the events of one YAML document a tree of nodes.
//!
//! An alias is a copy of what its anchor names, within an allowance; `<<` takes over fields of other
//! mappings. May import: std, `granit_parser`, `node`, `plain`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, Tag, options};

use super::node::{Entry, Node, Value};
use super::plain;

#[cfg(test)]
mod tests;

/// Nesting that is still read; a manifest needs five.
const DEEPEST: usize = 24;

/// Why a document is no tree.
#[derive(Debug)]
pub(super) struct Refused {
    /// Line and column of the document's text, from 1.
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) problem: String,
    /// Whether it asks for more than is read.
    pub(super) is_excess: bool,
}

/// What a document holds.
#[derive(Debug)]
pub(super) struct Grown<'t> {
    pub(super) root: Node<'t>,
    /// How many values and keys that is, copies included.
    pub(super) size: usize,
}

/// Reads a document. Its lines are counted on from `before`; aliases may copy so many values.
pub(super) fn grow(text: &str, before: u32, allowance: usize) -> Result<Grown<'_>, Refused> {
    let mut options = options! {
        flow_nesting_limit: DEEPEST,
        block_nesting_limit: DEEPEST,
    };
    options.set_emit_comments(false);
    let mut tree = Tree {
        before,
        root: None,
        open: Vec::new(),
        anchors: BTreeMap::new(),
        size: 0,
        copies_left: allowance,
        kept_left: allowance,
    };
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, span) = next.map_err(|error| unreadable(&error))?;
        tree.take(event, &span)
            .map_err(|wrong| refused(&wrong, &span))?;
    }
    let line = before + 1;
    Ok(Grown {
        root: tree.root.unwrap_or(Node {
            line,
            value: Value::Null,
        }),
        size: tree.size,
    })
}

fn unreadable(error: &ScanError) -> Refused {
    let at = error.marker();
    Refused {
        line: short(at.line()),
        column: short(at.col() + 1),
        problem: match error.kind() {
            ErrorKind::UnknownAnchor => "the alias names no anchor before it".to_owned(),
            _ => error.info(),
        },
        is_excess: *error.kind() == ErrorKind::RecursionLimitExceeded,
    }
}

fn refused(wrong: &Wrong, span: &Span) -> Refused {
    let (problem, is_excess) = match wrong {
        Wrong::Nested => ("nested too deep".to_owned(), true),
        Wrong::Repeated => ("aliases repeat too many values".to_owned(), true),
        Wrong::Endless => ("the alias stands for what it is part of".to_owned(), true),
        Wrong::Tag(tag) => (format!("the tag {tag} has no meaning here"), false),
        Wrong::Key => ("a field's name must be a text".to_owned(), false),
        Wrong::Merged => (
            "<< takes a mapping, or a list of mappings".to_owned(),
            false,
        ),
        Wrong::Second => ("there is more than one value".to_owned(), false),
    };
    Refused {
        line: short(span.start.line()),
        column: short(span.start.col() + 1),
        problem,
        is_excess,
    }
}

fn short(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// What is wrong with an event.
enum Wrong {
    Nested,
    Repeated,
    Endless,
    Tag(String),
    Key,
    Merged,
    Second,
}

/// A tree that grows.
struct Tree<'t> {
    before: u32,
    root: Option<Node<'t>>,
    /// Lists and mappings that have not ended, each in the one before.
    open: Vec<Open<'t>>,
    anchors: BTreeMap<usize, Anchored<'t>>,
    size: usize,
    /// Values that may yet be copied for aliases, and be kept for anchors.
    copies_left: usize,
    kept_left: usize,
}

struct Open<'t> {
    line: u32,
    anchor: usize,
    /// The size of the tree before it.
    before: usize,
    /// How deep what it holds goes.
    depth: usize,
    /// A list or a mapping.
    value: Value<'t>,
    /// In a mapping: the key whose value is next.
    key: Option<Key<'t>>,
    /// What `<<` names.
    merged: Vec<Node<'t>>,
}

struct Key<'t> {
    text: Cow<'t, str>,
    line: u32,
    is_merge: bool,
}

#[derive(Clone)]
struct Anchored<'t> {
    node: Node<'t>,
    size: usize,
    depth: usize,
}

impl<'t> Tree<'t> {
    fn take(&mut self, event: Event<'t>, span: &Span) -> Result<(), Wrong> {
        let line = self.before + short(span.start.line());
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.size += 1;
                let is_plain = style == ScalarStyle::Plain && !is_text(tag.as_deref())?;
                self.scalar(line, text, is_plain, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.begin(line, anchor, Value::List(Vec::new()), tag.as_deref())
            }
            Event::MappingStart(_, anchor, tag) => {
                self.begin(line, anchor, Value::Map(Vec::new()), tag.as_deref())
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => self.alias(anchor),
            _ => Ok(()),
        }
    }

    fn scalar(
        &mut self,
        line: u32,
        text: Cow<'t, str>,
        is_plain: bool,
        anchor: usize,
    ) -> Result<(), Wrong> {
        let value = |text| match text {
            text if is_plain => plain::value(text),
            text => Value::Text(text),
        };
        if anchor != 0 {
            let value = value(text.clone());
            self.keep(anchor, &Node { line, value }, 1, 0);
        }
        if let Some(inner) = self.wants_key() {
            if is_plain && plain::is_nothing(&text) {
                return Err(Wrong::Key);
            }
            let is_merge = is_plain && text == "<<";
            inner.key = Some(Key {
                text,
                line,
                is_merge,
            });
            return Ok(());
        }
        let value = value(text);
        self.put(Node { line, value }, 0)
    }

    fn begin(
        &mut self,
        line: u32,
        anchor: usize,
        value: Value<'t>,
        tag: Option<&Tag>,
    ) -> Result<(), Wrong> {
        if let Some(tag) = tag {
            return Err(Wrong::Tag(tag.original()));
        }
        if self.wants_key().is_some() {
            return Err(Wrong::Key);
        }
        if self.open.len() == DEEPEST {
            return Err(Wrong::Nested);
        }
        self.open.push(Open {
            line,
            anchor,
            before: self.size,
            depth: 0,
            value,
            key: None,
            merged: Vec::new(),
        });
        self.size += 1;
        Ok(())
    }

    fn end(&mut self) -> Result<(), Wrong> {
        let Some(mut ended) = self.open.pop() else {
            return Ok(());
        };
        if let Value::Map(entries) = &mut ended.value
            && !ended.merged.is_empty()
        {
            merge(entries, ended.merged)?;
        }
        let node = Node {
            line: ended.line,
            value: ended.value,
        };
        let depth = ended.depth + 1;
        if ended.anchor != 0 {
            self.keep(ended.anchor, &node, self.size - ended.before, depth);
        }
        self.put(node, depth)
    }

    fn alias(&mut self, anchor: usize) -> Result<(), Wrong> {
        let Some(kept) = self.anchors.get(&anchor) else {
            let is_part = self.open.iter().any(|open| open.anchor == anchor);
            return Err(if is_part {
                Wrong::Endless
            } else {
                Wrong::Repeated
            });
        };
        if self.open.len() + kept.depth > DEEPEST {
            return Err(Wrong::Nested);
        }
        self.copies_left = self
            .copies_left
            .checked_sub(kept.size)
            .ok_or(Wrong::Repeated)?;
        self.size += kept.size;
        let Anchored { node, depth, .. } = kept.clone();
        let Some(inner) = self.wants_key() else {
            return self.put(node, depth);
        };
        let Value::Text(text) = node.value else {
            return Err(Wrong::Key);
        };
        inner.key = Some(Key {
            text,
            line: node.line,
            is_merge: false,
        });
        Ok(())
    }

    /// The mapping in which a key comes next.
    fn wants_key(&mut self) -> Option<&mut Open<'t>> {
        let is_waiting =
            |open: &&mut Open| matches!(open.value, Value::Map(_)) && open.key.is_none();
        self.open.last_mut().filter(is_waiting)
    }

    /// Puts a value where it belongs.
    fn put(&mut self, node: Node<'t>, depth: usize) -> Result<(), Wrong> {
        let Some(inner) = self.open.last_mut() else {
            let other = self.root.replace(node);
            return other.map_or(Ok(()), |_| Err(Wrong::Second));
        };
        inner.depth = inner.depth.max(depth);
        match &mut inner.value {
            Value::List(items) => items.push(node),
            Value::Map(entries) => match inner.key.take() {
                Some(key) if key.is_merge => inner.merged.push(node),
                Some(Key { text, line, .. }) => entries.push(Entry {
                    key: text,
                    line,
                    value: node,
                }),
                None => return Err(Wrong::Key),
            },
            _ => {}
        }
        Ok(())
    }

    /// Keeps what an anchor names, unless that is more than any alias may repeat.
    fn keep(&mut self, anchor: usize, node: &Node<'t>, size: usize, depth: usize) {
        if let Some(left) = self.kept_left.checked_sub(size) {
            self.kept_left = left;
            let node = node.clone();
            self.anchors.insert(anchor, Anchored { node, size, depth });
        }
    }
}

/// Whether a scalar's tag says that it is a text, whatever it looks like.
fn is_text(tag: Option<&Tag>) -> Result<bool, Wrong> {
    match tag {
        None => Ok(false),
        Some(tag) if tag.core_suffix() == Some("str") || tag.original() == "!" => Ok(true),
        Some(tag) => Err(Wrong::Tag(tag.original())),
    }
}

/// Adds the fields of other mappings that this one has not; the first one that has a field gives it.
fn merge<'t>(entries: &mut Vec<Entry<'t>>, merged: Vec<Node<'t>>) -> Result<(), Wrong> {
    let mut known: BTreeSet<_> = entries.iter().map(|entry| entry.key.clone()).collect();
    for node in merged {
        let all = match node.value {
            Value::List(nodes) => nodes,
            Value::Null => Vec::new(),
            _ => vec![node],
        };
        for other in all {
            let Value::Map(others) = other.value else {
                return Err(Wrong::Merged);
            };
            entries.extend(
                others
                    .into_iter()
                    .filter(|other| known.insert(other.key.clone())),
            );
        }
    }
    Ok(())
}
