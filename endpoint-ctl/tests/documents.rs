//! Documents: what is written of a model is read as the same model.

use endpoint_ctl::document::{Document, documents, select};
use endpoint_ctl::manifest;
use endpoint_ctl::model::Model;

const RARE: &str = include_str!("documents/rare.yaml");

#[track_caller]
fn load(text: &str) -> Model {
    manifest::load(text, "text", None).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

/// What was read, written and read again.
#[track_caller]
fn assert_same_again(text: &str) {
    let model = load(text);
    let written = documents(&model);
    let written: Vec<_> = written
        .iter()
        .map(|one| one.to_value().to_string())
        .collect();
    let again = written.join("\n---\n");
    assert_eq!(load(&again), model, "{again}");
}

#[test]
fn what_is_written_is_read_as_the_same() {
    assert_same_again(include_str!("prog/universe.yaml"));
    assert_same_again(include_str!("../../examples/backends.yaml"));
    assert_same_again(include_str!("../../examples/dual-stack.yaml"));
    assert_same_again(include_str!("../../examples/reverse.yaml"));
    assert_same_again(include_str!("../../examples/rules.yaml"));
    assert_same_again(RARE);
}

#[test]
fn documents_are_chosen_by_kind_and_id() {
    let model = load(RARE);
    let chosen = |kind, id| {
        let found = select(documents(&model), kind, id)?;
        Ok::<_, String>(
            found
                .into_iter()
                .map(|Document { id, .. }| id)
                .collect::<Vec<_>>(),
        )
    };
    assert_eq!(chosen(None, None).expect("all").len(), 7);
    assert_eq!(chosen(Some("VSwitches"), None).expect("a plural"), ["vsw"]);
    assert_eq!(
        chosen(Some("vpcendpoint"), Some("ep")).expect("one"),
        ["ep"]
    );
    let error = chosen(Some("Vpx"), None).expect_err("no kind");
    assert!(error.contains("VpcEndpointService"), "{error}");
    let error = chosen(Some("Vpc"), Some("vpx")).expect_err("no id");
    assert!(error.contains("there are: vpc"), "{error}");
}
