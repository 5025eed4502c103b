//! Flow-log records and what must be among them. Imports nothing.

use serde_json::Value;

/// Records, oldest first.
pub(crate) struct FlowLog(pub(crate) Vec<Value>);

impl FlowLog {
    /// The records that have all the fields of `wanted`.
    pub(crate) fn all<'a>(&'a self, wanted: &'a Value) -> impl Iterator<Item = &'a Value> {
        self.0.iter().filter(|record| has_fields(record, wanted))
    }

    /// The first record that has all the fields of `wanted`; there must be one.
    #[track_caller]
    pub(crate) fn one(&self, wanted: &Value) -> &Value {
        let found = self.0.iter().find(|record| has_fields(record, wanted));
        found.unwrap_or_else(|| panic!("no record with {wanted} among\n{self}"))
    }
}

impl std::fmt::Display for FlowLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|record| writeln!(f, "{record}"))
    }
}

/// Whether a JSON object has all the fields of another.
pub(crate) fn has_fields(object: &Value, wanted: &Value) -> bool {
    let wanted = wanted.as_object().expect("a JSON object of wanted fields");
    wanted.iter().all(|(key, value)| object[key] == *value)
}
