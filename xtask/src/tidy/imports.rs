//! Which module of endpoint-ctl may import which. Imports `lexer`.
//!
//! To add a module: give it a row here, and a line in ARCHITECTURE.md.

use super::lexer::Lexed;
use super::{Complaint, Source};

/// A module and what it may import.
struct Row {
    module: &'static str,
    /// The siblings it may import.
    may: May,
    /// Crates it must not use, beyond those `places` watches over.
    never: &'static [&'static str],
}

enum May {
    Import(&'static [&'static str]),
    ImportAnything,
}

const fn row(module: &'static str, may: &'static [&'static str]) -> Row {
    Row {
        module,
        may: May::Import(may),
        never: &[],
    }
}

/// A row of a module that is pure: no runtime, no clock but its caller's.
const fn pure(module: &'static str, may: &'static [&'static str]) -> Row {
    Row {
        module,
        may: May::Import(may),
        never: &["tokio"],
    }
}

/// The table. `main.rs` and `lib.rs` are not in it: they only hold the rest
/// together.
const TABLE: &[Row] = &[
    pure("model", &[]),
    pure("manifest", &["model"]),
    pure("document", &["model"]),
    row("api", &["manifest", "model"]),
    row("registry", &["document", "manifest", "model", "store"]),
    row(
        "operations",
        &["api", "document", "model", "registry", "store"],
    ),
    pure("compiler", &["model"]),
    pure("oracle", &["model"]),
    row("dataplane", &["compiler"]),
    row("hostpath", &["compiler"]),
    row("health", &["model"]),
    row("nexthop", &[]),
    pure("preflight", &["dataplane"]),
    row("store", &[]),
    row(
        "reconcile",
        &["compiler", "dataplane", "model", "nexthop", "preflight"],
    ),
    row("observe", &["dataplane", "model", "compiler"]),
    pure("explain", &["model", "compiler", "oracle"]),
    pure("diff", &["compiler", "explain", "hostpath", "model"]),
    row(
        "describe",
        &["document", "health", "model", "operations", "registry"],
    ),
    row("metering", &["model", "observe", "registry", "store"]),
    row("control", &["explain", "metering", "observe"]),
    row("metrics", &["control", "metering", "observe"]),
    row(
        "cli",
        &[
            "api", "compiler", "control", "daemon", "explain", "manifest", "metering", "model",
            "observe", "registry", "store",
        ],
    ),
    Row {
        module: "daemon",
        may: May::ImportAnything,
        never: &[],
    },
];

const CRATE: &str = "endpoint-ctl/src/";

/// Checks every path into the crate against the table.
pub(super) fn follows_the_table(source: &Source<'_>) -> Vec<Complaint> {
    let Some((module, depth)) = place(source.path) else {
        return Vec::new();
    };
    let Some(row) = TABLE.iter().find(|row| row.module == module) else {
        return vec![Complaint::new(
            1,
            format!(
                "module `{module}` is unknown: add it to the table in \
                 xtask/src/tidy/imports.rs and to ARCHITECTURE.md"
            ),
        )];
    };
    let mut complaints = Vec::new();
    for (line, head) in heads(&source.lexed, depth) {
        if head == module {
            continue;
        }
        let May::Import(may) = row.may else { continue };
        if !may.contains(&head.as_str()) {
            complaints.push(Complaint::new(
                line,
                format!("`{module}` may not import `{head}`, only {may:?}"),
            ));
        }
    }
    for index in 0..source.lexed.tokens.len() {
        if let Some(word) = source.lexed.word(index)
            && row.never.contains(&word)
            && source.lexed.is_path_separator(index + 1)
        {
            let line = source.lexed.line(index);
            complaints.push(Complaint::new(
                line,
                format!("`{module}` never uses {word}"),
            ));
        }
    }
    complaints
}

/// The top module a file belongs to, and how deep below the crate's root it
/// is; `None` for other crates and for the root's own files.
fn place(path: &str) -> Option<(&str, usize)> {
    let inside = path.strip_prefix(CRATE)?.strip_suffix(".rs")?;
    let inside = inside.strip_suffix("/mod").unwrap_or(inside);
    let module = inside.split('/').next()?;
    if inside == "lib" || inside == "main" || module == "bin" {
        return None;
    }
    Some((module, inside.split('/').count()))
}

/// The first names after the crate's root, in every path that starts there:
/// by `crate::`, or by as many `super::` as the place is deep.
fn heads(lexed: &Lexed, file_depth: usize) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    // For each open brace, whether it is that of an inline module.
    let mut braces: Vec<bool> = Vec::new();
    let mut index = 0;
    while index < lexed.tokens.len() {
        if lexed.is_punct(index, '{') {
            braces.push(index >= 2 && lexed.is_word(index - 2, "mod"));
        } else if lexed.is_punct(index, '}') {
            braces.pop();
        } else if lexed.is_word(index, "crate") && lexed.is_path_separator(index + 1) {
            index += 3;
            names_at(lexed, index, &mut found);
            continue;
        } else if lexed.is_word(index, "super") && lexed.is_path_separator(index + 1) {
            let mut supers = 0;
            while lexed.is_word(index, "super") && lexed.is_path_separator(index + 1) {
                supers += 1;
                index += 3;
            }
            let depth = file_depth + braces.iter().filter(|is_module| **is_module).count();
            if supers >= depth {
                names_at(lexed, index, &mut found);
            }
            continue;
        }
        index += 1;
    }
    found
}

/// The names a path goes on with at `index`: one, or those of a `{}` group.
fn names_at(lexed: &Lexed, index: usize, found: &mut Vec<(usize, String)>) {
    if !lexed.is_punct(index, '{') {
        let name = lexed.word(index).unwrap_or("*");
        found.push((lexed.line(index), name.to_owned()));
        return;
    }
    let mut depth = 1;
    let mut at = index + 1;
    let mut expects_name = true;
    while depth > 0 && at < lexed.tokens.len() {
        if lexed.is_punct(at, '{') {
            depth += 1;
        } else if lexed.is_punct(at, '}') {
            depth -= 1;
        } else if lexed.is_punct(at, ',') && depth == 1 {
            expects_name = true;
        } else if expects_name {
            found.push((lexed.line(at), lexed.word(at).unwrap_or("*").to_owned()));
            expects_name = false;
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(path: &str, text: &str) -> Vec<String> {
        follows_the_table(&Source::new(path, text))
            .into_iter()
            .map(|complaint| complaint.what)
            .collect()
    }

    const DEEP: &str = "endpoint-ctl/src/model/rule.rs";
    const TOP: &str = "endpoint-ctl/src/compiler/mod.rs";

    #[test]
    fn forbidden_imports_are_found_in_every_spelling() {
        for text in [
            "use crate::compiler::Tables;\n",
            "fn f(x: crate::compiler::Tables) {}\n",
            "use crate::{compiler::Tables};\n",
            "use crate::{model::{A, B}, compiler};\n",
            "use crate::*;\n",
            "use super::super::compiler::Tables;\n",
            "mod tests { use super::super::super::compiler; }\n",
        ] {
            assert_eq!(complaints(DEEP, text).len(), 1, "{text}");
        }
        assert_eq!(complaints(TOP, "use super::dataplane::Maps;\n").len(), 1);
        assert_eq!(complaints(TOP, "use super::{model, dataplane};\n").len(), 1);
    }

    #[test]
    fn allowed_imports_pass() {
        for text in [
            "use crate::model::{Vpc, rule::Rule};\n",
            "use super::Model;\nuse super::{a, b};\n",
            "pub(crate) fn f() {}\npub(super) fn g() {}\n",
            "mod tests { use super::super::Model; use super::*; }\n",
            "// crate::compiler::Tables\nconst X: &str = \"crate::compiler::X\";\n",
            "use std::fmt;\nuse endpoint_common::abi;\n",
        ] {
            assert_eq!(complaints(DEEP, text), Vec::<String>::new(), "{text}");
        }
        assert!(complaints(TOP, "use super::model::Model;\nuse crate::model;\n").is_empty());
        assert!(complaints(TOP, "mod tests { use super::compile; }\n").is_empty());
        let daemon = "use crate::{cli, compiler, dataplane};\n";
        assert!(complaints("endpoint-ctl/src/daemon/mod.rs", daemon).is_empty());
        assert!(complaints("endpoint-ctl/src/lib.rs", "use crate::daemon::X;\n").is_empty());
    }

    #[test]
    fn nobody_imports_the_daemon() {
        for row in TABLE
            .iter()
            .filter(|row| !matches!(row.module, "daemon" | "cli"))
        {
            let path = format!("{CRATE}{}.rs", row.module);
            assert_eq!(complaints(&path, "use crate::daemon::run;\n").len(), 1);
        }
    }

    #[test]
    fn unknown_modules_and_runtimes_are_refused() {
        let unknown = complaints("endpoint-ctl/src/gossip/mod.rs", "");
        assert!(unknown[0].contains("ARCHITECTURE.md"), "{unknown:?}");
        assert_eq!(complaints(TOP, "use tokio::time;\n").len(), 1);
    }

    #[test]
    fn the_table_names_only_its_own_modules() {
        for row in TABLE {
            let May::Import(may) = row.may else { continue };
            for name in may {
                assert!(TABLE.iter().any(|other| other.module == *name), "{name}");
            }
        }
    }
}
