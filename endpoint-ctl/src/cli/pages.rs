//! `completions` and `man`: what shells and people want to know of the commands, made of their definitions.
//!
//! May import: anyhow, clap, clap_complete, clap_mangen, std.

use std::fs;
use std::io::{self, Write as _};
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

pub(super) fn completions(args: &CompletionsArgs) -> Result<ExitCode> {
    // Into memory first: a pipe that is closed early would be a panic of the generator's.
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), NAME, &mut text);
    io::stdout().write_all(&text)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn man(args: &ManArgs) -> Result<ExitCode> {
    let shown = args.dir.display();
    fs::create_dir_all(&args.dir).with_context(|| shown.to_string())?;
    clap_mangen::generate_to(Cli::command(), &args.dir).with_context(|| shown.to_string())?;
    Ok(ExitCode::SUCCESS)
}
