//! The file that rows are kept in: a store of its own, of which each row is a record.
//!
//! May import: std, thiserror, store, meter, row.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::meter::{Meter, Write};
use super::row;
use crate::store::{
    Embedded, Key, MAX_BYTES, MAX_OPERATIONS, Outcome, Record, Store, StoreError, Transaction,
};

/// The kind that records of rows have.
const KIND: &str = "usage";

/// Why what was used before cannot be had.
#[derive(Debug, Error)]
pub enum MeteringError {
    /// The file cannot be opened.
    #[error(
        "usage: {0}. Or move it away with its `.lock`, or name another --usage-file: counting begins anew then"
    )]
    Store(#[from] StoreError),
    /// It holds something else.
    #[error("usage: {} holds {what}: name another --usage-file", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it holds.
        what: String,
    },
}

/// An open file.
#[derive(Debug, Clone)]
pub(super) struct UsageFile(Store);

impl UsageFile {
    /// Opens a file, or makes it, and gives what it holds to a meter.
    pub(super) async fn open(path: &Path, meter: &mut Meter) -> Result<Self, MeteringError> {
        let store = Store::Embedded(Embedded::open(path).await?);
        let listing = store.list(None).await?;
        for record in &listing.records {
            if let Err(what) = restore(record, meter) {
                store.close().await;
                let path = path.to_owned();
                return Err(MeteringError::Foreign { path, what });
            }
        }
        Ok(Self(store))
    }

    /// Writes rows, several together. What an error leaves unwritten may have been written in part, which does no
    /// harm: a record holds all that its row does.
    pub(super) async fn write(&self, writes: &[Write]) -> Result<(), StoreError> {
        let mut transaction = Transaction::new();
        let (mut operations, mut bytes) = (0, 0);
        for write in writes {
            let key = Key::new(KIND, &format!("{:020}", write.number))?;
            let value = match &write.row {
                None => None,
                // Nothing of a row can fail to be JSON; if it does, it is as if nothing was to be written.
                Some((key, used)) => match row::write(key, used) {
                    Ok(value) => Some(value),
                    Err(_) => continue,
                },
            };
            let size = KIND.len() + 1 + key.id().len() + value.as_ref().map_or(0, Vec::len);
            if operations == MAX_OPERATIONS || bytes + size > MAX_BYTES {
                self.commit(std::mem::take(&mut transaction)).await?;
                (operations, bytes) = (0, 0);
            }
            operations += 1;
            bytes += size;
            transaction = match value {
                Some(value) => transaction.put(key, value),
                None => transaction.delete(key),
            };
        }
        if operations > 0 {
            self.commit(transaction).await?;
        }
        Ok(())
    }

    async fn commit(&self, transaction: Transaction) -> Result<(), StoreError> {
        // Without preconditions there is no conflict.
        let _: Outcome = self.0.transact(transaction).await?;
        Ok(())
    }

    pub(super) async fn close(&self) {
        self.0.close().await;
    }
}

/// Gives a record to a meter, or says what is wrong with it.
fn restore(record: &Record, meter: &mut Meter) -> Result<(), String> {
    let key = &record.key;
    let number = key.id().parse().ok().filter(|_| key.kind() == KIND);
    let number = number.ok_or_else(|| format!("`{key}`, which is not of usage"))?;
    let (row, used) = row::read(&record.value)
        .map_err(|error| format!("`{key}`, which cannot be read ({error})"))?;
    if meter.restore(number, row, used) {
        Ok(())
    } else {
        Err(format!("`{key}`, which is there twice"))
    }
}
