//! Rules about a file as a whole. Imports `lexer` through `Source`.

use super::{Complaint, Source};

/// The length a file should stay under, and the one it must.
const SHOULD: usize = 400;
const MUST: usize = 450;

/// Words for work that was put off. Spelled in halves, so that this file can
/// be searched for them like any other.
const LOOSE_ENDS: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];
const LOOSE_MACROS: &[&str] = &["todo", "unimplemented"];

/// Names that say nothing about what is inside, so everything ends up there.
const DRAWERS: &[&str] = &[
    "util", "utils", "helper", "helpers", "misc", "common", "shared", "stuff",
];

/// Every file opens with `//!` lines that say what it is for.
pub(super) fn opens_with_its_job(source: &Source<'_>) -> Vec<Complaint> {
    let first = source.text.lines().find(|line| !line.trim().is_empty());
    match first {
        Some(line) if line.starts_with("//! ") => Vec::new(),
        _ => vec![Complaint::new(
            1,
            "must open with `//! ` and its job, and what it may import",
        )],
    }
}

/// Files stay short enough to be read in one go.
pub(super) fn is_short(source: &Source<'_>) -> Vec<Complaint> {
    let lines = source.text.lines().count();
    if lines <= MUST {
        return Vec::new();
    }
    vec![Complaint::new(
        lines,
        format!("has {lines} lines, over {MUST}: split it by what its parts do"),
    )]
}

/// Said without failing.
pub(super) fn is_nearly_too_long(source: &Source<'_>) -> Option<String> {
    let lines = source.text.lines().count();
    (lines > SHOULD && lines <= MUST).then(|| format!("has {lines} lines, over {SHOULD}"))
}

/// Work that was put off belongs in an issue, not in the source.
pub(super) fn has_no_loose_ends(source: &Source<'_>) -> Vec<Complaint> {
    let lexed = &source.lexed;
    let mut complaints = Vec::new();
    for (line, comment) in &lexed.comments {
        for word in LOOSE_ENDS {
            if comment.contains(word) {
                complaints.push(Complaint::new(*line, format!("{word}: file an issue")));
            }
        }
    }
    for index in 0..lexed.tokens.len() {
        let line = lexed.line(index);
        if let Some(word) = lexed.word(index)
            && LOOSE_MACROS.contains(&word)
            && lexed.is_punct(index + 1, '!')
        {
            complaints.push(Complaint::new(line, format!("{word}!: finish it")));
        }
        if lexed.is_punct(index, '#')
            && lexed.is_punct(index + 1, '[')
            && lexed.is_word(index + 2, "ignore")
        {
            complaints.push(Complaint::new(line, "an ignored test proves nothing"));
        }
    }
    complaints
}

/// No white space at line ends, and one newline at the end.
pub(super) fn has_no_trailing_space(source: &Source<'_>) -> Vec<Complaint> {
    let mut complaints: Vec<_> = source
        .text
        .split('\n')
        .zip(1..)
        .filter(|(line, _)| line.ends_with([' ', '\t', '\r']))
        .map(|(_, number)| Complaint::new(number, "white space at the end of the line"))
        .collect();
    if !source.text.is_empty() && (!source.text.ends_with('\n') || source.text.ends_with("\n\n")) {
        complaints.push(Complaint::new(
            source.text.lines().count(),
            "must end with one newline",
        ));
    }
    complaints
}

/// The text as `has_no_trailing_space` wants it.
pub(super) fn without_trailing_space(text: &str) -> String {
    let mut mended: String = text
        .lines()
        .flat_map(|line| [line.trim_end(), "\n"])
        .collect();
    mended.truncate(mended.trim_end().len());
    if !mended.is_empty() {
        mended.push('\n');
    }
    mended
}

/// Modules are named after what they do.
pub(super) fn is_no_drawer(source: &Source<'_>) -> Vec<Complaint> {
    let mut parts = source.path.rsplit('/');
    let file = parts.next().unwrap_or_default().trim_end_matches(".rs");
    let name = if file == "mod" {
        parts.next().unwrap_or_default()
    } else {
        file
    };
    if DRAWERS.contains(&name) {
        return vec![Complaint::new(
            1,
            format!("`{name}` is a drawer: name the module after what it does"),
        )];
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rule = fn(&Source<'_>) -> Vec<Complaint>;

    fn complaints(rule: Rule, path: &str, text: &str) -> usize {
        rule(&Source::new(path, text)).len()
    }

    #[test]
    fn a_file_opens_with_its_job() {
        let rule = opens_with_its_job;
        assert_eq!(complaints(rule, "a.rs", "//! Job.\n#![no_std]\n"), 0);
        for text in [
            "",
            "use x;\n",
            "//!\n//! Job.\n",
            "#![no_std]\n//! Job.\n",
            "// Job.\n",
        ] {
            assert_eq!(complaints(rule, "a.rs", text), 1, "{text}");
        }
    }

    #[test]
    fn a_file_is_short() {
        let lines = |count| "x\n".repeat(count);
        assert_eq!(complaints(is_short, "a.rs", &lines(MUST)), 0);
        assert_eq!(complaints(is_short, "a.rs", &lines(MUST + 1)), 1);
        let advice = |count| is_nearly_too_long(&Source::new("a.rs", &lines(count)));
        assert_eq!(advice(SHOULD), None);
        assert!(advice(SHOULD + 1).is_some());
    }

    #[test]
    fn loose_ends_are_found() {
        let rule = has_no_loose_ends;
        for word in LOOSE_ENDS {
            assert_eq!(complaints(rule, "a.rs", &format!("// {word}: x\n")), 1);
            assert_eq!(complaints(rule, "a.rs", &format!("/* {word} */\n")), 1);
            assert_eq!(complaints(rule, "a.rs", &format!("f(\"{word}\");\n")), 0);
        }
        assert_eq!(complaints(rule, "a.rs", "fn f() { todo!() }\n"), 1);
        assert_eq!(
            complaints(rule, "a.rs", "fn f() { unimplemented!(\"x\") }\n"),
            1
        );
        assert_eq!(
            complaints(rule, "a.rs", "#[test]\n#[ignore]\nfn f() {}\n"),
            1
        );
        assert_eq!(
            complaints(rule, "a.rs", "#[ignore = \"slow\"]\nfn f() {}\n"),
            1
        );
        assert_eq!(complaints(rule, "a.rs", "fn todo() { ignore() }\n"), 0);
    }

    #[test]
    fn trailing_space_is_found_and_mended() {
        let rule = has_no_trailing_space;
        assert_eq!(complaints(rule, "a.rs", "a\n\nb\n"), 0);
        for text in ["a \nb\n", "a\t\n", "a\r\n", "a", "a\n\n"] {
            assert_eq!(complaints(rule, "a.rs", text), 1, "{text:?}");
            let mended = without_trailing_space(text);
            assert_eq!(complaints(rule, "a.rs", &mended), 0, "{mended:?}");
        }
    }

    #[test]
    fn drawers_are_found() {
        for path in [
            "x/src/utils.rs",
            "helpers.rs",
            "x/misc/mod.rs",
            "x/common.rs",
        ] {
            assert_eq!(complaints(is_no_drawer, path, ""), 1, "{path}");
        }
        for path in ["endpoint-common/src/lib.rs", "x/flow.rs", "x/flow/mod.rs"] {
            assert_eq!(complaints(is_no_drawer, path, ""), 0, "{path}");
        }
    }
}
