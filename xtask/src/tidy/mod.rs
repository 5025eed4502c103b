//! `cargo xtask tidy`: house rules that compiler and clippy do not know.
//! Imports `step` and `workspace` from this crate.
//!
//! Each rule is a function from a file to complaints, tested on small strings:
//! a rule that has never been seen to fail is no rule.

mod imports;
mod lexer;
mod places;
mod text;

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::step::{self, step};
use crate::workspace::{Workspace, cargo, find_program};

/// A file under test.
#[derive(Debug)]
struct Source<'a> {
    /// Its path from the workspace's root, with `/`.
    path: &'a str,
    /// Its text.
    text: &'a str,
    /// Its code and comments, told apart.
    lexed: lexer::Lexed,
}

impl<'a> Source<'a> {
    fn new(path: &'a str, text: &'a str) -> Self {
        Self {
            path,
            text,
            lexed: lexer::lex(text),
        }
    }
}

/// What is wrong, and where.
#[derive(Debug, PartialEq, Eq)]
struct Complaint {
    line: usize,
    what: String,
}

impl Complaint {
    fn new(line: usize, what: impl Into<String>) -> Self {
        Self {
            line,
            what: what.into(),
        }
    }
}

const RULES: &[fn(&Source<'_>) -> Vec<Complaint>] = &[
    text::opens_with_its_job,
    text::is_short,
    text::has_no_loose_ends,
    text::has_no_trailing_space,
    text::is_no_drawer,
    places::unsafe_in_its_place,
    places::aya_in_its_place,
    imports::follows_the_table,
];

/// Checks every Rust file that git knows or would take.
pub fn tidy(ws: &Workspace, bless: bool) -> Result<()> {
    step("checking the house rules (tidy)", || {
        let files = rust_files(&ws.root)?;
        if bless {
            mend(ws, &files)?;
        }
        let mut count = 0;
        for path in &files {
            let file = ws.root.join(path);
            let text =
                fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
            let source = Source::new(path, &text);
            for rule in RULES {
                for complaint in rule(&source) {
                    println!("{path}:{}: {}", complaint.line, complaint.what);
                    count += 1;
                }
            }
            if let Some(advice) = text::is_nearly_too_long(&source) {
                println!("note: {path}: {advice}");
            }
        }
        if count > 0 {
            bail!("{count} breaches of the house rules");
        }
        println!("    {} files", files.len());
        Ok(())
    })
}

/// Mends what needs no thought: white space at line ends, then rustfmt.
fn mend(ws: &Workspace, files: &[String]) -> Result<()> {
    for path in files {
        let file = ws.root.join(path);
        let text = fs::read_to_string(&file)?;
        let mended = text::without_trailing_space(&text);
        if mended != text {
            fs::write(&file, mended).with_context(|| format!("writing {}", file.display()))?;
            println!("    mended {path}");
        }
    }
    let mut fmt = Command::new(cargo());
    step::run(fmt.args(["fmt", "--all"]).current_dir(&ws.root))
}

fn rust_files(root: &Path) -> Result<Vec<String>> {
    let mut files = if root.join(".git").exists() && find_program("git").is_some() {
        let list = step::capture(
            Command::new("git")
                .args(["ls-files", "-z", "--cached", "--others"])
                .args(["--exclude-standard", "--", "*.rs"])
                .current_dir(root),
        )?;
        list.split_terminator('\0').map(str::to_owned).collect()
    } else {
        // An unpacked archive: what is there is the source.
        let mut files = Vec::new();
        walk(root, "", &mut files)?;
        files
    };
    // Deleted files stay in git's list until that is committed.
    files.retain(|path| root.join(path).is_file());
    files.sort();
    files.dedup();
    Ok(files)
}

fn walk(root: &Path, below: &str, files: &mut Vec<String>) -> Result<()> {
    let dir = root.join(below);
    for entry in fs::read_dir(&dir).with_context(|| format!("reading {}", dir.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() {
            name.clone()
        } else {
            format!("{below}/{name}")
        };
        if entry.file_type()?.is_dir() {
            if name != "target" && !name.starts_with('.') {
                walk(root, &path, files)?;
            }
        } else if Path::new(&path).extension() == Some("rs".as_ref()) {
            files.push(path);
        }
    }
    Ok(())
}
