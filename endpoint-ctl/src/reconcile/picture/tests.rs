//! The picture under changes, with a clock of its own.

use std::time::Duration;

use super::*;

mod asking;

const NODE: Mac = [2, 0, 0, 0, 0, 0xee];
const B1: Mac = [2, 0, 0, 0, 0, 1];
const GATEWAY: Mac = [2, 0, 0, 0, 0, 0xf1];
const BACKEND: &str = "10.0.50.11";
const ROUTED: &str = "10.9.0.1";
const LINK: u32 = 7;

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn link(name: &str, index: u32) -> Link {
    Link {
        index,
        name: name.to_owned(),
        mac: NODE,
        mtu: 1500,
        up: true,
        kind: None,
        has_parent: true,
        vlan: None,
    }
}

fn via(text: &str) -> Way {
    Way::Via {
        neighbour: ip(text),
        mtu: None,
    }
}

/// A picture with its clock, and all that was done for it.
struct Rig {
    picture: Picture,
    now: Instant,
}

impl Rig {
    /// Row 1 leads to clients by vsw, rows 2 and 3 to backends by pnet; nothing is known yet.
    fn new() -> Self {
        let now = Instant::now();
        let mut picture = Picture::default();
        let row = |interface: &str, toward| Wanted {
            interface: interface.to_owned(),
            toward,
        };
        let wanted = [
            (1, row("vsw", Toward::Clients)),
            (2, row("pnet", Toward::Backend(ip(BACKEND)))),
            (3, row("pnet", Toward::Backend(ip(ROUTED)))),
        ];
        picture.want(wanted.into(), now);
        Self { picture, now }
    }

    /// The same with both links there, row 2's backend on the link and row 3's behind a gateway,
    /// all written; the neighbours are not known.
    fn settled() -> Self {
        let mut rig = Self::new();
        rig.set_links(&[link("vsw", 5), link("pnet", LINK)]);
        rig.look_up(via("10.0.0.1"));
        rig.write();
        rig
    }

    fn set_links(&mut self, links: &[Link]) {
        let egress = |link: &Link| Egress {
            link: link.clone(),
            trunk: None,
        };
        let links = links.iter().map(|link| (link.name.clone(), egress(link)));
        self.picture.set_links(links.collect(), self.now);
    }

    /// Answers the questions there are; `far` is the way to row 3's backend. Returns the rows.
    fn look_up(&mut self, far: Way) -> Vec<u32> {
        let questions = self.picture.questions();
        for (row, to, ifindex) in &questions {
            assert_eq!(*ifindex, LINK);
            let way = if *row == 3 {
                far
            } else {
                Way::Via {
                    neighbour: *to,
                    mtu: None,
                }
            };
            self.picture.answer(*row, Some(way));
        }
        self.picture.schedule(self.now);
        questions.into_iter().map(|(row, ..)| row).collect()
    }

    fn told(&mut self, address: &str, known: Option<Neighbour>) {
        self.picture
            .set_neighbour(LINK, ip(address), known, self.now);
    }

    /// Writes what is to be written and returns it.
    fn write(&mut self) -> BTreeMap<u32, Hop> {
        let rows = self.picture.unwritten();
        for (row, hop) in &rows {
            self.picture.wrote(*row, *hop);
        }
        assert_eq!(self.picture.unwritten(), []);
        rows.into_iter().collect()
    }

    /// Who is asked for now.
    fn asked(&mut self) -> Vec<String> {
        let asked = self.picture.ask(self.now);
        asked.iter().map(|(_, ip)| ip.to_string()).collect()
    }

    fn wait(&mut self, milliseconds: u64) {
        self.now += Duration::from_millis(milliseconds);
    }
}

fn resolved(dst: Mac) -> Hop {
    Hop::new(LINK, HOP_RESOLVED, dst, NODE).with_mtu(1500)
}

fn unresolved() -> Hop {
    Hop::new(LINK, 0, [0; 6], NODE).with_mtu(1500)
}

#[test]
fn rows_are_written_as_neighbours_become_known() {
    let mut rig = Rig::new();
    assert_eq!(rig.write(), BTreeMap::new());
    assert_eq!(rig.picture.next_ask(), None);
    rig.set_links(&[link("vsw", 5), link("pnet", LINK)]);
    // Toward clients all is known; whom to ask for is not, without a route.
    let clients = Hop::new(5, HOP_RESOLVED | HOP_TO_CLIENT, [0; 6], NODE).with_mtu(1500);
    let first = [(1, clients), (2, unresolved()), (3, unresolved())];
    assert_eq!(rig.write(), first.into());
    assert_eq!(rig.asked(), Vec::<String>::new());
    assert_eq!(rig.look_up(via("10.0.0.1")), [2, 3]);
    assert_eq!(rig.look_up(via("10.0.0.1")), Vec::<u32>::new());
    assert_eq!(rig.asked(), ["10.0.0.1", BACKEND]);

    rig.told(BACKEND, Some(Neighbour::Fresh(B1)));
    assert_eq!(rig.write(), [(2, resolved(B1))].into());
    assert!(!rig.picture.all_resolved());
    rig.told("10.0.0.1", Some(Neighbour::Fresh(GATEWAY)));
    assert_eq!(rig.write(), [(3, resolved(GATEWAY))].into());
    assert!(rig.picture.all_resolved());
    // Neighbours of interfaces that are not bound are nobody's.
    rig.picture
        .set_neighbour(99, ip(BACKEND), Some(Neighbour::Failed), rig.now);
    assert_eq!(rig.write(), BTreeMap::new());
}

