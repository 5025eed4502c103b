//! A YAML value that remembers its lines.
//!
//! May import: std, serde_json.

use std::borrow::Cow;

/// A value and the line of the file it starts on. Texts are borrowed from the file where it holds them as
/// they are.
#[derive(Debug, Clone)]
pub(crate) struct Node<'t> {
    pub(crate) line: u32,
    pub(crate) value: Value<'t>,
}

/// What a node holds.
#[derive(Debug, Clone)]
pub(crate) enum Value<'t> {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(Cow<'t, str>),
    List(Vec<Node<'t>>),
    Map(Vec<Entry<'t>>),
}

/// One field of a mapping; repeated keys are kept, so that they can be reported.
#[derive(Debug, Clone)]
pub(crate) struct Entry<'t> {
    pub(crate) key: Cow<'t, str>,
    pub(crate) line: u32,
    pub(crate) value: Node<'t>,
}

impl Node<'_> {
    /// What stands here, in words that fit after "is" and before "not ...".
    pub(super) fn describe(&self) -> String {
        match &self.value {
            Value::Null => "nothing".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Integer(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            Value::Text(text) => quote(text),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping".to_owned(),
        }
    }
}

impl<'t> From<&'t serde_json::Value> for Node<'t> {
    fn from(value: &'t serde_json::Value) -> Self {
        use serde_json::Value as Json;
        let value = match value {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => match number.as_i64() {
                Some(integer) => Value::Integer(integer),
                None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(text) => Value::Text(text.as_str().into()),
            Json::Array(items) => Value::List(items.iter().map(Into::into).collect()),
            Json::Object(fields) => Value::Map(entries(fields)),
        };
        Self { line: 0, value }
    }
}

/// The fields of a JSON object.
pub(super) fn entries(fields: &serde_json::Map<String, serde_json::Value>) -> Vec<Entry<'_>> {
    let entry = |(name, value)| Entry::<'_> {
        key: String::as_str(name).into(),
        line: 0,
        value: Into::into(value),
    };
    fields.iter().map(entry).collect()
}

/// The text in quotes, escaped and cut to a length that fits a line.
pub(super) fn quote(text: &str) -> String {
    const LONGEST: usize = 60;
    let cut: String = text.chars().take(LONGEST).collect();
    let dots = if cut.len() < text.len() { "..." } else { "" };
    format!("{cut:?}{dots}")
}
