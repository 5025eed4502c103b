//! Rows as they are asked for: of whom, of which days, by day or all together.
//!
//! May import: std, jiff, serde, meter, row.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::meter::Meter;
use super::row::{Bill, Used};

/// Which rows are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct UsageOf {
    /// Those of this endpoint alone.
    pub endpoint: Option<String>,
    /// Those that this account pays for alone.
    pub account: Option<String>,
    /// From this day on.
    pub from: Option<Date>,
    /// Up to this day, which is among them.
    pub to: Option<Date>,
    /// How they are put together.
    pub by: By,
}

/// How rows are put together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// A row for each day.
    Day,
    /// One for all days.
    #[default]
    Total,
}

/// What was used, as far as it was asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Usage {
    /// The file that rows are kept in.
    pub file: Option<PathBuf>,
    /// Without one: since when there are any.
    pub since: Option<Timestamp>,
    /// Why the file does not take them now; they are in memory until it does.
    pub error: Option<String>,
    /// The rows, by endpoint and payer; by day first, if that is asked for.
    pub rows: Vec<UsageRow>,
}

/// What an endpoint used, for one payer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct UsageRow {
    /// The endpoint, which may be gone.
    pub endpoint_id: String,
    /// The account that pays.
    pub account_id: String,
    /// Seconds that ENIs were in force, all of the endpoint's together; to the millisecond.
    pub eni_seconds: f64,
    /// Packets accepted toward ENIs.
    pub packets_in: u64,
    /// Their IP bytes.
    pub bytes_in: u64,
    /// Packets accepted from ENIs.
    pub packets_out: u64,
    /// Their IP bytes.
    pub bytes_out: u64,
    /// The first day of it (UTC).
    pub first_day: Date,
    /// The last.
    pub last_day: Date,
}

impl UsageOf {
    /// The rows of a meter that are asked for.
    pub(super) fn select(&self, meter: &Meter) -> Vec<UsageRow> {
        let mut found: BTreeMap<(Option<Date>, &Bill), (Used, Date, Date)> = BTreeMap::new();
        for (key, used) in meter.rows() {
            let is_asked = self.from.is_none_or(|from| key.day >= from)
                && self.to.is_none_or(|to| key.day <= to)
                && is_it(self.endpoint.as_deref(), key.bill.endpoint.as_str())
                && is_it(self.account.as_deref(), key.bill.payer.as_str());
            if !is_asked {
                continue;
            }
            let day = (self.by == By::Day).then_some(key.day);
            let fresh = (Used::default(), key.day, key.day);
            let (sum, _, last) = found.entry((day, &key.bill)).or_insert(fresh);
            sum.add(used);
            // Rows come by day.
            *last = key.day;
        }
        let rows = found.into_iter();
        rows.map(|((_, bill), (used, first_day, last_day))| UsageRow {
            endpoint_id: bill.endpoint.to_string(),
            account_id: bill.payer.to_string(),
            eni_seconds: seconds(&used),
            packets_in: used.r#in.packets,
            bytes_in: used.r#in.bytes,
            packets_out: used.out.packets,
            bytes_out: used.out.bytes,
            first_day,
            last_day,
        })
        .collect()
    }
}

fn is_it(wanted: Option<&str>, there: &str) -> bool {
    wanted.is_none_or(|wanted| wanted == there)
}

/// Whole milliseconds, so that there are no digits that nobody measured.
#[expect(
    clippy::cast_precision_loss,
    reason = "there are no 2^53 milliseconds in 285,000 years"
)]
fn seconds(used: &Used) -> f64 {
    used.eni_time.as_millis() as f64 / 1_000.0
}
