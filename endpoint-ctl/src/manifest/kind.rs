//! What a document says about itself.
//!
//! May import: std, `model`.

use crate::model::Kind;

/// How a document is named in faults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// Its number in the file, from 1; 0 if it stands in none.
    pub(super) number: usize,
    /// The line it starts on.
    pub(super) line: u32,
    pub(super) kind: Option<Kind>,
    pub(super) id: Option<String>,
}

impl Header {
    /// How a fault of another document names this one.
    pub(super) fn describe(&self) -> String {
        let kind = self.kind.map_or("document", Kind::name);
        let id = self.id.as_deref().unwrap_or("without id");
        if self.number == 0 {
            return format!("{kind} {id}");
        }
        format!("{kind} {id} (document {}, line {})", self.number, self.line)
    }
}
