//! Tells code from comments and strings, no more: the rules look for words in
//! code, and must not trip over the same words in text. Imports nothing.

/// A piece of code and its line, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) line: usize,
    pub(super) kind: Kind,
}

/// What a piece of code is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// An identifier, keyword or number.
    Word(String),
    /// One character of punctuation.
    Punct(char),
    /// A string, character or lifetime; its text does not matter.
    Literal,
}

/// A file, taken apart.
#[derive(Debug, Default)]
pub(super) struct Lexed {
    pub(super) tokens: Vec<Token>,
    /// Comments with the line they start on.
    pub(super) comments: Vec<(usize, String)>,
}

impl Lexed {
    /// Whether the token at `index` is this word.
    pub(super) fn is_word(&self, index: usize, word: &str) -> bool {
        self.word(index) == Some(word)
    }

    /// The word at `index`, if it is one.
    pub(super) fn word(&self, index: usize) -> Option<&str> {
        match &self.tokens.get(index)?.kind {
            Kind::Word(word) => Some(word),
            Kind::Punct(_) | Kind::Literal => None,
        }
    }

    /// Whether the token at `index` is this punctuation.
    pub(super) fn is_punct(&self, index: usize, punct: char) -> bool {
        self.tokens
            .get(index)
            .is_some_and(|token| token.kind == Kind::Punct(punct))
    }

    /// Whether `::` stands at `index`.
    pub(super) fn is_path_separator(&self, index: usize) -> bool {
        self.is_punct(index, ':') && self.is_punct(index + 1, ':')
    }

    /// The line of the token at `index`.
    pub(super) fn line(&self, index: usize) -> usize {
        self.tokens.get(index).map_or(0, |token| token.line)
    }
}

struct Cursor<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Cursor<'a> {
    /// Takes `length` bytes.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        self.line += taken.matches('\n').count();
        taken
    }

    /// The length up to and including `end`, or all.
    fn through(&self, end: &str, from: usize) -> usize {
        self.rest[from..]
            .find(end)
            .map_or(self.rest.len(), |at| from + at + end.len())
    }
}

/// Takes a file apart. Text that is no Rust gives some tokens or other.
pub(super) fn lex(text: &str) -> Lexed {
    let mut lexed = Lexed::default();
    let mut cursor = Cursor {
        rest: text,
        line: 1,
    };
    while let Some(first) = cursor.rest.chars().next() {
        let line = cursor.line;
        let kind = if first.is_whitespace() {
            cursor.take(first.len_utf8());
            continue;
        } else if cursor.rest.starts_with("//") {
            let length = cursor.rest.find('\n').unwrap_or(cursor.rest.len());
            lexed.comments.push((line, cursor.take(length).to_owned()));
            continue;
        } else if cursor.rest.starts_with("/*") {
            let length = block_comment(cursor.rest);
            lexed.comments.push((line, cursor.take(length).to_owned()));
            continue;
        } else if let Some(length) = raw_string(&cursor) {
            cursor.take(length);
            Kind::Literal
        } else if first == '"' {
            cursor.take(quoted(cursor.rest, '"'));
            Kind::Literal
        } else if first == '\'' {
            cursor.take(char_or_lifetime(cursor.rest));
            Kind::Literal
        } else if is_word(first) {
            let length = cursor
                .rest
                .find(|c| !is_word(c))
                .unwrap_or(cursor.rest.len());
            Kind::Word(cursor.take(length).to_owned())
        } else {
            cursor.take(first.len_utf8());
            Kind::Punct(first)
        };
        lexed.tokens.push(Token { line, kind });
    }
    lexed
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of a block comment, which may hold others.
fn block_comment(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let (mut depth, mut at) = (0, 0);
    while at < bytes.len() {
        match bytes.get(at..at + 2) {
            Some(b"/*") => (depth, at) = (depth + 1, at + 2),
            Some(b"*/") => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length of a raw string that starts here, if one does.
fn raw_string(cursor: &Cursor<'_>) -> Option<usize> {
    let prefix = ["r", "br", "cr"].into_iter().find(|prefix| {
        cursor.rest.starts_with(&format!("{prefix}\""))
            || cursor.rest.starts_with(&format!("{prefix}#"))
    })?;
    let after = &cursor.rest[prefix.len()..];
    let hashes = after.len() - after.trim_start_matches('#').len();
    // `r#name` is a raw identifier.
    after[hashes..].starts_with('"').then(|| {
        let end = format!("\"{}", "#".repeat(hashes));
        cursor.through(&end, prefix.len() + hashes + 1)
    })
}

/// The length of a literal in quotes, minding backslashes.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return at + c.len_utf8();
        }
    }
    rest.len()
}

/// `'a'` and `'\n'` are characters, `'a` is a lifetime.
fn char_or_lifetime(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), _) => quoted(rest, '\''),
        (_, Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, lex};

    fn words(text: &str) -> Vec<String> {
        lex(text)
            .tokens
            .into_iter()
            .filter_map(|token| match token.kind {
                Kind::Word(word) => Some(word),
                Kind::Punct(_) | Kind::Literal => None,
            })
            .collect()
    }

    #[test]
    fn only_code_has_words() {
        let text = "a \"b \\\" b\" c // d\n/* e /* e */ e */ f r#\"g \" g\"# h 'i' '\\'' j b\"k\"";
        assert_eq!(words(text), ["a", "c", "f", "h", "j", "b"]);
        assert_eq!(
            words("fn f<'a>(x: &'a str) {}"),
            ["fn", "f", "a", "x", "a", "str"]
        );
        assert_eq!(words("r#type x"), ["r", "type", "x"]);
    }

    #[test]
    fn lines_are_counted() {
        let lexed = lex("/* a\nb */ c\n\"d\nd\" e // f");
        let lines: Vec<_> = lexed.tokens.iter().map(|token| token.line).collect();
        assert_eq!(lines, [2, 3, 4]);
        assert_eq!(lexed.comments[1], (4, "// f".into()));
    }

    #[test]
    fn unfinished_text_ends() {
        for text in ["\"abc", "/* abc", "r#\"abc", "'\\", "'", "é'é"] {
            lex(text);
        }
    }
}
