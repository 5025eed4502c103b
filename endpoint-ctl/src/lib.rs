//! The endpoint daemon as a library.
//!
//! Layout, in the direction data flows:
//! `manifest` (YAML) -> `model` (validated, immutable) -> `compiler` (pure) -> `dataplane` (aya).
pub mod compiler;
pub mod dataplane;
pub mod hostpath;
pub mod manifest;
pub mod model;
pub mod nexthop;
pub mod oracle;
pub mod reconcile;
