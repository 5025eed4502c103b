//! A server on loopback, with keys of its own.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use endpoint_ctl::api::{Listen, Server, Settings};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::client::Client;
use crate::echo::Echo;

/// Keys of the tests: of account `1001` two, a third that is slow, one that is off; of `1002` one.
pub(crate) const KEYS: &str = "
Accounts:
  - AccountId: 1001
    Keys:
      - { AccessKeyId: key-1, AccessKeySecret: secret-1 }
      - { AccessKeyId: key-2, AccessKeySecret: secret-2 }
      - { AccessKeyId: key-slow, AccessKeySecret: secret-slow, RequestsPerSecond: 5 }
      - { AccessKeyId: key-off, AccessKeySecret: secret-off, Disabled: true }
  - AccountId: 1002
    Keys: [{ AccessKeyId: key-other, AccessKeySecret: secret-other }]
";

/// A directory that goes with the test.
pub(crate) struct Dir(pub(crate) PathBuf);

impl Dir {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::SeqCst);
        let dir = std::env::temp_dir().join(format!("api-{}-{count}", std::process::id()));
        fs::create_dir_all(&dir).expect("makes a directory");
        Self(dir)
    }

    /// Writes a file that only its owner may read.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).expect("writes");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("sets the mode");
        path
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A running server; it ends with this.
pub(crate) struct Rig {
    pub(crate) server: Option<Server>,
    pub(crate) runtime: Runtime,
    pub(crate) dir: Dir,
    echo: Arc<Mutex<Vec<Value>>>,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(|_, _| {})
    }

    /// A server on a free port of loopback and on a Unix socket, with settings as they are changed.
    pub(crate) fn with(change: impl FnOnce(&mut Settings, &Dir)) -> Self {
        let dir = Dir::new();
        let mut settings = Settings {
            listen: vec![
                "127.0.0.1:0".parse().expect("is a place"),
                Listen::Unix(dir.0.join("api.sock")),
            ],
            keys: Some(dir.write("keys.yaml", KEYS)),
            ..Settings::default()
        };
        change(&mut settings, &dir);
        let runtime = Runtime::new().expect("makes a runtime");
        let echo = Echo::default();
        let ended = Arc::clone(&echo.ended);
        let server = {
            let _inside = runtime.enter();
            Server::start(settings, echo).expect("starts")
        };
        Self {
            server: Some(server),
            runtime,
            dir,
            echo: ended,
        }
    }

    pub(crate) fn server(&self) -> &Server {
        self.server.as_ref().expect("runs")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server().addresses()[0]
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.0.join("api.sock")
    }

    /// What was asked, by calls that have been run to their end.
    pub(crate) fn ended(&self) -> Vec<Value> {
        self.echo.lock().expect("no panic").clone()
    }

    /// A new connection.
    pub(crate) fn client(&self) -> Client<TcpStream> {
        let stream = TcpStream::connect(self.address()).expect("connects");
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("sets");
        Client::new(stream)
    }
}

/// A connection to a Unix socket.
pub(crate) fn unix_client(path: &Path) -> Client<UnixStream> {
    let stream = UnixStream::connect(path).expect("connects");
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("sets");
    Client::new(stream)
}
