//! The keys file: which accounts there are, and by which access keys they call.
//!
//! Nothing here prints a secret: neither `Debug`, nor errors about the file, which say where something
//! is wrong and never what stands there.
//!
//! May import: std, nix, serde, serde_saphyr, thiserror, the module's own.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::model::AccountId;

/// The largest keys file, in bytes.
const LARGEST: u64 = 1 << 20;
/// The longest account id, access key id and secret, in bytes.
const LONGEST: usize = 128;
const MOST_REQUESTS_PER_SECOND: u32 = 100_000;
/// Bits of a file's mode that others must not have, nor the group: all but its reading.
const TOO_OPEN: u32 = 0o027;

const FORM: &str = "write `Accounts:`, a list with AccountId and Keys, each key with AccessKeyId, AccessKeySecret and, if wanted, RequestsPerSecond and Disabled";

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read.
    #[error("keys file {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Too many may read or change it.
    #[error(
        "keys file {path}: its mode {mode:04o} lets others than its owner at the secrets; `chmod 600 {path}`"
    )]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It belongs to somebody who has no business with it.
    #[error(
        "keys file {path}: it belongs to user {owner}, who could change the keys; `chown root {path}`"
    )]
    Owner {
        /// The file.
        path: PathBuf,
        /// The owner's user id.
        owner: u32,
    },
    /// What is in it is no keys.
    #[error("keys file {path}: {}", faults.join("; "))]
    Faults {
        /// The file.
        path: PathBuf,
        /// All that is wrong, with where and how to mend it.
        faults: Vec<String>,
    },
}

/// A secret, which is not printed.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(super) struct Secret(String);

impl Secret {
    #[cfg(test)]
    pub(super) fn new(secret: &str) -> Self {
        Self(secret.to_owned())
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// An access key, and whose it is.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) account: AccountId,
    pub(super) secret: Secret,
    /// None: no limit.
    pub(super) requests_per_second: Option<u32>,
    pub(super) disabled: bool,
}

/// All keys, by their ids.
#[derive(Debug, Clone, Default)]
pub struct KeyRing {
    keys: HashMap<String, Key>,
}

impl KeyRing {
    /// Reads a keys file.
    ///
    /// # Errors
    /// See [`KeyFileError`]; no secret is in them.
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        let path_buf = || path.to_owned();
        let failed = |source| KeyFileError::Io {
            path: path_buf(),
            source,
        };
        // What is checked is what is read, whatever is put in its place meanwhile.
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let faults = |fault: String| KeyFileError::Faults {
            path: path_buf(),
            faults: vec![fault],
        };
        if !metadata.is_file() {
            return Err(faults("it is no regular file; name one".to_owned()));
        }
        let mode = metadata.mode() & 0o7777;
        if mode & TOO_OPEN != 0 {
            let path = path_buf();
            return Err(KeyFileError::Mode { path, mode });
        }
        let owner = metadata.uid();
        if owner != 0 && owner != nix::unistd::geteuid().as_raw() {
            let path = path_buf();
            return Err(KeyFileError::Owner { path, owner });
        }
        let mut text = String::new();
        let mut bounded = file.take(LARGEST + 1);
        bounded.read_to_string(&mut text).map_err(failed)?;
        if text.len() as u64 > LARGEST {
            return Err(faults(format!(
                "it has more than {LARGEST} bytes; remove what is not needed"
            )));
        }
        Self::parse(&text).map_err(|faults| KeyFileError::Faults {
            path: path_buf(),
            faults,
        })
    }

    /// The key of an id.
    pub(super) fn find(&self, id: &str) -> Option<&Key> {
        self.keys.get(id)
    }

    /// Whether there is none at all.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// The keys in a text, or all faults that were found in it.
    fn parse(text: &str) -> Result<Self, Vec<String>> {
        let file: KeysFile = serde_saphyr::from_str(text).map_err(|error| {
            // What the error says may hold a secret.
            let place = error.location().map_or_else(String::new, |at| {
                format!("line {}, column {}: ", at.line(), at.column())
            });
            vec![format!("{place}this is not what belongs there; {FORM}")]
        })?;
        let mut ring = Self::default();
        let mut faults = Vec::new();
        for (number, account) in (1..).zip(file.accounts) {
            let place = format!("account {number}");
            check_name(&place, "AccountId", &account.account_id, &mut faults);
            let id = AccountId::new(account.account_id);
            for (number, key) in (1..).zip(account.keys) {
                ring.take(&id, key, &format!("{place}, key {number}"), &mut faults);
            }
        }
        if ring.is_empty() && faults.is_empty() {
            faults.push(format!("it holds no key, so nobody could call; {FORM}"));
        }
        if faults.is_empty() {
            Ok(ring)
        } else {
            Err(faults)
        }
    }

    fn take(&mut self, account: &AccountId, key: KeyEntry, place: &str, faults: &mut Vec<String>) {
        check_name(place, "AccessKeyId", &key.access_key_id, faults);
        let secret = key.access_key_secret;
        if secret.0.is_empty() || secret.0.len() > LONGEST {
            faults.push(format!(
                "{place}: AccessKeySecret has {} bytes; write 1 to {LONGEST}",
                secret.0.len()
            ));
        }
        let rate = key.requests_per_second;
        if rate.is_some_and(|rate| !(1..=MOST_REQUESTS_PER_SECOND).contains(&rate)) {
            faults.push(format!(
                "{place}: RequestsPerSecond is out of range; write 1 to {MOST_REQUESTS_PER_SECOND}, or remove it for no limit"
            ));
        }
        match self.keys.entry(key.access_key_id) {
            Entry::Vacant(free) => {
                let id = free.key().clone();
                free.insert(Key {
                    id,
                    account: account.clone(),
                    secret,
                    requests_per_second: rate,
                    disabled: key.disabled,
                });
            }
            Entry::Occupied(_) => faults.push(format!(
                "{place}: another key has the same AccessKeyId; give one of the two another"
            )),
        }
    }
}

fn check_name(place: &str, name: &str, id: &str, faults: &mut Vec<String>) {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@');
    if id.is_empty() || id.len() > LONGEST || !id.chars().all(is_letter) {
        faults.push(format!(
            "{place}: {name} is not an id; write 1 to {LONGEST} letters, digits, dots, dashes, underscores or @"
        ));
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct KeysFile {
    accounts: Vec<AccountEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct AccountEntry {
    account_id: String,
    keys: Vec<KeyEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct KeyEntry {
    access_key_id: String,
    access_key_secret: Secret,
    requests_per_second: Option<u32>,
    #[serde(default)]
    disabled: bool,
}

#[cfg(test)]
mod tests;
