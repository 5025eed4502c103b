//! What may be served and what not. May import: the module's own.
