//! Where records go: the last ones in memory, followers, and a file of JSON lines.
//!
//! May import: record, tokio::sync (the channel to followers), tracing, std.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::broadcast;

use super::record::Record;

/// Records kept for `flowlog`.
const KEPT: usize = 16_384;
/// Records a slow follower may lag behind before it misses some.
const FOLLOWER_LAG: usize = 4_096;

/// Bytes that most lines are shorter than: one that grows is copied again and again.
const LINE: usize = 1024;

/// See the module.
pub(super) struct Sink {
    kept: VecDeque<Arc<str>>,
    followers: broadcast::Sender<Arc<str>>,
    file: Option<File>,
    /// Records the file did not take.
    pub(super) lost: u64,
}

impl Sink {
    /// A sink that appends to `file`, if one is named.
    pub(super) fn open(file: Option<&Path>) -> std::io::Result<Self> {
        let open = |path: &Path| OpenOptions::new().create(true).append(true).open(path);
        Ok(Self {
            kept: VecDeque::new(),
            followers: broadcast::channel(FOLLOWER_LAG).0,
            file: file.map(open).transpose()?,
            lost: 0,
        })
    }

    pub(super) fn write(&mut self, record: &Record) {
        let mut line = Vec::with_capacity(LINE);
        let written = serde_json::to_writer(&mut line, record);
        let (Ok(()), Ok(shared)) = (written, std::str::from_utf8(&line).map(Arc::<str>::from))
        else {
            self.lost += 1;
            return;
        };
        line.push(b'\n');
        if let Some(file) = &mut self.file
            && let Err(error) = file.write_all(&line)
        {
            if self.lost == 0 {
                tracing::error!(%error, "the flow-log file does not take records");
            }
            self.lost += 1;
        }
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(Arc::clone(&shared));
        // No follower is as good as one.
        let _ = self.followers.send(shared);
    }

    /// The records kept, and what comes after them.
    pub(super) fn follow(&self) -> (Vec<Arc<str>>, broadcast::Receiver<Arc<str>>) {
        (
            self.kept.iter().cloned().collect(),
            self.followers.subscribe(),
        )
    }
}
