//! Notifications, from their bytes.

use rtnetlink::packet_core::{NetlinkHeader, NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::link::InfoKind;
use rtnetlink::packet_route::route::RouteHeader;

use super::*;

const MAC: Mac = [2, 0, 0, 0, 0, 1];

/// A message as the kernel sends it.
fn bytes(message: RouteNetlinkMessage) -> Vec<u8> {
    let payload = NetlinkPayload::InnerMessage(message);
    let mut message = NetlinkMessage::new(NetlinkHeader::default(), payload);
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

fn link_message(family: AddressFamily, attributes: Vec<LinkAttribute>) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.interface_family = family;
    message.header.index = 7;
    message.header.flags = LinkFlags::Up | LinkFlags::LowerUp | LinkFlags::Broadcast;
    message.attributes = attributes;
    message
}

fn ethernet() -> LinkMessage {
    let attributes = vec![
        LinkAttribute::IfName("eth0".to_owned()),
        LinkAttribute::Mtu(1400),
        LinkAttribute::Address(MAC.to_vec()),
        LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Veth)]),
    ];
    link_message(AddressFamily::Unspec, attributes)
}

fn neighbour_message(family: AddressFamily, state: NeighbourState) -> NeighbourMessage {
    let address = match family {
        AddressFamily::Inet6 => NeighbourAddress::Inet6("fe80::1".parse().expect("an address")),
        _ => NeighbourAddress::Inet(Ipv4Addr::new(10, 0, 0, 1)),
    };
    let mut message = NeighbourMessage::default();
    message.header.family = family;
    message.header.ifindex = 7;
    message.header.state = state;
    message.attributes = vec![
        NeighbourAttribute::Destination(address),
        NeighbourAttribute::LinkLayerAddress(MAC.to_vec()),
    ];
    message
}

fn route_message(
    family: AddressFamily,
    length: u8,
    attributes: Vec<RouteAttribute>,
) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header = RouteHeader {
        address_family: family,
        destination_prefix_length: length,
        ..RouteHeader::default()
    };
    message.attributes = attributes;
    message
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn a_link_is_told_with_all_that_hops_hang_on() {
    let link = Link {
        index: 7,
        name: "eth0".to_owned(),
        mac: MAC,
        mtu: 1400,
        up: true,
        kind: Some("veth".to_owned()),
        has_parent: false,
    };
    let told = changes(&bytes(RouteNetlinkMessage::NewLink(ethernet())));
    assert_eq!(told, [Change::Link(link.clone())]);
    // Set up, but nothing plugged in.
    let mut down = ethernet();
    down.header.flags = LinkFlags::Up;
    let told = changes(&bytes(RouteNetlinkMessage::NewLink(down)));
    assert_eq!(told, [Change::Link(Link { up: false, ..link })]);
    let told = changes(&bytes(RouteNetlinkMessage::DelLink(ethernet())));
    assert_eq!(told, [Change::LinkGone(7)]);
}

#[test]
fn a_nic_is_told_from_a_virtual_device() {
    let mut nic = ethernet();
    nic.attributes
        .retain(|one| !matches!(one, LinkAttribute::LinkInfo(_)));
    let parent = LinkAttribute::ParentDevName("0000:00:03.0".to_owned());
    nic.attributes.push(parent);
    let told = |message| match &changes(&bytes(RouteNetlinkMessage::NewLink(message)))[..] {
        [Change::Link(link)] => (link.kind.clone(), link.has_parent),
        other => panic!("{other:?}"),
    };
    assert_eq!(told(nic), (None, true));
    assert_eq!(told(ethernet()), (Some("veth".to_owned()), false));
}

#[test]
fn what_a_bridge_tells_of_its_ports_is_not_about_links() {
    let attributes = vec![LinkAttribute::IfName("eth0".to_owned())];
    let port = link_message(AddressFamily::Bridge, attributes);
    for message in [
        RouteNetlinkMessage::DelLink(port.clone()),
        RouteNetlinkMessage::NewLink(port),
    ] {
        assert_eq!(changes(&bytes(message)), []);
    }
    let entry = neighbour_message(AddressFamily::Bridge, NeighbourState::Reachable);
    assert_eq!(
        changes(&bytes(RouteNetlinkMessage::NewNeighbour(entry))),
        []
    );
}

