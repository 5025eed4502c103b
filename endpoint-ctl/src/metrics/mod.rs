//! What the node counts, for Prometheus: OpenMetrics text at `/metrics`.
//!
//! May import: control (status), metering, observe. Names and labels: docs/metrics.md.

mod exposition;
mod server;

pub use exposition::exposition;
pub use server::{MetricsError, Sources, serve};
