//! One TCP stream, by iperf3.
//!
//! May import: std, anyhow, serde_json, subject.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::subject::{Service, Subject};

/// What the backend received, in bits per second of payload.
pub(crate) fn bits_per_second(subject: &Subject, limit: Duration) -> Result<f64> {
    let target = subject.target(Service::Stream)?;
    let outcome = subject.ns("client-a").run([
        "iperf3",
        "--json",
        "--connect-timeout",
        "5000",
        "--time",
        &limit.as_secs().to_string(),
        "--client",
        &target.ip().to_string(),
        "--port",
        &target.port().to_string(),
    ])?;
    if !outcome.ok() {
        bail!("{outcome}");
    }
    let result: Value = serde_json::from_str(&outcome.stdout).context("iperf3's output")?;
    result["end"]["sum_received"]["bits_per_second"]
        .as_f64()
        .with_context(|| format!("iperf3 tells no rate: {outcome}"))
}
