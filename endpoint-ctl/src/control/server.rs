//! The daemon's end of the admin socket.
//!
//! May import: observe, tokio, the module's own.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{mpsc, oneshot, watch};

use super::{Answer, NodeStatus, Request};
use crate::observe::ObserverHandle;

/// A request line may not be longer.
const LONGEST_REQUEST: u64 = 4_096;
/// A client that has not asked by then is let go.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why the socket could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Somebody answers on it.
    #[error("{0}: another daemon answers there; stop it, or choose another --socket")]
    InUse(PathBuf),
    /// Something else is in its place.
    #[error("{0}: there is a file that is no socket; remove it, or choose another --socket")]
    NoSocket(PathBuf),
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// The socket, or its directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A question that the daemon itself answers.
pub struct Ask {
    /// What is asked.
    pub request: Request,
    /// Where the answer goes.
    pub to: oneshot::Sender<Answer>,
}

/// The admin socket, for root only. It is taken before it is answered, so that a second daemon is
/// turned away before it touches anything; the file goes when this is dropped.
pub struct AdminSocket {
    path: PathBuf,
    listener: Arc<UnixListener>,
}

impl AdminSocket {
    /// Takes the socket at `path`.
    ///
    /// # Errors
    /// See [`ServerError`].
    pub async fn take(path: &Path) -> Result<Self, ServerError> {
        Ok(Self {
            path: path.to_owned(),
            listener: Arc::new(listen(path).await?),
        })
    }

    /// Answers in the background from `status` and `observer`; `daemon` is asked what they do not know.
    pub fn serve(
        &self,
        status: watch::Receiver<NodeStatus>,
        observer: ObserverHandle,
        daemon: mpsc::Sender<Ask>,
    ) {
        let listener = Arc::clone(&self.listener);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (status, observer) = (status.clone(), observer.clone());
                let daemon = daemon.clone();
                tokio::spawn(async move {
                    // A client that has gone away is no matter.
                    let _ = answer(stream, &status, &observer, &daemon).await;
                });
            }
        });
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        // A file that is gone already is as good.
        let _ = fs::remove_file(&self.path);
    }
}

async fn listen(path: &Path) -> Result<UnixListener, ServerError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ServerError::Io { path, source }
    };
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(failed(dir))?;
    }
    if let Ok(found) = fs::symlink_metadata(path) {
        if !found.file_type().is_socket() {
            return Err(ServerError::NoSocket(path.to_owned()));
        }
        if UnixStream::connect(path).await.is_ok() {
            return Err(ServerError::InUse(path.to_owned()));
        }
        fs::remove_file(path).map_err(failed(path))?;
    }
    let listener = UnixListener::bind(path).map_err(failed(path))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed(path))?;
    Ok(listener)
}

async fn answer(
    mut stream: UnixStream,
    status: &watch::Receiver<NodeStatus>,
    observer: &ObserverHandle,
    daemon: &mpsc::Sender<Ask>,
) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut line = String::new();
    let mut reader = BufReader::new(reader.take(LONGEST_REQUEST));
    tokio::time::timeout(PATIENCE, reader.read_line(&mut line)).await??;
    let answered = match serde_json::from_str(&line) {
        Err(error) => Answer::Error(format!("not a request: {error}")),
        Ok(Request::Status) => {
            let status = status.borrow().clone();
            reply(
                observer
                    .totals()
                    .await
                    .map(|totals| merged(&status, &totals)),
            )
        }
        Ok(Request::Flows) => reply(observer.flows().await),
        Ok(Request::Rules { of }) => match observer.rules(of).await {
            Some(Err(error)) => Answer::Error(error),
            rules => reply(rules.and_then(Result::ok)),
        },
        Ok(
            request @ (Request::Explain(_)
            | Request::Diff(_)
            | Request::Get(_)
            | Request::Describe { .. }
            | Request::Usage(_)
            | Request::Apply(_)
            | Request::Backup { .. }
            | Request::Delete { .. }),
        ) => {
            let (to, answer) = oneshot::channel();
            let is_asked = daemon.send(Ask { request, to }).await.is_ok();
            let answer = if is_asked { answer.await.ok() } else { None };
            answer.unwrap_or_else(stopping)
        }
        Ok(Request::Flowlog { follow, flush }) => {
            return flow_log(&mut writer, observer, follow, flush).await;
        }
    };
    write_line(&mut writer, &serde_json::to_string(&answered)?).await
}

fn reply(value: Option<impl serde::Serialize>) -> Answer {
    match value.map(serde_json::to_value) {
        Some(Ok(value)) => Answer::Ok(value),
        Some(Err(error)) => Answer::Error(error.to_string()),
        None => stopping(),
    }
}

fn stopping() -> Answer {
    Answer::Error("the daemon is stopping".to_owned())
}

/// The status and the totals as one object.
fn merged(status: &NodeStatus, totals: &crate::observe::Totals) -> Value {
    let mut merged = json!(status);
    if let (Value::Object(into), Value::Object(from)) = (&mut merged, json!(totals)) {
        into.extend(from);
    }
    merged
}

async fn flow_log(
    writer: &mut (impl tokio::io::AsyncWrite + Unpin),
    observer: &ObserverHandle,
    follow: bool,
    flush: bool,
) -> io::Result<()> {
    if flush {
        observer.flush().await;
    }
    let Some((kept, mut coming)) = observer.follow().await else {
        return Ok(());
    };
    for record in kept {
        write_line(writer, &record).await?;
    }
    if !follow {
        return Ok(());
    }
    loop {
        match coming.recv().await {
            Ok(record) => write_line(writer, &record).await?,
            Err(RecvError::Lagged(missed)) => {
                let note = Answer::Error(format!("{missed} records missed: read faster"));
                write_line(writer, &serde_json::to_string(&note)?).await?;
            }
            Err(RecvError::Closed) => return Ok(()),
        }
    }
}

async fn write_line(
    writer: &mut (impl tokio::io::AsyncWrite + Unpin),
    line: &str,
) -> io::Result<()> {
    writer.write_all(line.as_bytes()).await?;
    writer.write_all(b"\n").await
}
