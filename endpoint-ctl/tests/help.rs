//! The command line's help, as one golden file.

use std::fmt::Write as _;
use std::path::Path;

use clap::CommandFactory as _;
use endpoint_ctl::cli::Cli;

#[test]
fn help_is_as_promised() {
    let mut command = Cli::command();
    command.build();
    let mut text = String::new();
    for part in std::iter::once(&mut command.clone()).chain(command.get_subcommands_mut()) {
        let help = part.render_long_help();
        writeln!(text, "=== {}\n{help}", part.get_name()).expect("a string takes everything");
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help.expected");
    xtask::golden::check(&golden, &text).unwrap_or_else(|error| panic!("{error}"));
}