#[test]
fn a_neighbour_that_is_lost_makes_its_hop_unusable_and_another_mac_is_taken_at_once() {
    let mut rig = Rig::settled();
    rig.told(BACKEND, Some(Neighbour::Fresh(B1)));
    rig.write();
    for lost in [None, Some(Neighbour::Failed), Some(Neighbour::Asked)] {
        rig.told(BACKEND, lost);
        assert_eq!(rig.write(), [(2, unresolved())].into(), "{lost:?}");
        // Stale is as good as fresh to send to.
        rig.told(BACKEND, Some(Neighbour::Stale(GATEWAY)));
        assert_eq!(rig.write(), [(2, resolved(GATEWAY))].into());
        rig.told(BACKEND, Some(Neighbour::Probed(B1)));
        assert_eq!(rig.write(), [(2, resolved(B1))].into());
    }
}

#[test]
fn losing_and_finding_is_told_once_each() {
    let mut rig = Rig::settled();
    let mut turns = |known| {
        rig.told(BACKEND, known);
        let rows = rig.picture.unwritten();
        let turns = rows
            .into_iter()
            .filter_map(|(row, hop)| rig.picture.wrote(row, hop));
        turns.map(|turn| turn.lost).collect::<Vec<_>>()
    };
    let none = [false; 0];
    let fresh = Some(Neighbour::Fresh(B1));
    // Finding it for the first time is no news.
    assert_eq!(turns(fresh), none);
    assert_eq!(turns(Some(Neighbour::Failed)), [true]);
    assert_eq!(turns(None), none);
    assert_eq!(turns(fresh), [false]);
    assert_eq!(turns(Some(Neighbour::Fresh(GATEWAY))), none);
}

#[test]
fn only_routes_that_hold_a_backend_are_looked_up_again() {
    let mut rig = Rig::settled();
    rig.told("10.0.0.1", Some(Neighbour::Fresh(GATEWAY)));
    rig.told(BACKEND, Some(Neighbour::Fresh(B1)));
    rig.write();
    for network in ["10.8.0.0/16", "fd00::/8", "10.9.0.2/32"] {
        rig.picture
            .routes_changed(network.parse().expect("a network"));
        assert_eq!(rig.look_up(via("10.0.0.1")), Vec::<u32>::new(), "{network}");
    }
    for (network, rows) in [
        ("10.9.0.0/16", &[3][..]),
        ("10.9.0.1/32", &[3]),
        ("10.0.50.0/24", &[2]),
        ("0.0.0.0/0", &[2, 3]),
    ] {
        rig.picture
            .routes_changed(network.parse().expect("a network"));
        assert_eq!(rig.look_up(via("10.0.0.1")), rows, "{network}");
    }
    rig.picture.any_route_changed();
    assert_eq!(rig.look_up(via("10.0.0.1")), [2, 3]);
    assert_eq!(rig.write(), BTreeMap::new());
}

#[test]
fn another_gateway_a_withdrawn_route_and_a_forbidding_one_are_followed() {
    let mut rig = Rig::settled();
    rig.told("10.0.0.1", Some(Neighbour::Fresh(GATEWAY)));
    rig.told("10.0.0.2", Some(Neighbour::Stale(B1)));
    rig.write();
    rig.asked();
    rig.picture.any_route_changed();
    rig.look_up(Way::Via {
        neighbour: ip("10.0.0.2"),
        mtu: Some(1_300),
    });
    assert_eq!(rig.write(), [(3, resolved(B1).with_mtu(1_300))].into());
    // The stale one is needed now.
    assert_eq!(rig.asked(), ["10.0.0.2"]);
    // No route: the kernel takes it to be on the link, where nobody is known by that address.
    rig.picture.any_route_changed();
    rig.look_up(via(ROUTED));
    assert_eq!(rig.write(), [(3, unresolved())].into());
    assert_eq!(rig.asked(), [ROUTED]);
    rig.picture.any_route_changed();
    rig.look_up(Way::Forbidden);
    rig.wait(60_000);
    assert_eq!(rig.asked(), [BACKEND], "not the forbidden one");
    let status = rig.picture.status();
    assert_eq!(status[1].note, Some("a route forbids it"));
    // An answer that never came leaves what was known.
    rig.picture.any_route_changed();
    rig.look_up(via("10.0.0.1"));
    rig.picture.any_route_changed();
    for (row, ..) in rig.picture.questions() {
        rig.picture.answer(row, None);
    }
    assert_eq!(rig.write(), [(3, resolved(GATEWAY))].into());
}

