//! `backup` and `restore`: copies of the store.
//!
//! May import: anyhow, clap, control, store, output.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;

use super::output::{print, text};
use crate::control::{Connection, DEFAULT_SOCKET, Request};
use crate::store;

#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// The file to write, which must not be there yet; the daemon writes it
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// The admin socket of the daemon to ask
    #[arg(long, default_value = DEFAULT_SOCKET)]
    socket: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// The backup
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// The store to make of it
    #[arg(long, value_name = "FILE")]
    store: PathBuf,
    /// Replace a store that is there; it is kept beside it
    #[arg(long)]
    overwrite: bool,
}

pub(super) fn backup(args: &BackupArgs) -> Result<ExitCode> {
    // The daemon has another working directory.
    let to = std::path::absolute(&args.to);
    let to = to.with_context(|| args.to.display().to_string())?;
    let shown = to.display().to_string();
    let answer = Connection::ask(&args.socket, &Request::Backup { to })?.answer()?;
    print(&format!("{shown}: revision {}", text(&answer, "revision")))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn restore(args: &RestoreArgs) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let restored = store::restore(&args.from, &args.store, args.overwrite);
    let revision = runtime.block_on(restored)?;
    print(&format!("{}: revision {revision}", args.store.display()))?;
    Ok(ExitCode::SUCCESS)
}
