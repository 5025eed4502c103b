//! Child processes that never outlive us. Imports `cleanup` from this crate
//! and `step` for showing commands.
//!
//! Each child leads a process group of its own, so that it is stopped with
//! whatever it started. A group is signalled only while its leader has not
//! been waited for: until then nobody else can get its number.

use std::fmt;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::cleanup::{self, Guard};
use crate::step;

/// How long a child may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(2);

/// A child process, stopped when dropped.
#[derive(Debug)]
#[must_use = "dropping it stops the process"]
pub struct Process {
    command: String,
    pid: u32,
    child: Arc<Mutex<Child>>,
    guard: Option<Guard>,
}

/// How a command ended and what it printed.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The command line.
    pub command: String,
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
    /// Whether it was stopped for taking too long.
    pub timed_out: bool,
}

impl Outcome {
    /// Whether it ended with status 0.
    pub fn ok(&self) -> bool {
        self.status.success()
    }

    /// What it printed, without white space at the ends.
    pub fn stdout(&self) -> &str {
        self.stdout.trim()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let late = if self.timed_out { " (timed out)" } else { "" };
        write!(f, "`{}`: {}{late}", self.command, self.status)?;
        for text in [&self.stdout, &self.stderr] {
            if !text.trim().is_empty() {
                write!(f, "\n{}", text.trim_end())?;
            }
        }
        Ok(())
    }
}

/// Starts a command as a child that ends with us.
pub fn spawn_command(mut command: Command) -> Result<Process> {
    let shown = step::show(&command);
    let child = command
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {shown}"))?;
    let pid = child.id();
    let child = Arc::new(Mutex::new(child));
    let guard = {
        let child = child.clone();
        cleanup::register(move || drop(stop(&child)))
    };
    Ok(Process {
        command: shown,
        pid,
        child,
        guard: Some(guard),
    })
}

/// Runs a command to its end, or until the time limit.
pub fn run_command(mut command: Command, limit: Duration) -> Result<Outcome> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let process = spawn_command(command)?;
    let (stdout, stderr) = {
        let mut child = lock(&process.child);
        (drain(child.stdout.take()), drain(child.stderr.take()))
    };
    let (status, timed_out) = match process.wait(limit)? {
        Some(status) => (status, false),
        None => (stop(&process.child)?, true),
    };
    Ok(Outcome {
        command: process.command.clone(),
        status,
        stdout: text(stdout),
        stderr: text(stderr),
        timed_out,
    })
}

impl Process {
    /// Its process id, which is also that of its group.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// How it ended, if it has.
    pub fn try_wait(&self) -> Result<Option<ExitStatus>> {
        lock(&self.child)
            .try_wait()
            .with_context(|| format!("waiting for `{}`", self.command))
    }

    /// Whether it still runs.
    pub fn is_running(&self) -> bool {
        matches!(self.try_wait(), Ok(None))
    }

    /// Waits for its end; `None` if it has not come in time.
    pub fn wait(&self, limit: Duration) -> Result<Option<ExitStatus>> {
        poll(&self.child, limit).with_context(|| format!("waiting for `{}`", self.command))
    }

    /// Sends a signal, such as `HUP`, to the process alone. One that has
    /// ended is left alone.
    pub fn signal(&self, name: &str) -> Result<()> {
        let mut child = lock(&self.child);
        if child.try_wait()?.is_none() {
            kill(name, &self.pid.to_string())?;
        }
        Ok(())
    }

    /// Takes the pipe of its stdout, if it was started with one.
    pub fn take_stdout(&self) -> Option<std::process::ChildStdout> {
        lock(&self.child).stdout.take()
    }

    /// Ends it, gently if it obeys, and says how it ended.
    pub fn stop(mut self) -> Result<ExitStatus> {
        let status = stop(&self.child);
        self.guard = None;
        status
    }
}

fn lock(child: &Mutex<Child>) -> MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The lock is let go between looks, so that a signal can stop the child.
fn poll(child: &Mutex<Child>, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    loop {
        let status = lock(child).try_wait()?;
        if status.is_some() || Instant::now() >= deadline {
            return Ok(status);
        }
        std::thread::sleep(POLL);
    }
}

fn stop(child: &Mutex<Child>) -> Result<ExitStatus> {
    for signal in ["TERM", "KILL"] {
        {
            let mut child = lock(child);
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            kill(signal, &format!("-{}", child.id()))?;
        }
        if let Some(status) = poll(child, GRACE)? {
            return Ok(status);
        }
    }
    anyhow::bail!("a child survived SIGKILL")
}

/// std can send nothing but SIGKILL, and to no group; the shell can.
pub(super) fn kill(signal: &str, target: &str) -> Result<()> {
    Command::new("/bin/sh")
        .args(["-c", "kill -s \"$0\" -- \"$1\"", signal, target])
        .stderr(Stdio::null())
        .status()
        .context("cannot start /bin/sh to send a signal")?;
    Ok(())
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before an error is still worth showing.
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}

fn text(reader: JoinHandle<Vec<u8>>) -> String {
    String::from_utf8_lossy(&reader.join().unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn output_and_status_are_kept() {
        let limit = Duration::from_secs(10);
        let outcome = run_command(sh("echo out; echo err >&2; exit 3"), limit).expect("runs");
        assert_eq!((outcome.stdout(), outcome.stderr.trim()), ("out", "err"));
        assert_eq!(outcome.status.code(), Some(3));
        assert!(!outcome.ok() && !outcome.timed_out);
    }

    #[test]
    fn a_slow_command_is_stopped_with_its_children() {
        let start = Instant::now();
        let outcome = run_command(sh("sleep 60 & wait"), Duration::from_millis(100)).expect("runs");
        assert!(outcome.timed_out);
        assert!(start.elapsed() < GRACE, "the sleep held the pipe");
    }

    #[test]
    fn a_dropped_child_is_gone() {
        let process = spawn_command(sh("exec sleep 60")).expect("starts");
        let proc = format!("/proc/{}", process.pid());
        assert!(process.is_running() && std::fs::exists(&proc).expect("readable"));
        drop(process);
        assert!(!std::fs::exists(&proc).expect("readable"));
    }

    #[test]
    fn signals_arrive() {
        let process =
            spawn_command(sh("trap 'exit 7' HUP; while :; do sleep 0.01; done")).expect("starts");
        std::thread::sleep(Duration::from_millis(200));
        process.signal("HUP").expect("sent");
        let status = process.wait(GRACE).expect("waits").expect("ends");
        assert_eq!(status.code(), Some(7));
    }
}
