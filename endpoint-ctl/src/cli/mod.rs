//! The command line: arguments in, tables or JSON out.
//!
//! May import: clap, anyhow, api, compiler, observe and registry (their options), control, daemon, explain
//! and metering (questions), manifest (faults), model, store (restoring), the module's own.

mod backup;
mod change;
mod describe;
mod diff;
mod explain;
mod get;
mod output;
mod pages;
mod run;
mod show;
mod usage;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::control::{ClientError, DEFAULT_SOCKET};
use crate::daemon::{self, DeclareError};
use crate::observe::RulesOf;
use output::Format;

/// Exit code for input with faults.
const BAD_INPUT: u8 = 2;
/// Exit code where the loaded program and the model disagree: something is broken.
const DISAGREEMENT: u8 = 3;

/// A self-hosted PrivateLink: private endpoints to services in other networks.
#[derive(Debug, Parser)]
#[command(name = "endpoint-ctl", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve: load the packet program and keep it fed
    Run(Box<run::RunArgs>),
    /// Say what is wrong with a manifest, without touching anything
    Check {
        /// The manifest (YAML, several documents)
        #[arg(short, long)]
        file: PathBuf,
        #[command(flatten)]
        format: Format,
    },
    /// Show what is in force, and the counters
    Status(ShowArgs),
    /// Show live flows
    Flows(ShowArgs),
    /// Show rules and what each has accepted and dropped
    Rules {
        #[command(flatten)]
        of: OfArgs,
        #[command(flatten)]
        show: ShowArgs,
    },
    /// Say what becomes of a packet, stage by stage, and why
    Explain(explain::ExplainArgs),
    /// Say what a manifest would change, without touching anything
    Diff(diff::DiffArgs),
    /// Apply a manifest: it owns what it declares
    Apply(change::ApplyArgs),
    /// Delete a resource that no manifest owns
    Delete(change::DeleteArgs),
    /// Copy what is stored to a file, while the daemon runs
    Backup(backup::BackupArgs),
    /// Make a store of a backup, while no daemon has it
    Restore(backup::RestoreArgs),
    /// Show declared resources, as a manifest may hold them
    Get(get::GetArgs),
    /// Show all that is known of one resource
    Describe(describe::DescribeArgs),
    /// Show what endpoints used, and who pays
    Usage(usage::UsageArgs),
    /// Print a shell's completions of these commands
    Completions(pages::CompletionsArgs),
    /// Write manual pages of these commands
    Man(pages::ManArgs),
    /// Show flow-log records
    Flowlog {
        /// Go on with records to come
        #[arg(long)]
        follow: bool,
        /// End the running window first
        #[arg(long)]
        flush: bool,
        #[command(flatten)]
        show: ShowArgs,
    },
}

/// Which rules.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct OfArgs {
    /// Those of one security group
    #[arg(long, value_name = "ID")]
    sg: Option<String>,
    /// Those of one network ACL
    #[arg(long, value_name = "ID")]
    nacl: Option<String>,
    /// Those that judge packets of one endpoint
    #[arg(long, value_name = "ID")]
    endpoint: Option<String>,
}

impl OfArgs {
    fn which(self) -> RulesOf {
        let group = self.sg.map(RulesOf::SecurityGroup);
        let acl = self.nacl.map(RulesOf::NetworkAcl);
        let endpoint = self.endpoint.map(RulesOf::Endpoint);
        group.or(acl).or(endpoint).unwrap_or(RulesOf::All)
    }
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// The admin socket of the daemon to ask
    #[arg(long, default_value = DEFAULT_SOCKET)]
    socket: PathBuf,
    #[command(flatten)]
    format: Format,
}

/// Does what the arguments say; 0 for success, 2 for input with faults, 3 where program and model
/// disagree, 1 for other errors.
pub fn run(cli: Cli) -> ExitCode {
    let done = match cli.command {
        Command::Run(args) => run::run(*args),
        Command::Apply(args) => change::apply(args),
        Command::Delete(args) => change::delete(args),
        Command::Check { file, format } => check(&file, format),
        Command::Status(args) => show::status(&args.socket, args.format),
        Command::Flows(args) => show::flows(&args.socket, args.format),
        Command::Rules { of, show } => show::rules(&show.socket, show.format, of.which()),
        Command::Diff(args) => diff::diff(args),
        Command::Explain(args) => explain::explain(args),
        Command::Completions(args) => pages::completions(&args),
        Command::Man(args) => pages::man(&args),
        Command::Backup(args) => backup::backup(&args),
        Command::Restore(args) => backup::restore(&args),
        Command::Get(args) => get::get(args),
        Command::Describe(args) => describe::describe(args),
        Command::Usage(args) => usage::usage(args),
        Command::Flowlog {
            follow,
            flush,
            show,
        } => show::flow_log(&show.socket, show.format, follow, flush),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            // Nowhere is left to report a broken stderr to.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            match error.downcast_ref() {
                Some(ClientError::BadInput { .. }) => ExitCode::from(BAD_INPUT),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

fn check(file: &std::path::Path, format: Format) -> anyhow::Result<ExitCode> {
    match daemon::read_manifest(file, None) {
        Ok(model) => {
            show::checked(file, &model, format)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(DeclareError::Faults(errors)) => {
            show::faults(&errors, format)?;
            Ok(ExitCode::from(BAD_INPUT))
        }
        Err(error) => Err(error.into()),
    }
}
