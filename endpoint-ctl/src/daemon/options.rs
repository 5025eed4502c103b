//! How the daemon is run, and what is set up by that: the store, the API, metrics.
//!
//! May import: api, compiler, control, metering, metrics, model, observe, operations, registry, store, the daemon's own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use tokio::sync::watch;

use super::declaring::name_of;
use super::{Daemon, DaemonError, Declare, DeclareError};
use crate::api::{self, Server};
use crate::compiler::Capacity;
use crate::control::NodeStatus;
use crate::dataplane::TellRate;
use crate::metering::{MeteringError, MeteringOptions, Prepared};
use crate::metrics::{self, Sources};
use crate::model::{AccountId, NodeId};
use crate::observe::ObserverOptions;
use crate::operations::{Operations, Settings};
use crate::registry::{Desk, Quotas};
use crate::store::{Embedded, Store, StoreError};
#[cfg(feature = "etcd")]
use crate::store::{Etcd, EtcdSettings};

/// [`DaemonOptions::told_drops`] unless told otherwise.
pub const TOLD_DROPS: u32 = TellRate::MOST;

/// How to run.
#[derive(Debug, Clone)]
pub struct DaemonOptions {
    /// The manifest to apply at start and on SIGHUP, if any.
    pub manifest: Option<PathBuf>,
    /// The name under which it owns what it declares; that of the file if there is none.
    pub manifest_name: Option<String>,
    /// Where what is declared is kept. Without it, what is declared is the manifest, and no more.
    pub store: Option<StorePlace>,
    /// Which of the nodes that share the store this is.
    pub node: NodeId,
    /// The API, if it is served.
    pub api: Option<ApiOptions>,
    /// Whose the manifest's resources are.
    pub account: AccountId,
    /// `RegionId`.
    pub region: String,
    /// The domain that names of endpoints end with.
    pub domain: String,
    /// How much there may be of everything.
    pub quotas: Quotas,
    /// The file that usage is kept in; beside that of the store if there is none.
    pub usage_file: Option<PathBuf>,
    /// Days that usage is kept.
    pub usage_days: u32,
    /// Where metrics are served, if they are.
    pub metrics: Option<SocketAddr>,
    /// The admin socket.
    pub socket: PathBuf,
    /// Sizes of the tables.
    pub capacity: Capacity,
    /// Most drops of an ENI that are told in [`TellRate`]'s period, on each CPU.
    pub told_drops: u32,
    /// Log every packet's outcome.
    pub log_packets: bool,
    /// Flow logs.
    pub observer: ObserverOptions,
}

/// Where the API is served.
#[derive(Debug, Clone)]
pub struct ApiOptions {
    /// Places, keys, certificates.
    pub server: api::Settings,
}

/// Where what is declared is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorePlace {
    /// A file of this node.
    File(PathBuf),
    /// An etcd that nodes share.
    #[cfg(feature = "etcd")]
    Etcd(EtcdSettings),
}

impl FromStr for StorePlace {
    type Err = StoreError;

    /// `etcd://host:port[,host:port]/prefix`, or the path of a file.
    fn from_str(text: &str) -> Result<Self, StoreError> {
        #[cfg(feature = "etcd")]
        if text.starts_with("etcd:") {
            return EtcdSettings::parse(text).map(Self::Etcd);
        }
        Ok(Self::File(PathBuf::from(text)))
    }
}

impl StorePlace {
    /// Opens the store there.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn open(&self) -> Result<Store, StoreError> {
        match self {
            Self::File(path) => Embedded::open(path).await.map(Store::Embedded),
            #[cfg(feature = "etcd")]
            Self::Etcd(settings) => Etcd::open(settings).await.map(Store::Etcd),
        }
    }
}

impl DaemonOptions {
    /// Opens the store, and the desk over it.
    pub(super) async fn open_desk(&self) -> Result<Desk, DaemonError> {
        let store = match &self.store {
            None => None,
            Some(place) => Some(
                place
                    .open()
                    .await
                    .map_err(crate::registry::DeskError::from)?,
            ),
        };
        let quotas = Quotas {
            enis: self.capacity.enis as usize,
            rules: self.capacity.rules as usize,
            ..self.quotas
        };
        Ok(Desk::open(store, quotas, self.node.clone()).await?)
    }

    /// Reads what was used before.
    pub(super) async fn open_usage(&self) -> Result<Prepared, MeteringError> {
        let beside = || match self.store.as_ref()? {
            StorePlace::File(store) => {
                let mut path = store.clone().into_os_string();
                path.push(".usage");
                Some(path.into())
            }
            #[cfg(feature = "etcd")]
            StorePlace::Etcd(_) => None,
        };
        Prepared::open(MeteringOptions {
            file: self.usage_file.clone().or_else(beside),
            days: self.usage_days,
            every: self.observer.window,
        })
        .await
    }

    /// The manifest as it is now, if there is one.
    pub(super) fn read_manifest(&self) -> Result<Option<Declare>, DeclareError> {
        let Some(path) = &self.manifest else {
            return Ok(None);
        };
        Declare::read(path, self.manifest_name.as_deref(), &self.account).map(Some)
    }

    /// The name under which the manifest owns what it declares, if there is one.
    pub(super) fn manifest_name(&self) -> Option<String> {
        let of_file = || Some(name_of(self.manifest.as_deref()?));
        self.manifest_name.clone().or_else(of_file)
    }

    /// The manifest, for `status`.
    pub(super) fn manifest_shown(&self) -> String {
        let path = self.manifest.as_ref();
        path.map_or_else(String::new, |path| path.display().to_string())
    }

    /// Where resources are, and what their names end with.
    pub(super) fn settings(&self) -> Settings {
        Settings {
            region: self.region.clone(),
            domain: self.domain.clone(),
        }
    }

    /// Serves metrics, if they are to be.
    pub(super) async fn serve_metrics(
        &self,
        daemon: &Daemon,
        status: watch::Receiver<NodeStatus>,
    ) -> Result<(), DaemonError> {
        let Some(address) = self.metrics else {
            return Ok(());
        };
        let sources = Sources {
            status,
            observer: daemon.observer.clone(),
            metering: daemon.metering.clone(),
        };
        metrics::serve(address, sources).await?;
        tracing::info!("metrics are served at http://{address}/metrics");
        Ok(())
    }

    /// Serves the API, if it is to be.
    pub(super) fn serve_api(&self, desk: &Desk) -> Result<Option<Server>, DaemonError> {
        let Some(options) = &self.api else {
            return Ok(None);
        };
        let operations = Operations::new(desk.clone(), self.settings());
        let server = Server::start(options.server.clone(), operations)?;
        for address in server.addresses() {
            tracing::info!("the API is served at {address}");
        }
        Ok(Some(server))
    }
}
