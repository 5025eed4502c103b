//! What is found, and what is not, from what was seen.

use endpoint_common::abi::meta::TAG_CUSTOMER;

use super::super::Trunk;
use super::*;

const ALL_XDP: u64 = 7;

fn device(name: &str, kind: Option<&str>, features: &[&str]) -> Device {
    Device {
        name: name.to_owned(),
        kind: kind.map(str::to_owned),
        mtu: 1500,
        peer: None,
        has_xdp: false,
        features: Some(features.iter().map(|&name| name.to_owned()).collect()),
        xdp_features: Some(ALL_XDP),
    }
}

fn bound(mode: AttachMode) -> Bound {
    Bound {
        interface: "x0".to_owned(),
        ifindex: 7,
        trunk: None,
        mode,
        is_chosen: true,
    }
}

fn seen(features: &[&str]) -> Peer {
    let place = Place::Named("guest".to_owned());
    Peer::Seen(device("far0", Some("veth"), features), place)
}

/// All findings of an interface that is no VLAN device; `native` are those that redirect in the driver.
fn findings(bound: &Bound, device: &Device, peer: Option<&Peer>, native: &[&str]) -> Vec<Finding> {
    let mut found = super::findings(bound, device, peer);
    found.extend(lost_redirects(device, peer, native));
    found
}

/// A veth with this peer, in native XDP: problems with their mends.
fn of_veth(peer: &Peer) -> Vec<(Severity, String, String)> {
    let veth = device("x0", Some("veth"), &["rx-vlan-hw-parse"]);
    let found = findings(&bound(AttachMode::Native), &veth, Some(peer), &["x0"]);
    let told = found.into_iter();
    told.map(|one| (one.severity, one.place, one.mend))
        .collect()
}

const PEER: &str = "far0, the peer of x0 in namespace guest";

fn told(severity: Severity, command: &str) -> (Severity, String, String) {
    let mend = format!("ip netns exec guest ethtool -K far0 {command}");
    (severity, PEER.to_owned(), mend)
}

#[test]
fn a_veth_whose_peer_is_as_xdp_needs_it_has_no_finding() {
    assert_eq!(of_veth(&seen(&["rx-gro", "tx-checksum-sctp"])), []);
}

#[test]
fn a_peer_that_leaves_checksums_half_done_is_named_with_the_command() {
    for feature in [
        "tx-checksum-ip-generic",
        "tx-checksum-ipv4",
        "tx-checksum-ipv6",
    ] {
        let found = of_veth(&seen(&["rx-gro", feature]));
        assert_eq!(found, [told(Severity::Warning, "tx off")], "{feature}");
    }
    // Generic XDP sees no more of them; TC knows of them.
    let (veth, peer) = (device("x0", Some("veth"), &[]), seen(&["tx-checksum-ipv4"]));
    for (mode, count) in [(AttachMode::Generic, 1), (AttachMode::Tc, 0)] {
        let found = findings(&bound(mode), &veth, Some(&peer), &[]);
        assert_eq!(found.len(), count, "{mode}: {found:?}");
    }
}

#[test]
fn a_peer_without_gro_or_xdp_loses_what_is_redirected_natively() {
    let veth = |xdp_features| Device {
        xdp_features,
        ..device("x0", Some("veth"), &[])
    };
    let find = |veth: &Device, peer: &Peer, native: &[&str]| {
        let found = findings(&bound(AttachMode::Native), veth, Some(peer), native);
        let told = found.into_iter();
        told.map(|one| (one.severity, one.place, one.mend))
            .collect::<Vec<_>>()
    };
    let native = ["other"];
    let lost = [told(Severity::Warning, "gro on")];
    // The kernel says so by the driver's features; before Linux 6.3, the peer shows it.
    assert_eq!(find(&veth(Some(3)), &seen(&[]), &native), lost);
    assert_eq!(find(&veth(None), &seen(&[]), &native), lost);
    assert_eq!(find(&veth(None), &seen(&["rx-gro"]), &native), []);
    let mut with_xdp = seen(&[]);
    if let Peer::Seen(device, _) = &mut with_xdp {
        device.has_xdp = true;
    }
    assert_eq!(find(&veth(None), &with_xdp, &native), []);
    // Nobody redirects natively.
    assert_eq!(find(&veth(Some(3)), &seen(&[]), &[]), []);
}

#[test]
fn a_peer_that_cannot_be_seen_is_said_to_be_so() {
    let unseen = Peer::Unseen("index 5".to_owned());
    let about = |found: Vec<Finding>| {
        let told = found.into_iter();
        told.map(|one| (one.severity, one.mend)).collect::<Vec<_>>()
    };
    let mut veth = device("x0", Some("veth"), &[]);
    let find = |veth: &Device| {
        about(findings(
            &bound(AttachMode::Native),
            veth,
            Some(&unseen),
            &["x0"],
        ))
    };
    let tx = (
        Severity::Note,
        "in its namespace: ethtool -K PEER tx off".to_owned(),
    );
    let gro = |severity| {
        (
            severity,
            "in its namespace: ethtool -K PEER gro on".to_owned(),
        )
    };
    assert_eq!(find(&veth), std::slice::from_ref(&tx));
    veth.xdp_features = Some(3);
    assert_eq!(find(&veth), [tx.clone(), gro(Severity::Warning)]);
    veth.xdp_features = None;
    assert_eq!(find(&veth), [tx, gro(Severity::Note)]);
    // A peer that does not tell its features.
    let mut silent = seen(&[]);
    if let Peer::Seen(device, _) = &mut silent {
        device.features = None;
    }
    assert_eq!(of_veth(&silent), [told(Severity::Note, "tx off")]);
}

