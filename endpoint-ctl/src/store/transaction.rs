//! Transactions: what must hold, and what is written then. Imports `error` and `record`.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{Key, Revision, StoreError};

/// Preconditions, and writes, that a transaction may have: what etcd takes unless told otherwise.
/// The embedded store has the same limit, so that what works on one works on the other.
pub const MAX_OPERATIONS: usize = 128;
/// Keys and values of a transaction together, in bytes. etcd takes 1.5 MiB with its overhead.
pub const MAX_BYTES: usize = 1 << 20;

/// What must hold for a transaction to be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// There is no such record.
    Absent(Key),
    /// There is such a record.
    Present(Key),
    /// The record is there and was changed last by this commit.
    Unchanged(Key, Revision),
}

impl Precondition {
    pub(super) fn key(&self) -> &Key {
        match self {
            Self::Absent(key) | Self::Present(key) | Self::Unchanged(key, _) => key,
        }
    }

    /// Whether it holds where the record was changed last by the given commit, or is not there.
    pub(super) fn holds(&self, now: Option<Revision>) -> bool {
        match self {
            Self::Absent(_) => now.is_none(),
            Self::Present(_) => now.is_some(),
            Self::Unchanged(_, revision) => now == Some(*revision),
        }
    }
}

/// What came of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// All was written, with this revision. It is 0 if there was nothing to write: no writes, or
    /// only deletes of what was not there.
    Committed(Revision),
    /// Nothing was written, since a precondition does not hold: the first one, of this key.
    Conflict(Key),
}

/// Writes that are carried out together if all preconditions hold.
#[derive(Debug, Clone, Default)]
pub struct Transaction {
    pub(super) preconditions: Vec<Precondition>,
    /// Values, or none to delete.
    pub(super) writes: BTreeMap<Key, Option<Bytes>>,
}

impl Transaction {
    /// One that does nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a precondition.
    #[must_use]
    pub fn require(mut self, precondition: Precondition) -> Self {
        self.preconditions.push(precondition);
        self
    }

    /// Writes a record. What was to be done to the same key before is forgotten.
    #[must_use]
    pub fn put(mut self, key: Key, value: impl Into<Bytes>) -> Self {
        self.writes.insert(key, Some(value.into()));
        self
    }

    /// Deletes a record, if it is there. What was to be done to the same key before is forgotten.
    #[must_use]
    pub fn delete(mut self, key: Key) -> Self {
        self.writes.insert(key, None);
        self
    }

    /// Refuses what is over the limits.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let operations = self.preconditions.len().max(self.writes.len());
        if operations > MAX_OPERATIONS {
            return Err(StoreError::TooManyOperations(operations));
        }
        let of_key = |key: &Key| key.kind().len() + 1 + key.id().len();
        let written = self.writes.iter().map(|(key, value)| {
            let value = value.as_ref().map_or(0, Bytes::len);
            of_key(key) + value
        });
        let required = self.preconditions.iter().map(|p| of_key(p.key()));
        let bytes: usize = written.chain(required).sum();
        if bytes > MAX_BYTES {
            return Err(StoreError::TooManyBytes(bytes));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_kept() {
        let many = |count: usize| {
            (0..count).fold(Transaction::new(), |transaction, number| {
                transaction.delete(Key::new("a", &number.to_string()).unwrap())
            })
        };
        assert!(many(MAX_OPERATIONS).check().is_ok());
        assert!(many(MAX_OPERATIONS + 1).check().is_err());
        let large = |size| {
            let key = Key::new("a", "b").unwrap();
            Transaction::new().put(key, vec![0; size])
        };
        assert!(large(MAX_BYTES - 3).check().is_ok());
        assert!(large(MAX_BYTES - 2).check().is_err());
    }
}
