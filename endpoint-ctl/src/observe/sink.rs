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
        let Ok(mut line) = serde_json::to_string(record) else {
            self.lost += 1;
            return;
        };
        let shared: Arc<str> = line.as_str().into();
        line.push('\n');
        if let Some(file) = &mut self.file
            && let Err(error) = file.write_all(line.as_bytes())
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
