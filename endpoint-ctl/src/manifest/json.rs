//! JSON inside a manifest, as nodes: so that its fields are read, and its faults told, like others.
//! Keys that are given twice are kept, for the reader to tell.
//!
//! May import: std, serde, `serde_json`, `fault`, `node`.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::fault::Wrong;
use super::node::{Entry, Node, Value};

/// Reads JSON; all its nodes are in `line`.
pub(super) fn parse(text: &str, line: u32) -> Result<Node<'static>, Wrong> {
    let Json(value) = serde_json::from_str(text)
        .map_err(|error| Wrong::new(format!("is not JSON: {error}"), "mend the JSON there"))?;
    let mut node = Node { line, value };
    put_in_line(&mut node, line);
    Ok(node)
}

fn put_in_line(node: &mut Node<'_>, line: u32) {
    node.line = line;
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| put_in_line(item, line)),
        Value::Map(entries) => {
            for entry in entries {
                entry.line = line;
                put_in_line(&mut entry.value, line);
            }
        }
        _ => {}
    }
}

struct Json(Value<'static>);

impl Json {
    fn node(self) -> Node<'static> {
        Node {
            line: 0,
            value: self.0,
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json(Value::Integer(value)))
    }

    #[expect(clippy::cast_precision_loss, reason = "as YAML has such numbers")]
    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        let number = i64::try_from(value).map(Value::Integer);
        Ok(Json(number.unwrap_or(Value::Float(value as f64))))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json(Value::Float(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json(Value::Text(value.to_owned().into())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Json>()? {
            list.push(item.node());
        }
        Ok(Json(Value::List(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Json, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = fields.next_key::<String>()? {
            let key = key.into();
            let value = fields.next_value::<Json>()?.node();
            let line = 0;
            entries.push(Entry { key, line, value });
        }
        Ok(Json(Value::Map(entries)))
    }
}
