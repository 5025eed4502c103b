//! The endpoint daemon as a library.
//!
//! Layout, in the direction data flows:
//! `manifest` (YAML) -> `model` (validated, immutable) -> `compiler` (pure) -> `dataplane` (aya).
pub mod model;
