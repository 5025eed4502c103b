//! Keys and certificate as they are in force, and loading them anew: by demand, and when the files
//! change. What cannot be used changes nothing.
//!
//! May import: std, thiserror, tokio-rustls, tracing, the module's own.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::settings::{Settings, StartError, TlsError, TlsFiles};
use super::tls;
use crate::api::{KeyFileError, KeyRing};

/// What could not be loaded anew.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The keys.
    #[error("the keys in force stay so: {0}")]
    Keys(#[from] KeyFileError),
    /// The certificate.
    #[error("the certificate in force stays so: {0}")]
    Tls(#[from] TlsError),
}

/// What tells a file from what it was: inode, size, and its two times, in nanoseconds.
type Stamp = Option<(u64, u64, i64, i64, i64, i64)>;

/// What is in force.
pub(super) struct Secrets {
    keys_file: Option<PathBuf>,
    tls_files: Option<TlsFiles>,
    keys: RwLock<Arc<KeyRing>>,
    tls: RwLock<Option<Arc<ServerConfig>>>,
    seen: Mutex<Vec<Stamp>>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(..)")
    }
}

impl Secrets {
    pub(super) fn load(settings: &Settings) -> Result<Self, StartError> {
        let (keys_file, tls_files) = (settings.keys.clone(), settings.tls.clone());
        // Before they are read: a change in between is then seen as one.
        let seen = stamps(keys_file.as_deref(), tls_files.as_ref());
        let keys = keys_file.as_deref().map(KeyRing::read).transpose()?;
        let tls = tls_files.as_ref().map(tls::load).transpose()?;
        Ok(Self {
            keys: RwLock::new(Arc::new(keys.unwrap_or_default())),
            tls: RwLock::new(tls),
            seen: Mutex::new(seen),
            keys_file,
            tls_files,
        })
    }

    pub(super) fn keys(&self) -> Arc<KeyRing> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn acceptor(&self) -> Option<TlsAcceptor> {
        let tls = self.tls.read().unwrap_or_else(PoisonError::into_inner);
        tls.clone().map(TlsAcceptor::from)
    }

    /// Loads both; one that cannot be used does not keep the other from being loaded.
    pub(super) fn reload(&self) -> Result<(), ReloadError> {
        let keys = self.reload_keys();
        let tls = self.reload_tls();
        keys.and(tls)
    }

    /// Loads both if one of the files is another than before. Failures are logged, once per change.
    pub(super) fn reload_if_changed(&self) {
        let now = stamps(self.keys_file.as_deref(), self.tls_files.as_ref());
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if *seen == now {
                return;
            }
            *seen = now;
        }
        match self.reload() {
            Ok(()) => tracing::info!("the API's keys and certificate were loaded anew"),
            Err(error) => tracing::error!("{error}"),
        }
    }

    fn reload_keys(&self) -> Result<(), ReloadError> {
        if let Some(path) = &self.keys_file {
            let keys = Arc::new(KeyRing::read(path)?);
            *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        }
        Ok(())
    }

    fn reload_tls(&self) -> Result<(), ReloadError> {
        if let Some(files) = &self.tls_files {
            let tls = tls::load(files)?;
            *self.tls.write().unwrap_or_else(PoisonError::into_inner) = Some(tls);
        }
        Ok(())
    }
}

fn stamps(keys: Option<&Path>, tls: Option<&TlsFiles>) -> Vec<Stamp> {
    let tls = tls.map(|files| [files.certificate.as_path(), files.key.as_path()]);
    keys.into_iter()
        .chain(tls.into_iter().flatten())
        .map(|path| {
            let file = fs::metadata(path).ok()?;
            Some((
                file.ino(),
                file.size(),
                file.mtime(),
                file.mtime_nsec(),
                file.ctime(),
                file.ctime_nsec(),
            ))
        })
        .collect()
}
