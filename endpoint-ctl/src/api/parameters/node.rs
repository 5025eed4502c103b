//! Parameters as what the manifest's decoders read. May import: manifest, the module's own.

use super::{Parameters, Value};
use crate::manifest::{Entry, Node, NodeValue};

/// Nothing stands in a line here.
const LINE: u32 = 0;

impl<'t> From<&'t Parameters> for Node<'t> {
    fn from(parameters: &'t Parameters) -> Self {
        let entry = |(name, value): (&'t str, &'t Value)| Entry {
            key: name.into(),
            line: LINE,
            value: value.into(),
        };
        Self {
            line: LINE,
            value: NodeValue::Map(parameters.iter().map(entry).collect()),
        }
    }
}

impl<'t> From<&'t Value> for Node<'t> {
    fn from(value: &'t Value) -> Self {
        let value = match value {
            Value::Text(text) => NodeValue::Text(text.as_str().into()),
            Value::List(items) => NodeValue::List(items.iter().map(Into::into).collect()),
            Value::Fields(fields) => return fields.into(),
        };
        Self { line: LINE, value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_a_call_are_nodes_as_in_a_manifest() {
        let flat = [
            ("Permissions.1.PortRange", "80/80"),
            ("Permissions.1.Priority", "1"),
        ];
        let flat = flat.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let parameters = Parameters::new(flat.into()).expect("builds");
        let NodeValue::Map(entries) = Node::from(&parameters).value else {
            panic!("no mapping");
        };
        assert_eq!(entries[0].key, "Permissions");
        let NodeValue::List(rules) = &entries[0].value.value else {
            panic!("no list");
        };
        let NodeValue::Map(fields) = &rules[0].value else {
            panic!("no mapping");
        };
        let texts = fields.iter().map(|entry| match &entry.value.value {
            NodeValue::Text(text) => (&*entry.key, &**text),
            other => panic!("{other:?}"),
        });
        assert_eq!(
            texts.collect::<Vec<_>>(),
            [("PortRange", "80/80"), ("Priority", "1")]
        );
    }
}
