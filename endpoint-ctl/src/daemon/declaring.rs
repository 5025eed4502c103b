//! Manifests: they are put in force first and kept then, so that one that cannot be in force is refused.
//! What the API declares is kept first, and put in force as soon as it can be.
//!
//! May import: manifest, model, reconcile, registry, the daemon's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::{Daemon, TRY_AGAIN_AFTER};
use crate::manifest::{self, ManifestErrors};
use crate::model::{AccountId, Model};
use crate::reconcile::{Missing, ReconcileError};
use crate::registry::{Applied, Apply, ApplyError, Failed};

/// Why a manifest is not in force.
#[derive(Debug, thiserror::Error)]
pub enum DeclareError {
    /// It cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The manifest.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It has faults.
    #[error("{0}")]
    Faults(ManifestErrors),
    /// It declares what belongs to others, or leaves out what must be said.
    #[error("{0}")]
    Conflicts(ApplyError),
    /// It cannot be put in force.
    #[error(transparent)]
    Reconcile(#[from] ReconcileError),
    /// It cannot be kept.
    #[error("{0}")]
    Store(String),
}

impl From<ApplyError> for DeclareError {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Faults(errors) => Self::Faults(errors),
            other => Self::Conflicts(other),
        }
    }
}

/// Reads and validates a manifest by itself.
///
/// # Errors
/// It cannot be read, or has faults.
pub fn read_manifest(path: &Path, previous: Option<&Model>) -> Result<Model, DeclareError> {
    let text = read(path)?;
    manifest::load(&text, &path.display().to_string(), previous).map_err(DeclareError::Faults)
}

fn read(path: &Path) -> Result<String, DeclareError> {
    fs::read_to_string(path).map_err(|source| DeclareError::Read {
        path: path.to_owned(),
        source,
    })
}

/// The name of a file, without its directories.
pub(super) fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// A manifest that is to be applied.
#[derive(Debug, Clone)]
pub struct Declare(pub Apply);

impl Declare {
    /// Reads a file; it owns what it declares under that name, or the file's, and what it declares no more goes.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(
        path: &Path,
        name: Option<&str>,
        account: &AccountId,
    ) -> Result<Self, DeclareError> {
        let name = name.map_or_else(|| name_of(path), str::to_owned);
        Ok(Self(Apply {
            text: read(path)?,
            file: path.display().to_string(),
            name,
            account: account.clone(),
            prune: true,
            take_over: false,
        }))
    }
}

impl Daemon {
    /// Puts in force what is stored, then the manifest that there is.
    pub(super) async fn begin(&mut self, manifest: Option<Declare>) -> Result<(), DeclareError> {
        let stored = Arc::clone(&self.declared.borrow_and_update());
        // First by itself: an interface that has gone since is waited for, and not held against the manifest.
        if manifest.is_none() || !stored.origins.is_empty() {
            self.apply(&stored.model, Missing::Await).await?;
            self.desk.set_in_force(stored);
        }
        if let Some(manifest) = manifest {
            self.declare(manifest).await?;
        }
        Ok(())
    }

    /// Reads the manifest again, and applies it.
    pub(super) async fn declare_manifest(&mut self) -> Result<(), DeclareError> {
        match self.options.read_manifest()? {
            Some(manifest) => self.declare(manifest).await.map(drop),
            None => Ok(()),
        }
    }

    /// Applies a manifest: in force first, then kept.
    pub(super) async fn declare(&mut self, manifest: Declare) -> Result<Applied, DeclareError> {
        let apply = manifest.0;
        let mut draft = self.desk.draft();
        draft.apply(&apply)?;
        self.apply(draft.model(), Missing::Refuse).await?;
        let kept = self.desk.change(move |change| change.apply(&apply)).await;
        let applied = kept.map_err(|failed| match failed {
            Failed::Refused(error) => DeclareError::from(error),
            other => DeclareError::Store(other.to_string()),
        });
        self.follow_declared().await;
        applied
    }

    /// Puts in force what is declared now, if it is not.
    pub(super) async fn follow_declared(&mut self) {
        let registry = Arc::clone(&self.declared.borrow_and_update());
        let part = registry.model.at(&self.options.node);
        self.try_again = None;
        if **self.health.desired() != part {
            let applied = self.apply_part(&registry.model, part, Missing::Await).await;
            if let Err(error) = applied {
                let generation = self.reconciler.generation();
                tracing::error!(
                    "what is declared cannot be put in force, generation {generation} stays: {error}"
                );
                self.publish(Some(error.to_string()));
                self.try_again = Some(Instant::now() + TRY_AGAIN_AFTER);
                return;
            }
        }
        self.desk.set_in_force(registry);
    }
}
