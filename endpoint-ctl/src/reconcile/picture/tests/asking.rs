//! Who is asked for, and when.

use super::*;

#[test]
fn a_lost_neighbour_is_asked_for_at_once_and_then_with_growing_pauses() {
    let mut rig = Rig::settled();
    rig.asked();
    rig.told("10.0.0.1", Some(Neighbour::Fresh(GATEWAY)));
    rig.told(BACKEND, Some(Neighbour::Fresh(B1)));
    assert_eq!(rig.picture.next_ask(), None);
    rig.wait(60_000);
    rig.told(BACKEND, Some(Neighbour::Failed));
    assert_eq!(rig.asked(), [BACKEND]);
    for pause in [
        20, 40, 80, 160, 320, 640, 1_280, 2_560, 5_120, 10_240, 10_240,
    ] {
        // The kernel needs three seconds to give up.
        rig.wait(3_000);
        assert_eq!(rig.asked(), Vec::<String>::new());
        rig.told(BACKEND, Some(Neighbour::Failed));
        rig.wait(pause - 1);
        assert_eq!(rig.asked(), Vec::<String>::new(), "{pause}");
        rig.wait(1);
        assert_eq!(rig.picture.next_ask(), Some(rig.now), "{pause}");
        assert_eq!(rig.asked(), [BACKEND]);
    }
    // Once it has answered, all begins anew.
    rig.told(BACKEND, Some(Neighbour::Fresh(B1)));
    rig.wait(1_000);
    rig.told(BACKEND, None);
    assert_eq!(rig.asked(), [BACKEND]);
    // Deleted while it was being asked for: again, but not in a storm.
    rig.told(BACKEND, None);
    assert_eq!(rig.asked(), Vec::<String>::new());
    rig.wait(20);
    assert_eq!(rig.asked(), [BACKEND]);
}

#[test]
fn an_ask_that_the_kernel_never_answers_is_made_again() {
    let mut rig = Rig::settled();
    assert_eq!(rig.asked(), ["10.0.0.1", BACKEND]);
    rig.told(BACKEND, Some(Neighbour::Asked));
    rig.wait(3_999);
    assert_eq!(rig.asked(), Vec::<String>::new());
    rig.wait(1);
    assert_eq!(rig.asked(), ["10.0.0.1", BACKEND]);
}

#[test]
fn a_stale_neighbour_is_asked_for_but_not_over_and_over() {
    let mut rig = Rig::settled();
    rig.asked();
    rig.told("10.0.0.1", Some(Neighbour::Fresh(GATEWAY)));
    rig.wait(10_000);
    rig.told(BACKEND, Some(Neighbour::Stale(B1)));
    assert_eq!(rig.asked(), [BACKEND]);
    // Such as an announcement a second, each of which makes it stale again.
    for _ in 0..4 {
        rig.wait(1_000);
        rig.told(BACKEND, Some(Neighbour::Stale(B1)));
        assert_eq!(rig.asked(), Vec::<String>::new());
    }
    rig.wait(1_000);
    assert_eq!(rig.asked(), [BACKEND]);
    rig.told(BACKEND, Some(Neighbour::Probed(B1)));
    assert_eq!(rig.picture.next_ask(), None);
}

#[test]
fn a_neighbour_that_was_set_by_hand_is_never_asked_for() {
    let mut rig = Rig::settled();
    let known = [
        ((LINK, ip(BACKEND)), Neighbour::Fresh(B1)),
        ((LINK, ip("10.0.0.1")), Neighbour::Fresh(GATEWAY)),
        ((99, ip(BACKEND)), Neighbour::Fresh(GATEWAY)),
    ];
    rig.picture.set_neighbours(known.into(), rig.now);
    let rows = [(2, resolved(B1)), (3, resolved(GATEWAY))];
    assert_eq!(rig.write(), rows.into());
    rig.wait(600_000);
    assert_eq!(rig.asked(), Vec::<String>::new());
}

#[test]
fn taking_all_neighbours_anew_does_not_put_off_what_is_due() {
    let mut rig = Rig::settled();
    rig.asked();
    rig.wait(4_000);
    rig.picture.set_neighbours(Neighbours::new(), rig.now);
    assert_eq!(rig.asked(), ["10.0.0.1", BACKEND]);
    // What was missed meanwhile counts from now.
    rig.wait(1_000);
    let known = [((LINK, ip(BACKEND)), Neighbour::Stale(B1))];
    rig.picture.set_neighbours(known.into(), rig.now);
    assert_eq!(rig.write(), [(2, resolved(B1))].into());
}
