//! Binding listeners, and taking connections from them.
//!
//! May import: std, tokio, tracing, the module's own.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net as std_unix;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::connection::{self, Origin};
use super::settings::{Listen, StartError};
use super::{Shared, answer};
use crate::api::Service;

/// The system may be out of file descriptors: it is asked again after this.
const PAUSE: Duration = Duration::from_millis(100);

/// A bound socket.
pub(super) enum Listener {
    Tcp {
        socket: TcpListener,
        is_tls: bool,
    },
    Unix {
        socket: UnixListener,
        _file: SocketFile,
    },
}

/// The socket's file goes with the listener.
pub(super) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // A file that is gone already is as good.
        let _ = fs::remove_file(&self.0);
    }
}

impl Listener {
    pub(super) fn bind(place: &Listen) -> Result<Self, StartError> {
        let failed = |source| StartError::Bind {
            place: place.clone(),
            source,
        };
        match place {
            Listen::Unix(path) => {
                let socket = unix(path, failed)?;
                let file = SocketFile(path.clone());
                Ok(Self::Unix {
                    socket,
                    _file: file,
                })
            }
            Listen::Http(address) | Listen::Https(address) => {
                let socket = tcp(*address).map_err(failed)?;
                let is_tls = matches!(place, Listen::Https(_));
                Ok(Self::Tcp { socket, is_tls })
            }
        }
    }

    /// The TCP address, with the port that was chosen.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp { socket, .. } => socket.local_addr().ok(),
            Self::Unix { .. } => None,
        }
    }

    /// Takes connections until it is told to stop.
    pub(super) async fn accept<S: Service>(
        self,
        shared: Arc<Shared<S>>,
        mut stopped: watch::Receiver<bool>,
    ) {
        let of_connections = stopped.clone();
        loop {
            let taken = tokio::select! {
                taken = self.accept_one(&shared, &of_connections) => taken,
                _ = stopped.changed() => return,
            };
            if let Err(error) = taken {
                tracing::debug!(%error, "a connection could not be taken");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    async fn accept_one<S: Service>(
        &self,
        shared: &Arc<Shared<S>>,
        stopped: &watch::Receiver<bool>,
    ) -> io::Result<()> {
        let seat = || shared.seats.take();
        let (shared, stopped) = (Arc::clone(shared), stopped.clone());
        match self {
            Self::Unix { socket, .. } => {
                let (stream, _) = socket.accept().await?;
                match seat() {
                    Some(seat) => {
                        let origin = Origin::Unix;
                        tokio::spawn(connection::serve(stream, origin, seat, shared, stopped));
                    }
                    None => turn_away(|bytes| stream.try_write(bytes)),
                }
            }
            Self::Tcp { socket, is_tls } => {
                let (stream, _) = socket.accept().await?;
                // Answers are written at once, so there is nothing to wait for.
                let _ = stream.set_nodelay(true);
                let tls: Option<TlsAcceptor> = shared.secrets.acceptor().filter(|_| *is_tls);
                match (seat(), tls) {
                    (Some(seat), Some(tls)) => {
                        tokio::spawn(connection::serve_tls(stream, tls, seat, shared, stopped));
                    }
                    // Without its certificate, which it is not started without.
                    (_, None) if *is_tls => {}
                    (Some(seat), None) => {
                        let origin = Origin::Tcp;
                        tokio::spawn(connection::serve(stream, origin, seat, shared, stopped));
                    }
                    (None, None) => turn_away(|bytes| stream.try_write(bytes)),
                    (None, Some(_)) => {}
                }
            }
        }
        Ok(())
    }
}

/// Nothing is kept of those for whom there is no place, so they are told at once or never.
fn turn_away(write: impl FnOnce(&[u8]) -> io::Result<usize>) {
    let _ = write(&answer::refusal(503));
}

fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    // Of std, since tokio's way needs to be awaited; it sets SO_REUSEADDR as well.
    let socket = std::net::TcpListener::bind(address)?;
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket)
}

fn unix(path: &Path, failed: impl Fn(io::Error) -> StartError) -> Result<UnixListener, StartError> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(&failed)?;
    }
    if let Ok(found) = fs::symlink_metadata(path) {
        if !found.file_type().is_socket() {
            return Err(StartError::NoSocket(path.to_owned()));
        }
        if std_unix::UnixStream::connect(path).is_ok() {
            return Err(StartError::InUse(path.to_owned()));
        }
        fs::remove_file(path).map_err(&failed)?;
    }
    let socket = UnixListener::bind(path).map_err(&failed)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
    Ok(socket)
}
