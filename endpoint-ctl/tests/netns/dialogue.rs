//! One TCP connection through the endpoint that stays open and can be asked again and again: what
//! shows whether a connection lives. Imports `scene`, `waiting`, `web`.

use std::fs::{self, File};
use std::io::{PipeWriter, Write as _, pipe};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use xtask::lab::{Process, address, spawn_command};

use crate::scene::Scene;
use crate::waiting::PATIENCE;
use crate::web::{self, Answer};

/// How long an answer that must not come is awaited. TCP sends again after 0.2 s and more, so
/// that several packets of it meet their end meanwhile.
const SILENCE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(20);

/// See the module.
pub(crate) struct Dialogue {
    _process: Process,
    input: PipeWriter,
    output: PathBuf,
    answered: usize,
}

impl Dialogue {
    /// Connects to the endpoint's port and asks once.
    #[track_caller]
    pub(crate) fn open(scene: &Scene, role: &str, port: u16) -> (Self, Answer) {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let output = scene.file(&format!("dialogue-{number}"));
        let (reader, input) = pipe().expect("a pipe");
        let mut command = scene.lab.ns(role).command("nc");
        command
            .args(["-n", address::ENI_A, &port.to_string()])
            .stdin(reader)
            .stdout(File::create(&output).expect("the lab's directory takes files"));
        let mut dialogue = Self {
            _process: spawn_command(command).expect("nc must start"),
            input,
            output,
            answered: 0,
        };
        let answer = dialogue.must_answer();
        (dialogue, answer)
    }

    /// Asks; the answer must come, on the same connection.
    #[track_caller]
    pub(crate) fn must_answer(&mut self) -> Answer {
        let answer = self.ask(PATIENCE);
        answer.unwrap_or_else(|| panic!("no answer within {PATIENCE:?}; {}", self.heard()))
    }

    /// Asks; no answer must come.
    #[track_caller]
    pub(crate) fn must_be_silent(&mut self) {
        let answer = self.ask(SILENCE);
        assert!(answer.is_none(), "should be cut, but heard {answer:?}");
    }

    fn ask(&mut self, limit: Duration) -> Option<Answer> {
        let asked = self.input.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        asked.expect("nc takes input while its connection is up");
        let deadline = Instant::now() + limit;
        loop {
            let heard = fs::read_to_string(&self.output).unwrap_or_default();
            if let Some(answer) = web::answers(&heard).nth(self.answered) {
                self.answered += 1;
                return Some(answer);
            }
            if Instant::now() >= deadline {
                return None;
            }
            std::thread::sleep(POLL);
        }
    }

    fn heard(&self) -> String {
        let heard = fs::read_to_string(&self.output).unwrap_or_default();
        format!("{} answers before, heard:\n{heard}", self.answered)
    }
}