#[test]
fn each_state_of_a_neighbour_is_told() {
    for (state, want) in [
        (NeighbourState::Reachable, Some(Neighbour::Fresh(MAC))),
        (NeighbourState::Permanent, Some(Neighbour::Fresh(MAC))),
        (NeighbourState::Noarp, Some(Neighbour::Fresh(MAC))),
        (NeighbourState::Stale, Some(Neighbour::Stale(MAC))),
        (NeighbourState::Delay, Some(Neighbour::Probed(MAC))),
        (NeighbourState::Probe, Some(Neighbour::Probed(MAC))),
        (NeighbourState::Incomplete, Some(Neighbour::Asked)),
        (NeighbourState::Failed, Some(Neighbour::Failed)),
        (NeighbourState::None, None),
    ] {
        let message = neighbour_message(AddressFamily::Inet, state);
        let told = changes(&bytes(RouteNetlinkMessage::NewNeighbour(message)));
        assert_eq!(
            told,
            [Change::Neighbour(7, ip("10.0.0.1"), want)],
            "{state}"
        );
    }
    let message = neighbour_message(AddressFamily::Inet6, NeighbourState::Reachable);
    let told = changes(&bytes(RouteNetlinkMessage::DelNeighbour(message)));
    assert_eq!(told, [Change::Neighbour(7, ip("fe80::1"), None)]);
}

#[test]
fn an_address_this_host_answers_for_is_no_neighbour() {
    let mut message = neighbour_message(AddressFamily::Inet, NeighbourState::None);
    message.header.flags = NeighbourFlags::Proxy;
    assert_eq!(
        changes(&bytes(RouteNetlinkMessage::NewNeighbour(message))),
        []
    );
}

#[test]
fn a_route_is_told_with_its_network() {
    let to = |ip| vec![RouteAttribute::Destination(ip)];
    for (family, length, attributes, want) in [
        (
            AddressFamily::Inet,
            24,
            to(RouteAddress::Inet(Ipv4Addr::new(10, 1, 2, 0))),
            "10.1.2.0/24",
        ),
        (AddressFamily::Inet, 0, Vec::new(), "0.0.0.0/0"),
        (
            AddressFamily::Inet6,
            64,
            to(RouteAddress::Inet6("fd00::".parse().expect("an address"))),
            "fd00::/64",
        ),
        (AddressFamily::Inet6, 0, Vec::new(), "::/0"),
    ] {
        let message = route_message(family, length, attributes);
        let want = Change::Routes(want.parse().expect("a network"));
        for message in [
            RouteNetlinkMessage::NewRoute(message.clone()),
            RouteNetlinkMessage::DelRoute(message),
        ] {
            assert_eq!(changes(&bytes(message)), std::slice::from_ref(&want));
        }
    }
}

#[test]
fn several_messages_in_a_datagram_are_told_in_order_and_what_cannot_be_read_is_an_overrun() {
    let message = neighbour_message(AddressFamily::Inet, NeighbourState::Failed);
    let failed = Change::Neighbour(7, ip("10.0.0.1"), Some(Neighbour::Failed));
    let mut datagram = bytes(RouteNetlinkMessage::NewNeighbour(message));
    // RTM_NEWNEXTHOP, which rtnetlink does not know: a header and eight bytes.
    let next_hop = [24, 0, 0, 0, 104, 0, 0, 0];
    datagram.extend(next_hop);
    datagram.extend([0; 16]);
    datagram.extend(bytes(RouteNetlinkMessage::DelLink(ethernet())));
    assert_eq!(
        changes(&datagram),
        [failed.clone(), Change::AnyRoute, Change::LinkGone(7)]
    );
    let cut = datagram.len() - 4;
    assert_eq!(
        changes(&datagram[..cut]),
        [failed, Change::AnyRoute, Change::Overrun]
    );
    // A neighbour of no size at all.
    let mut odd = vec![16, 0, 0, 0, 28, 0, 0, 0];
    odd.extend([0; 8]);
    assert_eq!(changes(&odd), [Change::Overrun]);
}

#[test]
fn a_way_is_the_gateway_of_either_family_and_the_mtu_of_the_route() {
    let backend = ip("10.0.9.9");
    let via = |attributes| {
        let route = route_message(AddressFamily::Inet, 24, attributes);
        way(backend, &route)
    };
    let neighbour = |text: &str, mtu| Way::Via {
        neighbour: ip(text),
        mtu,
    };
    assert_eq!(via(Vec::new()), neighbour("10.0.9.9", None));
    let gateway = RouteAttribute::Gateway(RouteAddress::Inet(Ipv4Addr::new(10, 0, 0, 1)));
    let metrics = |metrics| RouteAttribute::Metrics(metrics);
    assert_eq!(
        via(vec![
            metrics(vec![RouteMetric::Advmss(1000), RouteMetric::Mtu(1300)]),
            gateway.clone()
        ]),
        neighbour("10.0.0.1", Some(1300))
    );
    // No MTU of its own.
    assert_eq!(
        via(vec![metrics(vec![RouteMetric::Mtu(0)]), gateway]),
        neighbour("10.0.0.1", None)
    );
    let via6 = RouteAttribute::Via(RouteVia::Inet6("fe80::1".parse().expect("an address")));
    assert_eq!(via(vec![via6]), neighbour("fe80::1", None));
}
