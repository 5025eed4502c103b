//! VLAN tags in frames, written and read here anew; and which ones a network's frames carry, where the
//! interface is a trunk.
//!
//! May import: endpoint-common, packet, world.

use endpoint_common::abi::meta::{TAG_CUSTOMER, TAG_PROVIDER, Tags};
use endpoint_common::path::Outcome;

use crate::packet::tcp;
use crate::world::{Leg, World};

/// The tags of a leg's frames on the trunk: some have none, one or two, and no two the same.
pub(crate) fn tags(leg: Leg) -> Tags {
    let one = |outer| Tags {
        outer,
        inner: [0; 4],
    };
    match leg {
        Leg::VswA2 | Leg::Foreign => Tags::NONE,
        Leg::VswA => one(Tags::tag(TAG_CUSTOMER, 100)),
        Leg::VswB => one(Tags::tag(TAG_PROVIDER, 4094)),
        Leg::ProviderA => Tags {
            outer: Tags::tag(TAG_PROVIDER, 200),
            inner: Tags::tag(TAG_CUSTOMER, 100),
        },
        Leg::ProviderB => Tags {
            outer: Tags::tag(TAG_CUSTOMER, 100),
            inner: Tags::tag(TAG_CUSTOMER, 200),
        },
    }
}

/// The tags as they stand in a frame, with this priority.
pub(crate) fn bytes(tags: Tags, priority: u8) -> Vec<u8> {
    let both = [tags.outer, tags.inner].into_iter();
    let tags = both.filter(|tag| *tag != [0; 4]);
    tags.flat_map(|[p0, p1, high, low]| [p0, p1, high | priority << 5, low])
        .collect()
}

/// The frame with tags.
pub(crate) fn put_on(frame: &[u8], tags: Tags, priority: u8) -> Vec<u8> {
    let mut tagged = frame.to_vec();
    if frame.len() >= 12 {
        tagged.splice(12..12, bytes(tags, priority));
    }
    tagged
}

/// The frame without its tags, and the bytes of these.
pub(crate) fn take_off(frame: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut end = 12;
    while matches!(frame.get(end..end + 2), Some([0x81, 0] | [0x88, 0xa8]))
        && end + 4 <= frame.len()
    {
        end += 4;
    }
    let untagged = [
        &frame[..frame.len().min(12)],
        frame.get(end..).unwrap_or_default(),
    ]
    .concat();
    (untagged, frame.get(12..end).unwrap_or_default().to_vec())
}

#[test]
fn frames_of_other_vlans_are_left_untouched() {
    let mut world = World::on_a_trunk(64);
    let frame = tcp("10.0.1.10:1", "10.0.1.100:80").syn();
    let frame = frame.at_mac(Leg::VswA.mac()).bytes();
    let ran = world.run(Leg::VswA, &frame).expect("both agree");
    assert!(matches!(ran.outcome, Outcome::Redirect(_)), "{ran:?}");
    let customer = |vlan| Tags::tag(TAG_CUSTOMER, vlan);
    let inserted = |bytes: &[u8]| {
        let mut frame = frame.clone();
        frame.splice(12..12, bytes.iter().copied());
        frame
    };
    let frames = [
        ("another VLAN", inserted(&customer(101))),
        ("another protocol", inserted(&Tags::tag(TAG_PROVIDER, 100))),
        ("of no VLAN, which is not bound", inserted(&customer(0))),
        (
            "one tag more",
            inserted(&[customer(100), customer(100)].concat()),
        ),
        ("one less", inserted(&vlan_a_provider())),
        ("three", inserted(&[customer(100); 3].concat())),
        (
            "cut off in its tag",
            inserted(&customer(100))[..15].to_vec(),
        ),
        (
            "cut off behind its tag",
            inserted(&customer(100))[..17].to_vec(),
        ),
    ];
    for (what, frame) in frames {
        let ran = world.twins.run(&frame);
        let ran = ran.unwrap_or_else(|error| panic!("{what}:\n{error}"));
        assert_eq!(ran.outcome, Outcome::Pass, "{what}");
        assert_eq!(ran.frame, frame, "{what}");
    }
}

/// VLAN 0 is none: such a tag has nothing but a priority.
#[test]
fn a_priority_alone_makes_no_vlan() {
    let mut world = World::on_a_trunk(64);
    let frame = tcp("10.0.2.10:1", "10.0.2.100:80").syn();
    let mut frame = frame.at_mac(Leg::VswA2.mac()).bytes();
    frame.splice(12..12, [0x81, 0, 0xa0, 0]);
    let ran = world.run(Leg::VswA2, &frame).expect("both agree");
    assert!(matches!(ran.outcome, Outcome::Redirect(_)), "{ran:?}");
}

/// The outer tag of a network that has two.
fn vlan_a_provider() -> Vec<u8> {
    tags(Leg::ProviderA).outer.to_vec()
}
