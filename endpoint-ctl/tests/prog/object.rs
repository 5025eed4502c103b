//! The object itself: that it is small enough for the verifier, and refused when it does not fit.
//!
//! May import: endpoint-common, endpoint-ctl, world.

use endpoint_common::abi::layout;
use endpoint_ctl::compiler::Capacity;
use endpoint_ctl::dataplane::{
    Dataplane, DataplaneError, FRAGMENT_TIME, IdleTimes, LoadOptions, OBJECT, TellRate,
};

use crate::world::capacity;

/// A quarter of what the kernel allows, as the budgets say.
const MOST_INSTRUCTIONS: u32 = 250_000;

fn load(object: &[u8], capacity: Capacity) -> Result<Dataplane, DataplaneError> {
    let options = LoadOptions {
        object,
        capacity,
        secret: [1, 2],
        idle: IdleTimes::default(),
        fragment_time: FRAGMENT_TIME,
        told: TellRate::default(),
        log_packets: false,
    };
    Dataplane::load(&options).map(|(dataplane, _)| dataplane)
}

/// Table sizes are constants to the verifier: those of the daemon count, and those of the other tests.
#[test]
fn the_verifier_needs_few_instructions() {
    for capacity in [Capacity::default(), capacity(64)] {
        let dataplane = load(OBJECT, capacity).unwrap_or_else(|error| panic!("{error}"));
        let counts = dataplane.verified_instructions();
        assert!(counts.len() > 7, "{counts:?}");
        for (program, count) in counts {
            let count = count.expect("the kernel tells since 5.16");
            println!("{program}: {count} verified instructions of {MOST_INSTRUCTIONS}");
            assert!(count < MOST_INSTRUCTIONS, "{program}: {count}");
        }
    }
}

#[test]
fn an_object_of_another_layout_is_refused_and_says_so() {
    let ours = layout::fingerprint();
    let other = ours ^ 0xff;
    let mut object = OBJECT.to_vec();
    let places: Vec<_> = (0..object.len() - 8)
        .filter(|at| object[*at..at + 8] == ours.to_le_bytes())
        .collect();
    assert_eq!(places.len(), 1, "the fingerprint stands in the object once");
    object[places[0]..places[0] + 8].copy_from_slice(&other.to_le_bytes());
    let error = load(&object, capacity(64)).err().expect("a refusal");
    assert!(matches!(error, DataplaneError::Layout { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        format!(
            "the packet program was built for table layout {other:016x}, this daemon for \
             {ours:016x}: build both with `cargo xtask build`"
        )
    );
}

#[test]
fn what_is_no_object_is_refused() {
    for (what, bytes) in [
        ("text", &b"#!/bin/sh\n"[..]),
        ("half of it", &OBJECT[..OBJECT.len() / 2]),
    ] {
        let error = load(bytes, capacity(64)).err().expect(what);
        assert!(
            matches!(error, DataplaneError::Load { .. }),
            "{what}: {error:?}"
        );
    }
}
