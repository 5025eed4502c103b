//! What does not fit.
//!
//! May import: thiserror.

/// A model that the loaded maps cannot hold. Nothing of it was applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{table}: the configuration needs {needed}, the table holds {capacity}; {mend}")]
pub struct CompileError {
    /// The table, in users' words.
    pub table: &'static str,
    /// Rows needed.
    pub needed: usize,
    /// Rows there are.
    pub capacity: usize,
    /// How to mend it.
    pub mend: &'static str,
}
