//! Aliases, merges, tags, limits: what a tree is made of, and what is refused.
//!
//! May import: the manifest's own.

use super::*;

/// The tree in one line: lines before the keys.
fn shown(node: &Node<'_>) -> String {
    match &node.value {
        Value::List(items) => {
            let items: Vec<_> = items.iter().map(shown).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Map(entries) => {
            let entry = |e: &Entry<'_>| format!("{}:{}={}", e.line, e.key, shown(&e.value));
            let entries: Vec<_> = entries.iter().map(entry).collect();
            format!("{{{}}}", entries.join(" "))
        }
        _ => node.describe(),
    }
}

fn read(text: &str) -> Result<String, Refused> {
    grow(text, 10, 100).map(|grown| shown(&grown.root))
}

#[test]
fn only_plain_scalars_are_more_than_texts() {
    let text = "1: 1\na: '1'\nb: !!str 1\nc: ! true\nd: |\n  1\ne:\n";
    let wanted = r#"{11:1=1 12:a="1" 13:b="1" 14:c="true" 15:d="1\n" 17:e=nothing}"#;
    assert_eq!(read(text).expect("a tree"), wanted);
}

#[test]
fn an_alias_stands_for_what_it_names_with_its_lines() {
    let text = "a: &a {x: 1}\nb: [*a, *a]\nc: &c k\n*c : 2\n";
    let wanted = r#"{11:a={11:x=1} 12:b=[{11:x=1} {11:x=1}] 13:c="k" 13:k=2}"#;
    assert_eq!(read(text).expect("a tree"), wanted);
}

#[test]
fn a_merge_adds_fields_that_are_not_there_the_first_one_first() {
    let text = "- &a {x: 1, y: 1}\n- &b {y: 2, z: 2}\n- x: 3\n  <<: [*b, *a]\n- {<<: ~}\n";
    let wanted = "[{11:x=1 11:y=1} {12:y=2 12:z=2} {13:x=3 12:y=2 12:z=2} {}]";
    assert_eq!(read(text).expect("a tree"), wanted);
}

#[test]
fn repeated_keys_are_kept() {
    assert_eq!(read("a: 1\na: 2\n").expect("a tree"), "{11:a=1 12:a=2}");
}

#[test]
fn what_has_no_meaning_is_refused_where_it_stands() {
    for (text, at, problem) in [
        ("a: 1\nb: !mine 2", (2, 10), "the tag !mine has"),
        ("a: !!map {}", (1, 10), "the tag !!map has"),
        ("{[a]: 1}", (1, 2), "a field's name"),
        ("~: 1", (1, 1), "a field's name"),
        ("<<: 1", (1, 6), "<< takes"),
        ("a: *b", (1, 4), "the alias names no anchor"),
    ] {
        let refused = read(text).expect_err(text);
        assert!(refused.problem.starts_with(problem), "{refused:?}");
        assert_eq!((refused.line, refused.column), at, "{refused:?}");
        assert!(!refused.is_excess);
    }
}

#[test]
fn what_asks_for_too_much_is_refused_as_that() {
    let deep = (1..=DEEPEST).fold("&a0 x".to_owned(), |inner, _| format!("[{inner}]"));
    assert!(read(&deep).is_ok());
    let list = vec!["x"; 49].join(",");
    let chain: String = (1..DEEPEST).fold("- &a0 [x]\n".to_owned(), |text, n| {
        text + &format!("- &a{n} [*a{}]\n", n - 1)
    });
    for text in [
        format!("[{deep}]"),
        format!("{}x", "- ".repeat(DEEPEST + 1)),
        "&a [*a]".to_owned(),
        format!("[&a [{list}], *a, *a, *a]"),
        format!("[&a [{list}, {list}, {list}], *a]"),
        chain,
    ] {
        assert!(read(&text).expect_err(&text).is_excess);
    }
    assert!(read(&format!("[&a [{list}], *a, *a]")).is_ok());
    // An anchor that nobody uses costs nothing.
    assert!(read(&format!("&a [{list}, {list}, {list}]")).is_ok());
}
