//! endpoint-ctl as a daemon in the lab's node. Imports `process`.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::Lab;
use super::process::{self, Outcome, Process};

const START_LIMIT: Duration = Duration::from_secs(20);
const RELOAD_LIMIT: Duration = Duration::from_secs(10);
const COMMAND_LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// How much of the log an error shows.
const TAIL_LINES: usize = 40;

/// A running daemon; it is stopped by SIGTERM when dropped.
#[derive(Debug)]
pub struct Daemon {
    process: Process,
    binary: PathBuf,
    manifest: PathBuf,
    socket: PathBuf,
    log: PathBuf,
}

impl Lab {
    /// Starts `endpoint-ctl run -f MANIFEST --socket PATH EXTRA...` in the
    /// namespace `node` and waits until it says that it is ready.
    pub fn daemon(
        &self,
        binary: impl AsRef<Path>,
        manifest: &str,
        extra: &[&str],
    ) -> Result<Daemon> {
        self.daemon_of("node", binary, Some(manifest), extra)
    }

    /// The same in any role's namespace, with a manifest or without.
    pub fn daemon_of(
        &self,
        role: &str,
        binary: impl AsRef<Path>,
        manifest: Option<&str>,
        extra: &[&str],
    ) -> Result<Daemon> {
        let binary = binary.as_ref();
        let file = self.fresh_path("manifest.yaml");
        if let Some(manifest) = manifest {
            fs::write(&file, manifest).with_context(|| format!("writing {}", file.display()))?;
        }
        let socket = self.fresh_path("ctl.sock");
        let log = self.fresh_path("daemon.log");
        let notify = self.fresh_path("notify.sock");
        let ready =
            UnixDatagram::bind(&notify).with_context(|| format!("binding {}", notify.display()))?;
        ready.set_read_timeout(Some(POLL))?;
        let output = File::create(&log).with_context(|| format!("creating {}", log.display()))?;
        let mut command = self.ns(role).command(binary);
        command.arg("run");
        if manifest.is_some() {
            command.args(["-f".as_ref(), file.as_os_str()]);
        }
        command
            .args(["--socket".as_ref(), socket.as_os_str()])
            .args(extra)
            .env("NOTIFY_SOCKET", &notify)
            .stdout(output.try_clone()?)
            .stderr(output);
        let daemon = Daemon {
            process: process::spawn_command(command)?,
            binary: binary.to_path_buf(),
            manifest: file,
            socket,
            log,
        };
        if let Err(error) = daemon.await_ready(&ready) {
            bail!("endpoint-ctl run: {error:#}\n{}", daemon.log_tail());
        }
        Ok(daemon)
    }
}

impl Daemon {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The process, for signals and waiting.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Its control socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The file its manifest is in.
    pub fn manifest(&self) -> &Path {
        &self.manifest
    }

    /// All it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Runs `endpoint-ctl ARGS --socket PATH`.
    pub fn ctl<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Result<Outcome> {
        let mut command = Command::new(&self.binary);
        command
            .args(args)
            .args(["--socket".as_ref(), self.socket.as_os_str()])
            .stdin(Stdio::null());
        process::run_command(command, COMMAND_LIMIT)
    }

    /// Runs a command with `-o json` that must succeed, and reads its output.
    pub fn ctl_json(&self, args: &[&str]) -> Result<Value> {
        let text = self.ctl_text(args)?;
        serde_json::from_str(&text).with_context(|| format!("{args:?} printed no JSON: {text}"))
    }

    /// Like `ctl_json`, for output of one JSON value per line.
    pub fn ctl_json_lines(&self, args: &[&str]) -> Result<Vec<Value>> {
        self.ctl_text(args)?
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| {
                serde_json::from_str(line).with_context(|| format!("{args:?}: no JSON: {line}"))
            })
            .collect()
    }

    fn ctl_text(&self, args: &[&str]) -> Result<String> {
        let outcome = self.ctl(args.iter().copied().chain(["-o", "json"]))?;
        if !outcome.ok() {
            bail!("{outcome}\n{}", self.log_tail());
        }
        Ok(outcome.stdout)
    }

    /// The generation that is applied now, as `status` tells it.
    pub fn generation(&self) -> Result<u64> {
        let status = self.ctl_json(&["status"])?;
        status["generation"]
            .as_u64()
            .with_context(|| format!("status has no `generation`: {status}"))
    }

    /// Replaces the manifest and asks the daemon to read it, without waiting.
    pub fn request_reload(&self, manifest: &str) -> Result<()> {
        // Renamed into place, so that the daemon never reads half a file.
        let new = self.manifest.with_extension("new");
        fs::write(&new, manifest).with_context(|| format!("writing {}", new.display()))?;
        fs::rename(&new, &self.manifest)?;
        self.process.signal("HUP")
    }

    /// Replaces the manifest, reloads, and waits until a newer generation is
    /// applied.
    pub fn reload(&self, manifest: &str) -> Result<u64> {
        let before = self.generation()?;
        self.request_reload(manifest)?;
        let deadline = Instant::now() + RELOAD_LIMIT;
        loop {
            let now = self.generation()?;
            if now > before {
                return Ok(now);
            }
            if Instant::now() >= deadline {
                bail!(
                    "generation {before} still serves {RELOAD_LIMIT:?} after SIGHUP\n{}",
                    self.log_tail()
                );
            }
            std::thread::sleep(POLL);
        }
    }

    /// Stops it by SIGTERM and says how it ended.
    pub fn stop(self) -> Result<std::process::ExitStatus> {
        self.process.signal("TERM")?;
        match self.process.wait(RELOAD_LIMIT)? {
            Some(status) => Ok(status),
            None => bail!("it ignores SIGTERM\n{}", self.log_tail()),
        }
    }

    /// The end of its log, for messages.
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        let tail = &lines[lines.len().saturating_sub(TAIL_LINES)..];
        format!("--- the daemon's log ends:\n{}\n---", tail.join("\n"))
    }

    fn await_ready(&self, ready: &UnixDatagram) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        let mut message = [0; 4096];
        loop {
            if let Ok(length) = ready.recv(&mut message)
                && says_ready(&message[..length])
            {
                return Ok(());
            }
            if let Some(status) = self.process.try_wait()? {
                bail!("ended before it was ready: {status}");
            }
            if Instant::now() >= deadline {
                bail!("not ready after {START_LIMIT:?}");
            }
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.log_tail());
        }
    }
}

/// Whether a systemd notification says READY=1.
fn says_ready(message: &[u8]) -> bool {
    message
        .split(|byte| *byte == b'\n')
        .any(|line| line == b"READY=1")
}

#[cfg(test)]
mod tests {
    use super::says_ready;

    #[test]
    fn readiness_is_one_line_among_others() {
        assert!(says_ready(b"STATUS=up\nREADY=1\n"));
        assert!(!says_ready(b"STATUS=READY=1"));
        assert!(!says_ready(b"READY=12"));
    }
}
