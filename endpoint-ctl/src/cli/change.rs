//! `apply` and `delete`: what is declared is changed.
//!
//! May import: anyhow, clap, control, diff, output.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::Value;

use super::BAD_INPUT;
use super::diff::changes;
use super::output::{Format, print, rows, text};
use crate::control::{Application, ClientError, Connection, DEFAULT_SOCKET, Request};

#[derive(Debug, Args)]
pub(super) struct ApplyArgs {
    /// The manifest; the daemon reads it
    #[arg(short, long)]
    file: PathBuf,
    /// The name under which it owns what it declares; that of the file if left out
    #[arg(long)]
    name: Option<String>,
    /// Delete what it declared before, and does not any more
    #[arg(long)]
    prune: bool,
    /// Take over what it declares and the API, or another manifest, made
    #[arg(long)]
    take_over: bool,
    /// Only say what would change
    #[arg(long)]
    dry_run: bool,
    /// The admin socket of the daemon to ask
    #[arg(long, default_value = DEFAULT_SOCKET)]
    socket: PathBuf,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Args)]
pub(super) struct DeleteArgs {
    /// A kind of resource, such as VpcEndpoint
    kind: String,
    /// The id of one of them
    id: String,
    /// The admin socket of the daemon to ask
    #[arg(long, default_value = DEFAULT_SOCKET)]
    socket: PathBuf,
}

/// `apply`: 2 for a manifest with faults, or one that declares what belongs to others.
pub(super) fn apply(args: ApplyArgs) -> Result<ExitCode> {
    // The daemon has another working directory.
    let file = std::path::absolute(&args.file);
    let application = Application {
        file: file.with_context(|| args.file.display().to_string())?,
        name: args.name,
        prune: args.prune,
        take_over: args.take_over,
        dry_run: args.dry_run,
    };
    let format = args.format;
    let asked = Connection::ask(&args.socket, &Request::Apply(application))?;
    let answer = match asked.answer() {
        Ok(answer) => answer,
        Err(ClientError::BadInput { text, faults }) => {
            if format.is_data() && !faults.is_null() {
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
    } else {
        print(&changes(&answer))?;
        for left in rows(&answer, "left") {
            let (kind, id) = (text(left, "kind"), text(left, "id"));
            print(&format!(
                "{kind} {id} is declared no more, and stays; --prune deletes it"
            ))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `delete`: 2 if there is no such thing, or something needs it.
pub(super) fn delete(args: DeleteArgs) -> Result<ExitCode> {
    let request = Request::Delete {
        kind: args.kind,
        id: args.id,
    };
    let _: Value = Connection::ask(&args.socket, &request)?.answer()?;
    Ok(ExitCode::SUCCESS)
}
