//! The command line of `cargo xtask`. Imports the library's subcommands.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use xtask::build::{self, Profile};
use xtask::suite::{self, Part};
use xtask::workspace::Workspace;
use xtask::{demo, setup, tidy};

/// Set-up, build, demo, tests and benches of this workspace. Each subcommand
/// does the set-up and the builds it needs.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    command: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Find or install what building and testing need
    Setup,
    /// Build the packet programs and endpoint-ctl
    Build {
        /// Optimise (the default)
        #[arg(long, conflicts_with = "debug")]
        release: bool,
        /// Compile endpoint-ctl quickly instead
        #[arg(long)]
        debug: bool,
    },
    /// Show an endpoint at work, from packet to flow log (needs root)
    Demo {
        /// Leave the lab up until Ctrl-C
        #[arg(long)]
        keep: bool,
    },
    /// Run the tests; without a part, all that must hold before a change lands
    Test {
        /// Which part
        #[arg(value_enum, default_value = "all")]
        part: Part,
        /// Renew golden files instead of comparing with them
        #[arg(long)]
        bless: bool,
    },
    /// Measure the packet path, in ratios to floor programs (needs root)
    Bench {
        /// Measure whole paths between namespaces instead, in ratios to nftables
        #[arg(long)]
        veth: bool,
        /// `rules` measures by the number of rules instead. The rest is passed on to the bench: --quick,
        /// or with --veth: --seconds N, --rounds N
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Check the house rules that the compiler does not
    Tidy {
        /// Mend what a machine can mend: layout and white space
        #[arg(long)]
        bless: bool,
    },
    /// Exactly what continuous integration runs: `test all`
    Ci,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(args.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not by `Debug`: with RUST_BACKTRACE set that buries the message.
            eprintln!("error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("because: {cause}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    let ws = Workspace::find()?;
    match task {
        Task::Setup => setup::setup(&ws),
        Task::Build { debug: true, .. } => build::build(&ws, Profile::Debug).map(drop),
        Task::Build { .. } => build::build(&ws, Profile::Release).map(drop),
        Task::Demo { keep } => demo::demo(&ws, keep),
        Task::Test { part, bless } => suite::test(&ws, part, bless),
        Task::Bench { veth: true, args } => suite::bench(&ws, "veth", &args),
        Task::Bench { args, .. } => match args.split_first() {
            Some((first, rest)) if first == "rules" => suite::bench(&ws, "rules", rest),
            _ => suite::bench(&ws, "path", &args),
        },
        Task::Tidy { bless } => tidy::tidy(&ws, bless),
        Task::Ci => suite::test(&ws, Part::All, false),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::{Args, Task};

    #[test]
    fn a_bench_gets_its_own_arguments() {
        let parsed = |line: &str| match Args::try_parse_from(line.split(' ')) {
            Ok(Args {
                command: Task::Bench { veth, args },
            }) => (veth, args),
            other => panic!("{line}: {other:?}"),
        };
        let veth = parsed("xtask bench --veth --seconds 2");
        assert_eq!(veth, (true, vec!["--seconds".into(), "2".into()]));
        assert_eq!(
            parsed("xtask bench --quick"),
            (false, vec!["--quick".into()])
        );
    }
}
