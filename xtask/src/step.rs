//! Running commands and narrating long steps. Imports nothing of this crate.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// Runs one long step: a line when it starts, a line with its time when it
/// ends well. A failure is left to the caller, who sees the error.
pub(crate) fn step<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("==> {what}");
    let start = Instant::now();
    let value = work().with_context(|| format!("step failed: {what}"))?;
    println!("    done in {:.1} s: {what}", start.elapsed().as_secs_f64());
    Ok(value)
}

/// Runs a command with our own stdin, stdout and stderr.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", show(command)))?;
    if !status.success() {
        bail!("{status}: {}", show(command));
    }
    Ok(())
}

/// Runs a command and returns what it printed to stdout.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .env("RUST_BACKTRACE", "0") // its stderr becomes our message
        .output()
        .with_context(|| format!("cannot start {}", show(command)))?;
    if !output.status.success() {
        bail!(
            "{}: {}\n{}",
            output.status,
            show(command),
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A command line as a person would type it, for messages.
pub(crate) fn show(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| {
            let word = word.to_string_lossy();
            if word.is_empty() || word.contains(char::is_whitespace) {
                format!("'{word}'")
            } else {
                word.into_owned()
            }
        })
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_command_is_named() {
        let error = run(Command::new("sh").args(["-c", "exit 3"])).expect_err("fails");
        assert!(error.to_string().contains("sh -c 'exit 3'"), "{error}");
        let error = capture(Command::new("sh").args(["-c", "echo no >&2; exit 3"])).expect_err("");
        assert!(error.to_string().ends_with("no"), "{error}");
    }
}
