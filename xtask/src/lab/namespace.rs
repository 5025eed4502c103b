//! One network namespace and the commands run inside it. Imports `process`,
//! and `cleanup` and `workspace` from this crate.
//!
//! Commands enter by `nsenter --net`, not by `ip netns exec`: the latter also
//! makes a mount namespace with a /sys of its own, which hides /sys/fs/bpf and
//! with it everything the daemon pins.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::process::{self, Outcome, Process};
use crate::cleanup::{self, Guard};
use crate::workspace::find_program;

/// How long `run` waits; no command in a lab has reason to take longer.
const TIME_LIMIT: Duration = Duration::from_mins(1);

/// A network namespace of a lab.
#[derive(Debug, Clone)]
pub struct Namespace {
    role: String,
    name: String,
}

impl Namespace {
    /// Makes the namespace; the guard removes it.
    pub(super) fn create(lab: &str, role: &str) -> Result<(Self, Guard)> {
        let name = format!("{lab}-{role}");
        // Registered first: removing what is not there yet does no harm.
        let guard = {
            let name = name.clone();
            cleanup::register(move || delete(&name))
        };
        host_ip(&["netns", "add", &name])?;
        let role = role.to_owned();
        Ok((Self { role, name }, guard))
    }

    /// Its role in the lab.
    pub fn role(&self) -> &str {
        &self.role
    }

    /// Its name, as `ip netns` shows it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A command that will run inside, with empty stdin.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let program = program.as_ref();
        let found = program.to_str().and_then(find_program);
        let mut command = Command::new(find_program("nsenter").unwrap_or("nsenter".into()));
        command
            .arg(format!("--net=/run/netns/{}", self.name))
            .arg("--")
            .arg(found.as_deref().map_or(program, |path| path.as_os_str()))
            .stdin(Stdio::null());
        command
    }

    fn command_of<I: AsRef<OsStr>>(&self, argv: impl IntoIterator<Item = I>) -> Result<Command> {
        let mut argv = argv.into_iter();
        let program = argv.next().context("an empty command")?;
        let mut command = self.command(program);
        command.args(argv);
        Ok(command)
    }

    /// Runs a command to its end, a minute at most. An error means that it
    /// could not run; how it ended is for the caller to judge.
    pub fn run<I: AsRef<OsStr>>(&self, argv: impl IntoIterator<Item = I>) -> Result<Outcome> {
        process::run_command(self.command_of(argv)?, TIME_LIMIT)
    }

    /// Runs a command that must succeed, and returns its stdout.
    pub fn must<I: AsRef<OsStr>>(&self, argv: impl IntoIterator<Item = I>) -> Result<String> {
        let outcome = self.run(argv)?;
        if !outcome.ok() {
            bail!("in {}: {outcome}", self.role);
        }
        Ok(outcome.stdout)
    }

    /// Starts a command; it is stopped when the guard is dropped.
    pub fn spawn<I: AsRef<OsStr>>(&self, argv: impl IntoIterator<Item = I>) -> Result<Process> {
        process::spawn_command(self.command_of(argv)?)
    }

    /// Runs lines of `ip` commands inside, in one process.
    pub fn ip_batch(&self, lines: &[String]) -> Result<()> {
        batch(&["-netns", &self.name], lines).with_context(|| format!("configuring {}", self.role))
    }

    /// Sets kernel parameters below /proc/sys/net; those the kernel does not
    /// have are passed over.
    pub fn sysctl(&self, settings: &[(&str, &str)]) -> Result<()> {
        let mut command = self.command("sh");
        command.args([
            "-ec",
            "while [ $# -gt 0 ]; do f=/proc/sys/net/$1; \
             if [ -e \"$f\" ]; then echo \"$2\" >\"$f\"; fi; shift 2; done",
            "sysctl",
        ]);
        for (key, value) in settings {
            command.args([key, value]);
        }
        let outcome = process::run_command(command, TIME_LIMIT)?;
        if !outcome.ok() {
            bail!("in {}: {outcome}", self.role);
        }
        Ok(())
    }
}

/// Runs lines of `ip` commands outside of any namespace.
pub(super) fn host_ip_batch(lines: &[String]) -> Result<()> {
    batch(&[], lines)
}

fn batch(before: &[&str], lines: &[String]) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let mut child = ip()
        .args(before)
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start ip")?;
    if let Some(mut stdin) = child.stdin.take() {
        // A broken pipe means that ip gave up; its words say why.
        let _ = stdin.write_all(lines.join("\n").as_bytes());
        let _ = stdin.write_all(b"\n");
    }
    let output = child.wait_with_output().context("waiting for ip")?;
    if !output.status.success() {
        bail!(
            "ip: {}\nof the lines\n{}",
            String::from_utf8_lossy(&output.stderr).trim_end(),
            lines.join("\n")
        );
    }
    Ok(())
}

fn ip() -> Command {
    Command::new(find_program("ip").unwrap_or("ip".into()))
}

fn host_ip(args: &[&str]) -> Result<()> {
    let output = ip().args(args).output().context("cannot start ip")?;
    if !output.status.success() {
        bail!(
            "ip {}: {}",
            args.join(" "),
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    Ok(())
}

/// Removes a namespace by name; one that is gone is no error.
pub(super) fn delete(name: &str) {
    let _ = ip()
        .args(["netns", "del", name])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

/// Kills what runs in a namespace of a lab that has lost its owner. Nobody
/// else can: the processes' parent is gone, and they hold on to its pipes.
pub(super) fn kill_inside(name: &str) {
    let Ok(output) = ip().args(["netns", "pids", name]).output() else {
        return;
    };
    for pid in String::from_utf8_lossy(&output.stdout).split_whitespace() {
        // One that has ended by now is just as well.
        let _ = process::kill("KILL", pid);
    }
}
