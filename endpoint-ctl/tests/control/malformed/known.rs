//! What the daemon knows: its operations and, for each, the words of its source, among which are its parameters.
//!
//! Taken from the sources, so that no operation can be forgotten.

use std::fs;
use std::path::PathBuf;

use crate::calls::Product;

/// Where the operations of an API are.
const PRODUCTS: [(&str, Product); 4] = [
    ("ecs", Product::Ecs),
    ("nlb", Product::Nlb),
    ("privatelink", Product::PrivateLink),
    ("vpc", Product::Vpc),
];
/// What several operations have in common.
const SHARED: [&str; 5] = ["names", "paging", "request", "tagging", "tokens"];

/// An operation.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) product: Product,
    pub(super) action: String,
    /// Names of its parameters, and of their parts, and values that some take.
    pub(super) words: Vec<String>,
}

/// All there are.
pub(super) fn operations() -> Vec<Operation> {
    let shared: Vec<String> = SHARED.iter().flat_map(|file| words(file)).collect();
    let mut all = Vec::new();
    for (directory, product) in PRODUCTS {
        let source = read(&format!("{directory}/mod"));
        for line in source.lines() {
            let Some((actions, found)) = line.split_once(" => Operation::") else {
                continue;
            };
            let module = found
                .split_once('(')
                .and_then(|(_, rest)| rest.split_once("::"));
            let (module, _) = module.expect("an operation is a function of a module");
            let mut words = words(&format!("{directory}/{module}"));
            words.extend(shared.iter().cloned());
            all.extend(quoted(actions).map(|action| Operation {
                product,
                action: action.to_owned(),
                words: words.clone(),
            }));
        }
    }
    let of = |product| all.iter().filter(|one| one.product == product).count();
    assert_eq!(
        of(Product::PrivateLink),
        39,
        "PrivateLink has 39 operations"
    );
    assert!(all.len() >= 115, "only {} were found", all.len());
    all
}

/// The words of a source that may be names.
fn words(file: &str) -> Vec<String> {
    let is_name = |word: &&str| {
        (2..40).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let source = read(file);
    let mut words: Vec<_> = quoted(&source).filter(is_name).map(str::to_owned).collect();
    words.sort();
    words.dedup();
    words
}

/// What stands between quotation marks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').skip(1).step_by(2)
}

fn read(file: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("src/operations")
        .join(file)
        .with_extension("rs");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
