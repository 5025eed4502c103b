//! `completions` and `man`: what shells and people want to know of the commands, made of their definitions.
//!
//! May import: anyhow, clap, clap_complete, clap_mangen, std.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::Cli;

const NAME: &str = "endpoint-ctl";

#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// The directory to write the pages to, one for each command
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
}

pub(super) fn completions(args: &CompletionsArgs) -> ExitCode {
    clap_complete::generate(args.shell, &mut Cli::command(), NAME, &mut io::stdout());
    ExitCode::SUCCESS
}

pub(super) fn man(args: &ManArgs) -> Result<ExitCode> {
    let shown = args.dir.display();
    fs::create_dir_all(&args.dir).with_context(|| shown.to_string())?;
    clap_mangen::generate_to(Cli::command(), &args.dir).with_context(|| shown.to_string())?;
    Ok(ExitCode::SUCCESS)
}
