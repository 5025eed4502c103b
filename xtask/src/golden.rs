//! Golden files: text that must not change unnoticed. Tests compare; `cargo xtask test unit --bless`
//! renews. Imports nothing of ours.

use std::fs;
use std::path::Path;

/// Set to `1` in the environment of tests that shall renew.
pub const BLESS: &str = "BLESS";

/// Compares `actual` with the file at `path`, or renews the file.
///
/// # Errors
/// The first line that differs, both ways, and how to renew.
pub fn check(path: &Path, actual: &str) -> Result<(), String> {
    if std::env::var_os(BLESS).is_some_and(|bless| bless == "1") {
        return fs::write(path, actual).map_err(|error| format!("{}: {error}", path.display()));
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    if expected == actual {
        return Ok(());
    }
    let (mut old, mut new) = (expected.lines(), actual.lines());
    let mut line = 0;
    loop {
        line += 1;
        let pair = (old.next(), new.next());
        if pair.0 != pair.1 || pair == (None, None) {
            return Err(format!(
                "{}, line {line}:\n  was: {}\n  now: {}\nif the new text is right: cargo xtask test unit --bless",
                path.display(),
                pair.0.unwrap_or("(end)"),
                pair.1.unwrap_or("(end)"),
            ));
        }
    }
}
