//! `run`: the daemon's options.
//!
//! May import: anyhow, clap, api, compiler, control, daemon, model, observe, registry.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;

use endpoint_common::abi::flow::MOST_FLOWS;
use endpoint_common::abi::policy::RuleWord;

use super::BAD_INPUT;
use crate::api::{self, Listen, TlsFiles};
use crate::compiler::Capacity;
use crate::control::DEFAULT_SOCKET;
use crate::daemon::{self, ApiOptions, DaemonError, DaemonOptions, DeclareError, StorePlace};
use crate::model::{AccountId, NodeId};
use crate::observe::ObserverOptions;
use crate::registry::Quotas;

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// The manifest to serve; SIGHUP applies it again
    #[arg(short, long, required_unless_present = "store")]
    file: Option<PathBuf>,
    /// The name under which the manifest owns what it declares; that of the file if left out
    #[arg(long, value_name = "NAME", requires = "file")]
    name: Option<String>,
    /// Keep what is declared here: a file, or etcd://HOST:PORT[,HOST:PORT][/PREFIX]
    #[arg(long, value_name = "PLACE")]
    store: Option<StorePlace>,
    #[command(flatten)]
    etcd: EtcdArgs,
    /// Which of the nodes that share the store this is: what is bound to it names it; the host's name if
    /// left out
    #[arg(long, value_name = "ID", value_parser = node_id)]
    node_id: Option<String>,
    #[command(flatten)]
    api: ApiArgs,
    #[command(flatten)]
    region: RegionArgs,
    /// Serve metrics for Prometheus here, at /metrics: ADDRESS:PORT
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics_listen: Option<SocketAddr>,
    /// The admin socket
    #[arg(long, default_value = DEFAULT_SOCKET)]
    socket: PathBuf,
    /// Append flow-log records to this file, as JSON lines
    #[arg(long, value_name = "FILE")]
    flow_log: Option<PathBuf>,
    /// Length of a flow-log window
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=600))]
    flow_log_window: u64,
    /// Keep what endpoints used in this file; that of --store with `.usage` added if left out
    #[arg(long, value_name = "FILE")]
    usage_file: Option<PathBuf>,
    /// Keep it for so many days
    #[arg(long, value_name = "DAYS", default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    usage_days: u32,
    #[command(flatten)]
    tables: TableArgs,
    /// Most drops of an ENI that the flow log is told of in a second, on each CPU; the rest is counted
    #[arg(long, value_name = "N", default_value_t = daemon::TOLD_DROPS)]
    told_drops: u32,
    /// Log every packet's outcome (slow; for debugging)
    #[arg(long)]
    log_packets: bool,
}

/// How to speak to etcd.
#[derive(Debug, Args)]
#[expect(clippy::struct_field_names, reason = "they are the options' names")]
struct EtcdArgs {
    /// Certificates that sign those of etcd (PEM); with it, TLS is spoken
    #[arg(long, value_name = "FILE", requires = "store")]
    etcd_ca: Option<PathBuf>,
    /// Our certificate for etcd (PEM)
    #[arg(long, value_name = "FILE", requires = "etcd_key")]
    etcd_cert: Option<PathBuf>,
    /// The key of our certificate for etcd (PEM)
    #[arg(long, value_name = "FILE", requires = "etcd_cert")]
    etcd_key: Option<PathBuf>,
    /// A file with `user:password` for etcd, which only its owner may read
    #[arg(long, value_name = "FILE", requires = "store")]
    etcd_credentials: Option<PathBuf>,
}

/// How the API is served.
#[derive(Debug, Args)]
#[expect(clippy::struct_field_names, reason = "they are the options' names")]
struct ApiArgs {
    /// Serve the API here: ADDRESS:PORT, http://..., https://... or unix:/PATH; may be given several times
    #[arg(long, value_name = "PLACE", requires = "store")]
    api_listen: Vec<Listen>,
    /// The file with accounts and their access keys
    #[arg(long, value_name = "FILE", requires = "api_listen")]
    api_keys: Option<PathBuf>,
    /// The API's certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "api_tls_key")]
    api_tls_cert: Option<PathBuf>,
    /// The key of the API's certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "api_tls_cert")]
    api_tls_key: Option<PathBuf>,
    /// Take unsigned requests over the Unix socket as this account's
    #[arg(long, value_name = "ACCOUNT", requires = "api_listen")]
    api_unix_account: Option<String>,
}

