//! A row: what an endpoint used on a day, and who pays for it; and the record it is kept as.
//!
//! May import: std, jiff, serde, serde_json, model, observe (amounts).

use std::time::Duration;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::model::{AccountId, EndpointId};
use crate::observe::Amount;

/// To whom an ENI's use is attributed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bill {
    /// The endpoint it is of.
    pub endpoint: EndpointId,
    /// The account that pays.
    pub payer: AccountId,
}

/// What was used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    /// How long ENIs were in force, all of them together.
    pub eni_time: Duration,
    /// Accepted toward ENIs.
    pub r#in: Amount,
    /// Accepted from ENIs.
    pub out: Amount,
}

impl Used {
    /// Adds more of it.
    pub(super) fn add(&mut self, more: &Self) {
        self.eni_time = self.eni_time.saturating_add(more.eni_time);
        add(&mut self.r#in, more.r#in);
        add(&mut self.out, more.out);
    }
}

fn add(sum: &mut Amount, more: Amount) {
    sum.packets = sum.packets.saturating_add(more.packets);
    sum.bytes = sum.bytes.saturating_add(more.bytes);
}

/// Which row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) day: Date,
    pub(super) bill: Bill,
}

/// A row as it is kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Stored {
    day: Date,
    endpoint_id: String,
    account_id: String,
    eni_milliseconds: u64,
    packets_in: u64,
    bytes_in: u64,
    packets_out: u64,
    bytes_out: u64,
}

/// A row's record.
pub(super) fn write(key: &Key, used: &Used) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Stored {
        day: key.day,
        endpoint_id: key.bill.endpoint.to_string(),
        account_id: key.bill.payer.to_string(),
        eni_milliseconds: u64::try_from(used.eni_time.as_millis()).unwrap_or(u64::MAX),
        packets_in: used.r#in.packets,
        bytes_in: used.r#in.bytes,
        packets_out: used.out.packets,
        bytes_out: used.out.bytes,
    })
}

/// The row that a record is of.
pub(super) fn read(record: &[u8]) -> Result<(Key, Used), serde_json::Error> {
    let stored: Stored = serde_json::from_slice(record)?;
    let key = Key {
        day: stored.day,
        bill: Bill {
            endpoint: EndpointId::new(stored.endpoint_id),
            payer: AccountId::new(stored.account_id),
        },
    };
    let amount = |packets, bytes| Amount { packets, bytes };
    let used = Used {
        eni_time: Duration::from_millis(stored.eni_milliseconds),
        r#in: amount(stored.packets_in, stored.bytes_in),
        out: amount(stored.packets_out, stored.bytes_out),
    };
    Ok((key, used))
}
