//! The endpoint daemon and its command line, as a library.
//!
//! Control: [`manifest`] (YAML) -> [`model`] (validated, immutable) -> [`compiler`] (pure) ->
//! [`dataplane`] (aya), in the order [`reconcile`] gives, with next hops from [`nexthop`] and warnings
//! from [`preflight`]; on the way, [`health`] takes out of the model which servers can have no new
//! flows.
//! What is declared, by manifest or by the API ([`api`], [`operations`]), is the [`registry`]'s, which keeps it in
//! the [`store`] as the documents of [`document`].
//! Observation: [`dataplane`] -> [`observe`] (names, windows, flow log) -> [`control`] (the admin
//! socket) -> [`cli`]; [`metering`] keeps who used how much. [`daemon`] wires them; [`hostpath`] and [`oracle`]
//! serve tests and what-if questions; [`describe`] tells all that is known of a resource. Who may import whom is
//! enforced by `cargo xtask tidy`; see ARCHITECTURE.md.

pub mod api;
pub mod cli;
pub mod compiler;
pub mod control;
pub mod daemon;
pub mod dataplane;
pub mod describe;
pub mod diff;
pub mod document;
pub mod explain;
pub mod health;
pub mod hostpath;
pub mod manifest;
pub mod metering;
pub mod metrics;
pub mod model;
pub mod nexthop;
pub mod observe;
pub mod operations;
pub mod oracle;
pub mod preflight;
pub mod reconcile;
pub mod registry;
pub mod store;
