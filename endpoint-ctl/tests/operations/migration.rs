//! Which resource serves a zone of an endpoint, and what becomes of one that did.

use serde_json::{Value, json};

use crate::connections::{DENIED, DISABLE, DISABLE_ZONE, MOVE, Scene, ZONE};

#[test]
fn a_resource_is_chosen_while_a_zone_is_not_connected() {
    let scene = Scene::with_two_resources();
    let message = scene.refused(MOVE, &[ZONE, ("ResourceAllocateMode", "Auto")], DENIED);
    assert!(message.contains("ResourceReplaceMode"), "{message}");
    scene.call(DISABLE_ZONE, &[ZONE]);
    scene.refused(MOVE, &[ZONE], "MissingResourceAllocateMode");
    let manual = ("ResourceAllocateMode", "Manual");
    scene.refused(MOVE, &[ZONE, manual], "MissingResourceId");
    let unknown = [ZONE, manual, ("ResourceId", "nlb-far")];
    scene.refused(MOVE, &unknown, "InvalidResourceId");
    let other = [ZONE, ("ResourceAllocateMode", "Some")];
    scene.refused(MOVE, &other, "InvalidResourceAllocateMode");
    let kind = [
        ZONE,
        manual,
        ("ResourceId", "nlb-b"),
        ("ResourceType", "slb"),
    ];
    scene.refused(MOVE, &kind, "InvalidResourceType");
    let forced = [
        ZONE,
        ("ResourceReplaceMode", "Force"),
        ("ResourceId", "nlb-b"),
    ];
    scene.refused(MOVE, &forced, DENIED);
    scene.refused(MOVE, &[("ZoneId", "z-x"), manual], "EndpointZoneNotFound");
    let chosen = [
        ZONE,
        manual,
        ("ResourceId", "nlb-b"),
        ("ResourceType", "nlb"),
    ];
    scene.call(MOVE, &chosen);
    assert_eq!(scene.resources(), (json!("nlb-b"), Value::Null));
    scene.call(MOVE, &[ZONE, ("ResourceAllocateMode", "Auto")]);
    assert_eq!(scene.resources(), (json!("nlb-a"), Value::Null));
}

#[test]
fn a_zone_is_moved_gracefully_until_that_is_ended() {
    let scene = Scene::with_two_resources();
    let graceful = |id| {
        [
            ZONE,
            ("ResourceReplaceMode", "Graceful"),
            ("ResourceId", id),
        ]
    };
    scene.refused(MOVE, &[ZONE, graceful("")[1]], "MissingResourceId");
    scene.refused(MOVE, &graceful("nlb-a"), "InvalidResourceId");
    scene.refused(MOVE, &graceful("nlb-far"), "InvalidResourceId");
    let odd = [
        ZONE,
        ("ResourceReplaceMode", "Soft"),
        ("ResourceId", "nlb-b"),
    ];
    scene.refused(MOVE, &odd, "InvalidResourceReplaceMode");
    let mut both = graceful("nlb-b").to_vec();
    both.push(("ResourceAllocateMode", "Auto"));
    scene.refused(MOVE, &both, "InvalidResourceAllocateMode");
    let of_replaced = [ZONE, ("ReplacedResource", "true")];
    let message = scene.refused(DISABLE_ZONE, &of_replaced, DENIED);
    assert!(
        message.contains("no resource that was replaced"),
        "{message}"
    );

    scene.call(MOVE, &graceful("nlb-b"));
    scene.assert_statuses("Pending", "Migrating");
    scene.settle();
    scene.assert_statuses("Connected", "Migrated");
    assert_eq!(scene.resources(), (json!("nlb-b"), json!("nlb-a")));
    assert_eq!(scene.uses(), [(json!(0), json!(1)), (json!(1), json!(0))]);
    let message = scene.refused(MOVE, &graceful("nlb-a"), DENIED);
    assert!(message.contains("ReplacedResource=true"), "{message}");
    let first = [
        ("ServiceId", scene.service.as_str()),
        ("ResourceId", "nlb-a"),
    ];
    let detach = "DetachResourceFromVpcEndpointService";
    let code = "EndpointServiceOperationDenied";
    scene.provider.refused(detach, &first, code);

    scene.call(DISABLE_ZONE, &of_replaced);
    scene.settle();
    scene.assert_statuses("Connected", "Connected");
    assert_eq!(scene.resources(), (json!("nlb-b"), Value::Null));
    scene.provider.call(detach, &first);
}

#[test]
fn a_zone_that_is_moved_by_force_keeps_nothing() {
    let scene = Scene::with_two_resources();
    let force = [
        ZONE,
        ("ResourceReplaceMode", "Force"),
        ("ResourceId", "nlb-b"),
    ];
    scene.call(MOVE, &force);
    scene.settle();
    scene.assert_statuses("Connected", "Connected");
    assert_eq!(scene.resources(), (json!("nlb-b"), Value::Null));
    // So does one that is put out.
    let graceful = [
        ZONE,
        ("ResourceReplaceMode", "Graceful"),
        ("ResourceId", "nlb-a"),
    ];
    scene.call(MOVE, &graceful);
    scene.call(DISABLE, &[]);
    assert_eq!(scene.resources(), (json!("nlb-a"), Value::Null));
}
