//! The command line: arguments in, tables or JSON out.
//!
//! May import: clap, anyhow, control, daemon, explain (questions), manifest and observe (their options), the
//! module's own.

mod diff;
mod explain;
mod get;
mod output;
mod show;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};

use endpoint_common::abi::flow::MOST_FLOWS;
use endpoint_common::abi::policy::RuleWord;

use crate::compiler::Capacity;
use crate::control::{ClientError, DEFAULT_SOCKET};
use crate::daemon::{self, DaemonError, DaemonOptions};
use crate::observe::{ObserverOptions, RulesOf};
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
    /// Serve a manifest: load the packet program and keep it fed
    Run(RunArgs),
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
    /// Show declared resources, as a manifest may hold them
    Get(get::GetArgs),
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

#[derive(Debug, Args)]
struct RunArgs {
    /// The manifest to serve; SIGHUP reads it again
    #[arg(short, long)]
    file: PathBuf,
    /// The admin socket
    #[arg(long, default_value = DEFAULT_SOCKET)]
    socket: PathBuf,
    /// Append flow-log records to this file, as JSON lines
    #[arg(long, value_name = "FILE")]
    flow_log: Option<PathBuf>,
    /// Length of a flow-log window
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=600))]
    flow_log_window: u64,
    /// Most flows of each IP family, rounded up to a power of two
    #[arg(long, value_name = "N", default_value_t = Capacity::default().flows, value_parser = clap::value_parser!(u32).range(16..=i64::from(MOST_FLOWS)))]
    flows: u32,
    /// Most nodes of compiled rule sets
    #[arg(long, value_name = "N", default_value_t = Capacity::default().policy_rows, value_parser = rows())]
    policy_rows: u32,
    /// Most slots of all listeners' Maglev tables
    #[arg(long, value_name = "N", default_value_t = Capacity::default().maglev_slots, value_parser = rows())]
    maglev_slots: u32,
    /// Most backends
    #[arg(long, value_name = "N", default_value_t = Capacity::default().backends, value_parser = rows())]
    backends: u32,
    /// Most addresses, listeners and targets, each
    #[arg(long, value_name = "N", default_value_t = Capacity::default().service_rows, value_parser = rows())]
    service_rows: u32,
    /// Most rules of security groups and network ACLs together, in force or removed lately
    #[arg(long, value_name = "N", default_value_t = Capacity::default().rules, value_parser = clap::value_parser!(u32).range(1..=i64::from(RuleWord::MAX_NUMBER)))]
    rules: u32,
    /// Most drops of an ENI that the flow log is told of in a second, on each CPU; the rest is counted
    #[arg(long, value_name = "N", default_value_t = daemon::TOLD_DROPS)]
    told_drops: u32,
    /// Log every packet's outcome (slow; for debugging)
    #[arg(long)]
    log_packets: bool,
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

/// Table sizes: at least one row, and twice as many must fit 32 bits.
fn rows() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=i64::from(u32::MAX / 4))
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
        Command::Run(args) => serve(args),
        Command::Check { file, format } => check(&file, format),
        Command::Status(args) => show::status(&args.socket, args.format),
        Command::Flows(args) => show::flows(&args.socket, args.format),
        Command::Rules { of, show } => show::rules(&show.socket, show.format, of.which()),
        Command::Diff(args) => diff::diff(args),
        Command::Explain(args) => explain::explain(args),
        Command::Get(args) => get::get(args),
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

fn serve(args: RunArgs) -> anyhow::Result<ExitCode> {
    start_logging();
    let capacity = Capacity {
        flows: args.flows,
        policy_rows: args.policy_rows,
        maglev_slots: args.maglev_slots,
        backends: args.backends,
        service_rows: args.service_rows,
        rules: args.rules,
        ..Capacity::default()
    };
    let options = DaemonOptions {
        manifest: args.file,
        socket: args.socket,
        capacity,
        told_drops: args.told_drops,
        log_packets: args.log_packets,
        observer: ObserverOptions {
            window: Duration::from_secs(args.flow_log_window),
            file: args.flow_log,
        },
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("no threads to run on")?;
    match runtime.block_on(daemon::run(options)) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(DaemonError::Manifest(errors)) => {
            writeln!(std::io::stderr(), "{errors}")?;
            Ok(ExitCode::from(BAD_INPUT))
        }
        Err(error) => Err(error.into()),
    }
}

/// Logs to stderr; `RUST_LOG` chooses levels, such as `endpoint_ctl=debug`.
fn start_logging() {
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_default_directive(tracing::level_filters::LevelFilter::INFO.into())
        .from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
}

fn check(file: &std::path::Path, format: Format) -> anyhow::Result<ExitCode> {
    match daemon::read_manifest(file, None) {
        Ok(model) => {
            show::checked(file, &model, format)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(DaemonError::Manifest(errors)) => {
            show::faults(&errors, format)?;
            Ok(ExitCode::from(BAD_INPUT))
        }
        Err(error) => Err(error.into()),
    }
}
