//! `diff`: what a manifest would change, for people.
//!
//! May import: anyhow, clap, control, output.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::Value;

use super::BAD_INPUT;
use super::output::{Format, address, print, protocol, rows, table, text};
use crate::control::{Candidate, ClientError, Connection, DEFAULT_SOCKET, Request};

#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// The manifest to hold against what is in force; the daemon reads it
    #[arg(short, long)]
    file: PathBuf,
    /// Say which live flows would meet another verdict, too
    #[arg(long)]
    replay: bool,
    /// Replay the records of this flow log (JSON lines), too; the daemon reads it
    #[arg(long, value_name = "FILE", requires = "replay")]
    flow_log: Option<PathBuf>,
    /// The admin socket of the daemon to ask
    #[arg(long, default_value = DEFAULT_SOCKET)]
    socket: PathBuf,
    #[command(flatten)]
    format: Format,
}

/// `diff`: 0 whatever would change, 2 for a manifest with faults.
pub(super) fn diff(args: DiffArgs) -> Result<ExitCode> {
    // The daemon has another working directory.
    let absolute = |path: PathBuf| {
        let made = std::path::absolute(&path);
        made.with_context(|| path.display().to_string())
    };
    let candidate = Candidate {
        file: absolute(args.file)?,
        replay: args.replay,
        flow_log: args.flow_log.map(absolute).transpose()?,
    };
    let format = args.format;
    let answer = match Connection::ask(&args.socket, &Request::Diff(candidate))?.answer() {
        Ok(answer) => answer,
        Err(ClientError::BadInput { text, faults }) => {
            if format.is_data() {
                format.print(&faults)?;
            } else {
                print(&text)?;
            }
            return Ok(ExitCode::from(BAD_INPUT));
        }
        Err(error) => return Err(error.into()),
    };
    if format.is_data() {
        format.print(&answer)?;
        return Ok(ExitCode::SUCCESS);
    }
    print(&changes(&answer))?;
    if !answer["replay"].is_null() {
        print(&format!("\n{}", replayed(&answer["replay"])))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn changes(answer: &Value) -> String {
    if rows(answer, "changes").next().is_none() {
        return "no resource would change".to_owned();
    }
    let mut shown = table(["CHANGE", "KIND", "ID", "FIELDS"]);
    for row in rows(answer, "changes") {
        let fields = rows(row, "fields").filter_map(Value::as_str);
        let fields = fields.collect::<Vec<_>>().join("; ");
        shown.add_row([
            text(row, "change"),
            text(row, "kind"),
            text(row, "id"),
            fields,
        ]);
    }
    shown.to_string()
}

fn replayed(replay: &Value) -> String {
    let mut shown = String::new();
    if rows(replay, "changed").next().is_some() {
        let mut flows = table([
            "STATE", "PROTO", "CLIENT", "TARGET", "BACKEND", "PACKET", "NOW", "THEN",
        ]);
        for row in rows(replay, "changed") {
            let end = |key: &str| address(&row[key], "ip", "port");
            flows.add_row([
                text(row, "state"),
                protocol(row),
                end("client"),
                end("target"),
                end("backend"),
                text(row, "side"),
                meets(&row["old"]),
                meets(&row["new"]),
            ]);
        }
        shown = format!("{flows}\n\n");
    }
    let count = |key| text(replay, key);
    format!(
        "{shown}{} live flows and {} records judged ({} records skipped): {} would be dropped, {} would be accepted{}",
        count("flows"),
        count("records"),
        count("skipped"),
        count("to-drop"),
        count("to-accept"),
        match count("unlisted").as_str() {
            "0" => String::new(),
            more => format!("; {more} of them are not listed"),
        },
    )
}

/// `drop group-ingress sgr-1`.
fn meets(meets: &Value) -> String {
    let parts = ["verdict", "reason", "rule-id"].map(|key| text(meets, key));
    let parts = parts.iter().filter(|part| *part != "-");
    parts.map(String::as_str).collect::<Vec<_>>().join(" ")
}
