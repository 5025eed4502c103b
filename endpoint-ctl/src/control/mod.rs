//! The admin socket: one JSON request per connection, answered by JSON lines.
//!
//! `{"command":"status"}` -> one line `{"ok": ...}` or `{"error": "..."}`; a flow log is followed by
//! one line per record until either side closes.
//!
//! May import: observe, serde, tokio. Never: reconcile, dataplane (the daemon hands a status in).

mod client;
mod server;
mod status;

use serde::{Deserialize, Serialize};

use crate::observe::RulesOf;

pub use client::{ClientError, Connection};
pub use server::{AdminSocket, ServerError};
pub use status::{FindingState, HopState, InterfaceState, NodeStatus, TargetState};

/// Where the daemon listens unless told otherwise.
pub const DEFAULT_SOCKET: &str = "/run/endpoint/control.sock";

/// A question to the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// What is in force, and the counters.
    Status,
    /// Live flows.
    Flows,
    /// Rules in force, with what each has decided.
    Rules {
        /// Whose.
        of: RulesOf,
    },
    /// Flow-log records kept so far.
    Flowlog {
        /// Then those to come.
        follow: bool,
        /// End the running window first.
        flush: bool,
    },
}

/// An answer line, but for records, which stand as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// What was asked for.
    Ok(serde_json::Value),
    /// Why not.
    Error(String),
}