/// Where resources are, whose they are, how many there may be.
#[derive(Debug, Args)]
struct RegionArgs {
    /// The account that resources of manifests belong to
    #[arg(long, value_name = "ACCOUNT", default_value = "local")]
    account: String,
    /// The region that requests must name
    #[arg(long, value_name = "REGION", default_value = "local")]
    region: String,
    /// What names of endpoints end with
    #[arg(long, value_name = "DOMAIN", default_value = "privatelink.internal")]
    domain: String,
    /// Most security groups of an account, those that come with endpoints included
    #[arg(long, value_name = "N", default_value_t = Quotas::default().security_groups)]
    quota_security_groups: usize,
    /// Most endpoint services of an account
    #[arg(long, value_name = "N", default_value_t = Quotas::default().services)]
    quota_services: usize,
    /// Most endpoints in a VPC
    #[arg(long, value_name = "N", default_value_t = Quotas::default().endpoints_per_vpc)]
    quota_endpoints: usize,
}

/// Sizes of the kernel's tables.
#[derive(Debug, Args)]
struct TableArgs {
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
    /// Most ENIs
    #[arg(long, value_name = "N", default_value_t = Capacity::default().enis, value_parser = clap::value_parser!(u32).range(1..=65_535))]
    enis: u32,
}

/// An id, as documents have it.
fn node_id(text: &str) -> Result<String, String> {
    if crate::manifest::is_id(text) {
        return Ok(text.to_owned());
    }
    Err("write 1 to 64 letters, digits, dots, dashes or underscores".to_owned())
}

/// The host's name; `local` where it has none.
fn host_name() -> String {
    let name = nix::unistd::gethostname().ok();
    let name = name.and_then(|name| name.into_string().ok());
    name.filter(|name| crate::manifest::is_id(name))
        .unwrap_or_else(|| "local".to_owned())
}

/// Table sizes: at least one row, and twice as many must fit 32 bits.
fn rows() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=i64::from(u32::MAX / 4))
}

impl RunArgs {
    fn options(self) -> DaemonOptions {
        let tables = self.tables;
        DaemonOptions {
            manifest: self.file,
            manifest_name: self.name,
            store: self.store.map(|place| self.etcd.complete(place)),
            node: NodeId::new(self.node_id.unwrap_or_else(host_name)),
            api: self.api.options(),
            account: AccountId::new(self.region.account),
            region: self.region.region,
            domain: self.region.domain,
            quotas: Quotas {
                security_groups: self.region.quota_security_groups,
                services: self.region.quota_services,
                endpoints_per_vpc: self.region.quota_endpoints,
                ..Quotas::default()
            },
            usage_file: self.usage_file,
            usage_days: self.usage_days,
            metrics: self.metrics_listen,
            socket: self.socket,
            capacity: Capacity {
                flows: tables.flows,
                policy_rows: tables.policy_rows,
                maglev_slots: tables.maglev_slots,
                backends: tables.backends,
                service_rows: tables.service_rows,
                rules: tables.rules,
                enis: tables.enis,
                ..Capacity::default()
            },
            told_drops: self.told_drops,
            log_packets: self.log_packets,
            observer: ObserverOptions {
                window: Duration::from_secs(self.flow_log_window),
                file: self.flow_log,
            },
        }
    }
}

impl EtcdArgs {
    fn complete(self, place: StorePlace) -> StorePlace {
        match place {
            #[cfg(feature = "etcd")]
            StorePlace::Etcd(settings) => StorePlace::Etcd(crate::store::EtcdSettings {
                ca: self.etcd_ca,
                certificate: self.etcd_cert.zip(self.etcd_key),
                credentials: self.etcd_credentials,
                ..settings
            }),
            file @ StorePlace::File(_) => file,
        }
    }
}

impl ApiArgs {
    fn options(self) -> Option<ApiOptions> {
        if self.api_listen.is_empty() {
            return None;
        }
        let tls = self.api_tls_cert.zip(self.api_tls_key);
        Some(ApiOptions {
            server: api::Settings {
                listen: self.api_listen,
                keys: self.api_keys,
                tls: tls.map(|(certificate, key)| TlsFiles { certificate, key }),
                unix_account: self.api_unix_account.map(AccountId::new),
                ..api::Settings::default()
            },
        })
    }
}

/// `run`: 2 for a manifest with faults.
pub(super) fn run(args: RunArgs) -> anyhow::Result<ExitCode> {
    start_logging();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("no threads to run on")?;
    match runtime.block_on(daemon::run(args.options())) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(DaemonError::Declare(DeclareError::Faults(errors))) => {
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