#[test]
fn tags_that_xdp_does_not_see_are_noted() {
    let found = of_veth(&seen(&["rx-gro", "tx-vlan-hw-insert"]));
    assert_eq!(found, [told(Severity::Note, "txvlan off")]);
    let nic = device("x0", None, &["rx-vlan-hw-parse", "tx-vlan-hw-insert"]);
    let found = findings(&bound(AttachMode::Native), &nic, None, &["x0"]);
    let mends: Vec<_> = found.iter().map(|one| one.mend.as_str()).collect();
    assert_eq!(mends, ["ethtool -K x0 rxvlan off"]);
    assert_eq!(findings(&bound(AttachMode::Tc), &nic, None, &[]), []);
}

#[test]
fn tags_that_xdp_is_to_see_and_does_not_are_warned_of() {
    let on = |protocol, has_program| Bound {
        trunk: Some(Trunk {
            ifindex: 3,
            tags: Tags {
                outer: Tags::tag(protocol, 100),
                inner: [0; 4],
            },
            has_program,
        }),
        ..bound(AttachMode::Native)
    };
    let all = ["tx-vlan-hw-insert", "tx-vlan-stag-hw-insert"];
    let veth = device("x0", Some("veth"), &[]);
    let find = |bound: &Bound, features: &[&str]| {
        let found = super::findings(bound, &veth, Some(&seen(features)));
        let told = found.into_iter();
        told.map(|one| (one.severity, one.place, one.mend))
            .collect::<Vec<_>>()
    };
    let (customer, provider) = (on(TAG_CUSTOMER, true), on(TAG_PROVIDER, true));
    // Each protocol has a switch of its own.
    for (bound, feature, setting) in [
        (&customer, all[0], "txvlan off"),
        (&provider, all[1], "tx-vlan-stag-hw-insert off"),
    ] {
        assert_eq!(find(bound, &all), [told(Severity::Warning, setting)]);
        assert_eq!(find(bound, &[feature]).len(), 1, "{feature}");
    }
    assert_eq!(find(&customer, &all[1..]), []);
    assert_eq!(find(&provider, &all[..1]), []);
    // On the VLAN device itself the program is to see no tags.
    let own = on(TAG_CUSTOMER, false);
    assert_eq!(find(&own, &all), [told(Severity::Note, "txvlan off")]);
    let nic = device("x0", None, &["rx-vlan-hw-parse", "rx-vlan-stag-hw-parse"]);
    for (bound, setting) in [(customer, "rxvlan"), (provider, "rx-vlan-stag-hw-parse")] {
        let found = super::findings(&bound, &nic, None);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(found[0].mend, format!("ethtool -K x0 {setting} off"));
    }
    let unseen = Peer::Unseen("index 5".to_owned());
    let found = super::findings(&on(TAG_CUSTOMER, true), &veth, Some(&unseen));
    let mends: Vec<_> = found.iter().map(|one| one.mend.as_str()).collect();
    let in_there = |what| format!("in its namespace: ethtool -K PEER {what} off");
    assert_eq!(mends, [in_there("tx"), in_there("txvlan")]);
}

#[test]
fn a_device_that_takes_no_redirected_frames_is_named_with_those_who_redirect() {
    let bridge = Device {
        xdp_features: Some(0),
        ..device("x0", Some("bridge"), &[])
    };
    let found = findings(
        &bound(AttachMode::Generic),
        &bridge,
        None,
        &["eth0", "eth1"],
    );
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].severity, Severity::Warning);
    assert!(found[0].problem.contains("eth0, eth1"), "{found:?}");
    assert!(
        found[0].mend.contains("`Hook: tc` for eth0, eth1"),
        "{found:?}"
    );
    // Nothing is said of what is not known.
    let old = Device {
        xdp_features: None,
        ..bridge
    };
    assert_eq!(
        findings(&bound(AttachMode::Generic), &old, None, &["eth0"]),
        []
    );
}

#[test]
fn a_long_mtu_is_noted_where_it_cost_native_xdp() {
    let long = Device {
        mtu: 9000,
        ..device("x0", None, &[])
    };
    let find = |mode, is_chosen, device: &Device| {
        let bound = Bound {
            is_chosen,
            ..bound(mode)
        };
        findings(&bound, device, None, &[])
    };
    let found = find(AttachMode::Generic, true, &long);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].problem.contains("9000"), "{found:?}");
    // Native works all the same, or was not wanted; or the MTU was not the reason.
    assert_eq!(find(AttachMode::Native, true, &long), []);
    assert_eq!(find(AttachMode::Generic, false, &long), []);
    let short = Device { mtu: 1500, ..long };
    assert_eq!(find(AttachMode::Generic, true, &short), []);
}

#[test]
fn an_xdp_program_before_tc_is_told() {
    let mut device = device("x0", None, &[]);
    assert_eq!(findings(&bound(AttachMode::Tc), &device, None, &[]), []);
    device.has_xdp = true;
    let found = findings(&bound(AttachMode::Tc), &device, None, &[]);
    assert_eq!(found.len(), 1, "{found:?}");
    // Under XDP it is our own.
    assert_eq!(findings(&bound(AttachMode::Native), &device, None, &[]), []);
}
