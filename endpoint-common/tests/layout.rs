//! The layout of all rows, as one golden file: a change of it is a new ABI version.

use std::fmt::Write as _;
use std::path::Path;

use endpoint_common::abi::VERSION;
use endpoint_common::abi::layout::{FIELDS, fingerprint};

#[test]
fn layout_and_version_are_as_promised() {
    let mut text = format!("version {VERSION}\nfingerprint {:016x}\n", fingerprint());
    for field in FIELDS {
        writeln!(text, "{} {}", field.name, field.bytes).expect("a string takes everything");
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("abi.layout");
    xtask::golden::check(&golden, &text).unwrap_or_else(|error| panic!("{error}"));
}