#[test]
fn the_mtu_is_the_smaller_of_link_and_route() {
    let mut rig = Rig::settled();
    rig.told(BACKEND, Some(Neighbour::Fresh(B1)));
    rig.write();
    let short = |name, index, mtu| Link {
        mtu,
        ..link(name, index)
    };
    rig.set_links(&[short("vsw", 5, 1_400), short("pnet", LINK, 1_280)]);
    rig.look_up(Way::Via {
        neighbour: ip("10.0.0.1"),
        mtu: Some(1_450),
    });
    let mtus = rig.write().into_iter().map(|(row, hop)| (row, hop.mtu));
    assert_eq!(
        mtus.collect::<Vec<_>>(),
        [(1, 1_400), (2, 1_280), (3, 1_280)]
    );
}

#[test]
fn a_hop_over_a_vlan_device_has_the_trunk_and_its_tags() {
    let mut rig = Rig::settled();
    rig.told(BACKEND, Some(Neighbour::Fresh(B1)));
    rig.write();
    let tags = Tags {
        outer: Tags::tag(0x88a8, 200),
        inner: Tags::tag(0x8100, 7),
    };
    let mut on = |trunk| {
        let egress = |name: &str, index, trunk| Egress {
            link: link(name, index),
            trunk,
        };
        let links = [egress("vsw", 5, None), egress("pnet", LINK, trunk)];
        let links = links.map(|one| (one.link.name.clone(), one));
        rig.picture.set_links(links.into(), rig.now);
        rig.look_up(via("10.0.0.1"));
        rig.write()
    };
    let rows = [
        (2, resolved(B1).through(3, tags)),
        (3, unresolved().through(3, tags)),
    ];
    assert_eq!(on(Some((3, tags))), rows.into());
    // The trunk is another, and then none.
    assert_eq!(on(Some((4, tags)))[&2], resolved(B1).through(4, tags));
    assert_eq!(on(None)[&2], resolved(B1));
}

#[test]
fn a_link_that_is_down_or_gone_leads_nowhere_and_one_that_comes_back_is_another() {
    let mut rig = Rig::settled();
    rig.told(BACKEND, Some(Neighbour::Fresh(B1)));
    rig.write();
    rig.asked();
    let down = |name, index| Link {
        up: false,
        ..link(name, index)
    };
    rig.set_links(&[down("vsw", 5), down("pnet", LINK)]);
    rig.look_up(via("10.0.0.1"));
    let clients = Hop::new(5, HOP_TO_CLIENT, [0; 6], NODE).with_mtu(1500);
    assert_eq!(rig.write(), [(1, clients), (2, unresolved())].into());
    assert_eq!(rig.picture.next_ask(), None);
    // It comes up, and what the kernel still knew of the neighbour counts.
    rig.set_links(&[link("vsw", 5), link("pnet", LINK)]);
    rig.look_up(via("10.0.0.1"));
    assert_eq!(rig.write()[&2], resolved(B1));
    // It goes, and with it all that was known.
    rig.set_links(&[link("vsw", 5)]);
    assert_eq!(rig.look_up(via("10.0.0.1")), Vec::<u32>::new());
    let gone = Hop {
        flags: 0,
        ..resolved(B1)
    };
    assert_eq!(rig.write(), [(2, gone)].into());
    let status = rig.picture.status();
    assert_eq!((status[0].mac, status[0].mtu), (None, 0));
    // It is back with another index: the kernel is asked anew.
    rig.set_links(&[link("vsw", 5), link("pnet", 8)]);
    let questions = rig.picture.questions();
    assert!(questions.iter().all(|(_, _, ifindex)| *ifindex == 8));
    assert_eq!(questions.len(), 2);
    for (row, to, _) in questions {
        let way = Way::Via {
            neighbour: to,
            mtu: None,
        };
        rig.picture.answer(row, Some(way));
    }
    rig.picture.schedule(rig.now);
    assert_eq!(
        rig.picture.ask(rig.now),
        [(8, ip(BACKEND)), (8, ip(ROUTED))]
    );
    let row = Hop::new(8, 0, [0; 6], NODE).with_mtu(1500);
    assert_eq!(rig.write(), [(2, row), (3, row)].into());
}

#[test]
fn what_is_wanted_before_and_after_stays_known() {
    let mut rig = Rig::settled();
    rig.told(BACKEND, Some(Neighbour::Fresh(B1)));
    rig.write();
    let row = |backend| Wanted {
        interface: "pnet".to_owned(),
        toward: Toward::Backend(ip(backend)),
    };
    let wanted = [(2, row(BACKEND)), (4, row("10.0.50.12"))];
    rig.picture.want(wanted.into(), rig.now);
    let questions = rig.picture.questions();
    assert_eq!(questions, [(4, ip("10.0.50.12"), LINK)]);
    rig.look_up(via("10.0.0.1"));
    assert_eq!(rig.write(), [(4, unresolved())].into());
    assert_eq!(rig.asked(), ["10.0.50.12"], "and nobody who is not wanted");
}
