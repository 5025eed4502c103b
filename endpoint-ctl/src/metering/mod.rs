//! What endpoints use and who pays for it: the time that ENIs are in force here, and the packets and bytes that
//! they accept. Rows are by day (UTC), endpoint and payer; they are kept in a file of their own.
//!
//! The amounts are the kernel side's own counters by ENI, of which flow-log records are made as well; nothing is
//! estimated or sampled. [`meter`] adds up and is pure, `task` asks and keeps.
//!
//! May import: std, bytes, jiff, serde, serde_json, thiserror, tokio, tracing, model, observe, registry, store.

mod bill;
mod days;
mod file;
mod meter;
mod row;
mod task;
mod usage;

pub use file::MeteringError;
pub use meter::{Meter, Moment};
pub use row::{Bill, Used};
pub use task::{Metering, MeteringOptions, Prepared};
pub use usage::{By, Usage, UsageOf, UsageRow};
