//! The users' table of drop reasons, as a golden file made from the one list.

use std::fmt::Write as _;
use std::path::Path;

use endpoint_common::abi::reason::DropReason;

#[test]
fn the_documented_reasons_are_the_list() {
    let mut text = String::from(
        "# Drop reasons\n\n\
         Every dropped packet has one. The name stands in flow logs (`reason`) and in \
         `endpoint-ctl status`; numbers are never reused.\n\n\
         | number | name | layer | meaning |\n|---|---|---|---|\n",
    );
    for reason in DropReason::ALL {
        let (name, layer) = (reason.name(), reason.layer());
        let meaning = reason.meaning();
        writeln!(
            text,
            "| {} | `{name}` | {layer} | {meaning} |",
            *reason as u8
        )
        .expect("a string takes everything");
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/drop-reasons.md");
    xtask::golden::check(&golden, &text).unwrap_or_else(|error| panic!("{error}"));
}
