//! Notifications, from their bytes.

use rtnetlink::packet_core::{NetlinkHeader, NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::link::{InfoKind, VlanProtocol};
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
        vlan: None,
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

/// A VLAN device on the interface of index 3.
fn vlan_device(data: Vec<InfoVlan>) -> LinkMessage {
    let mut device = ethernet();
    device
        .attributes
        .retain(|one| !matches!(one, LinkAttribute::LinkInfo(_)));
    device.attributes.extend([
        LinkAttribute::Link(3),
        LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Vlan),
            LinkInfo::Data(InfoData::Vlan(data)),
        ]),
    ]);
    device
}

#[test]
fn a_vlan_device_is_told_with_what_is_below_it() {
    let told = |message| match &changes(&bytes(RouteNetlinkMessage::NewLink(message)))[..] {
        [Change::Link(link)] => (link.kind.clone(), link.vlan),
        other => panic!("{other:?}"),
    };
    for (protocol, number) in [
        (VlanProtocol::Ieee8021Q, 0x8100),
        (VlanProtocol::Ieee8021Ad, 0x88a8),
    ] {
        let data = vec![InfoVlan::Protocol(protocol), InfoVlan::Id(100)];
        let want = Vlan {
            parent: Some(3),
            protocol: number,
            id: 100,
        };
        let device = vlan_device(data.clone());
        assert_eq!(told(device), (Some("vlan".to_owned()), Some(want)));
        // The index of an interface of another namespace says nothing here.
        let mut device = vlan_device(data);
        device.attributes.push(LinkAttribute::LinkNetNsId(0));
        let want = Vlan {
            parent: None,
            ..want
        };
        assert_eq!(told(device), (Some("vlan".to_owned()), Some(want)));
    }
    // What a VLAN device does not tell is not guessed.
    let half = vlan_device(vec![InfoVlan::Protocol(VlanProtocol::Ieee8021Q)]);
    assert_eq!(told(half), (Some("vlan".to_owned()), None));
    // A veth tells its peer by the same attribute.
    let mut veth = ethernet();
    veth.attributes.push(LinkAttribute::Link(3));
    assert_eq!(told(veth), (Some("veth".to_owned()), None));
}

#[test]
fn the_bytes_of_a_vlan_device_are_read() {
    let attribute = |kind: u16, value: &[u8]| {
        let length = 4 + value.len() as u16;
        let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    };
    // As in linux/if_link.h: IFLA_VLAN_PROTOCOL in network order, IFLA_VLAN_ID, IFLA_VLAN_FLAGS.
    let data = [
        attribute(5, &[0x88, 0xa8]),
        attribute(1, &200_u16.to_ne_bytes()),
        attribute(2, &[1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]),
    ];
    let info = [attribute(1, b"vlan\0"), attribute(2, &data.concat())];
    let attributes = [
        attribute(3, b"eth0.200\0"),
        attribute(1, &MAC),
        attribute(5, &3_u32.to_ne_bytes()),
        attribute(18, &info.concat()),
    ];
    let attributes = attributes.concat();
    let length = 32 + attributes.len() as u32;
    let mut message = length.to_ne_bytes().to_vec();
    message.extend([16, 0, 0, 0]);
    message.extend([0; 8]);
    // struct ifinfomsg: family, pad, type, index, flags, change.
    message.extend([0, 0, 1, 0, 9, 0, 0, 0]);
    message.extend([0; 8]);
    message.extend(attributes);
    match &changes(&message)[..] {
        [Change::Link(link)] => {
            assert_eq!((link.index, link.name.as_str()), (9, "eth0.200"));
            let want = Vlan {
                parent: Some(3),
                protocol: 0x88a8,
                id: 200,
            };
            assert_eq!(link.vlan, Some(want));
        }
        other => panic!("{other:?}"),
    }
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
