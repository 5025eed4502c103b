//! `get`: declared resources, as a table or as documents that a manifest may hold.
//!
//! May import: anyhow, clap, control, output.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use super::output::{Format, print, table, text};
use crate::control::{Connection, DEFAULT_SOCKET, Request, Wanted};

/// What to get.
#[derive(Debug, Args)]
pub(super) struct GetArgs {
    /// A kind of resource, such as VpcEndpoint or securitygroups; all kinds if left out
    kind: Option<String>,
    /// The id of one of them
    id: Option<String>,
    /// The admin socket of the daemon to ask
    #[arg(long, default_value = DEFAULT_SOCKET)]
    socket: PathBuf,
    #[command(flatten)]
    format: Format,
}

pub(super) fn get(args: GetArgs) -> Result<ExitCode> {
    let (kind, id) = (args.kind, args.id);
    let found = Connection::ask(&args.socket, &Request::Get(Wanted { kind, id }))?.answer()?;
    let documents = found.as_array().map_or(&[][..], Vec::as_slice);
    if args.format.is_yaml() {
        for document in documents {
            args.format.print_record(document)?;
        }
    } else if args.format.is_data() {
        args.format.print(&found)?;
    } else {
        print_table(documents)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print_table(documents: &[Value]) -> Result<()> {
    let mut rows = table(["KIND", "ID", "FIELDS"]);
    for document in documents {
        let Value::Object(fields) = document else {
            continue;
        };
        // The kind and the id come first.
        let id = fields
            .values()
            .nth(1)
            .and_then(Value::as_str)
            .unwrap_or("-");
        let shown = fields
            .iter()
            .skip(2)
            .map(|(name, value)| shown(name, value));
        let shown: Vec<_> = shown.collect();
        rows.add_row([&text(document, "kind"), id, &shown.join(", ")]);
    }
    Ok(print(&rows.to_string())?)
}

/// A field in a few words: of what is long, how much there is.
fn shown(name: &str, value: &Value) -> String {
    const LONGEST: usize = 60;
    match value {
        Value::Array(items) if items.iter().all(Value::is_string) && items.len() <= 4 => {
            let items: Vec<_> = items.iter().filter_map(Value::as_str).collect();
            format!("{name} {}", items.join("+"))
        }
        Value::Array(items) => format!("{} {name}", items.len()),
        Value::String(text) if text.len() > LONGEST => format!("{name} of {} bytes", text.len()),
        Value::String(text) => format!("{name} {text}"),
        Value::Object(_) => name.to_owned(),
        other => format!("{name} {other}"),
    }
}
