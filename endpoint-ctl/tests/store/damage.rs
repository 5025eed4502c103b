//! Flipped bits and files that are cut short: refused, or right; never wrong. Imports `rig`.

use std::fs;
use std::path::{Path, PathBuf};

use endpoint_ctl::store::{Record, StoreError};

use crate::rig::{Directory, key, open, put, records};

/// Flips all over the file, and as many in its first bytes, where its headers are.
const FLIPS: usize = 100;
const HEADERS: usize = 512;

/// A store as it is after a clean end, and as a crash leaves it, with what is in both.
struct Images {
    directory: Directory,
    clean: PathBuf,
    crashed: PathBuf,
    records: Vec<Record>,
}

async fn images() -> Images {
    let directory = Directory::new();
    let (file, clean, crashed) = (
        directory.file("store"),
        directory.file("clean"),
        directory.file("crashed"),
    );
    let store = open(&file).await.unwrap();
    for number in 0..120 {
        put(&store, &key("a", number % 90), &"x".repeat(number * 13)).await;
    }
    let records = records(&store).await;
    copy(&file, &crashed);
    store.close().await;
    copy(&file, &clean);
    Images {
        directory,
        clean,
        crashed,
        records,
    }
}

/// Copies a store with its lock file, which knows what was acknowledged.
fn copy(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap();
    let lock = |of: &Path| of.with_extension("lock");
    fs::copy(lock(from), lock(to)).unwrap();
}

/// Whether the file is refused. If not, all must be as it was.
async fn is_refused(file: &Path, expected: &[Record], what: &str) -> bool {
    match open(file).await {
        Ok(store) => {
            let found = records(&store).await;
            store.close().await;
            assert!(found == expected, "{what}: wrong without a word");
            false
        }
        Err(error @ (StoreError::Damaged { .. } | StoreError::Newer { .. })) => {
            assert!(error.to_string().contains("backup"), "{what}: {error}");
            true
        }
        Err(error) => panic!("{what}: {error}"),
    }
}

#[tokio::test]
async fn flipped_bits() {
    let images = images().await;
    let mut random = fastrand::Rng::with_seed(7);
    let file = images.directory.file("flipped");
    for image in [&images.clean, &images.crashed] {
        let intact = fs::read(image).unwrap();
        let mut refused = [0, 0];
        for number in 0..2 * FLIPS {
            let place = number % 2;
            let bytes = if place == 0 { intact.len() } else { HEADERS };
            let bit = random.usize(..bytes * 8);
            copy(image, &file);
            let mut flipped = intact.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            fs::write(&file, flipped).unwrap();
            let what = format!("{} bit {bit}", image.display());
            refused[place] += usize::from(is_refused(&file, &images.records, &what).await);
        }
        let [anywhere, headers] = refused;
        println!(
            "{}: refused {anywhere} of {FLIPS} anywhere, {headers} of {FLIPS} in the headers; \
             the rest is right",
            image.display()
        );
    }
}

#[tokio::test]
async fn files_that_are_cut_short() {
    let images = images().await;
    let file = images.directory.file("cut");
    for image in [&images.clean, &images.crashed] {
        let intact = fs::read(image).unwrap();
        let pages = (1..intact.len() / 4096).step_by(7).map(|page| page * 4096);
        let lengths = [0, 1, 8, 63, 320, 4095, intact.len() / 2, intact.len() - 1];
        for length in lengths.into_iter().chain(pages) {
            copy(image, &file);
            fs::write(&file, &intact[..length]).unwrap();
            let what = format!("{} cut to {length}", image.display());
            is_refused(&file, &images.records, &what).await;
        }
    }
    fs::write(
        images.directory.file("other"),
        "no store at all".repeat(1000),
    )
    .unwrap();
    assert!(is_refused(&images.directory.file("other"), &[], "text").await);
}
