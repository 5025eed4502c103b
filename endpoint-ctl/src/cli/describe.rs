//! `describe`: everything that is known of one resource.
//!
//! May import: anyhow, clap, control, output.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use super::output::{Format, address, print, protocol, rows, table, text, to_yaml};
use crate::control::{Connection, DEFAULT_SOCKET, Request};

/// What to describe.
#[derive(Debug, Args)]
pub(super) struct DescribeArgs {
    /// A kind of resource, such as VpcEndpoint
    kind: String,
    /// The id of one of them
    id: String,
    /// The admin socket of the daemon to ask
    #[arg(long, default_value = DEFAULT_SOCKET)]
    socket: PathBuf,
    #[command(flatten)]
    format: Format,
}

/// `describe`: 2 if there is no such thing.
pub(super) fn describe(args: DescribeArgs) -> Result<ExitCode> {
    let (kind, id) = (args.kind, args.id);
    let request = Request::Describe { kind, id };
    let described = Connection::ask(&args.socket, &request)?.answer()?;
    if args.format.is_data() {
        args.format.print(&described)?;
        return Ok(ExitCode::SUCCESS);
    }
    print(&head(&described))?;
    if let Some(endpoint) = described.get("endpoint") {
        print(&of_endpoint(endpoint))?;
    }
    if described.get("targets").is_some() {
        print(&targets(&described))?;
    }
    let document = described.get("document").unwrap_or(&Value::Null);
    print(&format!("\n{}", to_yaml(document)?.trim_end()))?;
    Ok(ExitCode::SUCCESS)
}

/// The lines that every kind has.
fn head(described: &Value) -> String {
    let owner = match text(described, "manifest").as_str() {
        "-" => "the API".to_owned(),
        manifest => format!("the manifest {manifest}"),
    };
    let referrers = rows(described, "referrers");
    let referrers = referrers.map(|one| format!("{} {}", text(one, "kind"), text(one, "id")));
    let referrers: Vec<_> = referrers.collect();
    let of = |part: &str, key: &str| described.get(part).map(|part| text(part, key));
    let lines = [
        ("kind", Some(text(described, "kind"))),
        ("id", Some(text(described, "id"))),
        ("state", Some(text(described, "state"))),
        ("account", Some(text(described, "account-id"))),
        ("created", Some(text(described, "created"))),
        ("made by", Some(owner)),
        (
            "needed by",
            Some(match referrers.len() {
                0 => "-".to_owned(),
                _ => referrers.join(", "),
            }),
        ),
        ("endpoint", of("endpoint", "endpoint-status")),
        ("connection", of("endpoint", "connection-status")),
        ("name", of("endpoint", "endpoint-domain")),
        ("managed group", of("endpoint", "managed-security-group-id")),
        ("service", of("service", "service-status")),
        ("name", of("service", "service-domain")),
    ];
    let shown = lines.into_iter();
    let shown = shown.filter_map(|(name, value)| Some(format!("{:<14} {}", name, value?)));
    shown.collect::<Vec<_>>().join("\n")
}

fn of_endpoint(endpoint: &Value) -> String {
    let mut zones = table([
        "ZONE",
        "VSWITCH",
        "ENI",
        "ADDRESS",
        "IPV6 ADDRESS",
        "MAC",
        "STATE",
        "STATUS",
        "NAME",
    ]);
    for row in rows(endpoint, "zones") {
        let keys = [
            "zone-id",
            "vswitch-id",
            "eni-id",
            "ip",
            "ipv6",
            "mac",
            "state",
            "zone-status",
            "zone-domain",
        ];
        zones.add_row(keys.map(|key| text(row, key)));
    }
    let mut groups = table(["SECURITY GROUP", "STATUS"]);
    for row in rows(endpoint, "security-groups") {
        groups.add_row(["security-group-id", "security-group-status"].map(|key| text(row, key)));
    }
    format!("\n{zones}\n\n{groups}")
}

fn targets(described: &Value) -> String {
    let mut targets = table(["TARGET", "LISTENER", "WEIGHT", "STATE", "SINCE", "REASON"]);
    for row in rows(described, "targets") {
        targets.add_row([
            address(row, "server-ip", "port"),
            format!("{}/{}", protocol(row), text(row, "listener-port")),
            text(row, "weight"),
            text(row, "state"),
            text(row, "since"),
            text(row, "reason"),
        ]);
    }
    format!("\n{targets}")
}
