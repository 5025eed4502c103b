//! Parses arguments and exits.

use std::process::ExitCode;

use clap::Parser as _;
use endpoint_ctl::cli::{self, Cli};

fn main() -> ExitCode {
    cli::run(Cli::parse())
}
