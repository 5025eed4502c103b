//! A file of YAML documents, each read by itself so that a broken one does not hide the others.
//!
//! May import: std, `node`, `tree`.

use super::node::Node;
use super::tree::{Grown, Refused, grow};

/// Values that aliases may add to a whole file; far more than any honest manifest repeats.
const ALIAS_ALLOWANCE: usize = 100_000;
/// Documents that may be broken before reading stops: each may cost the whole allowance.
const BROKEN_ALLOWANCE: usize = 100;

/// The text of one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk<'t> {
    /// Line of the file its text starts on, from 1.
    pub(super) line: u32,
    pub(super) text: &'t str,
}

/// Why a document could not be read.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) problem: String,
    pub(super) mend: String,
}

/// Splits a file at its document markers, leaving out documents without content.
///
/// A line that starts with `---` or `...` is a marker wherever it stands: YAML forbids it inside a
/// scalar, so no parsing is needed to find the borders.
pub(super) fn split(text: &str) -> Vec<Chunk<'_>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut chunks = Vec::new();
    let mut start = (0, 1);
    let mut offset = 0;
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let begins = is_marker(line, "---");
        let ends = is_marker(line, "...");
        if begins || ends {
            chunks.push(Chunk {
                line: start.1,
                text: &text[start.0..offset],
            });
            start = if begins {
                (offset, number)
            } else {
                (offset + line.len(), number + 1)
            };
        }
        offset += line.len();
    }
    chunks.push(Chunk {
        line: start.1,
        text: &text[start.0..],
    });
    chunks.retain(|chunk| chunk.text.lines().any(has_content));
    chunks
}

fn is_marker(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\n', '\r']))
}

fn has_content(line: &str) -> bool {
    let content = line.strip_prefix("---").filter(|_| is_marker(line, "---"));
    let content = content.unwrap_or(line).trim_start();
    !(content.is_empty() || content.starts_with('#') || line.starts_with('%'))
}

/// Reads documents one after the other, within limits that hold for all of them together.
pub(super) struct Reader {
    aliases_left: usize,
    broken: usize,
}

impl Reader {
    pub(super) fn new() -> Self {
        Self {
            aliases_left: ALIAS_ALLOWANCE,
            broken: 0,
        }
    }

    /// Whether so many documents were broken that reading on would only waste time.
    pub(super) fn gave_up(&self) -> bool {
        self.broken >= BROKEN_ALLOWANCE
    }

    /// Reads one document; lines count from the start of the file.
    pub(super) fn read<'t>(&mut self, chunk: Chunk<'t>) -> Result<Node<'t>, Broken> {
        let before = chunk.line - 1;
        match grow(chunk.text, before, self.aliases_left) {
            Ok(Grown { root, size }) => {
                // Without aliases every value takes at least one byte of the text.
                let added = size.saturating_sub(chunk.text.len());
                self.aliases_left = self.aliases_left.saturating_sub(added);
                Ok(root)
            }
            Err(refused) => {
                self.broken += 1;
                Err(broken(chunk, before, &refused))
            }
        }
    }
}

fn broken(chunk: Chunk<'_>, before: u32, refused: &Refused) -> Broken {
    let message = refused.problem.replace(['\n', '\r'], " ");
    let mend = if refused.is_excess {
        "nest less, and write values out instead of repeating them by alias".to_owned()
    } else if let Some(tab) = first_tab(chunk) {
        format!("indent with spaces: line {tab} starts with a tab")
    } else {
        "write `Field: value`, each field on its own line, indented by spaces alone".to_owned()
    };
    Broken {
        line: before.saturating_add(refused.line),
        column: refused.column,
        problem: format!("not readable as YAML: {message}"),
        mend,
    }
}

/// The first line that is indented by a tab: whatever YAML says of it, that is the cause.
fn first_tab(chunk: Chunk<'_>) -> Option<u32> {
    let by_tab = |line: &str| line.trim_start_matches(' ').starts_with('\t') && has_content(line);
    let mut lines = (chunk.line..).zip(chunk.text.lines());
    lines
        .find(|(_, line)| by_tab(line))
        .map(|(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<(u32, &str)> {
        split(text)
            .into_iter()
            .map(|chunk| (chunk.line, chunk.text))
            .collect()
    }

    #[test]
    fn documents_are_split_at_their_markers() {
        assert_eq!(
            lines("a: 1\n---\nb: 2\n"),
            [(1, "a: 1\n"), (2, "---\nb: 2\n")]
        );
        assert_eq!(
            lines("--- {a: 1}\n...\n--- # c\nb"),
            [(1, "--- {a: 1}\n"), (3, "--- # c\nb")]
        );
        assert_eq!(
            lines("%YAML 1.2\n---\na: ---\n---x: 1\n"),
            [(2, "---\na: ---\n---x: 1\n")]
        );
    }

    #[test]
    fn documents_without_content_are_left_out() {
        assert!(split("").is_empty());
        assert!(split("# only a comment\n---\n\n---\n  # another\n...\n").is_empty());
    }

    #[test]
    fn an_alias_bomb_is_refused() {
        use std::fmt::Write as _;
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for n in 1..9 {
            let before = n - 1;
            let list = vec![format!("*a{before}"); 10].join(", ");
            writeln!(text, "a{n}: &a{n} [{list}]").expect("a string takes it");
        }
        let broken = Reader::new()
            .read(Chunk {
                line: 1,
                text: &text,
            })
            .expect_err("a bomb");
        assert!(broken.mend.contains("alias"), "{broken:?}");
    }

    #[test]
    fn small_bombs_share_one_allowance() {
        let items = vec!["x"; 1000].join(", ");
        let repeats = vec!["*a"; 60].join(", ");
        let text = format!("a: &a [{items}]\nb: [{repeats}]\n");
        let mut reader = Reader::new();
        assert!(
            reader
                .read(Chunk {
                    line: 1,
                    text: &text
                })
                .is_ok()
        );
        assert!(
            reader
                .read(Chunk {
                    line: 1,
                    text: &text
                })
                .is_err()
        );
    }
}
