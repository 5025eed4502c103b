//! Where `unsafe` and aya may appear. Imports `lexer` through `Source`.

use super::{Complaint, Source};

/// Only these may hold `unsafe`.
const UNSAFE: &[&str] = &["endpoint-ebpf/src/", "endpoint-ctl/src/dataplane/"];

/// Only these may speak to aya.
const AYA: &[&str] = &[
    "endpoint-ctl/src/dataplane/",
    "endpoint-ctl/tests/prog",
    "endpoint-ctl/benches/",
];

fn allowed(path: &str, places: &[&str]) -> bool {
    places.iter().any(|place| path.starts_with(place))
}

/// `unsafe` stays where the kernel is spoken to.
pub(super) fn unsafe_in_its_place(source: &Source<'_>) -> Vec<Complaint> {
    if allowed(source.path, UNSAFE) {
        return Vec::new();
    }
    let lexed = &source.lexed;
    (0..lexed.tokens.len())
        // In an attribute, as in `#[unsafe(no_mangle)]`, it counts as well.
        .filter(|index| lexed.is_word(*index, "unsafe"))
        .map(|index| Complaint::new(lexed.line(index), "`unsafe` is for the dataplane alone"))
        .collect()
}

/// aya stays in the dataplane module.
pub(super) fn aya_in_its_place(source: &Source<'_>) -> Vec<Complaint> {
    if allowed(source.path, AYA) {
        return Vec::new();
    }
    let lexed = &source.lexed;
    (0..lexed.tokens.len())
        .filter(|index| lexed.is_word(*index, "aya") && lexed.is_path_separator(index + 1))
        .map(|index| Complaint::new(lexed.line(index), "only the dataplane speaks to aya"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_is_found_in_code_only() {
        let lines = |path, text| unsafe_in_its_place(&Source::new(path, text)).len();
        let block = "fn f() { unsafe { g() } }\n";
        for path in [
            "endpoint-common/src/path/mod.rs",
            "endpoint-ctl/src/cli.rs",
            "xtask/src/a.rs",
        ] {
            assert_eq!(lines(path, block), 1, "{path}");
        }
        assert_eq!(lines("endpoint-ebpf/src/main.rs", block), 0);
        assert_eq!(lines("endpoint-ctl/src/dataplane/maps.rs", block), 0);
        let text = "// unsafe\n#![forbid(unsafe_code)]\nf(\"unsafe\");\n";
        assert_eq!(lines("endpoint-common/src/lib.rs", text), 0);
    }

    #[test]
    fn aya_is_found_outside_the_dataplane() {
        let lines = |path, text| aya_in_its_place(&Source::new(path, text)).len();
        let import = "use aya::maps::HashMap;\n";
        for path in [
            "endpoint-ctl/src/daemon.rs",
            "endpoint-ctl/tests/netns.rs",
            "xtask/src/a.rs",
        ] {
            assert_eq!(lines(path, import), 1, "{path}");
        }
        for path in [
            "endpoint-ctl/src/dataplane/mod.rs",
            "endpoint-ctl/tests/prog/main.rs",
            "endpoint-ctl/tests/prog.rs",
            "endpoint-ctl/benches/path.rs",
        ] {
            assert_eq!(lines(path, import), 0, "{path}");
        }
        assert_eq!(lines("endpoint-ebpf/src/main.rs", "use aya_ebpf::x;\n"), 0);
    }
}
