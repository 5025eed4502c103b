//! The HTTP server: listeners, connections, and the way of a request through them.
//!
//! `listen` binds, `tls` and `secrets` hold what can be loaded anew, `seats` counts connections,
//! `connection` serves one over a `stream` that does not wait for ever; for each request `body` reads,
//! `handle` decides, `answer` writes.
//!
//! May import: std, hyper, tokio, thiserror, the module's own.

mod answer;
mod body;
mod connection;
mod handle;
mod listen;
mod seats;
mod secrets;
mod settings;
mod stream;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use super::Service;
use super::admission::Admission;
use listen::Listener;
use seats::Seats;
pub use secrets::ReloadError;
use secrets::Secrets;
pub use settings::{Limits, Listen, NoPlace, Settings, StartError, TlsError, TlsFiles};

/// Files are looked at for changes so often.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// When it stops, calls that have begun have so long to end.
const LAST_CALLS: Duration = Duration::from_secs(10);

/// What all connections share.
struct Shared<S> {
    service: S,
    settings: Settings,
    secrets: Arc<Secrets>,
    admission: Admission,
    seats: Arc<Seats>,
    calls: Semaphore,
    large_bodies: Semaphore,
}

/// A running server. It ends when this is dropped; [`Server::stop`] lets calls end first.
#[derive(Debug)]
pub struct Server {
    addresses: Vec<SocketAddr>,
    secrets: Arc<Secrets>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    seats: Arc<Seats>,
}

impl Server {
    /// Binds all listeners and begins to answer. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// See [`StartError`]; then nothing is bound.
    pub fn start<S: Service>(settings: Settings, service: S) -> Result<Self, StartError> {
        settings.check()?;
        let secrets = Arc::new(Secrets::load(&settings)?);
        let listeners = settings
            .listen
            .iter()
            .map(Listener::bind)
            .collect::<Result<Vec<_>, _>>()?;
        let addresses = listeners.iter().filter_map(Listener::address).collect();
        let seats = Arc::new(Seats::new(settings.limits.connections));
        let (stop, stopped) = watch::channel(false);
        let limits = &settings.limits;
        let shared = Arc::new(Shared {
            admission: Admission::new(limits.calls_per_key, Instant::now()),
            calls: Semaphore::new(limits.calls),
            large_bodies: Semaphore::new(limits.large_bodies),
            seats: Arc::clone(&seats),
            secrets: Arc::clone(&secrets),
            settings,
            service,
        });
        let mut tasks: Vec<_> = listeners
            .into_iter()
            .map(|listener| tokio::spawn(listener.accept(Arc::clone(&shared), stopped.clone())))
            .collect();
        tasks.push(tokio::spawn(look_for_changes(shared)));
        Ok(Self {
            addresses,
            secrets,
            stop,
            tasks,
            seats,
        })
    }

    /// The TCP addresses that are listened on, with the ports that were chosen for port 0.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Loads keys and certificates anew, at once; without it, changed files are noticed in seconds.
    ///
    /// # Errors
    /// What cannot be used; what was in force stays so.
    pub fn reload(&self) -> Result<(), ReloadError> {
        self.secrets.reload()
    }

    /// Takes no more connections and requests, and waits for calls that have begun, for some seconds.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        // Connections that have not ended by then are cut.
        let _ = tokio::time::timeout(LAST_CALLS, self.seats.all_free()).await;
        for task in self.tasks.drain(..) {
            task.abort();
        }
        self.seats.clear();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.tasks.iter().for_each(JoinHandle::abort);
        self.seats.clear();
    }
}

async fn look_for_changes<S: Service>(shared: Arc<Shared<S>>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        shared.secrets.reload_if_changed();
        let keys = shared.secrets.keys();
        shared
            .admission
            .retain(|id| keys.find(id).is_some(), Instant::now());
    }
}
