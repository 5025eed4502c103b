//! The admin socket: one JSON request per connection, answered by JSON lines.
//!
//! `{"command":"status"}` -> one line `{"ok": ...}` or `{"error": "..."}`; a flow log is followed by
//! one line per record until either side closes.
//!
//! May import: observe, explain and metering (questions), serde, tokio. Never: reconcile, dataplane (the daemon hands a status in).

mod client;
mod server;
mod status;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::explain::Question;
use crate::metering::UsageOf;
use crate::observe::RulesOf;

pub use client::{ClientError, Connection};
pub use server::{AdminSocket, Ask, ServerError};
pub use status::{FindingState, HopState, InterfaceState, NodeState, NodeStatus, TargetState};

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
    /// What becomes of a packet.
    Explain(Question),
    /// What a manifest would change.
    Diff(Candidate),
    /// Declared resources, as documents.
    Get(Wanted),
    /// All that is known of a resource.
    Describe {
        /// Its kind, in any case and number.
        kind: String,
        /// Its id.
        id: String,
    },
    /// What endpoints used.
    Usage(UsageOf),
    /// A manifest is to be applied.
    Apply(Application),
    /// What is stored is to be copied to a file that is not there yet.
    Backup {
        /// The file.
        to: PathBuf,
    },
    /// A resource is to be deleted.
    Delete {
        /// Its kind, in any case and number.
        kind: String,
        /// Its id.
        id: String,
    },
}

/// A manifest that is to be applied, and how. The daemon reads the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Application {
    /// The manifest.
    pub file: PathBuf,
    /// The name under which it owns what it declares; that of the file if there is none.
    pub name: Option<String>,
    /// Delete what it declared before, and does not any more.
    pub prune: bool,
    /// Take over what it declares and others made.
    pub take_over: bool,
    /// Only say what would change.
    pub dry_run: bool,
}

/// Which resources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Wanted {
    /// Of this kind, in any case and number; none for all kinds.
    pub kind: Option<String>,
    /// With this id alone.
    pub id: Option<String>,
}

/// A manifest that is not in force, and what to hold against it. The daemon reads the files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Candidate {
    /// The manifest.
    pub file: PathBuf,
    /// Judge live flows by it, too.
    pub replay: bool,
    /// A flow log to judge by it, too.
    pub flow_log: Option<PathBuf>,
}

/// An answer line, but for records, which stand as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// What was asked for.
    Ok(serde_json::Value),
    /// Why not.
    Error(String),
    /// What is wrong with what was asked, for people and, as far as there is more, for programs.
    BadInput {
        /// For people, with the mend.
        text: String,
        /// For programs.
        faults: serde_json::Value,
    },
}
