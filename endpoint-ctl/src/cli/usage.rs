//! `usage`: what endpoints used, and who pays for it.
//!
//! May import: anyhow, clap, jiff, control, metering (questions), output.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};
use jiff::civil::Date;
use serde_json::Value;

use super::BAD_INPUT;
use super::output::{Format, complain, print, rows, table, text};
use crate::control::{Connection, DEFAULT_SOCKET, Request};
use crate::metering::{By, UsageOf};

#[derive(Debug, Args)]
pub(super) struct UsageArgs {
    /// That of one endpoint, which may be gone
    #[arg(long, value_name = "ID")]
    endpoint: Option<String>,
    /// What one account pays for
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// From this day on (UTC), such as 2026-11-30
    #[arg(long, value_name = "DATE")]
    from: Option<Date>,
    /// Up to this day (UTC), which is among them
    #[arg(long, value_name = "DATE")]
    to: Option<Date>,
    /// A row for each day, or one for all
    #[arg(long, value_enum, default_value_t = Rows::Total)]
    by: Rows,
    /// The admin socket of the daemon to ask
    #[arg(long, default_value = DEFAULT_SOCKET)]
    socket: PathBuf,
    #[command(flatten)]
    format: Format,
}

/// How rows are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Rows {
    Day,
    Total,
}

/// `usage`: 2 if no day is asked for.
pub(super) fn usage(args: UsageArgs) -> Result<ExitCode> {
    if let (Some(from), Some(to)) = (args.from, args.to)
        && from > to
    {
        complain(&format!("--from {from} is after --to {to}"))?;
        return Ok(ExitCode::from(BAD_INPUT));
    }
    let of = UsageOf {
        endpoint: args.endpoint,
        account: args.account,
        from: args.from,
        to: args.to,
        by: match args.by {
            Rows::Day => By::Day,
            Rows::Total => By::Total,
        },
    };
    let usage = Connection::ask(&args.socket, &Request::Usage(of))?.answer()?;
    if args.format.is_data() {
        args.format.print(&usage)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut shown = table([
        "ENDPOINT",
        "PAYER",
        "HOURS",
        "BYTES IN",
        "BYTES OUT",
        "PACKETS IN",
        "PACKETS OUT",
        "FIRST DAY",
        "LAST DAY",
    ]);
    for row in rows(&usage, "rows") {
        let counted = ["bytes-in", "bytes-out", "packets-in", "packets-out"];
        let [bytes_in, bytes_out, packets_in, packets_out] = counted.map(|key| text(row, key));
        shown.add_row([
            text(row, "endpoint-id"),
            text(row, "account-id"),
            hours(row),
            bytes_in,
            bytes_out,
            packets_in,
            packets_out,
            text(row, "first-day"),
            text(row, "last-day"),
        ]);
    }
    print(&shown.to_string())?;
    if let Some(since) = usage.get("since").and_then(Value::as_str) {
        print(&format!(
            "in memory alone, since {since}: `run` with --usage-file keeps it"
        ))?;
    }
    if let Some(error) = usage.get("error").and_then(Value::as_str) {
        print(&format!("in memory alone for now: {error}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn hours(row: &Value) -> String {
    let seconds = row.get("eni-seconds").and_then(Value::as_f64);
    format!("{:.4}", seconds.unwrap_or_default() / 3_600.0)
}
