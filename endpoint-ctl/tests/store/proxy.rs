//! A way to an etcd that can fall silent or be cut. Imports nothing of these tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const OPEN: u32 = 0;
const SILENT: u32 = 1;
const CUT: u32 = 2;

/// Forwards connections, as long as it is open.
#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    state: Arc<AtomicU32>,
    task: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let state = Arc::new(AtomicU32::new(OPEN));
        let for_task = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let state = Arc::clone(&for_task);
                tokio::spawn(async move {
                    if state.load(Ordering::SeqCst) == CUT {
                        return;
                    }
                    let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else {
                        return;
                    };
                    let (from_client, to_client) = client.into_split();
                    let (from_server, to_server) = server.into_split();
                    // The first to end takes the other with it.
                    tokio::select! {
                        () = pass(from_client, to_server, &state) => {}
                        () = pass(from_server, to_client, &state) => {}
                    }
                });
            }
        });
        Self {
            port: own,
            state,
            task,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("etcd://127.0.0.1:{}/test", self.port)
    }

    /// Takes what comes and passes nothing on.
    pub(crate) fn silence(&self) {
        self.state.store(SILENT, Ordering::SeqCst);
    }

    /// Ends all connections and takes no new ones.
    pub(crate) fn cut(&self) {
        self.state.store(CUT, Ordering::SeqCst);
    }

    pub(crate) fn mend(&self) {
        self.state.store(OPEN, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    state: &AtomicU32,
) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = tokio::time::timeout(Duration::from_millis(10), from.read(&mut buffer));
        let count = match read.await {
            Ok(Ok(count)) if count > 0 => count,
            Ok(_) => return,
            Err(_) => 0,
        };
        // As a network that loses everything: what was sent meanwhile is sent again later.
        while state.load(Ordering::SeqCst) == SILENT {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if state.load(Ordering::SeqCst) == CUT || to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
