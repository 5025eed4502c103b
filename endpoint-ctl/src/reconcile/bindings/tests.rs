//! What is attached where, and by which rows, for interfaces and VLANs of them.

use endpoint_common::abi::meta::TAG_CUSTOMER;

use super::super::links::NoTrunk;
use super::*;
use crate::nexthop::{Link, Vlan};

const TRUNK: u32 = 3;
const DEVICE: u32 = 4;

fn link(index: u32, name: &str, vlan: Option<u16>) -> Link {
    Link {
        index,
        name: name.to_owned(),
        mac: [2, 0, 0, 0, 0, index as u8],
        mtu: 1500,
        up: true,
        kind: Some(vlan.map_or("veth", |_| "vlan").to_owned()),
        has_parent: false,
        vlan: vlan.map(|id| Vlan {
            parent: Some(TRUNK),
            protocol: TAG_CUSTOMER,
            id,
        }),
    }
}

fn tags(id: u16) -> Tags {
    Tags {
        outer: Tags::tag(TAG_CUSTOMER, id),
        inner: [0; 4],
    }
}

/// Bindings of these interfaces: eth0 is the trunk, v100 and v101 are VLANs of it.
fn bindings(bound: &[(&str, Hook)]) -> BTreeMap<String, Binding> {
    let links = Links::new(vec![
        link(TRUNK, "eth0", None),
        link(DEVICE, "v100", Some(100)),
        link(5, "v101", Some(101)),
    ]);
    let binding = |&(name, hook): &(&str, Hook)| {
        let binding = Binding {
            scope: 1,
            hook,
            seen: links.see(name),
            problem: None,
            findings: Vec::new(),
        };
        (name.to_owned(), binding)
    };
    bound.iter().map(binding).collect()
}

/// By which modes one of them is attached, to which interface.
fn way_in(
    bindings: &BTreeMap<String, Binding>,
    name: &str,
) -> Result<(Vec<AttachMode>, String), String> {
    let binding = &bindings[name];
    let seen = binding.seen.as_ref().expect("it is there");
    let way = binding.way_in(name, seen, &Shared::of(bindings), true);
    way.map(|(modes, place)| (modes, place.to_owned()))
        .map_err(|error| error.to_string())
}

#[test]
fn a_vlan_device_is_bound_by_its_trunk_in_the_driver_and_by_itself_elsewhere() {
    let native = bindings(&[("v100", Hook::Xdp), ("v101", Hook::Xdp)]);
    for (name, id) in [("v100", 100), ("v101", 101)] {
        let want = (vec![AttachMode::Native], "eth0".to_owned());
        assert_eq!(way_in(&native, name), Ok(want));
        assert_eq!(native[name].key(), Some((TRUNK, tags(id))));
    }
    for hook in [Hook::Tc, Hook::XdpGeneric, Hook::Auto] {
        let own = bindings(&[("v100", hook)]);
        let (modes, place) = way_in(&own, "v100").expect("a way");
        assert_eq!(place, "v100");
        assert_ne!(modes.first(), Some(&AttachMode::Native), "{hook:?}");
        assert_eq!(own["v100"].key(), Some((DEVICE, Tags::NONE)));
    }
}

#[test]
fn a_trunk_has_the_hook_of_its_vlans_or_is_refused() {
    for hook in [Hook::Auto, Hook::Xdp] {
        let both = bindings(&[("eth0", hook), ("v100", Hook::Xdp)]);
        for name in ["eth0", "v100"] {
            let want = (vec![AttachMode::Native], "eth0".to_owned());
            assert_eq!(way_in(&both, name), Ok(want), "{hook:?}");
        }
        assert_eq!(both["eth0"].key(), Some((TRUNK, Tags::NONE)));
    }
    for hook in [Hook::Tc, Hook::XdpGeneric] {
        let both = bindings(&[("eth0", hook), ("v100", Hook::Xdp)]);
        // Whichever is asked first.
        for name in ["eth0", "v100"] {
            let error = way_in(&both, name).expect_err("two hooks");
            let told = ["eth0", hook.name(), "`Hook: auto` for eth0"];
            assert!(told.iter().all(|told| error.contains(told)), "{error}");
        }
    }
    let beside = bindings(&[("eth0", Hook::Tc), ("v100", Hook::Tc)]);
    let want = (vec![AttachMode::Tc], "eth0".to_owned());
    assert_eq!(way_in(&beside, "eth0"), Ok(want));
}

#[test]
fn a_vlan_device_without_a_trunk_is_refused_native_xdp_alone() {
    for (hook, is_refused) in [(Hook::Xdp, true), (Hook::Tc, false), (Hook::Auto, false)] {
        let mut bindings = bindings(&[("v100", hook)]);
        let binding = bindings.get_mut("v100").expect("there");
        let seen = binding.seen.as_mut().expect("seen");
        seen.trunk = Err(NoTrunk::TooDeep);
        assert!(binding.hangs_on("v100", "", 99), "anything may mend it");
        let egress = binding.egress(true).expect("bound");
        assert_eq!((egress.link.mtu, egress.trunk), (1500, None));
        match way_in(&bindings, "v100") {
            Err(error) => {
                assert!(is_refused, "{error}");
                let told = ["v100", "more than two", "`Hook: auto`"];
                assert!(told.iter().all(|told| error.contains(told)), "{error}");
            }
            Ok(_) => assert!(!is_refused, "{hook:?}"),
        }
    }
}

#[test]
fn packets_are_as_short_as_the_trunk_takes_where_some_leave_by_it() {
    let bindings = bindings(&[("eth0", Hook::Auto), ("v100", Hook::Tc)]);
    let egress = |name: &str, by_trunk| bindings[name].egress(by_trunk).expect("bound");
    assert_eq!(egress("v100", true).trunk, Some((TRUNK, tags(100))));
    assert_eq!(egress("v100", true).link.mtu, 1500);
    assert_eq!(egress("eth0", true).trunk, None);
    let mut narrow = bindings.clone();
    let links = Links::new(vec![
        Link {
            mtu: 1400,
            ..link(TRUNK, "eth0", None)
        },
        link(DEVICE, "v100", Some(100)),
    ]);
    let binding = narrow.get_mut("v100").expect("there");
    binding.seen = links.see("v100");
    let mtus = [true, false].map(|by_trunk| binding.egress(by_trunk).map(|one| one.link.mtu));
    assert_eq!(mtus, [Some(1400), Some(1500)]);
}
